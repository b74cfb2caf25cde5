// Stretched rotary embeddings. Expected numbers were computed with 60 digits (mpmath) from the
// formulas of transformers' modeling_rope_utils.py and rounded to f32; the library's own f32
// arithmetic differs from them by at most one unit in the last place.
#include "backend/rope_scaling.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/every_lane.h"
#include "backend/op_inputs.h"
#include "backend/rope_angles.h"

namespace trinity::testing {
namespace {

backend::Rope yarn(double theta, double factor, double original) {
  backend::Rope rope(theta);
  rope.scaling = backend::RopeScaling::yarn;
  rope.factor = factor;
  rope.original_positions = original;
  rope.attention_factor = backend::yarn_attention_factor(factor);
  return rope;
}

struct Expected {
  size_t index;
  float frequency;
};

void expect_frequencies(int64_t head_dim, const backend::Rope& rope,
                        const std::vector<Expected>& expected) {
  const std::vector<float> got = backend::rope_frequencies(head_dim, rope);
  ASSERT_EQ(static_cast<int64_t>(got.size()), head_dim / 2);
  for (const Expected& one : expected)
    EXPECT_EQ(got[one.index], one.frequency) << "dimension " << one.index;
}

TEST(RopeScaling, YarnAsTheModelCardOfQwen3AsksForIt) {
  // The ramp goes from dimension 23 to 40: before it nothing changes, after it all is divided by 4.
  const backend::Rope rope = yarn(1e6, 4, 32768);
  expect_frequencies(128, rope,
                     {{0, 1.0f},
                      {1, 0x1.9c9758p-1f},
                      {23, 0x1.c9548cp-8f},
                      {24, 0x1.6046eep-8f},
                      {25, 0x1.0ec710p-8f},
                      {30, 0x1.17040ep-10f},
                      {39, 0x1.103a14p-14f},
                      {40, 0x1.74eea6p-15f},
                      {41, 0x1.2c8646p-15f},
                      {63, 0x1.4d1c98p-22f}});
  const auto plain = backend::rope_frequencies(128, 1e6),
             stretched = backend::rope_frequencies(128, rope);
  for (size_t i = 0; i < 64; ++i) {
    if (i <= 23) {
      EXPECT_EQ(stretched[i], plain[i]) << i;
    }
    if (i >= 40) {
      EXPECT_EQ(stretched[i], plain[i] / 4) << i;
    }
  }
}

TEST(RopeScaling, YarnWithEveryNumberStated) {
  backend::Rope rope = yarn(1e4, 2.5, 512);
  rope.beta_fast = 16;
  rope.beta_slow = 2;
  rope.truncate = false;  // the ramp goes from 1.41394 to 3.22012
  expect_frequencies(16, rope,
                     {{0, 1.0f},
                      {1, 0x1.43d136p-2f},
                      {2, 0x1.49db6ap-4f},
                      {3, 0x1.ea41acp-7f},
                      {4, 0x1.0624dep-8f},
                      {5, 0x1.4b96bep-10f},
                      {6, 0x1.a36e2ep-12f},
                      {7, 0x1.094566p-13f}});
}

TEST(RopeScaling, YarnOfAContextShorterThanOneTurnBeginsAtDimensionNought) {
  expect_frequencies(16, yarn(1e6, 4, 40),
                     {{0, 1.0f},
                      {1, 0x1.c73d52p-4f},
                      {2, 0x1.030dc4p-7f},
                      {3, 0x1.708938p-10f},
                      {7, 0x1.796182p-20f}});
}

TEST(RopeScaling, Llama3KeepsShortWavesAndMixesTheMiddle) {
  backend::Rope rope(5e5);
  rope.scaling = backend::RopeScaling::llama3;
  rope.factor = 8;
  rope.original_positions = 8192;
  rope.low_freq_factor = 1;
  rope.high_freq_factor = 4;
  expect_frequencies(64, rope,
                     {{0, 1.0f},
                      {1, 0x1.53c38ap-1f},
                      {14, 0x1.a4ee40p-9f},
                      {15, 0x1.67a238p-10f},
                      {16, 0x1.132ba8p-11f},
                      {17, 0x1.765ba6p-13f},
                      {18, 0x1.46831ap-14f},
                      {19, 0x1.b15902p-15f},
                      {20, 0x1.1f91f0p-15f},
                      {31, 0x1.948360p-22f}});
}

TEST(RopeScaling, LinearDividesEveryFrequency) {
  backend::Rope rope(1e4);
  rope.scaling = backend::RopeScaling::linear;
  rope.factor = 3;
  expect_frequencies(64, rope,
                     {{0, 0x1.555556p-2f},
                      {1, 0x1.ffed84p-3f},
                      {7, 0x1.6c23e8p-5f},
                      {16, 0x1.b4e81cp-9f},
                      {31, 0x1.74e12ep-15f}});
}

TEST(RopeScaling, AttentionFactorsOfYarn) {
  EXPECT_EQ(backend::yarn_attention_factor(4), 0x1.237d37fe5d298p+0);  // 0.1 ln 4 + 1
  EXPECT_EQ(backend::yarn_attention_factor(1), 1.0);
  EXPECT_EQ(static_cast<float>(backend::yarn_attention_factor(2.5)), 0x1.1775p+0f);
  EXPECT_EQ(static_cast<float>(backend::yarn_attention_factor(40, 0.707, 1)), 0x1.d792dep-1f);
  EXPECT_EQ(backend::yarn_attention_factor(4, 0.707, 0), backend::yarn_attention_factor(4))
      << "one alone counts not";
}

TEST(RopeScaling, LogarithmsAndPowersAreTheNearestNumbers) {
  EXPECT_EQ(backend::portable_log(1), 0);
  EXPECT_EQ(backend::portable_log(2), 0x1.62e42fefa39efp-1);
  EXPECT_EQ(backend::portable_log(10), 0x1.26bb1bbb55516p+1);
  EXPECT_EQ(backend::portable_log(1e6), 0x1.ba18a998fffa0p+3);
  EXPECT_EQ(backend::portable_log(0.5), -0x1.62e42fefa39efp-1);
  EXPECT_EQ(backend::portable_log(1.0000001), 0x1.ad7f2847b6492p-24);
  EXPECT_EQ(backend::portable_log(1e-300), -0x1.5963447f87fb5p+9);
  EXPECT_EQ(backend::portable_log(3.7e300), 0x1.5a0abbf2b0528p+9);
  EXPECT_EQ(backend::portable_exp(0), 1);
  EXPECT_EQ(backend::portable_exp(1), 0x1.5bf0a8b145769p+1);
  EXPECT_EQ(backend::portable_exp(-13.815510557964274), 0x1.0c6f7a0b5ed8fp-20);
  EXPECT_EQ(backend::portable_exp(0.3), 0x1.599058c8c1a96p+0);
  EXPECT_EQ(backend::portable_exp(700), 0x1.d945df4f8ec8ep+1009);
  EXPECT_EQ(backend::portable_exp(-690), 0x1.745367beacec7p-996);
  EXPECT_EQ(backend::portable_exp(1e-9), 0x1.000000044b830p+0);
}

class ScaledRotation : public ::testing::TestWithParam<std::string> {};

TEST_P(ScaledRotation, EveryBackendTurnsAndStretchesByTheFactor) {
  Result<std::unique_ptr<backend::Backend>> made = backend::create_backend(GetParam(), {1});
  if (!made) GTEST_SKIP() << made.error().message;
  backend::Backend& backend = **made;
  const int64_t head_dim = 16, half = head_dim / 2;
  const backend::Rope rope = yarn(1e6, 4, 512);
  const std::vector<int64_t> positions = {0, 1, 700, 2047};
  const auto rows = static_cast<int64_t>(positions.size());
  prove::InputStream inputs(5);
  const std::vector<float> x = inputs.normal(rows * head_dim, 1);
  const std::vector<float> got = take(backend.download(
      take(backend.rope(take(backend.upload(x, rows, head_dim)), positions, head_dim, rope))));
  const std::vector<float> frequencies = backend::rope_frequencies(head_dim, rope);
  // bf16 keeps eight bits of a number.
  const bool exact = backend.info().exactness != backend::Exactness::decision_stable &&
                     GetParam().find("bf16") == std::string::npos;
  const double tolerance = exact ? 1e-6 : 0.05;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<float>(positions[static_cast<size_t>(r)]) *
                           frequencies[static_cast<size_t>(i)];
      const double a = x[static_cast<size_t>(r * head_dim + i)];
      const double b = x[static_cast<size_t>(r * head_dim + half + i)];
      EXPECT_NEAR(got[static_cast<size_t>(r * head_dim + i)],
                  (a * std::cos(angle) - b * std::sin(angle)) * 1.138629436111989, tolerance)
          << r << " " << i;
      EXPECT_NEAR(got[static_cast<size_t>(r * head_dim + half + i)],
                  (b * std::cos(angle) + a * std::sin(angle)) * 1.138629436111989, tolerance)
          << r << " " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Lanes, ScaledRotation, ::testing::ValuesIn(every_lane()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
