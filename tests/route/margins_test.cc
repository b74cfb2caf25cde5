#include "route/margins.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace trinity {
namespace {

TEST(LogitMargin, OneLogitHasNoDistanceAndNoneHasNoMargin) {
  EXPECT_EQ(route::logit_margin(std::vector<float>{}), std::nullopt);
  EXPECT_EQ(route::logit_margin(std::vector<float>{-3.0f}), 0.0);
  EXPECT_EQ(route::logit_margin(std::vector<float>{2.0f, 2.0f}), 0.0);
}

TEST(LogitMargin, SubtractsInDouble) {
  // In f32 this difference would round.
  EXPECT_EQ(route::logit_margin(std::vector<float>{16777216.0f, 0.5f}), 16777215.5);
}

TEST(LogitMargin, MaskedLogitsGiveNoNaN) {
  const float masked = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(route::logit_margin(std::vector<float>{masked, masked}), 0.0);
  EXPECT_EQ(route::logit_margin(std::vector<float>{1.0f, masked}),
            std::numeric_limits<double>::infinity());
}

TEST(LogitMargin, IsTheDifferenceOfTheTwoLargest) {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::vector<float> logits(2 + random() % 9);
    for (float& logit : logits)
      logit = static_cast<float>(static_cast<int>(random() % 41) - 20) / 8;
    auto sorted = logits;
    std::sort(sorted.begin(), sorted.end());
    const double expected = static_cast<double>(sorted[sorted.size() - 1]) -
                            static_cast<double>(sorted[sorted.size() - 2]);
    EXPECT_EQ(route::logit_margin(logits), expected);
  }
}

TEST(LogitMargin, SplitsAgentsAndRoles) {
  const std::vector<float> logits = {1.0f, 4.0f, 2.0f, 7.0f, 6.5f};
  const Margins margins = route::logit_margins(logits, 3);
  EXPECT_EQ(margins.agent, 2.0);
  EXPECT_EQ(margins.role, 0.5);
  const Margins none = route::logit_margins({}, 3);
  EXPECT_EQ(none.agent, std::nullopt);
  EXPECT_EQ(none.role, std::nullopt);
  EXPECT_EQ(route::logit_margins(logits, 5).role, std::nullopt);
}

}  // namespace
}  // namespace trinity
