// Runs whose router, members and clock are scripts.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "coordinate/run.h"
#include "route/decision.h"
#include "trace/memory_sink.h"
#include "trace/order.h"

namespace trinity::coordinate {

/// A clock that stands until it is moved.
class ManualClock {
 public:
  Clock clock() const {
    return [time = time_] { return *time; };
  }
  void advance_ms(std::int64_t ms) { *time_ += std::chrono::milliseconds(ms); }

 private:
  std::shared_ptr<std::chrono::steady_clock::time_point> time_ =
      std::make_shared<std::chrono::steady_clock::time_point>(std::chrono::hours(1));
};

inline constexpr int kAgents = 2, kRoles = 3, kHidden = 8;
inline constexpr int kWorker = 0, kThinker = 1, kVerifier = 2;

/// A head of 2 agents and 3 roles on 8 values: agent 0 and this role get 10 for each.
inline route::Head head_for(int role) {
  std::vector<float> weights((kAgents + kRoles) * kHidden, 0.0f);
  for (int i = 0; i < kHidden; ++i) {
    weights[static_cast<std::size_t>(i)] = 10;
    weights[static_cast<std::size_t>((kAgents + role) * kHidden + i)] = 10;
  }
  return *route::Head::from_weights(weights, kAgents + kRoles, kHidden);
}

inline Extractor ones() {
  return [](std::span<const Message>) -> Result<ExtractionRecord> {
    return ExtractionRecord{std::vector<float>(kHidden, 1.0f)};
  };
}

inline Result<Decision> decision_for(int agent, int role, const DecisionRule& rule = {}) {
  std::vector<float> logits(kAgents + kRoles, 0.0f);
  logits.at(static_cast<std::size_t>(agent)) = 3;
  logits.at(static_cast<std::size_t>(kAgents + role)) = 2;
  logits.at(kAgents + kWorker) += 1;  // what is left when the Verifier is masked
  auto chosen = route::select_route(logits, kAgents, kRoles, rule);
  if (!chosen) return tl::unexpected(chosen.error());
  route::DecisionOptions options;
  options.hashes = false;
  return route::make_decision(*chosen, std::monostate{}, options);
}

inline trace::ExtractionFacts facts() {
  return {Json::object(), {1, 4, kHidden}, {1, kHidden}, "trinity.cpu"};
}

/// Decides for these roles, one a turn; the last one for all that follow.
inline Decide decide_roles(std::vector<int> roles) {
  return [roles = std::move(roles)](const DecideStep& step) -> Result<Decided> {
    const auto turn = std::min(static_cast<std::size_t>(step.turn), roles.size() - 1);
    return Decided{facts(), decision_for(0, roles[turn], step.rule)};
  };
}

/// Replies in this order; the last one for all that follow.
inline AgentHook replies(std::vector<std::string> texts) {
  auto next = std::make_shared<std::size_t>(0);
  return [texts = std::move(texts), next](std::string_view, std::span<const Message>,
                                          const HookFacts&) -> Result<std::string> {
    return texts[std::min((*next)++, texts.size() - 1)];
  };
}

/// A run that is traced into memory, of the profile's defaults and the pool of hooks.
struct TestRun {
  explicit TestRun(LoopProfile profile = LoopProfile::reference) {
    options.loop = default_options(profile);
    options.loop.num_agents = kAgents;
    options.loop.mock = true;
    options.trace.enabled = true;
    options.trace.sink = sink;
    options.clock = clock.clock();
  }

  const RunResult& run(std::vector<Message> conversation = {{"user", "What is 2 + 2?"}}) {
    result = run_loop(std::move(conversation), options);
    events = sink->events();
    if (!events.empty()) {
      const Status order = trace::check_order(events);
      EXPECT_TRUE(order) << order.error().message << "\n" << names();
    }
    return result;
  }
  const Outcome& outcome() const {
    EXPECT_TRUE(result.finished.outcome)
        << result.finished.outcome.error().tag << ": " << result.finished.outcome.error().message;
    static const Outcome none;
    return result.finished.outcome ? *result.finished.outcome : none;
  }
  std::string tag() const {
    return result.finished.outcome ? "no error" : result.finished.outcome.error().tag;
  }
  std::vector<Json> of(const std::string& name) const {
    std::vector<Json> found;
    for (const Json& event : events)
      if (event["event"].as_string() == name) found.push_back(event);
    return found;
  }
  std::string names() const {
    std::string text;
    for (const Json& event : events) {
      text += (text.empty() ? "" : " ") + event["event"].as_string();
      if (event["status"].is_string()) text += ":" + event["status"].as_string();
    }
    return text;
  }

  ManualClock clock;
  std::shared_ptr<trace::MemorySink> sink = std::make_shared<trace::MemorySink>();
  RunOptions options;
  RunResult result{{Outcome{}, std::nullopt, {}}, {}, {}};
  std::vector<Json> events;
};

inline const std::vector<Message> kAnswered = {{"user", "What is 2 + 2?"}, {"assistant", "4"}};

}  // namespace trinity::coordinate
