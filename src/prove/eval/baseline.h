// What the lanes of a report are compared with: the oracle lane, else a snapshot, else nothing.
//
// A lane's drift is the largest difference of any logit of any case. A decision may flip when its
// margin in the baseline is no larger than that; a flip of a larger margin is one that the drift
// does not excuse.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "prove/eval/lane_report.h"

namespace trinity::prove {

struct BaselineCase {
  int agent_id = 0;
  int role_id = 0;
  std::vector<double> logits;  // agents, then roles
};

struct EvalBaseline {
  std::string name;                 // for people; empty when there is none
  std::optional<std::size_t> lane;  // its lane, when it is one
  std::vector<std::optional<BaselineCase>> cases;
};

/// The lane named `oracle`, else the first lane whose backend is an oracle, else the first lane's
/// snapshot.
EvalBaseline choose_baseline(std::span<const LaneReport> lanes, const std::string& oracle);

/// A case that a lane decides otherwise than the baseline.
struct FlippedCase {
  std::string id;
  int agent_id = 0, role_id = 0;  // of the lane
  int baseline_agent = 0, baseline_role = 0;
  double margin = 0;           // of the lane's decision, in the split that flipped
  double baseline_margin = 0;  // of the baseline's; the larger one if both splits flipped
  bool beyond_drift = false;   // baseline_margin exceeds the lane's drift, or nobody knows it
};

/// How far one lane is from the baseline.
struct BaselineDistance {
  std::size_t compared = 0;
  std::size_t same_decisions = 0;
  std::vector<double> logit_distance;  // a case: largest |Δ logit|; NaN where not compared
  double drift = 0;                    // the largest of them
  std::vector<FlippedCase> flipped;

  /// Ids of cases that flipped although their margin exceeds the drift.
  std::vector<std::string> beyond_drift() const;
};
BaselineDistance distance_to(const EvalBaseline& baseline, const LaneReport& lane);

/// Gives every case that parts from the baseline beyond the lane's drift a finding, which counts.
void hold_to(const EvalBaseline& baseline, LaneReport& lane);

/// {baseline, lanes: [{profile, compared, equal_decisions, drift, flipped: [{id, agent_id, role_id,
/// baseline: {agent_id, role_id, margin}, margin, beyond_drift}]}]}; null without a baseline.
Json baseline_record(const EvalBaseline& baseline, std::span<const LaneReport> lanes);

}  // namespace trinity::prove
