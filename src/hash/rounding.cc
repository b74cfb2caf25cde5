#include "hash/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace trinity::hash {
namespace {

using Wide = unsigned __int128;

int bit_length(Wide value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  const auto low = static_cast<std::uint64_t>(value);
  return high != 0 ? 64 + std::bit_width(high) : std::bit_width(low);
}

// The double nearest to numerator / denominator (ties to even), for 0 < numerator < 2^106 and
// 0 < denominator < 2^50. The numerator is first scaled up to 106 bits, so the quotient has at
// least 56 bits: 53 to keep, one to round on and more behind it; the remainder only says whether
// the discarded part is exactly a half.
double nearest_quotient(Wide numerator, std::uint64_t denominator) {
  const int scale = 106 - bit_length(numerator);
  const Wide scaled = numerator << scale;
  const Wide quotient = scaled / denominator;
  const bool inexact = scaled % denominator != 0;

  const int dropped = bit_length(quotient) - 53;
  const Wide half = Wide{1} << (dropped - 1);
  const Wide rest = quotient & ((Wide{1} << dropped) - 1);
  auto kept = static_cast<std::uint64_t>(quotient >> dropped);
  if (rest > half || (rest == half && (inexact || (kept & 1) != 0))) ++kept;
  return std::ldexp(static_cast<double>(kept), dropped - scale);
}

}  // namespace

double round_decimal(double x, int places) {
  if (!std::isfinite(x) || x == 0.0) return x;
  places = std::clamp(places, 0, kMaxDecimalPlaces);

  int exponent = 0;
  const double fraction = std::frexp(std::fabs(x), &exponent);  // |x| = fraction * 2^exponent
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  if (exponent >= 0) return x;  // an integer

  std::uint64_t power = 1;
  for (int i = 0; i < places; ++i) power *= 10;

  // |x| * 10^places = numerator / 2^shift with numerator < 2^53 * 10^15 < 2^103.
  const Wide numerator = Wide{mantissa} * power;
  const int shift = -exponent;
  if (shift > 104) return std::copysign(0.0, x);  // below one half
  const Wide rounded = (numerator + (Wide{1} << (shift - 1))) >> shift;
  if (rounded == 0) return std::copysign(0.0, x);
  return std::copysign(nearest_quotient(rounded, power), x);
}

}  // namespace trinity::hash
