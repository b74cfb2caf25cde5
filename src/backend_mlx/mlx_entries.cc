#include "backend_mlx/mlx_entries.h"

#include "backend_mlx/mlx_lanes.h"

namespace trinity::mlx_backend {
namespace {

/// f32 sums in the order of the BLAS or of the library's reductions; its exponential is good to a
/// few u and loses with the size of its argument: 3.7e-6 in silu(−88).
backend::LaneTolerances composed_limits() {
  backend::LaneTolerances t;
  t.linear = t.exact_linear = {1e-6, 1e-6};
  t.rms_norm = {2e-6, 2e-6};
  t.rope = {3e-7, 3e-7};
  t.silu_mul = {5e-6, 5e-6};
  t.attention = {2e-6, 3e-6};
  return t;
}

/// Computes angles from the reciprocal of a rounded reciprocal frequency: up to u of the frequency
/// is lost, and the product with the position rounds another way (2u), so that the error grows with
/// the position: 3u a position beside the limit at position 0.
backend::LaneTolerances fused_limits() {
  backend::LaneTolerances t = composed_limits();
  t.rope_growth = 0.6;
  return t;
}

backend::BackendEntry entry(
    std::string id, std::string description, backend::LaneTolerances limits,
    std::vector<std::string> notes,
    Result<std::unique_ptr<backend::Backend>> (*create)(const backend::BackendOptions&)) {
  backend::BackendEntry out;
  out.id = std::move(id);
  out.description = std::move(description);
  out.label = mlx_backend::kLabel;
  out.exactness = mlx_backend::kClaim;
  out.tolerances = limits;
  out.floors = {0.33, 0.82};
  out.notes = std::move(notes);
  out.unavailable_reason = mlx_backend::unavailable;
  out.create = create;
  return out;
}

}  // namespace

std::vector<backend::BackendEntry> mlx_entries() {
  return {entry("mlx", "Apple's MLX in f32, composed operations", composed_limits(),
                {"on a GPU, start with MLX_ENABLE_TF32=0 for products in f32"},
                mlx_backend::create_composed),
          entry("mlx_fast", "Apple's MLX in f32 with its fused norm, rotation and attention",
                fused_limits(),
                {"on a processor nothing is fused", "on a GPU, start with MLX_ENABLE_TF32=0"},
                mlx_backend::create_fused)};
}

}  // namespace trinity::mlx_backend
