// The CPU lanes: products in f32, int8 or bf16, vectorised glue between them.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace trinity::cpu {

/// f32: weights in the checkpoint's type, f32 activations. int8: weights with one scale an output
/// channel, product inputs with one scale a token. Both are exact (backend/exact_arithmetic.h).
/// bf16: weights and inputs rounded to bf16, products by oneDNN. The residual stream, norms,
/// softmax and all sums are f32 in every lane.
enum class CpuLane { f32, int8, bf16 };
const char* cpu_lane_id(CpuLane lane);
backend::Exactness cpu_lane_claim(CpuLane lane);
inline constexpr const char* kCpuLabel = "trinity.cpu";

/// `threads` 0 = all available processors. The lane must be available.
std::unique_ptr<backend::Backend> make_cpu_backend(CpuLane lane, int threads);

}  // namespace trinity::cpu
