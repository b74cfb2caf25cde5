// Plugins under many threads: identical bits, one load, and nothing left behind.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "backend/plugin_lanes.h"
#include "backend/plugin_variants.h"
#include "backend_plugin/plugin_library.h"
#include "router/router_support.h"

namespace trinity::testing {
namespace {

constexpr int kThreads = 16;
constexpr int kIterations = 100;

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

TEST(PluginThreads, LoadingAtOnceGivesOnePlugin) {
  std::vector<std::shared_ptr<const plugin::LoadedPlugin>> loaded(kThreads);
  std::atomic<int> refused = 0;
  on_all_threads([&](int t) {
    loaded[static_cast<size_t>(t)] = take(plugin::load_plugin(plugin_path("plugin_bare")));
    if (!plugin::load_plugin(plugin_path("plugin_fault_wrong_magic"))) ++refused;
  });
  for (const auto& one : loaded) EXPECT_EQ(one, loaded.front());
  EXPECT_EQ(refused, kThreads);
}

class PluginRoutes : public ::testing::TestWithParam<std::string> {};

/// 16 threads, 100 routes each: the bits of every answer are those it has alone, whichever requests
/// were computed together and whatever the prefix cache held.
TEST_P(PluginRoutes, SixteenThreadsOfAHundredRoutesAreBitIdentical) {
  const auto router = load(small_options(GetParam()));
  std::vector<RouterQuery> queries;
  for (int i = 0; i < 11; ++i)
    queries.push_back(Conversation{
        {"user", std::string("Question ") + std::string(static_cast<size_t>(1 + 9 * i), 'a')},
        {"assistant", "An answer."},
        {"user", fmt::format("And number {}?", i)}});
  std::vector<std::string> alone;
  for (const RouterQuery& query : queries) alone.push_back(fingerprint(router->route(query)));
  std::atomic<int> wrong = 0;
  on_all_threads([&](int t) {
    for (int i = 0; i < kIterations; ++i) {
      const auto at = static_cast<size_t>(t * 5 + i) % queries.size();
      InputOptions input;
      input.prefix_cache = i % 3 != 0;
      if (fingerprint(router->route(queries[at], input)) != alone[at]) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

INSTANTIATE_TEST_SUITE_P(Plugins, PluginRoutes, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

TEST(PluginThreads, RoutersThatComeAndGoOnManyThreadsLeaveNothingBehind) {
  const auto path = take(plugin::load_plugin(plugin_path("plugin_fused")))->path;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  const auto count_live = reinterpret_cast<CountLive*>(dlsym(library, kCountLive));
  ASSERT_NE(count_live, nullptr);
  small_model();
  std::atomic<int> wrong = 0;
  const std::string want =
      fingerprint(load(small_options(plugin_lane("plugin_fused")))->route(std::string("Hi there")));
  EXPECT_EQ(count_live(), 0u);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 3; ++i) {
        const auto router = load(small_options(plugin_lane("plugin_fused")));
        if (fingerprint(router->route(std::string("Hi there"))) != want) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(count_live(), 0u);
}

}  // namespace
}  // namespace trinity::testing
