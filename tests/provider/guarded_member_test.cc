// Limits, deadlines, retries and rests around a member, with time that the test lets pass.
#include "provider/guarded_member.h"

#include <gtest/gtest.h>

#include "provider/scripted_member.h"

namespace trinity::provider {
namespace {

using std::chrono::milliseconds;

/// A member with a script in a guard, and what came of its calls.
struct Bench {
  explicit Bench(std::vector<ScriptedStep> script, GuardOptions options = {}, bool repeat = true) {
    options.name = "m";
    if (!options.random) options.random = [] { return 0.0; };
    auto member = std::make_unique<ScriptedMember>("m", std::move(script), timers, repeat);
    inner = member.get();
    guard.emplace(std::move(member), std::move(options), timers);
  }

  struct Call {
    std::unique_ptr<PendingCall> pending;
    std::optional<chat::ChatReply> reply;
    std::optional<Failure> failure;
    std::string streamed;
    int ends = 0;
  };

  Call& ask(std::string client = "", milliseconds deadline = {}, bool stream = false) {
    Call& call = *calls.emplace_back(std::make_unique<Call>());
    MemberRequest request;
    request.request.messages = {{"user", {{chat::Part::Kind::text, "hello"}}}};
    request.request.stream = stream;
    request.client = std::move(client);
    request.deadline = deadline;
    MemberReceiver receiver;
    receiver.delta = [&call](const chat::Delta& delta) { call.streamed += delta.text; };
    receiver.done = [&call](chat::ChatReply reply) {
      call.reply = std::move(reply);
      ++call.ends;
    };
    receiver.failed = [&call](Failure failure) {
      call.failure = std::move(failure);
      ++call.ends;
    };
    call.pending = guard->call(std::move(request), std::move(receiver));
    EXPECT_EQ(call.ends, 0) << "told before the call had returned";
    return call;
  }

