// bf16 and f16 against an oracle that knows no bit tricks: it decodes all 65536 patterns from the
// definition of the format, sorts them, and rounds by comparing distances in double.
#include "tensor/bf16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace trinity {
namespace {

struct Format {
  int fraction_bits;
  int exponent_bits;
  float (*widen)(std::uint16_t);
  std::uint16_t (*narrow)(float);

  std::uint16_t infinity() const {
    return static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << fraction_bits);
  }
  /// Value of a finite pattern by the definition of IEEE 754 formats.
  double value(std::uint16_t bits) const {
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const double magnitude = exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                                           : std::ldexp(fraction + (1 << fraction_bits),
                                                        exponent - bias - fraction_bits);
    return (bits & 0x8000) ? -magnitude : magnitude;
  }
  /// Nearest pattern of a finite magnitude, ties to the even pattern. Beyond the largest finite
  /// value the next step of the grid stands for infinity.
  std::uint16_t nearest(double magnitude) const {
    const std::uint16_t top = infinity();
    std::uint16_t low = 0;  // largest pattern whose value is not above the magnitude
    for (std::uint32_t step = 0x8000; step > 0; step /= 2) {
      const std::uint32_t next = low + step;
      if (next < top && value(static_cast<std::uint16_t>(next)) <= magnitude) {
        low = static_cast<std::uint16_t>(next);
      }
    }
    const double below = value(low);
    const double above = low + 1 < top ? value(static_cast<std::uint16_t>(low + 1))
                                       : 2 * below - value(static_cast<std::uint16_t>(low - 1));
    const double half = (magnitude - below) - (above - magnitude);
    const bool up = half > 0 || (half == 0 && (low & 1));
    return static_cast<std::uint16_t>(low + (up ? 1 : 0));
  }
};

class NarrowFloat : public ::testing::TestWithParam<Format> {};

TEST_P(NarrowFloat, widens_every_pattern_exactly_and_back) {
  const Format format = GetParam();
  for (std::uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    const float wide = format.widen(bits);
    ASSERT_EQ(std::signbit(wide), (bits & 0x8000) != 0);
    const int magnitude = bits & 0x7FFF;
    if (magnitude > format.infinity()) {
      ASSERT_TRUE(std::isnan(wide));
      ASSERT_EQ(format.narrow(wide), bits | (1 << (format.fraction_bits - 1))) << "made quiet";
    } else if (magnitude == format.infinity()) {
      ASSERT_TRUE(std::isinf(wide));
      ASSERT_EQ(format.narrow(wide), bits);
    } else {
      ASSERT_EQ(static_cast<double>(wide), format.value(bits));
      ASSERT_EQ(format.narrow(wide), bits);
    }
  }
}

TEST_P(NarrowFloat, rounds_to_nearest_even) {
  const Format format = GetParam();
  std::mt19937_64 random(6);
  const auto check = [&](std::uint32_t bits) {
    const float value = std::bit_cast<float>(bits);
    const std::uint16_t narrow = format.narrow(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(format.widen(narrow)));
      ASSERT_EQ(narrow >> 15, bits >> 31);
      ASSERT_TRUE(narrow & (1 << (format.fraction_bits - 1))) << "a NaN stays quiet";
      return;
    }
    const double magnitude = std::fabs(static_cast<double>(value));
    const std::uint16_t expected =
        std::isinf(value) ? format.infinity() : format.nearest(magnitude);
    ASSERT_EQ(narrow & 0x7FFF, expected) << std::hexfloat << value;
    ASSERT_EQ(narrow >> 15, bits >> 31);
  };
  for (int round = 0; round < 200000; ++round) {
    auto bits = static_cast<std::uint32_t>(random());
    if (round % 2 == 0) {  // near the range of f16, where uniform bits seldom fall
      bits = (bits & 0x807FFFFFu) | ((100u + static_cast<std::uint32_t>(random() % 45)) << 23);
    }
    check(bits);
  }
  // Every tie of the format, and its neighbours on both sides.
  for (std::uint32_t pattern = 0; pattern + 1 < format.infinity(); ++pattern) {
    const double middle = (format.value(static_cast<std::uint16_t>(pattern)) +
                           format.value(static_cast<std::uint16_t>(pattern + 1))) /
                          2;
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(middle));
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      check(sign | bits);
      check(sign | (bits + 1));
      check(sign | (bits - (bits > 0 ? 1 : 0)));
    }
  }
  for (const std::uint32_t bits :
       {0u, 1u, 0x007FFFFFu, 0x00800000u, 0x7F7FFFFFu, 0x7F800000u, 0x7F800001u, 0x7FFFFFFFu,
        0xFFC00000u, 0x7F7F8000u, 0x7F7F7FFFu, 0x477FE000u, 0x477FEFFFu, 0x477FF000u, 0x33000000u,
        0x33000001u}) {
    check(bits);
    check(bits ^ 0x80000000u);
  }
}

INSTANTIATE_TEST_SUITE_P(formats, NarrowFloat,
                         ::testing::Values(Format{7, 8, f32_from_bf16, bf16_from_f32},
                                           Format{10, 5, f32_from_f16, f16_from_f32}),
                         [](const auto& entry) { return entry.index == 0 ? "bf16" : "f16"; });

static_assert(bf16_from_f32(1.0f) == 0x3F80 && f16_from_f32(1.0f) == 0x3C00);
static_assert(f32_from_bf16(0xC000) == -2.0f && f32_from_f16(0x0001) == 0x1p-24f);

}  // namespace
}  // namespace trinity
