#include "backend/reference/vector_backend.h"

#include "backend/stacked_shape.h"
#include "base/try.h"

namespace trinity::backend::reference {

VectorBackend::VectorBackend(std::string id, std::string dtype_policy,
                             std::unique_ptr<backend::DenseAlgebra> dense_algebra)
    : dense_algebra_(std::move(dense_algebra)) {
  info_.id = std::move(id);
  info_.label = kLabel;
  info_.device = "one core, plain loops";
  info_.dtype_policy = std::move(dtype_policy);
  info_.exactness = kClaim;
}

Result<backend::Weight> VectorBackend::prepare_linear(std::span<const TensorView> stacked) {
  auto weight = std::make_shared<StackedWeight>();
  TRINITY_TRY(backend::StackedShape shape, backend::stacked_shape(stacked));
  weight->out_sizes = std::move(shape.out_sizes);
  for (const TensorView& view : stacked) {
    TRINITY_CHECK(require_finite(view, "a weight"));
    TRINITY_TRY(std::vector<float> values, load(view));
    weight->values.insert(weight->values.end(), values.begin(), values.end());
  }
  const size_t bytes = weight->values.size() * sizeof(float);
  return meter_.count(backend::Weight(std::move(weight), shape.out, shape.in), bytes);
}

Result<backend::Weight> VectorBackend::prepare_norm(const TensorView& view) {
  TRINITY_TRY(std::vector<float> values, load(view));
  const auto size = static_cast<int64_t>(values.size());
  const size_t bytes = values.size() * sizeof(float);
  return meter_.count(make(1, size, std::move(values)), bytes);
}

Result<backend::Tensor> VectorBackend::upload(std::span<const float> values, int64_t rows,
                                              int64_t cols) {
  std::vector<float> copy(values.begin(), values.end());
  for (float& value : copy) value = store(value);
  return make(rows, cols, std::move(copy));
}

Result<std::vector<float>> VectorBackend::download(const backend::Tensor& tensor) {
  return tensor.as<Matrix>().values;
}

Result<std::vector<backend::Tensor>> VectorBackend::linear_split(const backend::Tensor& x,
                                                                 const backend::Weight& weight) {
  TRINITY_TRY(const backend::Tensor all, linear(x, weight));
  const auto& values = all.as<Matrix>().values;
  std::vector<backend::Tensor> parts;
  int64_t begin = 0;
  for (const int64_t size : weight.as<StackedWeight>().out_sizes) {
    std::vector<float> part(static_cast<size_t>(x.rows() * size));
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t c = 0; c < size; ++c)
        part[at(r, c, size)] = values[at(r, begin + c, all.cols())];
    parts.push_back(make(x.rows(), size, std::move(part)));
    begin += size;
  }
  return parts;
}

Result<backend::Tensor> VectorBackend::select_rows(const backend::Tensor& x,
                                                   std::span<const int64_t> rows) {
  const auto& in = x.as<Matrix>().values;
  std::vector<float> out;
  for (const int64_t r : rows)
    out.insert(out.end(), in.begin() + static_cast<int64_t>(at(r, 0, x.cols())),
               in.begin() + static_cast<int64_t>(at(r + 1, 0, x.cols())));
  return make(static_cast<int64_t>(rows.size()), x.cols(), std::move(out));
}

Result<std::unique_ptr<backend::KvCache>> VectorBackend::make_kv_cache(
    const backend::KvShape& shape) {
  return std::make_unique<VectorKvCache>(shape);
}

size_t VectorBackend::kv_bytes_per_token(const backend::KvShape& shape) const {
  return static_cast<size_t>(2 * shape.layers * shape.kv_heads * shape.head_dim) * sizeof(float);
}

Status VectorBackend::append_kv(const backend::Tensor& k, const backend::Tensor& v,
                                std::span<const backend::SequenceSlice> slices, int64_t layer) {
  for (const backend::SequenceSlice& slice : slices) {
    auto& cache = static_cast<VectorKvCache&>(*slice.kv);
    if (cache.length(layer) != slice.position_begin)
      return fail(ErrorKind::failed, "kv_position_mismatch",
                  "keys and values must be appended in order of position");
    const auto append = [&](std::vector<float>& target, const backend::Tensor& source) {
      const auto& values = source.as<Matrix>().values;
      const auto begin = values.begin() + slice.row_begin * source.cols();
      target.insert(target.end(), begin, begin + slice.row_count * source.cols());
    };
    append(cache.keys(layer), k);
    append(cache.values(layer), v);
  }
  return {};
}

backend::Tensor VectorBackend::make(int64_t rows, int64_t cols, std::vector<float> values) {
  auto matrix = std::make_shared<Matrix>();
  matrix->values = std::move(values);
  return backend::Tensor(std::move(matrix), rows, cols);
}

Result<std::vector<float>> VectorBackend::load(const TensorView& view) const {
  TRINITY_TRY(std::vector<float> values, to_f32(view));
  for (float& value : values) value = store(value);
  return values;
}

}  // namespace trinity::backend::reference
