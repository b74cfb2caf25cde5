// The fused MLX lane: norm, rotation and attention by the library's own kernels.
//
// The kernels exist for GPUs. On a processor the library itself composes these calls of basic
// operations, so nothing is gained there; the results of norm and attention are then those of the
// composed lane bit for bit. Rotation differs in its last digits: the library computes cosines and
// sines in f32, the composed lane takes them from a table made in f64.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "backend_mlx/mlx_backend.h"

namespace trinity::mlx_backend {

class FusedBackend final : public MlxBackend {
 public:
  FusedBackend();
  ~FusedBackend() override;

 protected:
  Array norm_groups(const Array& x, const Array& weight, float eps) override;
  Array rotate_heads(const Array& x, std::span<const int64_t> positions,
                     const backend::Rope& rope) override;
  Array attend(const Array& q, const Array& k, const Array& v) override;

 private:
  const Array& frequencies(int head_dim, const backend::Rope& rope);

  // Of the worker thread, for each head_dim and rope.
  std::map<std::pair<int, backend::Rope>, Array> frequencies_;
};

}  // namespace trinity::mlx_backend
