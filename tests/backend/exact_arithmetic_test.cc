// The functions of the exact arithmetic: accurate where the definition says so, and in the stated
// order where an order is all that there is to say.
#include "backend/exact_arithmetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "backend/exact_accuracy.h"
#include "backend/op_inputs.h"

namespace trinity::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

TEST(ExactArithmetic, ExpIsWithinTwoUlpOverItsRange) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  EXPECT_LE(worst_exp_error(509), 1.0L) << "0.87 when it was written; the definition allows 2";
}

TEST(ExactArithmetic, ExpAtTheBordersOfItsRange) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  EXPECT_EQ(backend::exact::exp_nonpositive(0.0f), 1.0f);
  EXPECT_EQ(backend::exact::exp_nonpositive(-0.0f), 1.0f);
  EXPECT_EQ(backend::exact::exp_nonpositive(-1e-45f), 1.0f);
  EXPECT_EQ(bits_of(backend::exact::exp_nonpositive(-kInfinity)), 0u);
  EXPECT_EQ(bits_of(backend::exact::exp_nonpositive(-104.0f)), 0u);
  EXPECT_EQ(bits_of(backend::exact::exp_nonpositive(
                std::nextafterf(backend::exact::kExpLowest, -kInfinity))),
            0u);
  EXPECT_TRUE(std::isnan(backend::exact::exp_nonpositive(kNan)));
  // The least result, the least normal one, and where the rounded exponent steps.
  std::vector<float> borders = {backend::exact::kExpLowest, -103.2789f, -87.336544f, -88.0f, -0.5f};
  for (int n = 1; n <= 150; ++n)
    borders.push_back(static_cast<float>(-(n - 0.5) * 0.69314718055994531));
  for (const float border : borders) {
    float z = border;
    for (int i = 0; i < 50; ++i) z = std::nextafterf(z, 0);
    for (int i = 0; i < 100; ++i, z = std::nextafterf(z, -kInfinity))
      EXPECT_LE(exp_error(z), 2.0L) << z;
  }
  EXPECT_GT(backend::exact::exp_nonpositive(-103.97f), 0.0f);
}

TEST(ExactArithmetic, SiluIsAccurate) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  prove::InputStream inputs(3);
  for (const float deviation : {1e-3f, 1.0f, 10.0f, 60.0f}) {
    for (const float z : inputs.normal(20000, deviation)) {
      const float u = 1.5f;
      const long double wide = z;
      const long double want = wide / (1 + std::exp(-wide)) * static_cast<long double>(u);
      const float got = backend::exact::silu_mul(z, u);
      // exp errs by 2 units, each of four more roundings by half of one; where e^z is subnormal, by
      // half of the least number, which z and u scale.
      const long double limit = 5 * std::fabs(want) * 0x1p-23L + std::fabs(wide) * 0x1.8p-149L;
      ASSERT_LE(std::fabs(static_cast<long double>(got) - want), limit) << z;
    }
  }
  EXPECT_EQ(bits_of(backend::exact::silu_mul(0.0f, 3.0f)), 0u);
  EXPECT_EQ(backend::exact::silu_mul(200.0f, 2.0f), 400.0f);
  EXPECT_EQ(std::fabs(backend::exact::silu_mul(-200.0f, 2.0f)), 0.0f);
  EXPECT_EQ(backend::exact::silu_mul(kInfinity, 1.0f), kInfinity);
  EXPECT_TRUE(std::isnan(backend::exact::silu_mul(kNan, 1.0f)));
}

/// The sums as the table of the definition has them: every sixteenth value, then the tree written
/// out.
template <typename Step>
float sum_by_columns(const std::vector<float>& v, const Step& step) {
  float p[16];
  for (size_t j = 0; j < 16; ++j) {
    p[j] = 0;
    for (size_t i = j; i < v.size(); i += 16) p[j] = step(p[j], v[i]);
  }
  const float a = (p[0] + p[8]) + (p[4] + p[12]), b = (p[2] + p[10]) + (p[6] + p[14]);
  const float c = (p[1] + p[9]) + (p[5] + p[13]), d = (p[3] + p[11]) + (p[7] + p[15]);
  return (a + b) + (c + d);
}

