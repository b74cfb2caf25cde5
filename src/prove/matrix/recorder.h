// A backend that passes everything on to another one and keeps the residual stream as it goes by.
//
// The forward pass hands the residual to add_rms_norm twice a layer, before attention and before
// the MLP, and adds the last MLP's output itself. Copies taken there are the hidden states after
// every half of every layer, fused lanes included: nothing is computed in another way to be
// observed.
#pragma once

#include <vector>

#include "backend/forwarding_backend.h"
#include "base/try.h"

namespace trinity::prove {

class ResidualRecorder final : public backend::ForwardingBackend {
 public:
  explicit ResidualRecorder(backend::Backend& inner) : backend::ForwardingBackend(inner) {}

  /// [rows · hidden] each: the embedding, then after attention and MLP of every layer.
  const std::vector<std::vector<float>>& states() const { return states_; }

  Result<backend::Tensor> add_rms_norm(backend::Tensor& residual, const backend::Tensor* delta,
                                       const backend::Weight& weight, float eps) override {
    TRINITY_TRY(backend::Tensor normed, inner_->add_rms_norm(residual, delta, weight, eps));
    TRINITY_CHECK(keep(residual));
    return normed;
  }
  Result<backend::Tensor> add(const backend::Tensor& a, const backend::Tensor& b) override {
    TRINITY_TRY(backend::Tensor sum, inner_->add(a, b));
    TRINITY_CHECK(keep(sum));
    return sum;
  }

 private:
  Status keep(const backend::Tensor& residual) {
    TRINITY_TRY(states_.emplace_back(), inner_->download(residual));
    return {};
  }

  std::vector<std::vector<float>> states_;
};

}  // namespace trinity::prove
