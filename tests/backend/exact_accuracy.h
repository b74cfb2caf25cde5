// How far the exact lanes' functions lie from the truth, which is computed in long double.
//
// Where a long double has no more bits than a double (not on x86-64 or aarch64 with Linux) it is no
// truth; such tests say so and skip.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "backend/exact_arithmetic.h"

#define TRINITY_REQUIRE_LONG_DOUBLE() \
  if (LDBL_MANT_DIG < 64) GTEST_SKIP() << "SKIPPED: long double is no wider than double here"

namespace trinity::testing {

/// Error of exp_nonpositive(z) in units of the last place of the truth; of a subnormal truth that
/// is the least number.
inline long double exp_error(float z) {
  const long double want = std::exp(static_cast<long double>(z));
  const int exponent = std::max(std::ilogb(want), -126);
  const auto got = static_cast<long double>(backend::exact::exp_nonpositive(z));
  return std::fabs(got - want) / std::ldexp(1.0L, exponent - 23);
}

/// The largest over every `step`-th float from −0 to −104.
inline long double worst_exp_error(uint32_t step) {
  const uint32_t last = std::bit_cast<uint32_t>(-104.0f);
  long double worst = 0;
  for (uint32_t bits = std::bit_cast<uint32_t>(-0.0f); bits <= last; bits += step)
    worst = std::max(worst, exp_error(std::bit_cast<float>(bits)));
  return worst;
}

/// Whether `got` is the f32 number nearest to a truth of which the long double is known to be
/// within a few units of its last place; true also where that does not decide it.
inline bool correctly_rounded(float got, long double truth) {
  const long double slack = std::fabs(truth) * 0x1p-60L;
  return got == static_cast<float>(truth) ||
         static_cast<float>(truth - slack) != static_cast<float>(truth + slack);
}

}  // namespace trinity::testing
