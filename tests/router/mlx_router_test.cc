// Routers on the MLX lanes: what many threads get is what one gets, up to the rounding of a lane
// whose bits depend on who is computed beside whom.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "router/router_support.h"

namespace trinity::testing {
namespace {

constexpr double kLogitTolerance = 1e-3;

std::vector<Conversation> conversations() {
  std::vector<Conversation> all;
  for (int i = 0; i < 6; ++i)
    all.push_back({{"user", fmt::format("Question {}: which of these comes next, and why?", i)}});
  all.push_back({{"user", "Question 2"}, {"assistant", "An answer."}, {"user", "And then?"}});
  return all;
}

bool same_decision(const Result<Decision>& got, const Result<Decision>& want) {
  if (!got || !want || got->agent_id != want->agent_id || got->role_id != want->role_id ||
      got->transcript_hash != want->transcript_hash)
    return false;
  for (size_t i = 0; i < want->logits.size(); ++i)
    if (!(std::abs(got->logits[i] - want->logits[i]) <= kLogitTolerance)) return false;
  return true;
}

class MlxRouter : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto loaded = Router::load(small_options(GetParam()));
    if (!loaded && loaded.error().tag == "profile_unavailable")
      GTEST_SKIP() << "SKIPPED: " << loaded.error().message;
    router = std::make_unique<Router>(take(std::move(loaded)));
    for (const Conversation& conversation : all)
      alone.push_back(router->route(conversation, {}, hashed()));
  }

  std::vector<Conversation> all = conversations();
  std::unique_ptr<Router> router;
  std::vector<Result<Decision>> alone;
};

TEST_P(MlxRouter, DecidesAsTheCpuLaneDoes) {
  const auto cpu = load(small_options("cpu_f32"));
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_TRUE(same_decision(alone[i], cpu->route(all[i], {}, hashed()))) << "conversation " << i;
}

TEST_P(MlxRouter, TwoThreadsOnOneRouter) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      for (size_t call = 0; call < 30; ++call) {
        const size_t i = (t * 3 + call) % all.size();
        InputOptions input;
        input.prefix_cache = call % 3 != 0;
        if (!same_decision(router->route(all[i], input, hashed()), alone[i])) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(MlxRouter, TwoThreadsWithARouterEach) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      const auto own = Router::load(small_options(GetParam()));
      for (size_t call = 0; call < all.size(); ++call) {
        const size_t i = (t + call) % all.size();
        if (!own || !same_decision(own->route(all[i], {}, hashed()), alone[i])) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Lanes, MlxRouter, ::testing::Values("mlx", "mlx_fast"),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
