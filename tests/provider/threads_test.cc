// Members under many threads at once, in real time and over real sockets: every call ends once or
// was cancelled, and nothing is left behind.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "fake_upstream.h"
#include "provider/pool.h"

namespace trinity::provider {
namespace {

using std::chrono::milliseconds;
using testing::FakeUpstream;

struct Tally {
  std::atomic<int> answered{0}, failed{0}, cancelled{0}, twice{0};
};

/// `threads` threads with `calls` calls each, every third of which is cancelled at some moment.
void press(Member& member, int threads, int calls, Tally& tally) {
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&member, &tally, calls, t] {
      for (int i = 0; i < calls; ++i) {
        struct Ending {
          std::atomic<int> ends{0};
          std::atomic<bool> answered{false};
        };
        const auto ending = std::make_shared<Ending>();
        MemberRequest request;
        request.request.messages = {{"user", {{chat::Part::Kind::text, "hello"}}}};
        request.request.stream = i % 2 == 0;
        request.client = std::to_string(t);
        MemberReceiver receiver;
        receiver.done = [ending](chat::ChatReply) {
          ending->answered = true;
          ++ending->ends;
        };
        receiver.failed = [ending](Failure) { ++ending->ends; };
        auto call = member.call(std::move(request), std::move(receiver));
        if (i % 3 == 0) {
          if (i % 2 == 0) std::this_thread::yield();
          call->cancel();
          call.reset();
          const int ends = ending->ends;
          if (ends == 0) ++tally.cancelled;
          if (ends > 1) ++tally.twice;
          if (ends == 1) ++(ending->answered ? tally.answered : tally.failed);
          continue;
        }
        while (ending->ends == 0) std::this_thread::sleep_for(milliseconds(1));
        call.reset();
        if (ending->ends > 1) ++tally.twice;
        ++(ending->answered ? tally.answered : tally.failed);
      }
    });
  for (std::thread& worker : workers) worker.join();
}

TEST(MembersAtOnce, ScriptedOnesInAGuard) {
  const auto timers = thread_timers();
  GuardOptions options;
  options.name = "m";
  options.max_parallel = 3;
  options.max_waiting = 1'000;
  options.delays.base_delay = milliseconds(1);
  options.breaker.failures = 0;
  GuardedMember member(std::make_unique<ScriptedMember>(
                           "m",
                           std::vector<ScriptedStep>{ScriptedStep::says("a text in several pieces"),
                                                     ScriptedStep::fails(FailureClass::http),
                                                     ScriptedStep::says("late", milliseconds(1)),
                                                     ScriptedStep::fails(FailureClass::rejected)},
                           timers),
                       options, timers);
  Tally tally;
  press(member, 6, 40, tally);
  EXPECT_EQ(tally.twice, 0);
  EXPECT_EQ(tally.answered + tally.failed + tally.cancelled, 6 * 40);
  const MemberHealth health = member.health();
  EXPECT_EQ(health.calls, 6u * 40);
  EXPECT_EQ(health.in_flight, 0u);
  EXPECT_EQ(health.waiting, 0u);
}

TEST(MembersAtOnce, OnesOverHttp) {
  FakeUpstream upstream(FakeUpstream::says(
      200, R"({"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,
              "message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]})"));
  PoolConfig config;
  config.members.resize(1);
  config.members[0].name = config.members[0].model = "m";
  config.members[0].url = *net::parse_url(upstream.url());
  config.members[0].max_parallel = 4;
  config.members[0].max_waiting = 1'000;
  config.other_slots = "m";
  Tally tally;
  {
    const auto pool = Pool::open(config);
    ASSERT_TRUE(pool) << pool.error().message;
    press(*pool->at_slot(0)->member, 4, 25, tally);
    EXPECT_EQ(pool->at_slot(0)->member->health().in_flight, 0u);
  }
  EXPECT_EQ(tally.twice, 0);
  EXPECT_EQ(tally.failed, 0);
  EXPECT_EQ(tally.answered + tally.cancelled, 4 * 25);
}

TEST(MembersAtOnce, AlarmsOfATimerThatEnds) {
  std::atomic<int> rung{0};
  {
    const auto timers = thread_timers();
    for (int i = 0; i < 100; ++i) timers->after(milliseconds(i % 3), [&rung] { ++rung; });
    const std::uint64_t never = timers->after(milliseconds(1), [&rung] { rung = 1'000; });
    timers->cancel(never);
    timers->after(milliseconds(3'600'000), [&rung] { rung = 2'000; });
    while (rung < 100) std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(rung, 100);
  // The last owner is an alarm of the timer itself.
  auto own = thread_timers();
  Timers* timers = own.get();
  std::atomic<bool> ended{false};
  timers->after(milliseconds(0), [own = std::move(own), &ended]() mutable {
    own.reset();
    ended = true;
  });
  while (!ended) std::this_thread::sleep_for(milliseconds(1));
}

TEST(MembersAtOnce, ANewAlarmIsNotLateBehindALaterOneNorBehindOneThatIsGone) {
  const auto timers = thread_timers();
  constexpr milliseconds hour{3'600'000};
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t later = timers->after(hour, [] {});
    if (round % 2 == 0) timers->cancel(later);
    if (round % 3 == 0) std::this_thread::yield();
    std::promise<void> rung;
    timers->after(milliseconds(round % 2), [&rung] { rung.set_value(); });
    ASSERT_EQ(rung.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
    if (round % 2 == 1) timers->cancel(later);
  }
}

}  // namespace
}  // namespace trinity::provider
