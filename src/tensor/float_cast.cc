#include "tensor/float_cast.h"

#include <algorithm>
#include <cstring>

#include "tensor/bf16.h"

namespace trinity {
namespace {

template <class T, class Narrow>
void narrow_values(std::span<const float> values, std::byte* out, const Narrow& narrow) {
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = narrow(values[i]);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

template <class T>
void transpose_typed(const std::byte* in, int64_t rows, int64_t cols, std::byte* out) {
  constexpr int64_t kBlock = 32;  // rows and columns that stay in the first-level cache
  for (int64_t row = 0; row < rows; row += kBlock)
    for (int64_t col = 0; col < cols; col += kBlock)
      for (int64_t r = row; r < std::min(rows, row + kBlock); ++r)
        for (int64_t c = col; c < std::min(cols, col + kBlock); ++c)
          std::memcpy(out + static_cast<size_t>(c * rows + r) * sizeof(T),
                      in + static_cast<size_t>(r * cols + c) * sizeof(T), sizeof(T));
}

}  // namespace

double round_to(double value, DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return double{f32_from_bf16(bf16_from_f32(static_cast<float>(value)))};
    case DType::f16:
      return double{f32_from_f16(f16_from_f32(static_cast<float>(value)))};
    case DType::f32:
      return double{static_cast<float>(value)};
    default:
      return value;
  }
}

void cast_from_f32(std::span<const float> values, DType dtype, std::byte* out) {
  switch (dtype) {
    case DType::bf16:
      return narrow_values<uint16_t>(values, out, [](float v) { return bf16_from_f32(v); });
    case DType::f16:
      return narrow_values<uint16_t>(values, out, [](float v) { return f16_from_f32(v); });
    case DType::f64:
      return narrow_values<double>(values, out, [](float v) { return double{v}; });
    default:
      return narrow_values<float>(values, out, [](float v) { return v; });
  }
}

void transpose_elements(const std::byte* in, int64_t rows, int64_t cols, size_t size,
                        std::byte* out) {
  if (size == 2) return transpose_typed<uint16_t>(in, rows, cols, out);
  if (size == 4) return transpose_typed<uint32_t>(in, rows, cols, out);
  return transpose_typed<uint64_t>(in, rows, cols, out);
}

}  // namespace trinity
