// Decimal rounding against an independent one that works on the printed exact decimal expansion.
#include "hash/rounding.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace trinity::hash {
namespace {

// Every double has a finite decimal expansion of at most 1074 places, which printf gives exactly.
// Rounding half away from zero is then an addition on its digits, and strtod reads the nearest
// double.
double round_by_digits(double x, int places) {
  char text[1500];
  std::snprintf(text, sizeof text, "%.1100f", std::fabs(x));
  std::string digits = text;
  const std::size_t point = digits.find('.');
  const bool up = digits[point + 1 + static_cast<std::size_t>(places)] >= '5';
  digits.resize(point + 1 + static_cast<std::size_t>(places));
  if (up) {
    std::size_t i = digits.size();
    bool carry = true;
    while (carry && i-- > 0) {
      if (digits[i] == '.') continue;
      carry = digits[i] == '9';
      digits[i] = carry ? '0' : static_cast<char>(digits[i] + 1);
    }
    if (carry) digits.insert(digits.begin(), '1');
  }
  return std::copysign(std::strtod(digits.c_str(), nullptr), x);
}

// Same value and same sign of zero.
void expect_same_bits(double x, int places) {
  const double expected = round_by_digits(x, places);
  const double rounded = round_decimal(x, places);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(rounded), std::bit_cast<std::uint64_t>(expected))
      << std::hexfloat << x << " to " << places << " places: " << rounded << " instead of "
      << expected;
}

TEST(RoundDecimal, TiesGoAwayFromZero) {
  EXPECT_EQ(round_decimal(0.0234375, 6), 0.023438);
  EXPECT_EQ(round_decimal(0.0078125, 6), 0.007813);
  EXPECT_EQ(round_decimal(-0.0078125, 6), -0.007813);
  EXPECT_EQ(round_decimal(1.0 / 2048, 10), 0.0004882813);
  EXPECT_EQ(round_decimal(0.5, 0), 1.0);
  EXPECT_EQ(round_decimal(2.5, 0), 3.0);
}

TEST(RoundDecimal, DecidesOnTheExactValueAndNotOnThePrintedOne) {
  EXPECT_EQ(round_decimal(2.675, 2), 2.67);    // the double lies below 2.675
  EXPECT_EQ(round_decimal(5.5675, 3), 5.567);  // likewise
  EXPECT_EQ(round_decimal(static_cast<double>(0.1f), 10), 0.1000000015);
}

TEST(RoundDecimal, KeepsTheSignOfZero) {
  EXPECT_TRUE(std::signbit(round_decimal(-1e-9, 6)));
  EXPECT_TRUE(std::signbit(round_decimal(-1e-300, 6)));
  EXPECT_TRUE(std::signbit(round_decimal(-0.0, 6)));
  EXPECT_FALSE(std::signbit(round_decimal(1e-9, 6)));
  EXPECT_EQ(round_decimal(-1e-9, 6), 0.0);
}

TEST(RoundDecimal, LeavesIntegersAndNonFiniteValuesAlone) {
  EXPECT_EQ(round_decimal(0x1p53 + 2, 6), 0x1p53 + 2);
  EXPECT_EQ(round_decimal(std::numeric_limits<double>::max(), 15),
            std::numeric_limits<double>::max());
  EXPECT_TRUE(std::isnan(round_decimal(std::nan(""), 6)));
  EXPECT_TRUE(std::isinf(round_decimal(std::numeric_limits<double>::infinity(), 6)));
}

TEST(RoundDecimal, ClampsTheNumberOfPlaces) {
  EXPECT_EQ(round_decimal(1.26, -1), 1.0);
  EXPECT_EQ(round_decimal(0.1, 40), round_decimal(0.1, kMaxDecimalPlaces));
}

TEST(RoundDecimal, AgreesWithTheDigitsForRandomBitPatterns) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 4000; ++i) {
    const double x = std::bit_cast<double>(random());
    if (!std::isfinite(x)) continue;
    expect_same_bits(x, static_cast<int>(random() % 16));
  }
}

TEST(RoundDecimal, AgreesWithTheDigitsWhereRoundingHappens) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    // Magnitudes 2^-60 ... 2^56, full mantissas and short ones, which are the ones that tie.
    double x =
        std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(random() % 117) - 113);
    if (i % 2 == 0)
      x = std::ldexp(static_cast<double>(random() % 4096), -static_cast<int>(random() % 24));
    if (random() % 2 == 0) x = -x;
    expect_same_bits(x, static_cast<int>(random() % 16));
  }
}

TEST(RoundDecimal, AgreesWithTheDigitsForFloatLogits) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> logit(0.0f, 12.0f);
  for (int i = 0; i < 10000; ++i) expect_same_bits(logit(random), 6);
}

TEST(RoundDecimal, AgreesWithTheDigitsAtEveryTieOfSixPlaces) {
  for (int odd = 1; odd < 4000; odd += 2) {
    expect_same_bits(odd / 128.0, 6);
    expect_same_bits(-odd / 128.0, 6);
    expect_same_bits(std::nextafter(odd / 128.0, 0.0), 6);
    expect_same_bits(std::nextafter(odd / 128.0, 1e9), 6);
  }
}

TEST(RoundDecimal, IsIdempotent) {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> uniform(-40.0, 40.0);
  for (int i = 0; i < 2000; ++i) {
    const double once = round_decimal(uniform(random), 6);
    EXPECT_EQ(round_decimal(once, 6), once);
  }
}

}  // namespace
}  // namespace trinity::hash
