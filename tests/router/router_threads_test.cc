// One router, many threads: every answer has the bits that it has alone, or what its lane is held
// to on this machine.
//
// The compute thread runs single-threaded here, so that a thread sanitizer sees every access (it
// cannot look into an uninstrumented OpenMP runtime).
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "backend/plugin_lanes.h"
#include "router/router_support.h"

namespace trinity::testing {
namespace {

constexpr int kThreads = 16;
constexpr int kCalls = 50;

std::vector<RouterQuery> queries() {
  std::vector<RouterQuery> all;
  const std::string text = "user: Which of these should review the proof that I wrote yesterday?";
  for (size_t i = 0; i < 12; ++i) {
    if (i % 3 == 0) all.push_back(text.substr(0, 8 + 5 * i));  // prefixes of each other
    if (i % 3 == 1) all.push_back(Conversation{{"user", fmt::format("Question {}", i)}});
    if (i % 3 == 2) all.push_back(Ids(3 + i, static_cast<int32_t>(i)));
  }
  all.push_back(Ids{});            // refused
  all.push_back(Ids{100000});      // refused
  all.push_back(RawText{"\xff"});  // refused
  return all;
}

/// Runs body(thread) on all threads at once.
template <typename Body>
void on_all_threads(const Body& body) {
  std::atomic<int> waiting = kThreads;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      body(t);
    });
  for (std::thread& thread : threads) thread.join();
}

class RouterThreads : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto loaded = Router::load(small_options(GetParam()));
    if (!loaded && loaded.error().tag == "profile_unavailable")
      GTEST_SKIP() << "SKIPPED: " << loaded.error().message;
    router = std::make_unique<Router>(take(std::move(loaded)));
    for (const RouterQuery& query : all) alone.push_back(fingerprint(router->route(query), bits));
  }

  std::vector<RouterQuery> all = queries();
  const bool bits = held_to_bits(GetParam());
  std::unique_ptr<Router> router;
  std::vector<std::string> alone;
};

TEST_P(RouterThreads, SixteenThreadsGetIdenticalBits) {
  std::atomic<int> wrong = 0;
  on_all_threads([&](int t) {
    for (int call = 0; call < kCalls; ++call) {
      const auto i = static_cast<size_t>(t * 7 + call) % all.size();
      InputOptions input;
      input.prefix_cache = call % 4 != 0;
      input.full = call % 9 == 0;
      if (fingerprint(router->route(all[i], input), bits) != alone[i]) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(RouterThreads, BatchesAndSingleCallsMix) {
  std::atomic<int> wrong = 0;
  on_all_threads([&](int t) {
    for (int call = 0; call < 6; ++call) {
      if (t % 2 == 0) {
        const auto i = static_cast<size_t>(t + call) % all.size();
        if (fingerprint(router->route(all[i]), bits) != alone[i]) ++wrong;
        continue;
      }
      const auto decisions = router->route_batch(all);
      for (size_t i = 0; i < all.size(); ++i)
        if (fingerprint(decisions[i], bits) != alone[i]) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_P(RouterThreads, RoutersLoadedAtOnceAgree) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto own = Router::load(small_options(GetParam()));
      for (size_t i = 0; i < all.size(); ++i)
        if (!own || fingerprint(own->route(all[i]), bits) != alone[i]) ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Lanes, RouterThreads,
                         ::testing::Values("cpu_f32", "cpu_bf16", "cpu_int8", "reference",
                                           "reference_exact"),
                         [](const auto& lane) { return lane.param; });
INSTANTIATE_TEST_SUITE_P(Plugins, RouterThreads, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
