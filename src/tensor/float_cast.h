// Narrowing results to the type of the weights, and turning matrices around.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace trinity {

/// The nearest value of the type, as f64. Types: f64, f32, f16, bf16.
double round_to(double value, DType dtype);

/// f32 values as `dtype` (f64, f32, f16 or bf16), each rounded once, ties to even. `out` has
/// values.size() · dtype_size bytes.
void cast_from_f32(std::span<const float> values, DType dtype, std::byte* out);

/// out[c, r] = in[r, c] for elements of `size` bytes (2, 4 or 8).
void transpose_elements(const std::byte* in, int64_t rows, int64_t cols, size_t size,
                        std::byte* out);

}  // namespace trinity
