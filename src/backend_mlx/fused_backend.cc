#include "backend_mlx/fused_backend.h"

#include <mlx/fast.h>
#include <mlx/ops.h>

#include <algorithm>
#include <cmath>

namespace trinity::mlx_backend {

namespace mx = mlx::core;

namespace {

/// Rows at consecutive positions.
struct Run {
  int begin = 0;     // first row
  int count = 0;     // rows
  int position = 0;  // of the first row
};

std::vector<Run> consecutive_runs(std::span<const int64_t> positions) {
  std::vector<Run> runs;
  for (size_t r = 0; r < positions.size(); ++r) {
    if (r > 0 && positions[r] == positions[r - 1] + 1) {
      ++runs.back().count;
    } else {
      runs.push_back({static_cast<int>(r), 1, static_cast<int>(positions[r])});
    }
  }
  return runs;
}

/// The library divides a position by what it is given and so computes the angle from 1/frequency.
/// Of the neighbours of 1/inverse, the one whose reciprocal comes back closest to `inverse`.
float frequency_for(float inverse) {
  const float middle = 1 / inverse;
  float best = middle;
  for (const float candidate : {std::nextafter(middle, 0.0f), std::nextafter(middle, 2 * middle)})
    if (std::abs(1 / candidate - inverse) < std::abs(1 / best - inverse)) best = candidate;
  return best;
}

/// x [sequences · length, heads, head_dim]: equally long runs, each from its own position. The
/// library wants [sequences, heads, length, head_dim]; it rotates along the axis before the last.
mx::array rotate_runs(const mx::array& x, const mx::array& first_positions,
                      const mx::array& frequencies) {
  const int sequences = first_positions.shape(0), length = x.shape(0) / sequences;
  const int heads = x.shape(1), head_dim = x.shape(2);
  const mx::array heads_first =
      mx::transpose(mx::reshape(x, {sequences, length, heads, head_dim}), {0, 2, 1, 3});
  const mx::array rotated =
      mx::fast::rope(heads_first, head_dim, /*traditional=*/false, /*base=*/std::nullopt,
                     /*scale=*/1.0f, first_positions, frequencies);
  return mx::reshape(mx::transpose(rotated, {0, 2, 1, 3}), x.shape());
}

}  // namespace

FusedBackend::FusedBackend() {
  info_.id = "mlx_fast";
  info_.fused = true;
}

FusedBackend::~FusedBackend() {
  on_worker([&] { frequencies_.clear(); });
}

const MlxBackend::Array& FusedBackend::frequencies(int head_dim, const backend::Rope& rope) {
  const auto found = frequencies_.find({head_dim, rope});
  if (found != frequencies_.end()) return found->second;
  std::vector<float> values;
  for (const float inverse : inverse_frequencies(head_dim, rope))
    values.push_back(frequency_for(inverse));
  const auto count = static_cast<int>(values.size());
  return frequencies_
      .emplace(std::pair(head_dim, rope), mx::array(values.data(), {count}, mx::float32))
      .first->second;
}

MlxBackend::Array FusedBackend::norm_groups(const Array& x, const Array& weight, float eps) {
  return mx::fast::rms_norm(x, weight, eps);
}

MlxBackend::Array FusedBackend::rotate_heads(const Array& x, std::span<const int64_t> positions,
                                             const backend::Rope& rope) {
  if (rope.attention_factor != 1) {
    backend::Rope unscaled = rope;
    unscaled.attention_factor = 1;
    return mx::multiply(rotate_heads(x, positions, unscaled),
                        mx::array(rope.attention_scaling(), x.dtype()));
  }
  const mx::array& by_dimension = frequencies(x.shape(2), rope);
  const std::vector<Run> runs = consecutive_runs(positions);
  const bool equal = std::all_of(runs.begin(), runs.end(),
                                 [&](const Run& run) { return run.count == runs.front().count; });
  if (equal) {
    std::vector<int32_t> first;
    first.reserve(runs.size());
    for (const Run& run : runs) first.push_back(run.position);
    const auto count = static_cast<int>(first.size());
    return rotate_runs(x, mx::array(first.data(), {count}, mx::int32), by_dimension);
  }
  std::vector<mx::array> parts;
  parts.reserve(runs.size());
  for (const Run& run : runs)
    parts.push_back(rotate_runs(
        mx::slice(x, {run.begin, 0, 0}, {run.begin + run.count, x.shape(1), x.shape(2)}),
        mx::array({run.position}, mx::int32), by_dimension));
  return mx::concatenate(std::move(parts), 0);
}

MlxBackend::Array FusedBackend::attend(const Array& q, const Array& k, const Array& v) {
  const float scale = 1 / std::sqrt(static_cast<float>(q.shape(2)));
  // "causal" aligns the last query with the last key. Later arguments stay defaults: their order
  // has changed between versions.
  const char* mask = q.shape(1) > 1 ? "causal" : "";
  return mx::squeeze(
      mx::fast::scaled_dot_product_attention(mx::expand_dims(q, 0), mx::expand_dims(k, 0),
                                             mx::expand_dims(v, 0), scale, mask),
      0);
}

}  // namespace trinity::mlx_backend
