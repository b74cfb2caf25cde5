#include "prove/matrix/recorder.h"

#include "base/try.h"

namespace trinity {

Status ResidualRecorder::keep(const Tensor& residual) {
  TRINITY_TRY(states_.emplace_back(), inner_.download(residual));
  return {};
}

Result<Tensor> ResidualRecorder::add_rms_norm(Tensor& residual, const Tensor* delta,
                                              const Weight& weight, float eps) {
  TRINITY_TRY(Tensor normed, inner_.add_rms_norm(residual, delta, weight, eps));
  TRINITY_CHECK(keep(residual));
  return normed;
}

Result<Tensor> ResidualRecorder::add(const Tensor& a, const Tensor& b) {
  TRINITY_TRY(Tensor sum, inner_.add(a, b));
  TRINITY_CHECK(keep(sum));
  return sum;
}

Result<Weight> ResidualRecorder::prepare_linear(std::span<const TensorView> stacked) {
  return inner_.prepare_linear(stacked);
}
Result<Weight> ResidualRecorder::prepare_norm(const TensorView& weight) {
  return inner_.prepare_norm(weight);
}
Result<Weight> ResidualRecorder::prepare_embedding(const TensorView& table) {
  return inner_.prepare_embedding(table);
}
Result<Tensor> ResidualRecorder::upload(std::span<const float> values, int64_t rows, int64_t cols) {
  return inner_.upload(values, rows, cols);
}
Result<std::vector<float>> ResidualRecorder::download(const Tensor& tensor) {
  return inner_.download(tensor);
}
Result<Tensor> ResidualRecorder::embed(const Weight& table, std::span<const int32_t> ids) {
  return inner_.embed(table, ids);
}
Result<Tensor> ResidualRecorder::linear(const Tensor& x, const Weight& weight) {
  return inner_.linear(x, weight);
}
Result<std::vector<Tensor>> ResidualRecorder::linear_split(const Tensor& x, const Weight& weight) {
  return inner_.linear_split(x, weight);
}
Result<Tensor> ResidualRecorder::rms_norm(const Tensor& x, const Weight& weight, float eps) {
  return inner_.rms_norm(x, weight, eps);
}
Result<Tensor> ResidualRecorder::rope(const Tensor& x, std::span<const int64_t> positions,
                                      int64_t head_dim, const Rope& rope) {
  return inner_.rope(x, positions, head_dim, rope);
}
Result<Tensor> ResidualRecorder::silu_mul(const Tensor& gate, const Tensor& up) {
  return inner_.silu_mul(gate, up);
}
Result<Tensor> ResidualRecorder::product_input(const Tensor& x) { return inner_.product_input(x); }
Result<Tensor> ResidualRecorder::select_rows(const Tensor& x, std::span<const int64_t> rows) {
  return inner_.select_rows(x, rows);
}
Result<std::unique_ptr<KvCache>> ResidualRecorder::make_kv_cache(const KvShape& shape) {
  return inner_.make_kv_cache(shape);
}
size_t ResidualRecorder::kv_bytes_per_token(const KvShape& shape) const {
  return inner_.kv_bytes_per_token(shape);
}
Status ResidualRecorder::append_kv(const Tensor& k, const Tensor& v,
                                   std::span<const SequenceSlice> slices, int64_t layer) {
  return inner_.append_kv(k, v, slices, layer);
}
Result<Tensor> ResidualRecorder::attention(const Tensor& q, std::span<const SequenceSlice> slices,
                                           int64_t layer, const AttentionShape& shape) {
  return inner_.attention(q, slices, layer, shape);
}
Result<Tensor> ResidualRecorder::qk_norm_rope_append(const Qkv& qkv, const Weight& q_norm,
                                                     const Weight& k_norm, float eps,
                                                     const Rope& rope,
                                                     std::span<const SequenceSlice> slices,
                                                     int64_t layer, const AttentionShape& shape) {
  return inner_.qk_norm_rope_append(qkv, q_norm, k_norm, eps, rope, slices, layer, shape);
}
Result<Tensor> ResidualRecorder::mlp(const Tensor& x, const Weight& gate_up, const Weight& down) {
  return inner_.mlp(x, gate_up, down);
}

}  // namespace trinity
