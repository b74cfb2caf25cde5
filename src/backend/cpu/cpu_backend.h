// The CPU lanes: oneDNN products in f32, bf16 or int8, vectorised glue between them.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/cpu/row_kernels.h"

namespace trinity {

/// `element` is the type of the product inputs: f32, bf16 (weights and inputs rounded), or s8
/// (weights with one scale an output channel, inputs with one scale a token). The residual stream,
/// norms, softmax and all sums are f32 in every lane. `threads` 0 = all available processors.
std::unique_ptr<Backend> make_cpu_backend(cpu::Element element, int threads);

}  // namespace trinity
