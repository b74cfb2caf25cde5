#include "prove/golden/exact_inputs.h"

#include <array>
#include <bit>

namespace trinity::prove {
namespace {

/// 2^exponent, made of its bits.
double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
}

}  // namespace

float ExactInputs::value(int exponent) {
  // The sum of two integers of 24 bits, about zero: small more often than large.
  const uint64_t bits = stream_.next();
  constexpr uint64_t kMask = (1U << 24) - 1;
  const auto sum = static_cast<int64_t>((bits & kMask) + (bits >> 24 & kMask));
  // Exact in double; rounded to f32 once, and that only where the result is subnormal.
  return static_cast<float>(static_cast<double>(sum - (1 << 24)) * power_of_two(exponent - 23));
}

std::vector<float> ExactInputs::values(int64_t count, int exponent) {
  std::vector<float> out(static_cast<size_t>(count));
  for (float& one : out) one = value(exponent);
  return out;
}

std::vector<float> ExactInputs::rows(int64_t count, int64_t cols) {
  constexpr std::array<int, 8> kExponents = {0, -9, 0, 4, 0, -140, 0, 18};
  std::vector<float> out;
  out.reserve(static_cast<size_t>(count * cols));
  for (int64_t r = 0; r < count; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      const bool mixed = r % 16 == 12;
      out.push_back(value(kExponents[static_cast<size_t>(mixed ? c : r) % kExponents.size()]));
    }
  return out;
}

HostMatrix ExactInputs::weight(int64_t out, int64_t in, DType dtype) {
  int exponent = 0;
  for (int64_t width = in; width > 1; width /= 4) --exponent;  // about in^−½
  return HostMatrix({out, in}, values(out * in, exponent), dtype);
}

HostMatrix ExactInputs::norm(int64_t size, DType dtype) {
  std::vector<float> weights = values(size, -2);
  for (float& weight : weights) weight += 1;
  return HostMatrix({size}, weights, dtype);
}

}  // namespace trinity::prove