TEST(ExactArithmetic, RowSumsAddSixteenColumnsAndThenTheTree) {
  prove::InputStream inputs(5);
  int differs_from_plain = 0;
  for (int64_t n = 0; n <= 300; ++n) {
    const auto v = inputs.normal(n, 100);
    const auto size = static_cast<int64_t>(v.size());
    const float plain = std::accumulate(v.begin(), v.end(), 0.0f);
    const float sum = backend::exact::row_sum(v.data(), size);
    EXPECT_EQ(bits_of(sum), bits_of(sum_by_columns(v, [](float p, float x) { return p + x; })))
        << n;
    EXPECT_EQ(bits_of(backend::exact::row_sum_of_squares(v.data(), size)),
              bits_of(sum_by_columns(v, [](float p, float x) { return std::fma(x, x, p); })))
        << n;
    differs_from_plain += sum != plain;
  }
  EXPECT_GT(differs_from_plain, 100) << "the order does not show in these inputs";
}

TEST(ExactArithmetic, ProductsAddBlocksOf256Terms) {
  prove::InputStream inputs(6);
  for (const int64_t n : {0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 1024, 1025}) {
    const auto x = inputs.normal(n), w = inputs.normal(n);
    std::vector<float> blocks;
    for (int64_t k = 0; k < n; ++k) {
      if (k % 256 == 0) blocks.push_back(0);
      const auto at = static_cast<size_t>(k);
      blocks.back() = std::fma(x[at], w[at], blocks.back());
    }
    float want = blocks.empty() ? 0.0f : blocks.front();
    for (size_t b = 1; b < blocks.size(); ++b) want += blocks[b];
    EXPECT_EQ(bits_of(backend::exact::product(x.data(), w.data(), n)), bits_of(want)) << n;
  }
}

TEST(ExactArithmetic, TheNormFactorIsTheReciprocalRoot) {
  prove::InputStream inputs(7);
  for (const int64_t n : {1, 15, 16, 17, 128, 1000, 1024}) {
    const auto v = inputs.normal(n);
    double sum = 0;
    for (const float x : v) sum += double{x} * double{x};
    const double want = 1 / std::sqrt(sum / static_cast<double>(n) + 1e-6);
    EXPECT_NEAR(backend::exact::inverse_rms(v.data(), n, 1e-6f) / want, 1, 5e-7) << n;
  }
}

TEST(ExactArithmetic, Int8RowsUseAllStepsAndRoundHalfToEven) {
  const std::vector<float> v = {127, -127, 0.5f, 1.5f, -2.5f, 3.49f, 0};
  const backend::exact::Int8Scale scale =
      backend::exact::int8_scale(v.data(), static_cast<int64_t>(v.size()));
  EXPECT_EQ(scale.scale, 1.0f);
  std::vector<int> rounded;
  for (const float x : v) rounded.push_back(backend::exact::to_int8(x, scale.inverse));
  EXPECT_EQ(rounded, (std::vector<int>{127, -127, 0, 2, -2, 3, 0}));
}

TEST(ExactArithmetic, Int8StaysInRangeForEveryRow) {
  prove::InputStream inputs(8);
  for (int i = 0; i < 3000; ++i) {
    auto v = inputs.normal(5, std::ldexp(1.0f, static_cast<int>(inputs.integer(-140, 120))));
    const backend::exact::Int8Scale scale = backend::exact::int8_scale(v.data(), 5);
    int largest = 0;
    for (const float x : v) {
      ASSERT_LE(std::fabs(std::nearbyint(x * scale.inverse)), 127.0f);
      largest = std::max(largest, std::abs(int{backend::exact::to_int8(x, scale.inverse)}));
    }
    EXPECT_EQ(largest, scale.inverse == 0 ? 0 : 127);
  }
}

TEST(ExactArithmetic, Int8RowsThatVanishOrAreNoNumbers) {
  for (const float tiny : {0.0f, -0.0f, 1e-45f, 3e-38f}) {
    const backend::exact::Int8Scale scale = backend::exact::int8_scale(&tiny, 1);
    EXPECT_TRUE(scale.inverse == 0 ? scale.scale == 0
                                   : backend::exact::to_int8(tiny, scale.inverse) == 127)
        << tiny;
  }
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    const float v[] = {1, bad, 1e30f};
    const backend::exact::Int8Scale scale = backend::exact::int8_scale(v, 3);
    EXPECT_TRUE(std::isnan(scale.scale));
    EXPECT_EQ(backend::exact::to_int8(bad, scale.inverse), 0);
  }
  static_assert(int64_t{127} * 127 * backend::exact::kInt8MaxTerms <=
                std::numeric_limits<int32_t>::max());
}

}  // namespace
}  // namespace trinity::testing
