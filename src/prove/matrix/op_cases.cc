#include "prove/matrix/op_cases.h"

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "prove/matrix/op_cases_groups.h"

namespace trinity::prove {
namespace {

/// max|row| and Σ|row| of every row.
struct RowSizes {
  std::vector<double> largest, sum;
};

RowSizes row_sizes(const formula::Values& values, int64_t cols) {
  RowSizes sizes;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % static_cast<size_t>(cols) == 0) {
      sizes.largest.push_back(0);
      sizes.sum.push_back(0);
    }
    sizes.largest.back() = std::max(sizes.largest.back(), std::abs(values[i]));
    sizes.sum.back() += std::abs(values[i]);
  }
  return sizes;
}

}  // namespace

const std::vector<std::string>& op_names() {
  static const std::vector<std::string> names = {
      "upload",   "linear",      "linear_split", "rms_norm",  "rope",         "add",
      "silu_mul", "select_rows", "append_kv",    "attention", "add_rms_norm", "qk_norm_rope_append",
      "mlp"};
  return names;
}

std::vector<std::string> op_parts(std::string_view op) {
  if (op == "add_rms_norm") return {"add", "rms_norm"};
  if (op == "qk_norm_rope_append") return {"rms_norm", "rope", "append_kv", "attention"};
  if (op == "mlp") return {"linear", "linear_split", "silu_mul"};
  return {};
}

Result<std::vector<float>> activation_values(backend::Backend& backend,
                                             const backend::Tensor& tensor) {
  auto downloaded = backend.download(tensor);
  if (downloaded) return downloaded;
  const auto size = static_cast<size_t>(tensor.cols());
  std::vector<float> identity(size * size, 0.0F);
  for (size_t i = 0; i < size; ++i) identity[i * size + i] = 1;
  TRINITY_TRY(const backend::Weight weight,
              prepare_matrix(backend, HostMatrix({tensor.cols(), tensor.cols()}, identity)));
  TRINITY_TRY(const backend::Tensor copied, backend.linear(tensor, weight));
  return backend.download(copied);
}

Result<backend::Weight> prepare_matrix(backend::Backend& backend, const HostMatrix& matrix) {
  const TensorView view = matrix.view();
  return backend.prepare_linear({&view, 1});
}

std::vector<double> magnitudes(std::span<const double> values) {
  std::vector<double> out(values.begin(), values.end());
  for (double& value : out) value = std::abs(value);
  return out;
}

std::vector<double> product_scale(const formula::Values& x, const formula::Values& w, int64_t in,
                                  bool int8) {
  if (!int8) return formula::linear(magnitudes(x), magnitudes(w), in, formula::Rounding::none);
  // Rows of x and of W are rounded to steps of their max / 127: Σ (|w|·δx + |x|·δw + δx·δw) with δ
  // half a step, and a little for the f32 scales.
  const RowSizes rows = row_sizes(x, in), columns = row_sizes(w, in);
  std::vector<double> scale;
  for (size_t r = 0; r < rows.sum.size(); ++r)
    for (size_t c = 0; c < columns.sum.size(); ++c) {
      const double dx = rows.largest[r] / 254, dw = columns.largest[c] / 254;
      scale.push_back(columns.sum[c] * dx + rows.sum[r] * dw + static_cast<double>(in) * dx * dw +
                      1e-6 * rows.sum[r] * columns.largest[c]);
    }
  return scale;
}

std::vector<double> rotation_scale(const formula::Values& x, std::span<const int64_t> positions,
                                   int64_t head_dim, double growth) {
  const auto dim = static_cast<size_t>(head_dim), half = dim / 2;
  const size_t cols = x.size() / positions.size();
  std::vector<double> scale;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t partner = i % cols % dim < half ? i + half : i - half;
    scale.push_back((std::abs(x[i]) + std::abs(x[partner])) *
                    (1 + growth * static_cast<double>(positions[i / cols])));
  }
  return scale;
}

std::vector<double> attention_scale(const formula::Values& q, const formula::Values& k,
                                    const formula::Values& v,
                                    const backend::AttentionShape& shape) {
  const auto dim = static_cast<size_t>(shape.head_dim), heads = static_cast<size_t>(shape.heads);
  const size_t width = static_cast<size_t>(shape.kv_heads) * dim, tokens = k.size() / width;
  const size_t queries = q.size() / (heads * dim);
  std::vector<double> scale;
  for (size_t r = 0; r < queries; ++r)
    for (size_t head = 0; head < heads; ++head) {
      const size_t kv = head / (heads / static_cast<size_t>(shape.kv_heads)) * dim;
      double largest_score = 0, largest_value = 0;
      for (size_t t = 0; t < tokens - queries + r + 1; ++t) {
        double score = 0;
        for (size_t d = 0; d < dim; ++d) {
          score += std::abs(q[(r * heads + head) * dim + d] * k[t * width + kv + d]);
          largest_value = std::max(largest_value, std::abs(v[t * width + kv + d]));
        }
        largest_score = std::max(largest_score, score);
      }
      const double factor = 1 + largest_score / std::sqrt(static_cast<double>(dim));
      scale.insert(scale.end(), dim, largest_value * factor);
    }
  return scale;
}

void visit_op_cases(uint64_t seed, bool thorough, const OpCaseVisitor& visit) {
  // A stream for each group, so that a change to one leaves the inputs of the others alone.
  for (const auto& [stream, group] :
       std::initializer_list<std::pair<uint64_t, void (*)(OpCaseGroup&)>>{
           {1, visit_row_cases},
           {2, visit_rope_cases},
           {3, visit_attention_cases},
           {4, visit_fused_cases},
           {5, visit_exact_cases}}) {
    OpCaseGroup cases{InputStream(seed * 1000003 + stream), thorough, visit};
    group(cases);
  }
}

}  // namespace trinity::prove
