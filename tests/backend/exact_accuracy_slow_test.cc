// The accuracy of the exact lanes' functions on far more arguments: every position that a Qwen3
// model has, and every thirteenth argument of the exponential.
#include "backend/exact_accuracy.h"
#include "backend/rope_angles.h"

namespace trinity::testing {
namespace {

TEST(ExactAccuracy, EveryRotationOfAModelIsTheNearestNumber) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  int64_t by_series = 0;
  for (const double theta : {1e6, 1e4})
    for (const float frequency : backend::rope_frequencies(128, theta))
      for (int64_t position = 0; position < 40960; ++position) {
        const float angle = backend::rope_angle(position, frequency);
        const backend::CosSin got = backend::rope_cos_sin(angle);
        const long double x = angle;
        ASSERT_TRUE(correctly_rounded(got.cosine, std::cos(x))) << "cos " << angle;
        ASSERT_TRUE(correctly_rounded(got.sine, std::sin(x))) << "sin " << angle;
        if (position % 64 != 0) continue;
        const backend::CosSin again = backend::rope_cos_sin_by_series(angle);
        ASSERT_EQ(got.cosine, again.cosine) << angle;
        ASSERT_EQ(got.sine, again.sine) << angle;
        ++by_series;
      }
  EXPECT_EQ(by_series, 2 * 64 * 640);
}

TEST(ExactAccuracy, ExpIsWithinTwoUlp) {
  TRINITY_REQUIRE_LONG_DOUBLE();
  const long double worst = worst_exp_error(13);
  EXPECT_LE(worst, 2.0L);
  RecordProperty("worst_ulp", std::to_string(worst));
}

}  // namespace
}  // namespace trinity::testing
