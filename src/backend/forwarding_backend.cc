#include "backend/forwarding_backend.h"

namespace trinity::backend {

Result<Weight> ForwardingBackend::prepare_linear(std::span<const TensorView> stacked) {
  return inner_->prepare_linear(stacked);
}
Result<Weight> ForwardingBackend::prepare_norm(const TensorView& weight) {
  return inner_->prepare_norm(weight);
}
Result<Tensor> ForwardingBackend::upload(std::span<const float> values, int64_t rows,
                                         int64_t cols) {
  return inner_->upload(values, rows, cols);
}
Result<std::vector<float>> ForwardingBackend::download(const Tensor& tensor) {
  return inner_->download(tensor);
}
Result<Tensor> ForwardingBackend::linear(const Tensor& x, const Weight& weight) {
  return inner_->linear(x, weight);
}
Result<std::vector<Tensor>> ForwardingBackend::linear_split(const Tensor& x, const Weight& weight) {
  return inner_->linear_split(x, weight);
}
Result<Tensor> ForwardingBackend::rms_norm(const Tensor& x, const Weight& weight, float eps) {
  return inner_->rms_norm(x, weight, eps);
}
Result<Tensor> ForwardingBackend::rope(const Tensor& x, std::span<const int64_t> positions,
                                       int64_t head_dim, const Rope& rope) {
  return inner_->rope(x, positions, head_dim, rope);
}
Result<Tensor> ForwardingBackend::add(const Tensor& a, const Tensor& b) {
  return inner_->add(a, b);
}
Result<Tensor> ForwardingBackend::silu_mul(const Tensor& gate, const Tensor& up) {
  return inner_->silu_mul(gate, up);
}
Result<Tensor> ForwardingBackend::product_input(const Tensor& x) {
  return inner_->product_input(x);
}
Result<Tensor> ForwardingBackend::select_rows(const Tensor& x, std::span<const int64_t> rows) {
  return inner_->select_rows(x, rows);
}
Result<std::unique_ptr<KvCache>> ForwardingBackend::make_kv_cache(const KvShape& shape) {
  return inner_->make_kv_cache(shape);
}
size_t ForwardingBackend::kv_bytes_per_token(const KvShape& shape) const {
  return inner_->kv_bytes_per_token(shape);
}
Status ForwardingBackend::append_kv(const Tensor& k, const Tensor& v,
                                    std::span<const SequenceSlice> slices, int64_t layer) {
  return inner_->append_kv(k, v, slices, layer);
}
Result<Tensor> ForwardingBackend::attention(const Tensor& q, std::span<const SequenceSlice> slices,
                                            int64_t layer, const AttentionShape& shape) {
  return inner_->attention(q, slices, layer, shape);
}

Result<Tensor> ForwardingBackend::add_rms_norm(Tensor& residual, const Tensor* delta,
                                               const Weight& weight, float eps) {
  if (fused_ == Fused::composed) return Backend::add_rms_norm(residual, delta, weight, eps);
  return inner_->add_rms_norm(residual, delta, weight, eps);
}
Result<Tensor> ForwardingBackend::qk_norm_rope_append(const Qkv& qkv, const Weight& q_norm,
                                                      const Weight& k_norm, float eps,
                                                      const Rope& rope,
                                                      std::span<const SequenceSlice> slices,
                                                      int64_t layer, const AttentionShape& shape) {
  if (fused_ == Fused::composed)
    return Backend::qk_norm_rope_append(qkv, q_norm, k_norm, eps, rope, slices, layer, shape);
  return inner_->qk_norm_rope_append(qkv, q_norm, k_norm, eps, rope, slices, layer, shape);
}
Result<Tensor> ForwardingBackend::mlp(const Tensor& x, const Weight& gate_up, const Weight& down) {
  if (fused_ == Fused::composed) return Backend::mlp(x, gate_up, down);
  return inner_->mlp(x, gate_up, down);
}

}  // namespace trinity::backend
