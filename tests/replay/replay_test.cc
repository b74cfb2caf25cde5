// Replays: the router on its own trace changes nothing; what cannot be compared is counted; what
// another rule, pool or threshold would change adds up.
#include "replay/replay.h"

#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "coordinate/run.h"
#include "hash/canonical.h"
#include "trace/memory_sink.h"

namespace trinity::replay {
namespace {

const Router& tiny_router() {
  static const Result<Router> router = Router::load({});
  return *router;
}

struct Recording {
  coordinate::LoopProfile profile = coordinate::LoopProfile::safe;
  int max_turns = 5;
  SelectionSeed seed = {};
  std::optional<SelectionMode> selection = {};
  bool messages = true;
  std::vector<std::string> secrets = {};
  std::optional<std::vector<std::string>> needs = {};
};

/// The events of one run, whose members say what `answer` says.
std::vector<Json> record_run(std::vector<Message> conversation, const Recording& how,
                             const std::function<std::string(const std::string& role)>& answer) {
  const auto sink = std::make_shared<trace::MemorySink>();
  coordinate::RunOptions options;
  options.loop = coordinate::default_options(how.profile);
  options.loop.max_turns = how.max_turns;
  options.loop.rule.seed = how.seed;
  options.loop.needs = how.needs;
  if (how.selection)
    options.loop.rule.agent_selection = options.loop.rule.role_selection = *how.selection;
  options.trace.enabled = true;
  options.trace.messages = how.messages;
  options.trace.redaction_values = how.secrets;
  options.trace.sink = sink;
  options.decide = coordinate::decide_with(tiny_router());
  options.ask = [&](const coordinate::CallStep& step) -> Result<coordinate::Answer> {
    coordinate::Answer said;
    said.text = answer(step.role_name);
    said.usage = coordinate::Usage{100, 10, 0, 0, false};
    said.cost_usd = 0.001;
    said.provider = "test";
    said.provider_model = "model";
    return said;
  };
  coordinate::run_loop(std::move(conversation), std::move(options));
  return sink->events();
}

std::string plain_answer(const std::string& role) {
  return role == "Verifier" ? "REVISE: not yet" : "It is 42, I think.";
}

const std::vector<Message> kQuestion = {{"user", "What is 6 times 7, and is it prime?"}};

ReplayResults replay_of(const std::vector<Json>& events, ReplayOptions options = {}) {
  options.router = &tiny_router();
  Result<Replay> replay = Replay::begin(std::move(options));
  EXPECT_TRUE(replay) << replay.error().message;
  for (const Json& event : events) EXPECT_TRUE(replay->take(event));
  return *replay->finish();
}

std::size_t turns_in(const std::vector<Json>& events) {
  std::size_t turns = 0;
  for (const Json& event : events) turns += event["event"].as_string() == "turn_started" ? 1 : 0;
  return turns;
}

std::optional<Skipped> skipped_for(const ReplayResults& results, Obstacle obstacle) {
  for (const Skipped& one : results.skipped)
    if (one.obstacle == obstacle) return one;
  return std::nullopt;
}

/// Every turn is compared, or counted with a reason.
void expect_whole(const ReplayResults& results, const std::vector<Json>& events) {
  EXPECT_EQ(results.turns.size() + results.skipped_turns(), turns_in(events));
}

TEST(Replay, TheSameRouterOnItsOwnTraceChangesNothing) {
  const std::vector<Json> events = record_run(kQuestion, {}, plain_answer);
  const ReplayResults results = replay_of(events);
  expect_whole(results, events);
  EXPECT_GE(results.turns.size(), 5u);
  EXPECT_EQ(results.changed(), 0u);
  EXPECT_EQ(results.equal_route_hashes(), results.turns.size());
  EXPECT_TRUE(results.skipped.empty());
  EXPECT_EQ(results.changed_fraction(), 0.0);
  for (const Transition& one : results.transitions()) EXPECT_EQ(one.from_slot, one.to_slot);
}

/// Runs of every profile, drawn and not, their events mixed as a server's are.
TEST(Replay, RandomTracesOfTheSameRouterChangeNothing) {
  std::mt19937 random(20260727);
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  const std::vector<std::string> words = {"prime", "Rome", "42",  "\u00fcber",
                                          "code",  "\n",   "why", ""};
  for (int round = 0; round < 6; ++round) {
    std::vector<std::vector<Json>> runs;
    const int count = 2 + pick(3);
    for (int run = 0; run < count; ++run) {
      std::vector<Message> conversation;
      for (int n = 1 + pick(3); n > 0; --n) {
        std::string text = "question";
        for (int word = pick(12); word > 0; --word)
          text += " " + words[static_cast<std::size_t>(pick(static_cast<int>(words.size())))];
        conversation.push_back({n % 2 == 1 ? "user" : "assistant", text});
      }
      Recording how;
      how.profile = std::array{coordinate::LoopProfile::safe, coordinate::LoopProfile::reference,
                               coordinate::LoopProfile::author}[static_cast<std::size_t>(pick(3))];
      how.max_turns = 1 + pick(4);
      if (pick(2) == 0)
        how.selection = pick(2) == 0 ? SelectionMode::sample : SelectionMode::softmax;
      if (pick(3) == 0) how.seed = std::int64_t{pick(1000)};
      if (pick(3) == 0) how.seed = SeedTriple{1, 2, 3};
      runs.push_back(record_run(conversation, how, [&](const std::string& role) {
        if (role == "Verifier") return std::string(pick(3) == 0 ? "ACCEPT" : "REVISE: no");
        if (role == "Thinker" && pick(2) == 0)
          return std::string("<suggestion>go</suggestion><suggested_role>solver</suggested_role>");
        return "answer " + words[static_cast<std::size_t>(pick(8))];
      }));
    }
    std::vector<Json> mixed;
    std::vector<std::size_t> next(runs.size(), 0);
    for (bool any = true; any;) {
      any = false;
      for (std::size_t run = 0; run < runs.size(); ++run) {
        for (int n = pick(4); n > 0 && next[run] < runs[run].size(); --n)
          mixed.push_back(runs[run][next[run]++]);
        any = any || next[run] < runs[run].size();
      }
    }
    const ReplayResults results = replay_of(mixed);
    expect_whole(results, mixed);
    EXPECT_EQ(results.runs, runs.size());
    EXPECT_EQ(results.unfinished_runs, 0u);
    EXPECT_EQ(results.changed(), 0u) << "round " << round;
    EXPECT_EQ(results.equal_route_hashes(), results.turns.size());
    for (const Skipped& one : results.skipped)
      EXPECT_EQ(obstacle_name(one.obstacle), std::string("undecided"));

    // Lines that went missing leave turns that are counted, never a crash.
    std::vector<Json> torn;
    for (const Json& event : mixed)
      if (pick(5) != 0) torn.push_back(event);
    const ReplayResults less = replay_of(torn);
    expect_whole(less, torn);
    EXPECT_EQ(less.changed(), 0u);
  }
}

TEST(Replay, ATraceWithoutTextIsCountedAndNotCompared) {
  Recording how;
  how.messages = false;
  const std::vector<Json> events = record_run(kQuestion, how, plain_answer);
  const ReplayResults results = replay_of(events);
  expect_whole(results, events);
  EXPECT_TRUE(results.turns.empty());
  ASSERT_TRUE(skipped_for(results, Obstacle::no_text));
  EXPECT_EQ(skipped_for(results, Obstacle::no_text)->turns, turns_in(events));
  EXPECT_EQ(json_text(events[1]).find("6 times 7"), std::string::npos) << "a trace holds no text";
}

TEST(Replay, WhatWasRedactedIsNotDecidedAnew) {
  Recording how;
  how.secrets = {"6 times"};
  const std::vector<Json> events = record_run(kQuestion, how, plain_answer);
  const ReplayResults results = replay_of(events);
  expect_whole(results, events);
  ASSERT_TRUE(skipped_for(results, Obstacle::redacted));
  EXPECT_EQ(skipped_for(results, Obstacle::redacted)->turns, turns_in(events));
}

TEST(Replay, TextThatIsNotWhatTheRouterReadIsRefused) {
  std::vector<Json> events = record_run(kQuestion, {}, plain_answer);
  events[1]["router_input"]["messages"][0]["content"] = "Something else?";
  const ReplayResults results = replay_of(events);
  expect_whole(results, events);
  EXPECT_TRUE(skipped_for(results, Obstacle::altered));
  for (const Json& wrong :
       {Json(), Json("text"), Json{{"kept", 0}}, Json{{"kept", -1}, {"messages", Json::array()}},
        Json{{"kept", 0}, {"messages", Json::array({1})}, {"input_mode", "plain"}},
        Json{{"kept", 0}, {"messages", Json::array()}, {"input_mode", "loud"}}}) {
    events[1]["router_input"] = wrong;
    expect_whole(replay_of(events), events);
  }
}

TEST(Replay, AWordLostAtTheBeginIsSaid) {
  const std::vector<Json> events = record_run(kQuestion, {}, plain_answer);
  std::vector<Json> late;
  for (const Json& event : events)
    if (event["turn"].as_int64() > 1) late.push_back(event);
  ASSERT_GT(turns_in(late), 0u);
  const ReplayResults results = replay_of(late);
  expect_whole(results, late);
  ASSERT_TRUE(skipped_for(results, Obstacle::begin_lost));
}

TEST(Replay, ARunThatWasCutOffIsReplayedAsFarAsItWasDecided) {
  std::vector<Json> events = record_run(kQuestion, {}, plain_answer);
  std::size_t second = 0;
  for (std::size_t n = 0; n < events.size(); ++n)
    if (events[n]["event"].as_string() == "turn_started" && events[n]["turn"].as_int64() == 1)
      second = n;
  events.resize(second + 1);
  const ReplayResults results = replay_of(events);
  expect_whole(results, events);
  EXPECT_EQ(results.turns.size(), 1u);
  EXPECT_EQ(results.unfinished_runs, 1u);
  ASSERT_TRUE(skipped_for(results, Obstacle::undecided));
  EXPECT_EQ(skipped_for(results, Obstacle::undecided)->first_turn, 1);
}

TEST(Replay, AChoiceThatWasNotTheRoutersIsNotCompared) {
  std::vector<Json> events = record_run(kQuestion, {}, plain_answer);
  for (Json& event : events)
    if (event["event"].as_string() == "route_selected" && event["turn"].as_int64() == 0)
      event["selected_agent"] = (event["selected_agent"].as_int64() + 1) % 7;
  const ReplayResults results = replay_of(events);
  expect_whole(results, events);
  ASSERT_TRUE(skipped_for(results, Obstacle::pinned));
  EXPECT_EQ(skipped_for(results, Obstacle::pinned)->turns, 1u);
}

/// Another way of reading stands for another router: it changes decisions.
TEST(Replay, WhatChangesAddsUpAndAThresholdHoldsItBack) {
  std::vector<Json> events;
  for (const char* text :
       {"Is 1009 prime?", "Write a haiku about the sea.", "Translate 'cat' to French.",
        "Sort 3, 1, 2.", "Who wrote Faust?", "Convert 5 miles to km.", "Prove that 2 + 2 = 4."})
    for (const Json& event : record_run({{"user", text}}, {}, plain_answer))
      events.push_back(event);
  ReplayOptions options;
  options.input_mode = InputMode::chat;
  const ReplayResults results = replay_of(events, options);
  expect_whole(results, events);
  EXPECT_GT(results.changed(), 0u);
  EXPECT_LT(results.equal_route_hashes(), results.turns.size());
  std::size_t sum = 0, moved = 0;
  for (const Transition& one : results.transitions()) {
    sum += one.turns;
    moved += one.from_slot != one.to_slot ? one.turns : 0;
  }
  EXPECT_EQ(sum, results.turns.size());
  EXPECT_EQ(moved, results.changed_agent());
  EXPECT_EQ(results.thresholds().front().changed, results.changed());
  std::size_t before = results.turns.size();
  for (const ThresholdRow& row : results.thresholds()) {
    EXPECT_LE(row.changed, before);
    before = row.changed;
  }
  options.threshold = kThresholds.back();
  EXPECT_EQ(replay_of(events, options).changed(), results.thresholds().back().changed);
  options.threshold = 1e9;
  EXPECT_EQ(replay_of(events, options).changed(), 0u);

  // The same input gives the same record, to the byte.
  options.threshold = 0;
  EXPECT_EQ(json_text(replay_record(replay_of(events, options), "m")),
            json_text(replay_record(results, "m")));
  EXPECT_EQ(replay_record(results, "m")["changes"].size(), results.changed());
}

provider::PoolConfig pool_of(const std::vector<std::string>& names) {
  provider::PoolConfig pool;
  for (const std::string& name : names) {
    provider::MemberConfig member;
    member.name = name;
    member.model = name + "-model";
    member.price = provider::Price{2'000'000, 10'000'000, std::nullopt};
    pool.members.push_back(std::move(member));
  }
  pool.other_slots = names.front();
  return pool;
}

TEST(Replay, CostsAreTheRecordedTokensAtThePricesOfThePool) {
  const std::vector<Json> events = record_run(kQuestion, {}, plain_answer);
  const provider::PoolConfig pool = pool_of({"dear"});
  ReplayOptions options;
  options.pool = &pool;
  const ReplayResults results = replay_of(events, options);
  const CostComparison costs = compare_costs(results);
  EXPECT_EQ(costs.turns, results.turns.size());
  EXPECT_EQ(costs.unknown, 0u);
  const auto turns = static_cast<double>(results.turns.size());
  EXPECT_NEAR(costs.before, 0.001 * turns, 1e-12);
  EXPECT_NEAR(costs.after, 0.0003 * turns, 1e-12);  // 100 tokens at 2 and 10 at 10 USD a million
  EXPECT_EQ(results.slot_name(3), "dear");
  const ReplayResults unpriced = replay_of(events);
  EXPECT_EQ(compare_costs(unpriced).turns, 0u);
  EXPECT_EQ(compare_costs(unpriced).unknown, unpriced.turns.size());
}

TEST(Replay, AMemberThatCannotTakeTheConversationIsPassedOver) {
  Recording how;
  how.needs = std::vector<std::string>{"tools"};
  const std::vector<Json> events = record_run(kQuestion, how, plain_answer);
  provider::PoolConfig pool = pool_of({"plain", "handy"});
  ReplayOptions options;
  options.pool = &pool;
  const ReplayResults nobody = replay_of(events, options);
  EXPECT_GT(nobody.masked(), 0u) << "Workers are asked";
  EXPECT_EQ(compare_costs(nobody).unknown, nobody.masked()) << "nobody could be asked";
  for (std::int64_t slot = 0; slot < 7; ++slot) pool.slots[slot] = slot == 2 ? "handy" : "plain";
  pool.members[1].capabilities.tools = true;
  const ReplayResults results = replay_of(events, options);
  EXPECT_EQ(results.changed(), 0u) << "the choice is the router's";
  for (const ReplayedTurn& turn : results.turns)
    if (turn.masked) {
      EXPECT_EQ(*turn.masked, "tools");
      EXPECT_EQ(turn.asked_slot, 2);
    }
  pool.members[0].capabilities.tools = true;
  pool.members[0].context = 4;  // tokens: too few for anything
  for (const ReplayedTurn& turn : replay_of(events, options).turns)
    if (turn.masked) {
      EXPECT_EQ(*turn.masked, "context");
    }
}

TEST(Replay, APoolThatIsTooSmallForTheHeadIsRefused) {
  provider::PoolConfig pool = pool_of({"one", "two"});
  pool.other_slots.clear();
  ReplayOptions options;
  options.router = &tiny_router();
  options.pool = &pool;
  const Result<Replay> replay = Replay::begin(options);
  ASSERT_FALSE(replay);
  EXPECT_EQ(replay.error().tag, "pool_smaller_than_head");
}

TEST(Replay, QuantilesAreNearestRanks) {
  EXPECT_FALSE(quantile({}, 0.5));
  EXPECT_EQ(quantile({3, 1, 2}, 0), 1.0);
  EXPECT_EQ(quantile({3, 1, 2}, 0.5), 2.0);
  EXPECT_EQ(quantile({3, 1, 2}, 1), 3.0);
}

}  // namespace
}  // namespace trinity::replay
