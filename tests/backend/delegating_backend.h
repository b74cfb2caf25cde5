// A backend that passes every plain operation on to another one. Derived classes change one of
// them.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace trinity::testing {

class DelegatingBackend : public Backend {
 public:
  explicit DelegatingBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  const BackendInfo& info() const override { return inner_->info(); }
  Result<Weight> prepare_linear(std::span<const TensorView> stacked) override {
    return inner_->prepare_linear(stacked);
  }
  Result<Weight> prepare_norm(const TensorView& weight) override {
    return inner_->prepare_norm(weight);
  }
  Result<Weight> prepare_embedding(const TensorView& table) override {
    return inner_->prepare_embedding(table);
  }
  size_t weight_bytes() const override { return inner_->weight_bytes(); }
  Result<Tensor> upload(std::span<const float> values, int64_t rows, int64_t cols) override {
    return inner_->upload(values, rows, cols);
  }
  Result<std::vector<float>> download(const Tensor& tensor) override {
    return inner_->download(tensor);
  }
  Status synchronize() override { return inner_->synchronize(); }
  Result<Tensor> embed(const Weight& table, std::span<const int32_t> ids) override {
    return inner_->embed(table, ids);
  }
  Result<Tensor> linear(const Tensor& x, const Weight& weight) override {
    return inner_->linear(x, weight);
  }
  Result<std::vector<Tensor>> linear_split(const Tensor& x, const Weight& weight) override {
    return inner_->linear_split(x, weight);
  }
  Result<Tensor> rms_norm(const Tensor& x, const Weight& weight, float eps) override {
    return inner_->rms_norm(x, weight, eps);
  }
  Result<Tensor> rope(const Tensor& x, std::span<const int64_t> positions, int64_t head_dim,
                      const Rope& rope) override {
    return inner_->rope(x, positions, head_dim, rope);
  }
  Result<Tensor> add(const Tensor& a, const Tensor& b) override { return inner_->add(a, b); }
  Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) override {
    return inner_->silu_mul(gate, up);
  }
  Result<Tensor> product_input(const Tensor& x) override { return inner_->product_input(x); }
  Result<Tensor> select_rows(const Tensor& x, std::span<const int64_t> rows) override {
    return inner_->select_rows(x, rows);
  }
  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvShape& shape) override {
    return inner_->make_kv_cache(shape);
  }
  size_t kv_bytes_per_token(const KvShape& shape) const override {
    return inner_->kv_bytes_per_token(shape);
  }
  Status append_kv(const Tensor& k, const Tensor& v, std::span<const SequenceSlice> slices,
                   int64_t layer) override {
    return inner_->append_kv(k, v, slices, layer);
  }
  Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices, int64_t layer,
                           const AttentionShape& shape) override {
    return inner_->attention(q, slices, layer, shape);
  }

 protected:
  std::unique_ptr<Backend> inner_;
};

}  // namespace trinity::testing
