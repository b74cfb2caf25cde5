// The record of a replay: everything that the report tells, and every decision that changes.
#include <utility>

#include "replay/replay.h"

namespace trinity::replay {
namespace {

constexpr std::pair<const char*, double> kShares[] = {{"min", 0},      {"p05", 0.05}, {"p25", 0.25},
                                                      {"median", 0.5}, {"p75", 0.75}, {"p95", 0.95},
                                                      {"max", 1}};

/// Null without any.
Json distribution(const std::vector<double>& values) {
  if (values.empty()) return {};
  Json out = Json::object();
  for (const auto& [name, share] : kShares) out[name] = quantile(values, share);
  return out;
}

Json margins_json(const ReplayResults& results) {
  std::vector<double> agent_before, agent_after, role_before, role_after, changed;
  for (const ReplayedTurn& turn : results.turns) {
    agent_before.push_back(turn.before.agent_margin);
    agent_after.push_back(turn.raw.agent_margin);
    role_before.push_back(turn.before.role_margin);
    role_after.push_back(turn.raw.role_margin);
    if (!turn.same_agent()) changed.push_back(turn.before.agent_margin);
  }
  return {{"agent", {{"before", distribution(agent_before)}, {"after", distribution(agent_after)}}},
          {"role", {{"before", distribution(role_before)}, {"after", distribution(role_after)}}},
          {"agent_before_of_changed", distribution(changed)}};
}

Json choice_json(const Choice& choice) {
  return {{"agent_id", choice.agent_id}, {"role_id", choice.role_id}};
}

Json decided_json(const Decided& decided) {
  Json out = choice_json(decided);
  out["margins"] = {{"agent", decided.agent_margin}, {"role", decided.role_margin}};
  return out;
}

Json change_json(const ReplayResults& results, const ReplayedTurn& turn) {
  return {{"run_id", turn.run_id},
          {"turn", turn.turn},
          {"before", decided_json(turn.before)},
          {"router", decided_json(turn.raw)},
          {"after", choice_json(turn.after)},
          {"model_before", turn.model.empty() ? Json() : Json(turn.model)},
          {"member_after", results.slot_name(turn.after.agent_id)},
          {"masked", turn.masked}};
}

}  // namespace

Json replay_record(const ReplayResults& results, const std::string& model) {
  Json thresholds = Json::array(), transitions = Json::array(), skipped = Json::array(),
       faults = Json::array(), changes = Json::array();
  for (const ThresholdRow& row : results.thresholds())
    thresholds.push_back(
        {{"threshold", row.threshold}, {"below", row.below}, {"changed", row.changed}});
  for (const Transition& one : results.transitions())
    transitions.push_back({{"from_slot", one.from_slot},
                           {"from", one.from},
                           {"to_slot", one.to_slot},
                           {"to", one.to},
                           {"turns", one.turns}});
  for (const Skipped& one : results.skipped)
    skipped.push_back({{"reason", obstacle_name(one.obstacle)},
                       {"turns", one.turns},
                       {"first_run_id", one.first_run},
                       {"first_turn", one.first_turn},
                       {"message", one.why.empty() ? Json() : Json(one.why)}});
  for (const trace::TraceFault& fault : results.faults)
    faults.push_back({{"file", fault.file},
                      {"line", fault.line},
                      {"tag", fault.error.tag},
                      {"message", fault.error.message}});
  for (const ReplayedTurn& turn : results.turns)
    if (turn.changed()) changes.push_back(change_json(results, turn));
  const CostComparison costs = compare_costs(results);
  return {{"model", model},
          {"threshold", results.threshold},
          {"runs", results.runs},
          {"unfinished_runs", results.unfinished_runs},
          {"compared", results.turns.size()},
          {"changed", results.changed()},
          {"changed_fraction", results.changed_fraction()},
          {"changed_agent", results.changed_agent()},
          {"changed_role", results.changed_role()},
          {"equal_route_hashes", results.equal_route_hashes()},
          {"masked", results.masked()},
          {"margins", margins_json(results)},
          {"thresholds", std::move(thresholds)},
          {"transitions", std::move(transitions)},
          {"cost",
           {{"turns", costs.turns},
            {"unknown", costs.unknown},
            {"before_usd", costs.before},
            {"after_usd", costs.after},
            {"estimated", true}}},
          {"skipped", std::move(skipped)},
          {"faults", std::move(faults)},
          {"changes", std::move(changes)}};
}

}  // namespace trinity::replay
