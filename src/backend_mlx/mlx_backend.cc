#include "backend_mlx/mlx_backend.h"

#include <fmt/format.h>
#include <mlx/device.h>
#include <mlx/ops.h>
#include <mlx/stream.h>
#include <mlx/transforms.h>
#include <mlx/version.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/rope_scaling.h"
#include "backend/stacked_shape.h"
#include "backend_mlx/mlx_kv_cache.h"
#include "backend_mlx/mlx_lanes.h"
#include "backend_mlx/product_library.h"
#include "base/try.h"

namespace trinity::mlx_backend {

namespace mx = mlx::core;

namespace {

/// Scores of one attention block: query rows are cut so that heads · rows · keys stays below.
constexpr int64_t kBlockScores = int64_t{1} << 25;
constexpr size_t kPendingLimit = 4096;
constexpr int64_t kRopeRows = 1024;

const mx::array& array_of(const backend::Tensor& tensor) { return tensor.as<ArrayStorage>().array; }

/// The library counts a dimension in 32 bits.
int dim(int64_t size) {
  if (size < 0 || size > std::numeric_limits<int>::max())
    throw std::invalid_argument(fmt::format("a dimension of {} does not fit", size));
  return static_cast<int>(size);
}

mx::array from_floats(std::span<const float> values, mx::Shape shape) {
  return mx::array(values.data(), std::move(shape), mx::float32);
}

mx::array from_indices(std::span<const int64_t> values) {
  std::vector<int32_t> indices;
  for (const int64_t value : values) indices.push_back(dim(value));
  return mx::array(indices.data(), {dim(static_cast<int64_t>(indices.size()))}, mx::int32);
}

/// Rows [begin, begin + count) of [rows, heads · head_dim] as [heads, count, head_dim].
mx::array heads_first(const mx::array& x, int64_t begin, int64_t count, int64_t head_dim) {
  const mx::array rows = mx::slice(x, {dim(begin), 0}, {dim(begin + count), x.shape(1)});
  return mx::transpose(mx::reshape(rows, {dim(count), -1, dim(head_dim)}), {1, 0, 2});
}

mx::array rows_first(const mx::array& heads) {
  return mx::reshape(mx::transpose(heads, {1, 0, 2}), {heads.shape(1), -1});
}

std::string device_name(const mx::Device& device) {
  const auto& facts = mx::device_info(device);
  const auto found = facts.find("device_name");
  if (found == facts.end()) return "unknown device";
  const auto* name = std::get_if<std::string>(&found->second);
  return name != nullptr ? *name : "unknown device";
}

}  // namespace

std::vector<float> inverse_frequencies(int64_t head_dim, const backend::Rope& rope) {
  if (rope.scaling != backend::RopeScaling::none)
    return backend::scaled_rope_frequencies(head_dim, rope);
  std::vector<float> values;
  for (int64_t i = 0; i < head_dim / 2; ++i)
    values.push_back(static_cast<float>(
        1.0 / std::pow(rope.theta, 2.0 * static_cast<double>(i) / static_cast<double>(head_dim))));
  return values;
}

MlxBackend::MlxBackend() : worker_(std::make_shared<Worker>()) {
  info_.id = "mlx";
  info_.label = kLabel;
  info_.exactness = kClaim;
}

MlxBackend::~MlxBackend() {
  on_worker([&] {
    rope_tables_.clear();
    pending_.clear();
  });
}

Status MlxBackend::describe(int threads) {
  return worker_->run([&]() -> Status {
    const mx::Device device = mx::default_device();
    const std::string name = fmt::format("{}, MLX {}", device_name(device), mx::version());
    if (device == mx::Device::gpu) {
      info_.device = "GPU " + name;
      info_.dtype_policy =
          "f32 storage; f32 products, or TF32 unless the process began with MLX_ENABLE_TF32=0";
    } else {
      info_.device = fmt::format("{}, {}", name, use_product_threads(threads));
      info_.dtype_policy = "f32 storage, products and accumulation";
    }
    return {};
  });
}

backend::Tensor MlxBackend::keep(Array array, int64_t rows, int64_t cols) {
  auto storage = std::make_shared<ArrayStorage>(std::move(array), worker_);
  if (pending_.size() >= kPendingLimit)
    std::erase_if(pending_, [](const auto& tensor) { return tensor.expired(); });
  pending_.push_back(storage);
  return backend::Tensor(std::move(storage), rows, cols);
}

// ---- weights ----

Result<backend::Weight> MlxBackend::prepare_linear(std::span<const TensorView> stacked) {
  TRINITY_TRY(backend::StackedShape shape, backend::stacked_shape(stacked));
  const int64_t rows = shape.out, in = shape.in;
  for (const TensorView& view : stacked) TRINITY_CHECK(require_finite(view, "a weight"));
  std::vector<float> values(static_cast<size_t>(rows * in));
  size_t done = 0;
  for (const TensorView& view : stacked) {
    const auto count = static_cast<size_t>(view.shape[0] * in);
    TRINITY_CHECK(copy_f32(view, std::span(values).subspan(done, count)));
    done += count;
  }
  return worker_->run([&]() -> Result<backend::Weight> {
    auto weight = std::make_shared<LinearStorage>(
        mx::transpose(from_floats(values, {dim(rows), dim(in)})), worker_);
    mx::eval(weight->array);
    weight->out_sizes = std::move(shape.out_sizes);
    return meter_.count(backend::Weight(std::move(weight), rows, in),
                        values.size() * sizeof(float));
  });
}

Result<backend::Weight> MlxBackend::prepare_norm(const TensorView& weight) {
  TRINITY_TRY(const std::vector<float> values, to_f32(weight));
  return worker_->run([&]() -> Result<backend::Weight> {
    const auto size = static_cast<int64_t>(values.size());
    auto storage = std::make_shared<ArrayStorage>(from_floats(values, {dim(size)}), worker_);
    return meter_.count(backend::Weight(std::move(storage), 1, size),
                        values.size() * sizeof(float));
  });
}

// ---- data movement ----

Result<backend::Tensor> MlxBackend::upload(std::span<const float> values, int64_t rows,
                                           int64_t cols) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    return keep(from_floats(values, {dim(rows), dim(cols)}), rows, cols);
  });
}

