// What the lanes of a report are compared with: the oracle lane, else a snapshot, else nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lab/lane_report.h"

namespace trinity {

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

/// How far one lane is from the baseline.
struct BaselineDistance {
  std::size_t compared = 0;
  std::size_t same_decisions = 0;
  std::vector<double> logit_distance;  // a case: largest |Δ logit|; NaN where not compared
  std::vector<std::string> flipped;    // ids whose decision differs
};
BaselineDistance distance_to(const EvalBaseline& baseline, const LaneReport& lane);

}  // namespace trinity
