// When to try again.
#include "net/retry.h"

#include <gtest/gtest.h>

namespace trinity::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Retry, DelaysDoubleUpToALimit) {
  RetryPolicy policy;
  policy.base_delay = milliseconds(100);
  policy.max_delay = milliseconds(450);
  policy.jitter = 0;
  std::vector<milliseconds> delays;
  for (int failures = 1; failures <= 5; ++failures)
    delays.push_back(*retry_delay(policy, failures, std::nullopt, 0.9));
  EXPECT_EQ(delays,
            (std::vector<milliseconds>{milliseconds(100), milliseconds(200), milliseconds(400),
                                       milliseconds(450), milliseconds(450)}));
}

TEST(Retry, JitterOnlyShortens) {
  RetryPolicy policy;
  for (int i = 0; i <= 10; ++i) {
    const auto delay = *retry_delay(policy, 3, std::nullopt, i / 10.0);
    EXPECT_LE(delay, milliseconds(4000));
    EXPECT_GE(delay, milliseconds(3000));
  }
}

TEST(Retry, TheServerSaysWhenUpToALimit) {
  const RetryPolicy policy;
  EXPECT_EQ(*retry_delay(policy, 1, seconds(7), 0.5), milliseconds(7000));
  EXPECT_FALSE(retry_delay(policy, 1, seconds(86'400), 0.5));
}

}  // namespace
}  // namespace trinity::net
