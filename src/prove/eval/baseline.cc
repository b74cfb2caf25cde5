#include "prove/eval/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json_value.h"
#include "route/margins.h"

namespace trinity::prove {
namespace {

BaselineCase from_decision(const Decision& decision) {
  BaselineCase out{decision.agent_id, decision.role_id, {}};
  out.logits.assign(decision.logits.begin(), decision.logits.end());
  return out;
}

BaselineCase from_snapshot(const SnapshotCase& recorded) {
  BaselineCase out{recorded.agent_id, recorded.role_id, recorded.agent_logits};
  out.logits.insert(out.logits.end(), recorded.role_logits.begin(), recorded.role_logits.end());
  return out;
}

FlippedCase flip_of(const CaseOutcome& outcome, const BaselineCase& base) {
  const Decision& decision = *outcome.decision;
  FlippedCase out;
  out.id = outcome.eval_case->id;
  out.agent_id = decision.agent_id;
  out.role_id = decision.role_id;
  out.baseline_agent = base.agent_id;
  out.baseline_role = base.role_id;
  const auto consider = [&](const std::optional<double>& baseline_margin,
                            const std::optional<double>& margin) {
    if (baseline_margin && out.baseline_margin > *baseline_margin) return;
    out.baseline_margin = baseline_margin.value_or(std::nan(""));
    out.margin = margin.value_or(std::nan(""));
  };
  if (decision.logits.size() != base.logits.size()) {  // of another model
    out.baseline_margin = out.margin = std::nan("");
    return out;
  }
  const std::span<const double> logits(base.logits);
  const std::size_t agents = std::min(decision.num_agents, logits.size());
  if (decision.agent_id != base.agent_id)
    consider(route::logit_margin(logits.first(agents)), decision.margins.agent);
  if (decision.role_id != base.role_id)
    consider(route::logit_margin(logits.subspan(agents)), decision.margins.role);
  return out;
}

std::optional<std::size_t> oracle_lane(std::span<const LaneReport> lanes,
                                       const std::string& oracle) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const router::RuntimeProfile& profile = lanes[i].profile;
    if (oracle.empty() ? profile.exactness == backend::Exactness::oracle
                       : profile.name == oracle || profile.asked_for() == oracle)
      return i;
  }
  return std::nullopt;
}

}  // namespace

EvalBaseline choose_baseline(std::span<const LaneReport> lanes, const std::string& oracle) {
  EvalBaseline out;
  out.lane = lanes.size() > 1 ? oracle_lane(lanes, oracle) : std::nullopt;
  if (out.lane) {
    out.name = lanes[*out.lane].profile.shown_name();
    for (const CaseOutcome& outcome : lanes[*out.lane].outcomes)
      out.cases.push_back(outcome.decision
                              ? std::optional<BaselineCase>(from_decision(*outcome.decision))
                              : std::nullopt);
    return out;
  }
  for (const LaneReport& lane : lanes) {
    if (lane.snapshot == nullptr) continue;
    out.name = lane.snapshot->origin == kBuiltInOrigin ? "the built-in snapshot"
                                                       : "the snapshot " + lane.snapshot->origin;
    if (!lane.snapshot->profile.empty()) out.name += " of " + lane.snapshot->profile;
    for (const CaseOutcome& outcome : lane.outcomes)
      out.cases.push_back(outcome.recorded != nullptr
                              ? std::optional<BaselineCase>(from_snapshot(*outcome.recorded))
                              : std::nullopt);
    return out;
  }
  return out;
}

std::vector<std::string> BaselineDistance::beyond_drift() const {
  std::vector<std::string> ids;
  for (const FlippedCase& flip : flipped)
    if (flip.beyond_drift) ids.push_back(flip.id);
  return ids;
}

BaselineDistance distance_to(const EvalBaseline& baseline, const LaneReport& lane) {
  BaselineDistance out;
  out.logit_distance.assign(lane.outcomes.size(), std::nan(""));
  for (std::size_t i = 0; i < lane.outcomes.size() && i < baseline.cases.size(); ++i) {
    const CaseOutcome& outcome = lane.outcomes[i];
    if (!outcome.decision || !baseline.cases[i]) continue;
    const BaselineCase& base = *baseline.cases[i];
    const Decision& decision = *outcome.decision;
    ++out.compared;
    if (decision.agent_id == base.agent_id && decision.role_id == base.role_id)
      ++out.same_decisions;
    else
      out.flipped.push_back(flip_of(outcome, base));
    if (decision.logits.size() != base.logits.size()) continue;
    double distance = 0;
    for (std::size_t n = 0; n < base.logits.size(); ++n)
      distance =
          std::max(distance, std::abs(static_cast<double>(decision.logits[n]) - base.logits[n]));
    out.logit_distance[i] = distance;
    out.drift = std::max(out.drift, distance);
  }
  for (FlippedCase& flip : out.flipped)
    flip.beyond_drift = !(flip.baseline_margin <= out.drift);  // NaN is not excused
  return out;
}

void hold_to(const EvalBaseline& baseline, LaneReport& lane) {
  const BaselineDistance distance = distance_to(baseline, lane);
  for (const FlippedCase& flip : distance.flipped) {
    if (!flip.beyond_drift) continue;
    for (CaseOutcome& outcome : lane.outcomes)
      if (outcome.eval_case->id == flip.id)
        add_finding(outcome,
                    fmt::format("parts from {}, which decided agent {} {}, by more than the drift "
                                "({:.1e})",
                                baseline.name, flip.baseline_agent, role_name(flip.baseline_role),
                                distance.drift),
                    true);
  }
}

Json baseline_record(const EvalBaseline& baseline, std::span<const LaneReport> lanes) {
  if (baseline.name.empty()) return nullptr;
  Json out = {{"baseline", baseline.name}, {"lanes", Json::array()}};
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (baseline.lane == i) continue;
    const BaselineDistance distance = distance_to(baseline, lanes[i]);
    Json flipped = Json::array();
    for (const FlippedCase& flip : distance.flipped)
      flipped.push_back({{"id", flip.id},
                         {"agent_id", flip.agent_id},
                         {"role_id", flip.role_id},
                         {"baseline",
                          {{"agent_id", flip.baseline_agent},
                           {"role_id", flip.baseline_role},
                           {"margin", flip.baseline_margin}}},
                         {"margin", flip.margin},
                         {"beyond_drift", flip.beyond_drift}});
    out["lanes"].push_back({{"profile", lanes[i].profile.name},
                            {"compared", distance.compared},
                            {"equal_decisions", distance.same_decisions},
                            {"drift", distance.drift},
                            {"flipped", std::move(flipped)}});
  }
  return out;
}

}  // namespace trinity::prove
