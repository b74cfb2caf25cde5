// Views of tensors in memory that somebody else owns, usually a memory map.
//
// The payload of a weight file may start at any byte, so a view's bytes need not be aligned for
// their type: every access here copies, and so must callers that read the bytes themselves.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace trinity {

/// A dense row-major little-endian tensor. `bytes` stays owned by whoever gave the view.
struct TensorView {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;  // [] is a scalar
  std::span<const std::byte> bytes;
};

/// Product of the dimensions, 1 for []. Errors: `shape_overflow` (a negative dimension, or a
/// product beyond 2^63 - 1; a product that overflows before a zero dimension is met counts too).
Result<std::int64_t> element_count(std::span<const std::int64_t> shape);

/// element_count times the element size, with the same guard.
Result<std::int64_t> byte_count(DType dtype, std::span<const std::int64_t> shape);

/// `[10, 1024]`, for messages.
std::string shape_text(std::span<const std::int64_t> shape);

/// All elements as f32, row-major. F64 is rounded to nearest even (too large becomes infinity);
/// BF16 and F16 are exact. Errors: `unsupported_dtype`, `tensor_size_mismatch` (bytes and shape).
Result<std::vector<float>> to_f32(const TensorView& tensor);

/// to_f32 into memory of the caller; `out` must have element_count elements
/// (`tensor_size_mismatch`).
Status copy_f32(const TensorView& tensor, std::span<float> out);

/// Copies row `row` of a [rows, columns] tensor as f32 into `out` (`columns` elements). Errors:
/// `expected_rank_2`, `row_out_of_range`, and those of copy_f32.
Status copy_row_f32(const TensorView& tensor, std::int64_t row, std::span<float> out);

/// Fails with `non_finite_values` if a float element is NaN or infinite, or (F64) would become
/// infinite as f32. `name` is used in the message. Integer tensors always pass.
Status require_finite(const TensorView& tensor, std::string_view name);

/// Fails with `overflowing_values` if a float element's magnitude is `limit` or more, or NaN.
/// Integer tensors always pass.
Status require_below(const TensorView& tensor, std::string_view name, float limit);

/// Rows [row_start, row_start + row_count) of a rank-2 tensor: same dtype, no copy.
/// Errors: `expected_rank_2`, `row_slice_out_of_range`.
Result<TensorView> row_slice(const TensorView& tensor, std::int64_t row_start,
                             std::int64_t row_count);

}  // namespace trinity
