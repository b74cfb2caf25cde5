// Exact numbers: fractions of integers of 128 bits. What does not fit is nothing, never rounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trinity::reckoner {

__extension__ using Wide = __int128;

/// A fraction in lowest terms, its denominator above 0.
struct Fraction {
  Wide numerator = 0, denominator = 1;

  bool is_whole() const { return denominator == 1; }
  bool operator==(const Fraction&) const = default;
};

std::optional<Fraction> fraction(Wide numerator, Wide denominator);
std::optional<Fraction> sum(const Fraction& a, const Fraction& b);
std::optional<Fraction> difference(const Fraction& a, const Fraction& b);
std::optional<Fraction> product(const Fraction& a, const Fraction& b);
std::optional<Fraction> quotient(const Fraction& a, const Fraction& b);
/// A whole exponent, also a negative one.
std::optional<Fraction> power(const Fraction& base, const Fraction& exponent);
/// The remainder of whole numbers, with the sign of the divisor.
std::optional<Fraction> remainder(const Fraction& a, const Fraction& b);
bool less(const Fraction& a, const Fraction& b);  // false too where it cannot be told

Wide greatest_common_divisor(Wide a, Wide b);
std::string text_of(Wide number);
/// "42", "0.125"; what has no finite form of at most 12 decimals: "1/3 (about 0.333333)".
std::string text_of(const Fraction& value);
/// A number without a sign as it is written: digits, one point, commas between groups of three.
std::optional<Fraction> read_number(std::string_view text);

}  // namespace trinity::reckoner