Result<std::vector<float>> MlxBackend::download(const backend::Tensor& tensor) {
  return worker_->run([&]() -> Result<std::vector<float>> {
    mx::array dense = mx::contiguous(array_of(tensor));
    mx::eval(dense);
    const auto* data = dense.data<float>();
    return std::vector<float>(data, data + dense.size());
  });
}

Status MlxBackend::synchronize() {
  return worker_->run([&]() -> Status {
    std::vector<mx::array> held;
    for (const auto& storage : pending_)
      if (const auto alive = storage.lock())
        held.push_back(static_cast<ArrayStorage&>(*alive).array);
    pending_.clear();
    mx::eval(std::move(held));
    mx::synchronize();
    return {};
  });
}

// ---- plain operations ----

Result<backend::Tensor> MlxBackend::linear(const backend::Tensor& x,
                                           const backend::Weight& weight) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    return keep(mx::matmul(array_of(x), weight.as<LinearStorage>().array), x.rows(), weight.rows());
  });
}

Result<std::vector<backend::Tensor>> MlxBackend::linear_split(const backend::Tensor& x,
                                                              const backend::Weight& weight) {
  return worker_->run([&]() -> Result<std::vector<backend::Tensor>> {
    TRINITY_TRY(const backend::Tensor all, linear(x, weight));
    std::vector<backend::Tensor> parts;
    int64_t begin = 0;
    for (const int64_t size : weight.as<LinearStorage>().out_sizes) {
      parts.push_back(
          keep(mx::slice(array_of(all), {0, dim(begin)}, {dim(x.rows()), dim(begin + size)}),
               x.rows(), size));
      begin += size;
    }
    return parts;
  });
}

Result<backend::Tensor> MlxBackend::rms_norm(const backend::Tensor& x,
                                             const backend::Weight& weight, float eps) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    const mx::array groups = mx::reshape(array_of(x), {dim(x.rows()), -1, dim(weight.cols())});
    const mx::array normed = norm_groups(groups, array_of(weight), eps);
    return keep(mx::reshape(normed, {dim(x.rows()), dim(x.cols())}), x.rows(), x.cols());
  });
}

Result<backend::Tensor> MlxBackend::rope(const backend::Tensor& x,
                                         std::span<const int64_t> positions, int64_t head_dim,
                                         const backend::Rope& rope) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    const mx::array heads = mx::reshape(array_of(x), {dim(x.rows()), -1, dim(head_dim)});
    const mx::array rotated = rotate_heads(heads, positions, rope);
    return keep(mx::reshape(rotated, {dim(x.rows()), dim(x.cols())}), x.rows(), x.cols());
  });
}

Result<backend::Tensor> MlxBackend::add(const backend::Tensor& a, const backend::Tensor& b) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    return keep(mx::add(array_of(a), array_of(b)), a.rows(), a.cols());
  });
}

