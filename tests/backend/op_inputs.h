// Seeded inputs for the operation tests: matrices with awkward rows, weights that own their bytes.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensor/bf16.h"
#include "tensor/tensor.h"

namespace trinity::testing {

/// The value of a Result, or a test failure by exception that names the error.
template <typename Value>
Value take(Result<Value> result) {
  if (!result) throw std::runtime_error(result.error().tag + ": " + result.error().message);
  return std::move(*result);
}
inline void require(const Status& status) {
  if (!status) throw std::runtime_error(status.error().tag + ": " + status.error().message);
}

/// A tensor that owns its bytes; the values are rounded to `dtype` (BF16, F16 or F32).
class OwnedTensor {
 public:
  OwnedTensor(std::vector<int64_t> shape, std::span<const float> values, DType dtype = DType::f32)
      : shape_(std::move(shape)), dtype_(dtype) {
    for (const float value : values) append(value);
  }

  TensorView view() const { return {dtype_, shape_, bytes_}; }
  std::vector<float> values() const { return take(to_f32(view())); }

 private:
  void append(float value) {
    const auto put = [this](const void* from, size_t size) {
      const auto* bytes = static_cast<const std::byte*>(from);
      bytes_.insert(bytes_.end(), bytes, bytes + size);
    };
    if (dtype_ == DType::f32) return put(&value, sizeof value);
    const uint16_t half = dtype_ == DType::bf16 ? bf16_from_f32(value) : f16_from_f32(value);
    put(&half, sizeof half);
  }

  std::vector<int64_t> shape_;
  DType dtype_;
  std::vector<std::byte> bytes_;
};

inline std::vector<float> rounded_to_bf16(std::vector<float> values) {
  for (float& value : values) value = f32_from_bf16(bf16_from_f32(value));
  return values;
}

class RandomInputs {
 public:
  explicit RandomInputs(uint64_t seed) : random_(seed) {}

  /// Between `low` and `high`, both possible.
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }

  std::vector<float> normal(int64_t count, float deviation = 1, float mean = 0) {
    std::normal_distribution<float> distribution(mean, deviation);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = distribution(random_);
    return values;
  }

  /// Rows of unit normals, of which some are tiny (1e-3), large (20), zero, or hold one outlier
  /// (50).
  std::vector<float> awkward_rows(int64_t rows, int64_t cols) {
    std::vector<float> values = normal(rows * cols);
    for (int64_t r = 0; r < rows; ++r) {
      float* row = values.data() + r * cols;
      switch (integer(0, 9)) {
        case 0:
          scale(row, cols, 1e-3f);
          break;
        case 1:
          scale(row, cols, 20);
          break;
        case 2:
          scale(row, cols, 0);
          break;
        case 3:
          row[integer(0, cols - 1)] *= 50;
          break;
        default:
          break;
      }
    }
    return values;
  }

  /// Integers −127..127, each row with one ±127: exact in f32, in bf16, and in int8 with scale 1.
  std::vector<float> exact_rows(int64_t rows, int64_t cols) {
    std::vector<float> values(static_cast<size_t>(rows * cols));
    for (float& value : values) value = static_cast<float>(integer(-127, 127));
    for (int64_t r = 0; r < rows; ++r)
      values[static_cast<size_t>(r * cols + integer(0, cols - 1))] =
          integer(0, 1) == 0 ? 127.0f : -127.0f;
    return values;
  }

  std::vector<int32_t> ids(int64_t count, int64_t vocab) {
    std::vector<int32_t> out(static_cast<size_t>(count));
    for (int32_t& id : out) id = static_cast<int32_t>(integer(0, vocab - 1));
    return out;
  }

  std::mt19937_64& generator() { return random_; }

 private:
  static void scale(float* row, int64_t cols, float factor) {
    for (int64_t c = 0; c < cols; ++c) row[c] *= factor;
  }
  std::mt19937_64 random_;
};

}  // namespace trinity::testing
