// Frequencies, cosines and sines of the rotation are the f32 numbers nearest to the truth.
#include "backend/rope_angles.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "backend/exact_accuracy.h"
#include "backend/op_inputs.h"

namespace trinity::testing {
namespace {

constexpr double kThetas[] = {1e6, 1e4, 12345.5, 5e5, 2.0, 1.0, 0.25, 3.7e9, 1e300};

bool same_bits(const backend::CosSin& a, const backend::CosSin& b) {
  return std::bit_cast<uint32_t>(a.cosine) == std::bit_cast<uint32_t>(b.cosine) &&
         std::bit_cast<uint32_t>(a.sine) == std::bit_cast<uint32_t>(b.sine);
}

void expect_nearest(float angle) {
  const backend::CosSin got = backend::rope_cos_sin(angle);
  const long double x = angle;
  ASSERT_TRUE(correctly_rounded(got.cosine, std::cos(x))) << "cos " << angle;
  ASSERT_TRUE(correctly_rounded(got.sine, std::sin(x))) << "sin " << angle;
}

/// Any float of magnitude up to 2^exponent, small ones as often as large ones.
float any_angle(prove::InputStream& inputs, int64_t exponent) {
  const auto scale = static_cast<int>(inputs.integer(-40, exponent - 1));
  const auto digits = static_cast<float>(inputs.integer(1 << 23, (1 << 24) - 1));
  return std::ldexp(inputs.integer(0, 1) == 0 ? digits : -digits, scale - 23);
}

TEST(RopeAngles, FrequenciesAreTheNearestNumbers) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  for (const double theta : kThetas)
    for (const int64_t head_dim : {2, 6, 14, 16, 22, 64, 96, 128, 256}) {
      const auto frequencies = backend::rope_frequencies(head_dim, theta);
      ASSERT_EQ(static_cast<int64_t>(frequencies.size()), head_dim / 2);
      EXPECT_EQ(frequencies.front(), 1.0f);
      for (int64_t i = 0; i < head_dim / 2; ++i) {
        const long double exponent =
            -2 * static_cast<long double>(i) / static_cast<long double>(head_dim);
        const long double truth = std::pow(static_cast<long double>(theta), exponent);
        EXPECT_TRUE(correctly_rounded(frequencies[static_cast<size_t>(i)], truth))
            << theta << " " << head_dim << " " << i;
      }
    }
}

TEST(RopeAngles, RootsThatAreExactAreExact) {
  EXPECT_EQ(backend::rope_frequencies(8, 16.0), (std::vector<float>{1, 0.5f, 0.25f, 0.125f}));
  EXPECT_EQ(backend::rope_frequencies(4, 0.0625), (std::vector<float>{1, 4}));
  EXPECT_TRUE(backend::rope_frequencies(0, 1e6).empty());
}

TEST(RopeAngles, CosinesAndSinesAreTheNearestNumbers) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  prove::InputStream inputs(11);
  for (int i = 0; i < 200000; ++i) expect_nearest(any_angle(inputs, 16));
  for (int i = 0; i < 50000; ++i) expect_nearest(any_angle(inputs, 40));
  for (const float angle : {0.0f, 1.0f, 0x1p-12f, 0x1p-13f, 1.5707964f, 3.1415927f, 40959.0f})
    expect_nearest(angle);
}

TEST(RopeAngles, TheSeriesGivesTheSameNumbers) {
  prove::InputStream inputs(12);
  for (int i = 0; i < 100000; ++i) {
    const float angle = any_angle(inputs, 40);
    ASSERT_TRUE(same_bits(backend::rope_cos_sin(angle), backend::rope_cos_sin_by_series(angle)))
        << angle;
  }
  EXPECT_TRUE(same_bits(backend::rope_cos_sin_by_series(0), {1, 0}));
}

/// cos(2^-12) lies 2^-53 above the middle between two f32 numbers, closer than a double tells. So
/// do the cosines of two other angles, found by a search from 0.5 to 64. Next to multiples of π/2
/// most digits cancel.
TEST(RopeAngles, HardAnglesAreDecided) {
  EXPECT_EQ(backend::rope_cos_sin(0x1p-12f).cosine, 1.0f);
  EXPECT_EQ(backend::rope_cos_sin(std::nextafterf(0x1p-12f, 1)).cosine, 1 - 0x1p-24f);
  TRINITY_REQUIRE_LONG_DOUBLE();
  const auto expect_both = [](float angle) {
    expect_nearest(angle);
    EXPECT_TRUE(same_bits(backend::rope_cos_sin(angle), backend::rope_cos_sin_by_series(angle)))
        << angle;
  };
  for (const float angle : {0x1p-12f, 0x1.6f1b7p+5f, 0x1.8f219cp+5f}) {
    const double cosine = std::cos(double{angle});
    EXPECT_NE(static_cast<float>(cosine * (1 - 0x1p-50)),
              static_cast<float>(cosine * (1 + 0x1p-50)))
        << angle << " is not hard";
    expect_both(angle);
  }
  for (int n = 1; n < 60000; n += 7) {
    auto angle = static_cast<float>(n * 1.5707963267948966);
    for (int i = 0; i < 3; ++i, angle = std::nextafterf(angle, 0)) expect_both(angle);
  }
}

TEST(RopeAngles, CosineIsEvenAndSineIsOdd) {
  prove::InputStream inputs(13);
  for (int i = 0; i < 2000; ++i) {
    const float angle = any_angle(inputs, 30);
    const backend::CosSin turn = backend::rope_cos_sin_by_series(angle),
                          back = backend::rope_cos_sin_by_series(-angle);
    ASSERT_TRUE(same_bits({turn.cosine, -turn.sine}, back)) << angle;
  }
}

TEST(RopeAngles, NoNumberHasNoAngle) {
  for (const float bad : {std::numeric_limits<float>::infinity(), NAN}) {
    EXPECT_TRUE(std::isnan(backend::rope_cos_sin(bad).cosine));
    EXPECT_TRUE(std::isnan(backend::rope_cos_sin(bad).sine));
  }
}

}  // namespace
}  // namespace trinity::testing
