#include "prove/matrix/op_cases_inputs.h"

#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "tensor/bf16.h"

namespace trinity::prove {
namespace {

void scale_row(std::vector<float>& values, int64_t row, int64_t cols, float factor) {
  for (int64_t c = 0; c < cols; ++c) values[static_cast<size_t>(row * cols + c)] *= factor;
}

}  // namespace

HostMatrix::HostMatrix(std::vector<int64_t> shape, std::span<const float> values, DType dtype)
    : shape_(std::move(shape)), dtype_(dtype), values_(values.begin(), values.end()) {
  for (float& value : values_) {
    std::array<std::byte, sizeof(float)> buffer{};
    size_t size = sizeof value;
    if (dtype_ == DType::bf16 || dtype_ == DType::f16) {
      const bool bf16 = dtype_ == DType::bf16;
      const uint16_t half = bf16 ? bf16_from_f32(value) : f16_from_f32(value);
      value = bf16 ? f32_from_bf16(half) : f32_from_f16(half);
      size = sizeof half;
      std::memcpy(buffer.data(), &half, size);
    } else {
      std::memcpy(buffer.data(), &value, size);
    }
    bytes_.insert(bytes_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

uint64_t InputStream::next() {
  uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

int64_t InputStream::integer(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
}

double InputStream::uniform() { return static_cast<double>((next() >> 11) + 1) * 0x1p-53; }

std::vector<float> InputStream::normal(int64_t count, double deviation, double mean) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    value =
        static_cast<float>(mean + deviation * radius * std::cos(2 * std::numbers::pi * uniform()));
  }
  return values;
}

std::vector<float> InputStream::uneven_rows(int64_t rows, int64_t cols) {
  std::vector<float> values = normal(rows * cols);
  for (int64_t r = 0; r < rows; ++r) switch (integer(0, 9)) {
      case 0:
        scale_row(values, r, cols, 1e-3F);
        break;
      case 1:
        scale_row(values, r, cols, 20);
        break;
      case 2:
        scale_row(values, r, cols, 0);
        break;
      case 3:
        values[static_cast<size_t>(r * cols + integer(0, cols - 1))] *= 50;
        break;
      default:
        break;
    }
  return values;
}

std::vector<float> InputStream::extreme_rows(int64_t rows, int64_t cols, float largest) {
  const std::array<float, 6> sizes = {1, 0, largest, 1e-20F, 1e-41F, 20};
  std::vector<float> values = normal(rows * cols);
  for (int64_t r = 0; r < rows; ++r) {
    const auto kind = static_cast<size_t>(r) % (sizes.size() + 1);
    for (int64_t c = 0; c < cols; ++c) {
      const size_t size = kind < sizes.size() ? kind : static_cast<size_t>(next() % sizes.size());
      values[static_cast<size_t>(r * cols + c)] *= sizes[size];
    }
  }
  return values;
}

std::vector<float> InputStream::exact_rows(int64_t rows, int64_t cols) {
  std::vector<float> values(static_cast<size_t>(rows * cols));
  for (float& value : values) value = static_cast<float>(integer(-127, 127));
  for (int64_t r = 0; r < rows; ++r)
    values[static_cast<size_t>(r * cols + integer(0, cols - 1))] =
        integer(0, 1) == 0 ? 127.0F : -127.0F;
  return values;
}

std::vector<int32_t> InputStream::ids(int64_t count, int64_t vocab) {
  std::vector<int32_t> out(static_cast<size_t>(count));
  for (int32_t& id : out) id = static_cast<int32_t>(integer(0, vocab - 1));
  return out;
}

}  // namespace trinity::prove