  std::shared_ptr<ManualTimers> timers = std::make_shared<ManualTimers>();
  ScriptedMember* inner = nullptr;
  std::optional<GuardedMember> guard;
  std::vector<std::unique_ptr<Call>> calls;
};

ScriptedStep failing(FailureClass failure) { return ScriptedStep::fails(failure); }

TEST(GuardedMember, AnAnswerPassesWithItsCost) {
  GuardOptions options;
  options.price = Price{1'000'000, 2'000'000, {}};
  ScriptedStep step;
  chat::ChatReply& reply = step.reply.emplace();
  reply.message.content = {{chat::Part::Kind::text, "fine"}};
  reply.usage = chat::Usage{10, 5, 0, 0, false};
  Bench bench({step}, options);
  const auto& call = bench.ask();
  bench.timers->settle();
  ASSERT_TRUE(call.reply);
  EXPECT_EQ(call.reply->message.text(), "fine");
  const MemberHealth health = bench.guard->health();
  EXPECT_EQ(health.answered, 1u);
  EXPECT_EQ(health.cost_micro_usd, 20);
  EXPECT_TRUE(health.cost_known);
  EXPECT_EQ(health.in_flight, 0u);
  EXPECT_EQ(bench.timers->waiting(), 0u);  // its deadline does not linger
}

TEST(GuardedMember, WhoDoesNotSayWhatHeUsedIsEstimated) {
  ScriptedStep step;
  step.reply.emplace().message.content = {{chat::Part::Kind::text, "12345678"}};
  Bench bench({step});
  const auto& call = bench.ask();
  bench.timers->settle();
  ASSERT_TRUE(call.reply && call.reply->usage);
  EXPECT_TRUE(call.reply->usage->estimated);
  EXPECT_EQ(call.reply->usage->output, 2);
}

TEST(GuardedMember, RetriesWhereItHelps) {
  for (const FailureClass failure : {FailureClass::timeout, FailureClass::rate_limit,
                                     FailureClass::overloaded, FailureClass::http}) {
    Bench bench({failing(failure), failing(failure), ScriptedStep::says("at last")});
    const auto& call = bench.ask();
    bench.timers->settle();
    EXPECT_EQ(call.ends, 0);
    EXPECT_EQ(bench.inner->requests().size(), 1u);
    bench.timers->advance(milliseconds(499));
    EXPECT_EQ(bench.inner->requests().size(), 1u);
    bench.timers->advance(milliseconds(1));
    EXPECT_EQ(bench.inner->requests().size(), 2u);
    bench.timers->advance(milliseconds(1'000));
    ASSERT_TRUE(call.reply) << failure_class_name(failure);
    EXPECT_EQ(bench.guard->health().retries, 2u);
    EXPECT_EQ(bench.guard->health().failed(), 2u);
  }
}

TEST(GuardedMember, DoesNotRetryWhereItDoesNot) {
  for (const FailureClass failure :
       {FailureClass::credential, FailureClass::rejected, FailureClass::context_length,
        FailureClass::content_filter, FailureClass::unsupported, FailureClass::quota,
        FailureClass::invalid_response, FailureClass::adapter}) {
    Bench bench({failing(failure)});
    const auto& call = bench.ask();
    bench.timers->settle();
    ASSERT_TRUE(call.failure) << failure_class_name(failure);
    EXPECT_EQ(call.failure->failure, failure);
    EXPECT_EQ(bench.inner->requests().size(), 1u);
  }
}

TEST(GuardedMember, GivesUpAfterItsRetries) {
  Bench bench({failing(FailureClass::http)});
  const auto& call = bench.ask();
  bench.timers->advance(milliseconds(60'000));
  ASSERT_TRUE(call.failure);
  EXPECT_EQ(bench.inner->requests().size(), 3u);
  EXPECT_EQ(call.ends, 1);
  EXPECT_TRUE(call.failure->sent);
}

TEST(GuardedMember, AServerThatSaysWhenIsBelieved) {
  ScriptedStep wait = failing(FailureClass::rate_limit);
  wait.failure->retry_after = milliseconds(7'000);
  Bench bench({wait, ScriptedStep::says("ok")});
  const auto& call = bench.ask();
  bench.timers->advance(milliseconds(6'999));
  EXPECT_EQ(call.ends, 0);
  bench.timers->advance(milliseconds(1));
  EXPECT_TRUE(call.reply);

  ScriptedStep tomorrow = failing(FailureClass::rate_limit);
  tomorrow.failure->retry_after = milliseconds(86'400'000);
  Bench other({tomorrow});
  const auto& refused = other.ask();
  other.timers->settle();
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->retry_after, milliseconds(86'400'000));
}

TEST(GuardedMember, NoRetryBeyondTheDeadline) {
  Bench bench({failing(FailureClass::http)});
  const auto& call = bench.ask("", milliseconds(400));
  bench.timers->settle();
  ASSERT_TRUE(call.failure);  // its delay would end too late: told at once
  EXPECT_EQ(call.failure->failure, FailureClass::http);
  EXPECT_EQ(bench.inner->requests().size(), 1u);
  EXPECT_EQ(bench.inner->requests()[0].deadline, milliseconds(400));
}

TEST(GuardedMember, NoRetryOnceAPieceWasPassedOn) {
  ScriptedStep step = ScriptedStep::says("a long text that comes in several pieces");
  step.failure = failing(FailureClass::http).failure;
  step.pieces_before = 3;
  Bench bench({step});
  const auto& call = bench.ask("", {}, true);
  bench.timers->settle();
  ASSERT_TRUE(call.failure);
  EXPECT_FALSE(call.streamed.empty());
  EXPECT_EQ(bench.inner->requests().size(), 1u);
}

TEST(GuardedMember, TheDeadlineEndsACallThatHangs) {
  ScriptedStep step;
  step.hangs = true;
  Bench bench({step});
  const auto& call = bench.ask("", milliseconds(1'000));
  bench.timers->advance(milliseconds(999));
  EXPECT_EQ(call.ends, 0);
  bench.timers->advance(milliseconds(1));
  ASSERT_TRUE(call.failure);
  EXPECT_EQ(call.failure->failure, FailureClass::timeout);
  EXPECT_TRUE(call.failure->sent);
  EXPECT_EQ(bench.inner->cancelled(), 1u);
  EXPECT_EQ(bench.guard->health().in_flight, 0u);
}

TEST(GuardedMember, WhoWaitsTooLongForAPlaceWasNotSent) {
  GuardOptions options;
  options.max_parallel = 1;
  ScriptedStep step;
  step.hangs = true;
  Bench bench({step}, options);
  bench.ask("", milliseconds(10'000));
  const auto& second = bench.ask("", milliseconds(100));
  bench.timers->advance(milliseconds(100));
  ASSERT_TRUE(second.failure);
  EXPECT_EQ(second.failure->failure, FailureClass::timeout);
  EXPECT_FALSE(second.failure->sent);
  EXPECT_EQ(bench.inner->requests().size(), 1u);
  EXPECT_EQ(bench.guard->health().waiting, 0u);
}

TEST(GuardedMember, ClientsTakeTurnsForThePlaces) {
  GuardOptions options;
  options.max_parallel = 2;
  Bench bench({ScriptedStep::says("x", milliseconds(10))}, options);
  for (int i = 0; i < 5; ++i) bench.ask("greedy");
  bench.ask("modest");
  EXPECT_EQ(bench.guard->health().in_flight, 2u);
  EXPECT_EQ(bench.guard->health().waiting, 4u);
  bench.timers->advance(milliseconds(20));
  EXPECT_TRUE(bench.calls[5]->reply);  // it came last and was fourth at most
  EXPECT_FALSE(bench.calls[4]->reply);
  bench.timers->advance(milliseconds(100));
  for (const auto& call : bench.calls) EXPECT_EQ(call->ends, 1);
  EXPECT_EQ(bench.guard->health().answered, 6u);
}

TEST(GuardedMember, TooManyWaitingAreRefused) {
  GuardOptions options;
  options.max_parallel = 1;
  options.max_waiting = 1;
  ScriptedStep step;
  step.hangs = true;
  Bench bench({step}, options);
  bench.ask();
  bench.ask();
  const auto& third = bench.ask();
  bench.timers->settle();
  ASSERT_TRUE(third.failure);
  EXPECT_EQ(third.failure->failure, FailureClass::overloaded);
  EXPECT_EQ(third.failure->error.tag, "member_busy");
  EXPECT_FALSE(third.failure->sent);
}

TEST(GuardedMember, CancellingFreesThePlaceAndTellsNobody) {
  GuardOptions options;
  options.max_parallel = 1;
  ScriptedStep hangs;
  hangs.hangs = true;
  Bench bench({hangs, ScriptedStep::says("second"), ScriptedStep::says("third")}, options);
  auto& first = bench.ask();
  auto& second = bench.ask();
  auto& third = bench.ask();
  second.pending->cancel();  // while it waits
  bench.timers->settle();
  first.pending.reset();  // while it is under way
  bench.timers->advance(milliseconds(1'000));
  EXPECT_EQ(first.ends, 0);
  EXPECT_EQ(second.ends, 0);
  EXPECT_TRUE(third.reply);
  EXPECT_EQ(bench.guard->health().cancelled, 2u);
  EXPECT_EQ(bench.inner->cancelled(), 1u);
  EXPECT_EQ(bench.guard->health().in_flight, 0u);
  EXPECT_EQ(bench.timers->waiting(), 0u);
}

TEST(GuardedMember, CancellingDuringAPause) {
  Bench bench({failing(FailureClass::http)});
  auto& call = bench.ask();
  bench.timers->settle();
  call.pending->cancel();
  bench.timers->advance(milliseconds(10'000));
  EXPECT_EQ(call.ends, 0);
  EXPECT_EQ(bench.inner->requests().size(), 1u);
  EXPECT_EQ(bench.timers->waiting(), 0u);
}

TEST(GuardedMember, RestsAfterFailuresInARow) {
  GuardOptions options;
  options.retries = 0;
  options.breaker = {3, milliseconds(10'000), milliseconds(15'000)};
  Bench bench(
      {failing(FailureClass::http), failing(FailureClass::http), failing(FailureClass::http),
       failing(FailureClass::http), ScriptedStep::says("back")},
      options, false);
  for (int i = 0; i < 3; ++i) {
    bench.ask();
    bench.timers->settle();
  }
  EXPECT_TRUE(bench.guard->health().resting);
  const auto& refused = bench.ask();
  bench.timers->settle();
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->error.tag, "member_resting");
  EXPECT_FALSE(refused.failure->sent);
  EXPECT_GT(refused.failure->retry_after, milliseconds(9'000));
  EXPECT_EQ(bench.inner->requests().size(), 3u);
  bench.timers->advance(milliseconds(10'001));
  bench.ask();  // the try, which fails: a longer rest
  bench.timers->settle();
  EXPECT_EQ(bench.inner->requests().size(), 4u);
  EXPECT_TRUE(bench.guard->health().resting);
  bench.timers->advance(milliseconds(10'001));
  EXPECT_TRUE(bench.guard->health().resting);
  bench.timers->advance(milliseconds(5'000));
  const auto& again = bench.ask();
  bench.timers->settle();
  ASSERT_TRUE(again.reply);
  EXPECT_FALSE(bench.guard->health().resting);
}

TEST(GuardedMember, RefusedRequestsDoNotBenchAMember) {
  GuardOptions options;
  options.retries = 0;
  options.breaker = {2, milliseconds(10'000), milliseconds(10'000)};
  Bench bench({failing(FailureClass::rejected)}, options);
  for (int i = 0; i < 10; ++i) {
    bench.ask();
    bench.timers->settle();
  }
  EXPECT_FALSE(bench.guard->health().resting);
  EXPECT_EQ(bench.inner->requests().size(), 10u);
}

TEST(Breaker, OneTryAtATime) {
  Breaker breaker({1, milliseconds(10), milliseconds(10)});
  Breaker::Time now{};
  EXPECT_FALSE(breaker.refuses(now));
  breaker.failed(FailureClass::overloaded, now);
  EXPECT_TRUE(breaker.refuses(now));
  now += milliseconds(10);
  EXPECT_FALSE(breaker.refuses(now));
  EXPECT_TRUE(breaker.refuses(now));  // the other is under way
  breaker.said_nothing();             // it was cancelled
  EXPECT_FALSE(breaker.refuses(now));
  breaker.failed(FailureClass::rejected, now);  // an answer
  EXPECT_FALSE(breaker.refuses(now));
  EXPECT_FALSE(breaker.refuses(now));
}

// Random scripts, limits and cancellations: every call ends once or was cancelled, and nothing is
// left behind.
TEST(GuardedMember, EveryCallEndsOnce) {
  std::uint64_t state = 7;
  const auto next = [&](std::uint64_t range) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % range;
  };
  for (int round = 0; round < 60; ++round) {
    std::vector<ScriptedStep> script;
    for (std::size_t i = 0, count = 1 + next(6); i < count; ++i) {
      ScriptedStep step = next(2) == 0
                              ? ScriptedStep::says("text of some length", milliseconds(next(50)))
                              : failing(static_cast<FailureClass>(next(13)));
      step.hangs = next(6) == 0 && !step.failure;
      step.pieces_before = next(4);
      script.push_back(step);
    }
    GuardOptions options;
    options.max_parallel = static_cast<int>(1 + next(3));
    options.max_waiting = next(5);
    options.retries = static_cast<int>(next(3));
    options.timeout = milliseconds(2'000);
    options.breaker.failures = static_cast<int>(next(4));
    Bench bench(script, options);
    std::vector<bool> dropped;
    for (int i = 0; i < 12; ++i) {
      auto& call = bench.ask(std::string(1, static_cast<char>('a' + next(3))), {}, next(2) == 0);
      dropped.push_back(next(4) == 0);
      bench.timers->advance(milliseconds(next(30)));
      if (dropped.back() && call.ends == 0) {
        call.pending.reset();
      } else {
        dropped.back() = false;
      }
    }
    bench.timers->advance(milliseconds(10'000));
    for (std::size_t i = 0; i < bench.calls.size(); ++i)
      EXPECT_EQ(bench.calls[i]->ends, dropped[i] ? 0 : 1) << "round " << round << " call " << i;
    const MemberHealth health = bench.guard->health();
    EXPECT_EQ(health.in_flight, 0u);
    EXPECT_EQ(health.waiting, 0u);
    EXPECT_EQ(health.calls, 12u);
    EXPECT_EQ(bench.timers->waiting(), 0u) << "round " << round;
  }
}

}  // namespace
}  // namespace trinity::provider
