#include "backend/lane_tolerances.h"

namespace trinity {

std::optional<LaneTolerances> lane_tolerances(const std::string& backend) {
  constexpr double u = 1.0 / 256;  // one rounding to bf16
  LaneTolerances t;
  if (backend == "reference") {
    constexpr double v = 1.0 / (1 << 24);  // one rounding to f32
    t.linear = t.exact_linear = {v, v};
    t.rms_norm = {2.1 * v, 2.1 * v};
    t.rope = {3.1 * v, 3.1 * v};
    t.add = {v, v};
    t.silu_mul = {3.1 * v, 3.1 * v};
    t.attention = {4.1 * v, 6.1 * v};
    return t;
  }
  // The OpenBLAS example computes as cpu_f32 does: f32, in partial sums of its own.
  if (backend == "cpu_f32" || backend == "cpu_int8" || backend == "reference_exact" ||
      backend == "reference_exact_int8" || backend.starts_with("plugin:")) {
    t.linear = t.exact_linear = {1e-6, 1e-6};
    t.rms_norm = {1e-6, 1e-6};
    t.rope = {3e-7, 3e-7};
    t.add = {0, 0};
    t.silu_mul = {1e-6, 1e-6};
    t.attention = {2e-6, 3e-6};
    if (backend == "cpu_int8" || backend == "reference_exact_int8") {
      t.int8 = true;
      t.linear = {1, 6e-2};
    }
    return t;
  }
  if (backend == "mlx" || backend == "mlx_fast") {
    t.linear = t.exact_linear = {1e-6, 1e-6};
    t.rms_norm = {2e-6, 2e-6};
    t.rope = {3e-7, 3e-7};
    if (backend == "mlx_fast") t.rope_growth = 0.6;
    t.add = {0, 0};
    t.silu_mul = {5e-6, 5e-6};
    t.attention = {2e-6, 3e-6};
    return t;
  }
  if (backend == "cpu_bf16") {
    t.linear = {2.01 * u, 5e-3};
    t.exact_linear = {1e-6, 1e-6};
    t.rms_norm = {1e-6, 1e-6};
    t.rope = {3e-7, 3e-7};
    t.add = {0, 0};
    t.silu_mul = {1.001 * u, u};
    t.attention = {3 * u, 1.5e-2};
    return t;
  }
  if (backend == "reference_bf16") {
    t.upload = u;
    t.bf16_order = true;
    t.linear = {3.02 * u, 1.5 * u};
    t.exact_linear = {1.001 * u, u};
    t.rms_norm = {4.1 * u, 4.1 * u};
    t.rope = {3.1 * u, 3.1 * u};
    t.add = {2.01 * u, 2.01 * u};
    t.silu_mul = {6.1 * u, 3 * u};
    t.attention = {5 * u, 2e-2};
    return t;
  }
  return std::nullopt;
}

}  // namespace trinity
