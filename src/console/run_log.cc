#include "console/run_log.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/try.h"

namespace trinity::console {
namespace {

/// The place of the largest value besides `chosen` and those that may not be chosen.
std::optional<int> next_best(std::span<const float> logits, int chosen,
                             std::span<const int> masked) {
  std::optional<int> best;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const int place = static_cast<int>(i);
    if (place == chosen || std::find(masked.begin(), masked.end(), place) != masked.end()) continue;
    if (!best || logits[i] > logits[static_cast<std::size_t>(*best)]) best = place;
  }
  return best;
}

bool best_role_is_masked(const Decision& decision) {
  const auto& masked = decision.rule.masked_roles;
  const auto roles = decision.role_logits();
  if (masked.empty() || roles.empty()) return false;
  const auto best = std::max_element(roles.begin(), roles.end()) - roles.begin();
  return std::find(masked.begin(), masked.end(), static_cast<int>(best)) != masked.end();
}

std::optional<coordinate::Usage> read_usage(const Json& usage) {
  if (!usage.is_object()) return std::nullopt;
  return coordinate::Usage{usage["input"].as_int64(), usage["output"].as_int64(),
                           usage["cached_input"].as_int64(), usage["reasoning"].as_int64(),
                           usage["estimated"].as_bool()};
}

/// It may have cost something all the same.
bool is_cut_off(const CallFacts& call) {
  return call.error && call.error->starts_with("cancelled");
}

std::optional<std::string> text_or_nothing(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  return value.as_string();
}

}  // namespace

std::optional<int> TurnFacts::agent_runner_up() const {
  return next_best(decision.agent_logits(), decision.agent_id, {});
}

std::optional<int> TurnFacts::role_runner_up() const {
  return next_best(decision.role_logits(), decision.role_id, decision.rule.masked_roles);
}

const CallFacts* last_call(const TurnFacts& turn) {
  return turn.calls.empty() ? nullptr : &turn.calls.back();
}

void RunLog::answered(std::string text, bool cut) {
  if (turns_.empty() || turns_.back().calls.empty()) return;
  CallFacts& call = turns_.back().calls.back();
  call.text = std::move(text);
  call.cut = cut;
}

void RunLog::begin_turn(const Json& event) {
  TurnFacts& turn = turns_.emplace_back();
  turn.number = static_cast<int>(event["turn"].as_int64());
  turn.decision = decision_;
  turn.agent_id = static_cast<int>(event["selected_agent"].as_int64());
  turn.role = event["selected_role"].as_string();
  turn.raw_role = event["raw_selected_role"].as_string();
  turn.overridden = event["role_override_from_thinker"].as_bool();
  turn.masked = best_role_is_masked(decision_);
  if (listener_ != nullptr) listener_->turn_begins(turn);
}

void RunLog::note_call(const Json& event) {
  if (turns_.empty()) return;
  TurnFacts& turn = turns_.back();
  const std::string& status = event["status"].as_string();
  if (status == "started" || !calling_) {
    CallFacts& call = turn.calls.emplace_back();
    call.agent_id = static_cast<int>(event["selected_agent"].as_int64());
    if (const provider::PoolMember* member = pool_.at_slot(call.agent_id)) {
      call.member = member->config.name;
      call.model = member->config.model;
    }
    if (event["instead_of_agent"].is_number())
      call.instead_of = static_cast<int>(event["instead_of_agent"].as_int64());
    turn.agent_id = call.agent_id;
  }
  CallFacts& call = turn.calls.back();
  calling_ = status == "started";
  if (calling_) {
    if (listener_ != nullptr) listener_->call_begins(turn, call);
    return;
  }
  call.ms = event["provider_latency_ms"].as_int64();
  call.error = text_or_nothing(event["error"]);
  call.usage = read_usage(event["usage"]);
  call.cost_usd = event["cost_usd"].to_double();
  if (listener_ != nullptr) listener_->call_ends(turn, call);
}

Status RunLog::write(const Json& event) {
  if (next_) TRINITY_CHECK(next_->write(event));
  const std::string& name = event["event"].as_string();
  if (name == "route_selected") begin_turn(event);
  if (name == "provider_called") note_call(event);
  if (name == "turn_completed" && !turns_.empty()) {
    TurnFacts& turn = turns_.back();
    turn.verdict = text_or_nothing(event["verifier_parse_status"]);
    turn.suggested_role = text_or_nothing(event["thinker_suggested_role"]);
    turn.completed = true;
    if (listener_ != nullptr) listener_->turn_ends(turn);
  }
  return {};
}

bool RunLog::was_cut_off() const {
  if (turns_.empty()) return false;
  const CallFacts* call = last_call(turns_.back());
  return call != nullptr && is_cut_off(*call);
}

Spent RunLog::spent() const {
  Spent spent;
  for (const TurnFacts& turn : turns_)
    for (const CallFacts& call : turn.calls) {
      ++spent.calls;
      if (call.usage) spent.usage += *call.usage;
      if (call.cost_usd) spent.cost_usd += *call.cost_usd;
      if (!call.cost_usd && (!call.error || is_cut_off(call))) spent.cost_known = false;
    }
  return spent;
}

Json usage_json(const coordinate::Usage& usage) {
  return {{"input", usage.input},
          {"output", usage.output},
          {"cached_input", usage.cached_input},
          {"reasoning", usage.reasoning},
          {"estimated", usage.estimated}};
}

Json turn_json(const TurnFacts& turn) {
  Json calls = Json::array();
  for (const CallFacts& call : turn.calls)
    calls.push_back({{"agent_id", call.agent_id},
                     {"member", call.member},
                     {"model", call.model},
                     {"instead_of_agent", call.instead_of},
                     {"status", call.error ? "error" : "ok"},
                     {"error", call.error},
                     {"text", call.error ? Json() : Json(call.text)},
                     {"cut", call.cut},
                     {"ms", call.ms},
                     {"usage", call.usage ? usage_json(*call.usage) : Json()},
                     {"cost_usd", call.cost_usd}});
  const CallFacts* last = last_call(turn);
  const Decision& decision = turn.decision;
  return {{"turn", turn.number},
          {"agent_id", turn.agent_id},
          {"member", last == nullptr ? Json() : Json(last->member)},
          {"role", turn.role},
          {"router",
           {{"agent_id", decision.agent_id},
            {"role", turn.raw_role},
            {"margins",
             {{"agent", decision.margins.agent.value_or(0)},
              {"role", decision.margins.role.value_or(0)}}},
            {"runner_up_agent_id", turn.agent_runner_up()},
            {"runner_up_role_id", turn.role_runner_up()},
            {"ms", decision.timings_ms.total}}},
          {"overridden", turn.overridden},
          {"masked", turn.masked},
          {"completed", turn.completed},
          {"verdict", turn.verdict},
          {"suggested_role", turn.suggested_role},
          {"calls", calls}};
}

}  // namespace trinity::console
