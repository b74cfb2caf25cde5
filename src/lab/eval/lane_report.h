// Everything that one lane did in an evaluation, and its JSON form.
#pragma once

#include <trinity/router.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lab/eval/determinism.h"
#include "lab/eval/prompt_eval.h"

namespace trinity {

struct LaneReport {
  RuntimeProfile profile;
  RouterInfo router;
  std::string model;                       // for people
  std::shared_ptr<const EvalCaseSet> set;  // what `outcomes` point into
  std::string fidelity_mode;
  InputOptions input;
  MarginFloors floors;
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
  /// Ids of cases that failed or, where that counts, were not repeated exactly; each once.
  std::vector<std::string> failed_ids() const;
};

/// {profile, ..., cases: [{id, agent_id, role_id, margins, token_count, transcript_hash,
/// route_hash, status, ...}], determinism: {process, restart, batch, ...}, passed, failed,
/// seconds}. A rung that did not run is null.
nlohmann::ordered_json lane_record(const LaneReport& lane, bool with_logits);

}  // namespace trinity