Result<backend::Tensor> MlxBackend::silu_mul(const backend::Tensor& gate,
                                             const backend::Tensor& up) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    const mx::array& z = array_of(gate);
    const mx::array silu = mx::multiply(z, mx::sigmoid(z));
    return keep(mx::multiply(silu, array_of(up)), gate.rows(), gate.cols());
  });
}

Result<backend::Tensor> MlxBackend::select_rows(const backend::Tensor& x,
                                                std::span<const int64_t> rows) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    return keep(mx::take(array_of(x), from_indices(rows), 0), static_cast<int64_t>(rows.size()),
                x.cols());
  });
}

// ---- attention ----

Result<std::unique_ptr<backend::KvCache>> MlxBackend::make_kv_cache(const backend::KvShape& shape) {
  return std::make_unique<ArrayKvCache>(shape, worker_);
}

size_t MlxBackend::kv_bytes_per_token(const backend::KvShape& shape) const {
  return static_cast<size_t>(2 * shape.layers * shape.kv_heads * shape.head_dim) * sizeof(float);
}

Status MlxBackend::append_kv(const backend::Tensor& k, const backend::Tensor& v,
                             std::span<const backend::SequenceSlice> slices, int64_t layer) {
  return worker_->run([&]() -> Status {
    std::vector<mx::array> stored;
    for (const backend::SequenceSlice& slice : slices) {
      auto& cache = static_cast<ArrayKvCache&>(*slice.kv);
      if (cache.length(layer) != slice.position_begin)
        return fail(ErrorKind::failed, "kv_position_mismatch",
                    "keys and values must be appended in order of position");
      cache.append(layer,
                   heads_first(array_of(k), slice.row_begin, slice.row_count, cache.head_dim()),
                   heads_first(array_of(v), slice.row_begin, slice.row_count, cache.head_dim()));
      for (const mx::array& array : cache.stored(layer)) stored.push_back(array);
    }
    mx::async_eval(std::move(stored));  // a cache must not keep the graph of its numbers alive
    return {};
  });
}

MlxBackend::Array MlxBackend::attend_slice(const Array& q, const backend::SequenceSlice& slice,
                                           int64_t layer, const backend::AttentionShape& shape) {
  const auto& cache = static_cast<const ArrayKvCache&>(*slice.kv);
  const int64_t keys = slice.position_begin + slice.row_count;
  const int64_t block = std::max<int64_t>(1, kBlockScores / (shape.heads * keys));
  std::vector<mx::array> blocks;
  for (int64_t begin = 0; begin < slice.row_count; begin += block) {
    const int64_t rows = std::min(block, slice.row_count - begin);
    const int64_t visible = slice.position_begin + begin + rows;
    const mx::array mixed = attend(heads_first(q, slice.row_begin + begin, rows, shape.head_dim),
                                   cache.keys(layer, visible), cache.values(layer, visible));
    blocks.push_back(rows_first(mixed));
  }
  return blocks.size() == 1 ? blocks.front() : mx::concatenate(std::move(blocks), 0);
}

Result<backend::Tensor> MlxBackend::attention(const backend::Tensor& q,
                                              std::span<const backend::SequenceSlice> slices,
                                              int64_t layer, const backend::AttentionShape& shape) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    std::vector<backend::SequenceSlice> ordered(slices.begin(), slices.end());
    std::sort(ordered.begin(), ordered.end(),
              [](const auto& a, const auto& b) { return a.row_begin < b.row_begin; });
    std::vector<mx::array> parts;
    int64_t next = 0;  // rows that belong to no slice are zero
    const auto fill_to = [&](int64_t row) {
      if (row > next) parts.push_back(mx::zeros({dim(row - next), dim(q.cols())}, mx::float32));
    };
    for (const backend::SequenceSlice& slice : ordered) {
      fill_to(slice.row_begin);
      parts.push_back(attend_slice(array_of(q), slice, layer, shape));
      next = slice.row_begin + slice.row_count;
    }
    fill_to(q.rows());
    mx::array all = parts.size() == 1 ? parts.front() : mx::concatenate(std::move(parts), 0);
    return keep(std::move(all), q.rows(), q.cols());
  });
}

// ---- several operations at once ----

Result<backend::Tensor> MlxBackend::add_rms_norm(backend::Tensor& residual,
                                                 const backend::Tensor* delta,
                                                 const backend::Weight& weight, float eps) {
  return worker_->run([&] { return backend::Backend::add_rms_norm(residual, delta, weight, eps); });
}

