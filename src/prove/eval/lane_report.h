// Everything that one lane did in an evaluation, and its JSON form.
#pragma once

#include <trinity/router.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "prove/eval/determinism.h"
#include "prove/eval/prompt_eval.h"

namespace trinity::prove {

struct LaneReport {
  router::RuntimeProfile profile;
  RouterInfo router;
  std::string model;                       // for people
  std::shared_ptr<const EvalCaseSet> set;  // what `outcomes` point into
  std::string fidelity_mode;
  InputOptions input;
  backend::MarginFloors floors;
  std::string floors_from;                       // "flags", "snapshot" or "profile"
  std::shared_ptr<const EvalSnapshot> snapshot;  // null without one
  std::optional<SnapshotComparison> comparison;
  std::vector<CaseOutcome> outcomes;
  std::optional<DeterminismReport> determinism;
  bool determinism_asserted = false;  // a difference fails the evaluation
  double load_seconds = 0;
  double route_seconds = 0;  // the first run
  double total_seconds = 0;  // with repeats

  EvalSummary summary() const { return summarize(outcomes); }
  /// Takes what repeats found, and gives it to the cases: one that breaks what the lane promises
  /// gets a finding and, where `asserted`, fails. So whatever counts or lists cases says the same.
  void judge_repeats(DeterminismReport report, bool asserted);
};

/// {profile, ..., cases: [{id, agent_id, role_id, margins, token_count, transcript_hash,
/// route_hash, status, ...}], determinism: {process, restart, batch, ...}, passed, failed,
/// seconds}. A rung that did not run is null.
Json lane_record(const LaneReport& lane, bool with_logits);

}  // namespace trinity::prove
