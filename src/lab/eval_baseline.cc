#include "lab/eval_baseline.h"

#include <algorithm>
#include <cmath>

namespace trinity {
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

std::optional<std::size_t> oracle_lane(std::span<const LaneReport> lanes,
                                       const std::string& oracle) {
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const RuntimeProfile& profile = lanes[i].profile;
    if (oracle.empty() ? profile.exactness == Exactness::oracle
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
    out.name = "the snapshot " + lane.snapshot->origin;
    if (!lane.snapshot->profile.empty()) out.name += " of " + lane.snapshot->profile;
    for (const CaseOutcome& outcome : lane.outcomes)
      out.cases.push_back(outcome.recorded != nullptr
                              ? std::optional<BaselineCase>(from_snapshot(*outcome.recorded))
                              : std::nullopt);
    return out;
  }
  return out;
}

BaselineDistance distance_to(const EvalBaseline& baseline, const LaneReport& lane) {
  BaselineDistance out;
  out.logit_distance.assign(lane.outcomes.size(), std::nan(""));
  for (std::size_t i = 0; i < lane.outcomes.size() && i < baseline.cases.size(); ++i) {
    const CaseOutcome& outcome = lane.outcomes[i];
    if (!outcome.decision || !baseline.cases[i]) continue;
    const BaselineCase& base = *baseline.cases[i];
    ++out.compared;
    if (outcome.decision->agent_id == base.agent_id && outcome.decision->role_id == base.role_id)
      ++out.same_decisions;
    else
      out.flipped.push_back(outcome.eval_case->id);
    if (outcome.decision->logits.size() != base.logits.size()) continue;
    double distance = 0;
    for (std::size_t n = 0; n < base.logits.size(); ++n)
      distance = std::max(
          distance, std::abs(static_cast<double>(outcome.decision->logits[n]) - base.logits[n]));
    out.logit_distance[i] = distance;
  }
  return out;
}

}  // namespace trinity
