// Generated inputs for operations: numbers of every size, and matrices that own their bytes.
//
// The stream is splitmix64 with normals by Box and Muller, so a seed gives the same inputs with
// every compiler and standard library.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace trinity::prove {

/// A row-major matrix in memory with its view; values are rounded to `dtype` (F32, F16
/// or BF16).
class HostMatrix {
 public:
  HostMatrix(std::vector<int64_t> shape, std::span<const float> values, DType dtype = DType::f32);

  TensorView view() const { return {dtype_, shape_, bytes_}; }
  /// The values as they are stored.
  const std::vector<float>& values() const { return values_; }

 private:
  std::vector<int64_t> shape_;
  DType dtype_;
  std::vector<float> values_;
  std::vector<std::byte> bytes_;
};

class InputStream {
 public:
  explicit InputStream(uint64_t seed) : state_(seed) {}

  uint64_t next();
  /// Between `low` and `high`, both possible.
  int64_t integer(int64_t low, int64_t high);
  std::vector<float> normal(int64_t count, double deviation = 1, double mean = 0);
  /// Rows of unit normals, of which some are zero, small (1e-3), large (20), or hold an outlier
  /// (50).
  std::vector<float> uneven_rows(int64_t rows, int64_t cols);
  /// The same with rows of `largest`, of 1e-20, of denormal numbers, and of all sizes mixed.
  std::vector<float> extreme_rows(int64_t rows, int64_t cols, float largest = 1e12F);
  /// Integers −127..127, each row with one ±127: exact in f32, in bf16, and in int8 with scale 1.
  std::vector<float> exact_rows(int64_t rows, int64_t cols);
  std::vector<int32_t> ids(int64_t count, int64_t vocab);

 private:
  double uniform();  // in (0, 1]
  uint64_t state_;
};

}  // namespace trinity::prove
