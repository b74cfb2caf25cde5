#include "backend_cpu/product_engine.h"

#include <cstring>

namespace trinity::cpu {

bool all_finite(std::span<const float> values) {
  // x − x is 0 for finite x and NaN otherwise; the sum is vectorised.
  float sum = 0;
  for (const float value : values) sum += value - value;
  return sum == 0;
}

bool all_finite_16(const std::byte* bytes, int64_t count, uint16_t exponent) {
  // An exponent of all ones is NaN or infinity.
  uint16_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, sizeof bits);
    found |= static_cast<uint16_t>((bits & exponent) == exponent);
  }
  return found == 0;
}

tl::unexpected<Error> non_finite_weight() {
  return fail(ErrorKind::invalid_input, "non_finite_values",
              "a weight holds NaN or infinity; the checkpoint is damaged");
}

}  // namespace trinity::cpu
