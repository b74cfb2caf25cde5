// How a CPU lane multiplies activations by weights.
//
// Two engines exist: our own kernels, whose bits are defined (exact_products.h), and oneDNN for the
// bf16 lane (onednn_products.h).
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/tensor_handle.h"
#include "tensor/tensor.h"

namespace trinity::cpu {

/// Matrices stacked by rows in the order of an engine's own.
struct PackedLinear : backend::BackendStorage {
  int64_t in = 0;
  int64_t out = 0;
  std::vector<int64_t> out_sizes;       // rows of each stacked matrix
  std::shared_ptr<std::byte[]> packed;  // layout chosen by the engine
  size_t packed_bytes = 0;              // of all that is kept for the products
};

class ProductEngine {
 public:
  virtual ~ProductEngine() = default;

  /// Packs [out_i, in] matrices (BF16, F16, F32 or F64, row-major) one below the other. Errors:
  /// `non_finite_values`, `tensor_shape_mismatch`.
  virtual Result<std::shared_ptr<PackedLinear>> pack(std::span<const TensorView> stacked) = 0;

  /// y [rows, out] f32 = x [rows, in] · Wᵀ; x is dense, in the engine's input type. Both have room
  /// for room(rows) rows.
  virtual Status multiply(const PackedLinear& weight, const void* x, int64_t rows, float* y) = 0;

  /// Rows a matrix must have room for when `rows` of them are multiplied.
  virtual int64_t room(int64_t rows) const { return rows; }
};

/// Whether no value is NaN or infinity.
bool all_finite(std::span<const float> values);
/// The same for `count` bf16 or f16 numbers at any address; `exponent` masks the bits of theirs.
bool all_finite_16(const std::byte* bytes, int64_t count, uint16_t exponent);
inline constexpr uint16_t kBf16Exponent = 0x7F80, kF16Exponent = 0x7C00;

/// The error of a weight that holds NaN or infinity.
tl::unexpected<Error> non_finite_weight();

}  // namespace trinity::cpu
