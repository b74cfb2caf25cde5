// Random scripts of decisions, replies, failures, delays and budgets through loops of every
// profile: what must hold of each run.
#include <gtest/gtest.h>

#include <random>

#include "coordinate/loop_support.h"

namespace trinity::coordinate {
namespace {

using Random = std::mt19937;

int below(Random& random, int limit) {
  return std::uniform_int_distribution<int>(0, limit - 1)(random);
}

/// A limit that is often absent.
std::optional<std::int64_t> limit(Random& random, int most) {
  if (below(random, 3) != 0) return std::nullopt;
  return below(random, most);
}

LoopOptions random_options(Random& random) {
  constexpr LoopProfile kProfiles[] = {LoopProfile::reference, LoopProfile::safe,
                                       LoopProfile::author};
  LoopOptions options = default_options(kProfiles[below(random, 3)]);
  options.max_turns = below(random, 7);
  options.num_agents = kAgents;
  options.mock = below(random, 2) == 0;
  options.respect_thinker_suggestions = below(random, 4) != 0;
  options.rule = {};
  options.budgets.max_wall_time_ms = limit(random, 60);
  options.budgets.max_provider_calls = limit(random, 6);
  options.budgets.max_provider_latency_ms = limit(random, 12);
  options.budgets.max_verifier_revisions = limit(random, 3);
  if (below(random, 3) == 0) options.budgets.max_estimated_cost_usd = below(random, 5) * 0.5;
  if (below(random, 6) == 0)
    options.member = [](int id) -> Result<trace::MemberFacts> {
      if (id == 0) return fail(ErrorKind::usage, "provider_disabled", "off");
      return trace::MemberFacts{"p", "m", std::nullopt, std::nullopt, std::nullopt, std::nullopt};
    };
  return options;
}

Result<Answer> random_answer(Random& random) {
  constexpr const char* kTexts[] = {
      "4",
      "ACCEPT",
      "accept: yes",
      "REVISE: no",
      "REJECT",
      "no verdict",
      "",
      "<suggestion>s</suggestion><suggested_role>solver</suggested_role>",
      "<suggestion>s</suggestion><suggested_role>verifier</suggested_role>",
      "<idea>i</idea>"};
  if (below(random, 6) == 0) return fail(ErrorKind::failed, "boom", "it broke");
  Answer answer;
  answer.text = kTexts[below(random, 10)];
  if (below(random, 2) == 0) answer.usage = Usage{1, 2, 0, 0, false};
  if (below(random, 2) == 0) answer.cost_usd = below(random, 4) * 0.25 - 0.25;
  return answer;
}

struct Played {
  LoopOptions options;
  Finished end{Outcome{}, std::nullopt, {}};
  std::vector<Json> events;
  std::vector<Message> start, transcript;
  int calls = 0;
};

Played play(unsigned seed) {
  Random random(seed);
  Played played;
  played.options = random_options(random);
  played.start = below(random, 2) == 0 ? kAnswered : std::vector<Message>{{"user", "x"}};
  const auto sink = std::make_shared<trace::MemorySink>();
  trace::TraceOptions trace;
  trace.enabled = true;
  trace.sink = sink;
  ManualClock clock;
  Loop loop(played.options, played.start, *trace::Trace::open(trace), clock.clock());
  Step step = loop.begin();
  for (int steps = 0; !std::holds_alternative<Finished>(step); ++steps) {
    if (steps > 100) {
      ADD_FAILURE() << "no end";
      break;
    }
    clock.advance_ms(below(random, 10));
    const int odd = below(random, 60);
    played.calls += std::holds_alternative<CallStep>(step) ? 1 : 0;
    if (odd == 0) {
      step = loop.cancel();
    } else if (const auto* decide = std::get_if<DecideStep>(&step)) {
      const int role = below(random, 3);
      if (odd == 1)
        step = loop.decided(fail(ErrorKind::failed, "no_vector", "none"));
      else if (odd == 2)
        step = loop.decided(Decided{facts(), fail(ErrorKind::failed, "non_finite_logits", "NaN")});
      else
        step = loop.decided(Decided{facts(), decision_for(below(random, 2), role, decide->rule)});
    } else {
      const auto& call = std::get<CallStep>(step);
      EXPECT_FALSE(call.messages.empty());
      EXPECT_EQ(call.messages.front().role, "system");
      step = loop.answered(random_answer(random));
    }
  }
  played.end = std::get<Finished>(step);
  played.events = sink->events();
  played.transcript = loop.transcript();
  // Nothing that comes later changes anything.
  for (const Step& late : {loop.cancel(), loop.answered(Answer{"late"}), loop.begin(),
                           loop.decided(Decided{facts(), decision_for(0, 0)})})
    EXPECT_EQ(std::get<Finished>(late).outcome.has_value(), played.end.outcome.has_value());
  EXPECT_EQ(sink->events().size(), played.events.size());
  return played;
}

std::size_t count(const Played& played, const char* name, const char* status = nullptr) {
  std::size_t found = 0;
  for (const Json& event : played.events)
    found += event["event"].as_string() == name &&
             (status == nullptr || event["status"].as_string() == status);
  return found;
}

void expect_sound(const Played& played) {
  const Status order = trace::check_order(played.events);
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(count(played, "run_completed") + count(played, "run_failed"), 1u);
  EXPECT_EQ(count(played, "provider_called", "started"), static_cast<std::size_t>(played.calls));
  EXPECT_LE(count(played, "turn_started"), static_cast<std::size_t>(played.options.max_turns));
  if (const auto calls = played.options.budgets.max_provider_calls) {
    EXPECT_LE(played.calls, *calls);
  }

  const std::size_t turns = count(played, "turn_completed");
  const bool author = played.options.profile == LoopProfile::author;
  ASSERT_EQ(played.transcript.size(), played.start.size() + (author ? 0 : turns));
  for (std::size_t i = 0; i < played.transcript.size(); ++i) {
    if (i < played.start.size())
      EXPECT_EQ(played.transcript[i].content, played.start[i].content);
    else
      EXPECT_EQ(played.transcript[i].role, "assistant");
  }

  const Json& last = played.events.back();
  const Finished& end = played.end;
  if (end.budget) {
    EXPECT_EQ(last["details"], end.budget->details());
  }
  if (!end.outcome) {
    EXPECT_EQ(last["event"].as_string(), "run_failed");
    const Json& reason = last["reason"];
    EXPECT_EQ(reason.is_array() ? reason[0].as_string() : reason.as_string(),
              end.outcome.error().tag);
    EXPECT_EQ(end.budget.has_value(), end.outcome.error().tag == "budget_exceeded");
    return;
  }
  const Outcome& outcome = *end.outcome;
  EXPECT_EQ(last["event"].as_string(), "run_completed");
  EXPECT_EQ(last["final_status"].as_string(), outcome.final_status);
  EXPECT_EQ(outcome.turns, static_cast<int>(turns));
  EXPECT_EQ(outcome.verified, outcome.final_status == "accepted");
  if (outcome.verified) {
    EXPECT_TRUE(outcome.answer);
  }
  if (outcome.answer && !(outcome.verified && played.options.profile == LoopProfile::reference)) {
    EXPECT_EQ(outcome.text, *outcome.answer);
  }
}

/// What the profile safe promises beyond.
void expect_safe(const Played& played) {
  if (played.options.profile != LoopProfile::safe) return;
  bool answered = played.start.size() > 1;
  std::string role;
  for (const Json& event : played.events) {
    const std::string& name = event["event"].as_string();
    if (name == "route_selected") {
      role = event["selected_role"].as_string();
      EXPECT_EQ(event["role_masked"].as_bool(), !answered);
      EXPECT_TRUE(answered || role != "Verifier");
    }
    if (name == "turn_completed" && role == "Worker") answered = true;
    if (name == "turn_completed" && role == "Verifier") {
      EXPECT_NE(event["verifier_parse_status"].as_string(), "unknown");
    }
  }
  if (played.end.outcome) return;
  const std::string& tag = played.end.outcome.error().tag;
  if (answered) {
    EXPECT_NE(tag, "budget_exceeded");
    EXPECT_NE(tag, "max_turns_reached");
    if (role == "Verifier") {
      EXPECT_NE(tag, "boom");
    }
  }
  EXPECT_NE(tag, "verifier_before_worker_response");
}

TEST(LoopProperty, RandomScriptsKeepTheOrderTheBudgetsAndThePromises) {
  std::map<std::string, int> ends;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const Played played = play(seed);
    expect_sound(played);
    expect_safe(played);
    ++ends[played.end.outcome ? played.end.outcome->final_status : played.end.outcome.error().tag];
    if (::testing::Test::HasFailure()) {
      std::string text;
      for (const Json& event : played.events) text += json_text(event) + "\n";
      FAIL() << "seed " << seed << ", profile " << loop_profile_name(played.options.profile) << "\n"
             << text;
    }
  }
  // The scripts reach every end that there is.
  for (const char* end :
       {"accepted", "max_turns_latest_worker_response", "max_turns_reached", "budget_exceeded",
        "verifier_failed", "verifier_abstained", "ended_without_response", "boom", "cancelled",
        "verifier_before_worker_response", "routing_failed", "no_vector", "provider_disabled"})
    EXPECT_GT(ends[end], 0) << end;
}

}  // namespace
}  // namespace trinity::coordinate
