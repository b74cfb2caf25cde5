// A backend that passes every operation on to another one: the base of those that watch or change
// some of them.
//
// A derived class overrides what it is about. What becomes of the operations that a lane may fuse
// is chosen when it is made. Passed on, nothing is computed in another way because somebody looks:
// a recorder wants that. Composed, they call the plain operations of this object, so that a plain
// operation that was changed shows in them too. A test holds this class to the whole contract: an
// operation that is added to backend.h and not here would quietly be computed by its default body.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace trinity::backend {

class ForwardingBackend : public Backend {
 public:
  enum class Fused { passed_on, composed };

  /// `inner` must outlive this object.
  explicit ForwardingBackend(Backend& inner, Fused fused = Fused::passed_on)
      : inner_(&inner), fused_(fused) {}
  explicit ForwardingBackend(std::unique_ptr<Backend> inner, Fused fused = Fused::passed_on)
      : owned_(std::move(inner)), inner_(owned_.get()), fused_(fused) {}

  const BackendInfo& info() const override { return inner_->info(); }
  Result<Weight> prepare_linear(std::span<const TensorView> stacked) override;
  Result<Weight> prepare_norm(const TensorView& weight) override;
  size_t weight_bytes() const override { return inner_->weight_bytes(); }
  Result<Tensor> upload(std::span<const float> values, int64_t rows, int64_t cols) override;
  Result<std::vector<float>> download(const Tensor& tensor) override;
  Status synchronize() override { return inner_->synchronize(); }
  Result<Tensor> linear(const Tensor& x, const Weight& weight) override;
  Result<std::vector<Tensor>> linear_split(const Tensor& x, const Weight& weight) override;
  Result<Tensor> rms_norm(const Tensor& x, const Weight& weight, float eps) override;
  Result<Tensor> rope(const Tensor& x, std::span<const int64_t> positions, int64_t head_dim,
                      const Rope& rope) override;
  Result<Tensor> add(const Tensor& a, const Tensor& b) override;
  Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) override;
  Result<Tensor> product_input(const Tensor& x) override;
  Result<Tensor> select_rows(const Tensor& x, std::span<const int64_t> rows) override;
  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvShape& shape) override;
  size_t kv_bytes_per_token(const KvShape& shape) const override;
  Status append_kv(const Tensor& k, const Tensor& v, std::span<const SequenceSlice> slices,
                   int64_t layer) override;
  Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices, int64_t layer,
                           const AttentionShape& shape) override;

  Result<Tensor> add_rms_norm(Tensor& residual, const Tensor* delta, const Weight& weight,
                              float eps) override;
  Result<Tensor> qk_norm_rope_append(const Qkv& qkv, const Weight& q_norm, const Weight& k_norm,
                                     float eps, const Rope& rope,
                                     std::span<const SequenceSlice> slices, int64_t layer,
                                     const AttentionShape& shape) override;
  Result<Tensor> mlp(const Tensor& x, const Weight& gate_up, const Weight& down) override;

  DenseAlgebra* dense_algebra() override { return inner_->dense_algebra(); }
  /// Null when fused operations are composed: the pass would go by the plain ones unseen.
  WholePass* whole_pass() override {
    return fused_ == Fused::passed_on ? inner_->whole_pass() : nullptr;
  }

 private:
  std::unique_ptr<Backend> owned_;

 protected:
  Backend* const inner_;

 private:
  Fused fused_;
};

}  // namespace trinity::backend
