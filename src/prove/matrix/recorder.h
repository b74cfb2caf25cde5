// A backend that passes everything on to another one and keeps the residual stream as it goes by.
//
// The forward pass hands the residual to add_rms_norm twice a layer, before attention and before
// the MLP, and adds the last MLP's output itself. Copies taken there are the hidden states after
// every half of every layer, fused lanes included: nothing is computed in another way to be
// observed.
#pragma once

#include <vector>

#include "backend/backend.h"

namespace trinity {

class ResidualRecorder final : public Backend {
 public:
  explicit ResidualRecorder(Backend& inner) : inner_(inner) {}

  /// [rows · hidden] each: the embedding, then after attention and MLP of every layer.
  const std::vector<std::vector<float>>& states() const { return states_; }

  const BackendInfo& info() const override { return inner_.info(); }
  Result<Weight> prepare_linear(std::span<const TensorView> stacked) override;
  Result<Weight> prepare_norm(const TensorView& weight) override;
  Result<Weight> prepare_embedding(const TensorView& table) override;
  size_t weight_bytes() const override { return inner_.weight_bytes(); }
  Result<Tensor> upload(std::span<const float> values, int64_t rows, int64_t cols) override;
  Result<std::vector<float>> download(const Tensor& tensor) override;
  Status synchronize() override { return inner_.synchronize(); }
  Result<Tensor> embed(const Weight& table, std::span<const int32_t> ids) override;
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

 private:
  Status keep(const Tensor& residual);

  Backend& inner_;
  std::vector<std::vector<float>> states_;
};

}  // namespace trinity