Result<backend::Tensor> MlxBackend::qk_norm_rope_append(
    const backend::Qkv& qkv, const backend::Weight& q_norm, const backend::Weight& k_norm,
    float eps, const backend::Rope& rope, std::span<const backend::SequenceSlice> slices,
    int64_t layer, const backend::AttentionShape& shape) {
  return worker_->run([&] {
    return backend::Backend::qk_norm_rope_append(qkv, q_norm, k_norm, eps, rope, slices, layer,
                                                 shape);
  });
}

Result<backend::Tensor> MlxBackend::mlp(const backend::Tensor& x, const backend::Weight& gate_up,
                                        const backend::Weight& down) {
  return worker_->run([&]() -> Result<backend::Tensor> {
    TRINITY_TRY(backend::Tensor out, backend::Backend::mlp(x, gate_up, down));
    mx::async_eval(array_of(out));  // a layer ends here
    return out;
  });
}

// ---- what the fused lane replaces ----

MlxBackend::Array MlxBackend::norm_groups(const Array& x, const Array& weight, float eps) {
  const mx::array mean_square = mx::mean(mx::square(x), -1, /*keepdims=*/true);
  return mx::multiply(mx::multiply(x, mx::rsqrt(mx::add(mean_square, mx::array(eps)))), weight);
}

MlxBackend::Array MlxBackend::rotate_heads(const Array& x, std::span<const int64_t> positions,
                                           const backend::Rope& rope) {
  const int head_dim = x.shape(2), half = head_dim / 2;
  const int64_t highest = *std::max_element(positions.begin(), positions.end());
  const RopeTable& table = rope_table(head_dim, rope, highest + 1);
  const mx::array index = from_indices(positions);
  const mx::array cosine = mx::expand_dims(mx::take(table.cos_sin[0], index, 0), 1);
  const mx::array sine = mx::expand_dims(mx::take(table.cos_sin[1], index, 0), 1);
  const mx::array a = mx::slice(x, {0, 0, 0}, {x.shape(0), x.shape(1), half});
  const mx::array b = mx::slice(x, {0, 0, half}, {x.shape(0), x.shape(1), head_dim});
  return mx::concatenate({mx::subtract(mx::multiply(a, cosine), mx::multiply(b, sine)),
                          mx::add(mx::multiply(b, cosine), mx::multiply(a, sine))},
                         2);
}

const MlxBackend::RopeTable& MlxBackend::rope_table(int64_t head_dim, const backend::Rope& rope,
                                                    int64_t positions) {
  RopeTable& table = rope_tables_[{head_dim, rope}];
  if (positions <= table.rows) return table;
  table.rows = std::max({positions, 2 * table.rows, kRopeRows});
  const std::vector<float> inverse = inverse_frequencies(head_dim, rope);
  const float scaling = rope.attention_scaling();
  const size_t half = inverse.size(), rows = static_cast<size_t>(table.rows);
  std::vector<float> cosines(rows * half), sines(rows * half);
  for (size_t p = 0; p < rows; ++p)
    for (size_t i = 0; i < half; ++i) {
      const double angle = static_cast<float>(p) * inverse[i];  // rounded to f32
      cosines[p * half + i] = static_cast<float>(std::cos(angle)) * scaling;
      sines[p * half + i] = static_cast<float>(std::sin(angle)) * scaling;
    }
  const mx::Shape shape = {dim(table.rows), dim(static_cast<int64_t>(half))};
  table.cos_sin = {from_floats(cosines, shape), from_floats(sines, shape)};
  return table;
}

MlxBackend::Array MlxBackend::attend(const Array& q, const Array& k, const Array& v) {
  const int heads = q.shape(0), rows = q.shape(1), head_dim = q.shape(2);
  const int kv_heads = k.shape(0), keys = k.shape(1);
  const mx::array scale(1 / std::sqrt(static_cast<float>(head_dim)));
  // Query heads that share a key/value head lie beside each other.
  const mx::array grouped =
      mx::reshape(mx::multiply(q, scale), {kv_heads, heads / kv_heads, rows, head_dim});
  mx::array scores = mx::matmul(grouped, mx::expand_dims(mx::transpose(k, {0, 2, 1}), 1));
  if (rows > 1) {
    const mx::array query_position = mx::expand_dims(mx::arange(keys - rows, keys), 1);
    const mx::array visible = mx::greater_equal(query_position, mx::arange(keys));
    scores = mx::where(visible, scores, mx::array(-std::numeric_limits<float>::infinity()));
  }
  const mx::array probabilities = mx::softmax(scores, -1, /*precise=*/true);
  return mx::reshape(mx::matmul(probabilities, mx::expand_dims(v, 1)), {heads, rows, head_dim});
}

}  // namespace trinity::mlx_backend
