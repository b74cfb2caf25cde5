#include "bundle/background_checks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <string>
#include <thread>

namespace trinity {
namespace {

bundle::BackgroundChecks::Check failing(const std::string& tag, int milliseconds) {
  return [tag, milliseconds]() -> Status {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    return fail(ErrorKind::invalid_input, tag, "it is not what it should be");
  };
}

TEST(BackgroundChecks, AreAllRunBeforeTheWaitIsOver) {
  std::atomic<int> done = 0;
  bundle::BackgroundChecks checks;
  EXPECT_TRUE(checks.wait());
  for (int i = 0; i < 100; ++i)
    checks.start([&done]() -> Status {
      ++done;
      return {};
    });
  EXPECT_TRUE(checks.wait());
  EXPECT_EQ(done, 100);
}

TEST(BackgroundChecks, TellOfTheFailureThatWasStartedFirst) {
  bundle::BackgroundChecks checks;
  checks.start([]() -> Status { return {}; });
  checks.start(failing("slow", 50));
  checks.start(failing("fast", 0));
  const Status status = checks.wait();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "slow");
  EXPECT_EQ(checks.wait().error().tag, "slow");
}

TEST(BackgroundChecks, WhatIsThrownIsAFailure) {
  bundle::BackgroundChecks checks;
  checks.start([]() -> Status { throw std::bad_alloc(); });
  const Status status = checks.wait();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "out_of_memory");
}

TEST(BackgroundChecks, MayBeLeftWithoutWaiting) {
  std::atomic<bool> alive = true;
  {
    bundle::BackgroundChecks checks;
    for (int i = 0; i < 20; ++i)
      checks.start([&alive]() -> Status {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(alive);
        return {};
      });
  }
  alive = false;
}

}  // namespace
}  // namespace trinity
