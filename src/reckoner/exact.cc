#include "reckoner/exact.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace trinity::reckoner {
namespace {

constexpr int kMostDecimals = 12;
constexpr Wide kLargest = ~(static_cast<Wide>(1) << 127);
constexpr Wide kSmallest = -kLargest;  // one less has no opposite

std::optional<Wide> times(Wide a, Wide b) {
  Wide product = 0;
  if (__builtin_mul_overflow(a, b, &product) || product < kSmallest) return std::nullopt;
  return product;
}

std::optional<Wide> plus(Wide a, Wide b) {
  Wide total = 0;
  if (__builtin_add_overflow(a, b, &total) || total < kSmallest) return std::nullopt;
  return total;
}

}  // namespace

Wide greatest_common_divisor(Wide a, Wide b) {
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

std::optional<Fraction> fraction(Wide numerator, Wide denominator) {
  if (denominator == 0) return std::nullopt;
  const Wide divisor = greatest_common_divisor(numerator, denominator);
  const Wide sign = denominator < 0 ? -1 : 1;
  return Fraction{sign * numerator / divisor, sign * denominator / divisor};
}

std::optional<Fraction> sum(const Fraction& a, const Fraction& b) {
  const auto left = times(a.numerator, b.denominator);
  const auto right = times(b.numerator, a.denominator);
  const auto below = times(a.denominator, b.denominator);
  if (!left || !right || !below) return std::nullopt;
  const auto above = plus(*left, *right);
  return above ? fraction(*above, *below) : std::nullopt;
}

std::optional<Fraction> difference(const Fraction& a, const Fraction& b) {
  return sum(a, {-b.numerator, b.denominator});
}

std::optional<Fraction> product(const Fraction& a, const Fraction& b) {
  // Cancelled crosswise first, so that only a result that does not fit overflows.
  const auto left = fraction(a.numerator, b.denominator);
  const auto right = fraction(b.numerator, a.denominator);
  const auto above = times(left->numerator, right->numerator);
  const auto below = times(left->denominator, right->denominator);
  return above && below ? fraction(*above, *below) : std::nullopt;
}

std::optional<Fraction> quotient(const Fraction& a, const Fraction& b) {
  const auto inverse = fraction(b.denominator, b.numerator);
  return inverse ? product(a, *inverse) : std::nullopt;
}

std::optional<Fraction> power(const Fraction& base, const Fraction& exponent) {
  if (!exponent.is_whole()) return std::nullopt;
  const Wide times_taken = exponent.numerator < 0 ? -exponent.numerator : exponent.numerator;
  if (times_taken > 100'000) return std::nullopt;
  if (base.numerator == 0 && exponent.numerator < 0) return std::nullopt;
  Fraction result{1, 1};
  for (Wide i = 0; i < times_taken; ++i) {
    const auto next = product(result, base);
    if (!next) return std::nullopt;
    if (*next == result) break;  // of 0 and 1
    result = *next;
  }
  if (base == Fraction{-1, 1}) result = {times_taken % 2 == 0 ? 1 : -1, 1};
  return exponent.numerator < 0 ? quotient({1, 1}, result) : result;
}

std::optional<Fraction> remainder(const Fraction& a, const Fraction& b) {
  if (!a.is_whole() || !b.is_whole() || b.numerator == 0) return std::nullopt;
  Wide rest = a.numerator % b.numerator;
  if (rest != 0 && (rest < 0) != (b.numerator < 0)) rest += b.numerator;
  return Fraction{rest, 1};
}

bool less(const Fraction& a, const Fraction& b) {
  const auto apart = difference(a, b);
  return apart && apart->numerator < 0;
}

std::string text_of(Wide number) {
  if (number == 0) return "0";
  std::string digits;
  const bool negative = number < 0;
  while (number != 0) {
    const int digit = static_cast<int>(number % 10);
    digits += static_cast<char>('0' + (digit < 0 ? -digit : digit));
    number /= 10;
  }
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string text_of(const Fraction& value) {
  if (value.is_whole()) return text_of(value.numerator);
  std::optional<Wide> scaled = value.numerator;
  for (int decimals = 1; decimals <= kMostDecimals; ++decimals) {
    scaled = times(*scaled, 10);
    if (!scaled) break;
    if (*scaled % value.denominator != 0) continue;
    std::string digits = text_of(*scaled / value.denominator);
    const bool negative = digits.front() == '-';
    if (negative) digits.erase(0, 1);
    if (digits.size() <= static_cast<std::size_t>(decimals))
      digits.insert(0, static_cast<std::size_t>(decimals) + 1 - digits.size(), '0');
    digits.insert(digits.size() - static_cast<std::size_t>(decimals), 1, '.');
    return (negative ? "-" : "") + digits;
  }
  const double near = static_cast<double>(static_cast<long double>(value.numerator) /
                                          static_cast<long double>(value.denominator));
  return fmt::format("{}/{} (about {:.6g})", text_of(value.numerator), text_of(value.denominator),
                     near);
}

std::optional<Fraction> read_number(std::string_view text) {
  Wide numerator = 0, denominator = 1;
  bool point = false, digits = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
    } else if (c == ',' && !point && digits && i + 3 < text.size()) {
      continue;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      const auto shifted = times(numerator, 10);
      const auto next = shifted ? plus(*shifted, c - '0') : std::nullopt;
      const auto below = point ? times(denominator, 10) : denominator;
      if (!next || !below) return std::nullopt;
      numerator = *next;
      denominator = *below;
    } else {
      return std::nullopt;
    }
  }
  return digits ? fraction(numerator, denominator) : std::nullopt;
}

}  // namespace trinity::reckoner
