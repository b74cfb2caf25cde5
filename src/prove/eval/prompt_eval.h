// The prompt evaluation: every case of a set is routed on one lane and judged.
//
// A case fails when its agent or role is not the expected one, when a margin lies under its floor,
// or when it differs from its entry in the snapshot in agent, role, token count or transcript hash
// (on request also in route hash). A case that the snapshot does not know is judged without it.
#pragma once

#include <trinity/router.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "prove/eval/cases.h"
#include "prove/eval/snapshot.h"
#include "router/profile.h"

namespace trinity::prove {

/// Whether a margin is under twice its floor: rounding or another wording may turn the decision.
bool is_low_margin(double margin, double floor);

enum class CaseStatus {
  ok,
  fail,         // a finding, and findings count
  report_only,  // judged, but findings do not count
  error,        // could not be routed at all
};
/// "ok", "fail", "report_only", "error".
const char* case_status_name(CaseStatus status);

struct CaseOutcome {
  const EvalCase* eval_case = nullptr;
  std::optional<Decision> decision;        // absent for an error
  const SnapshotCase* recorded = nullptr;  // the snapshot's entry of the same id
  CaseStatus status = CaseStatus::ok;
  std::vector<std::string> findings;  // one short sentence each
  bool low_margin = false;            // a margin under twice its floor: the decision may flip
};

/// Adds a finding to a case that was judged; one that counts makes it fail.
void add_finding(CaseOutcome& outcome, std::string finding, bool counts);

struct JudgeOptions {
  backend::MarginFloors floors;
  const EvalSnapshot* snapshot = nullptr;
  bool assert_findings = true;
  bool assert_route_hash = false;
};

/// Judges decisions, one for each case in order.
std::vector<CaseOutcome> judge_cases(const std::vector<EvalCase>& cases,
                                     std::vector<Result<Decision>> decisions,
                                     const JudgeOptions& options);

/// Views of the cases, as the router takes them.
std::vector<QueryView> case_queries(const std::vector<EvalCase>& cases);

/// Routes all queries in batches of `batch` (0: one batch for all), with the hashes that judging
/// and comparing need.
std::vector<Result<Decision>> route_in_batches(const Router& router,
                                               std::span<const QueryView> queries,
                                               const InputOptions& input, DecisionRule rule,
                                               std::size_t batch);

/// What a reader wants to know first.
struct EvalSummary {
  std::size_t passed = 0;             // without findings
  std::size_t failed = 0;             // failed and could not be routed
  std::size_t unasserted = 0;         // with findings that do not count
  std::map<int, std::size_t> agents;  // agent → cases that selected it
  std::map<int, std::size_t> roles;
  std::vector<std::string> failed_ids;
  std::vector<std::string> low_margin_ids;
};
EvalSummary summarize(const std::vector<CaseOutcome>& outcomes);

/// The smallest margins of a run and the cases that have them; absent without any decision.
struct WorstMargins {
  double agent = 0;
  double role = 0;
  std::string agent_case;
  std::string role_case;
};
std::optional<WorstMargins> worst_margins(const std::vector<CaseOutcome>& outcomes);

/// 80 % of the worst margins, rounded down to two decimals.
backend::MarginFloors floors_from(const WorstMargins& worst);

/// The run as a snapshot: cases that could not be routed are left out. Profile, model and the like
/// are the caller's to fill in.
EvalSnapshot snapshot_of(const std::vector<CaseOutcome>& outcomes);

/// How a run relates to the snapshot it was judged with.
struct SnapshotComparison {
  std::size_t matched = 0;  // cases that both have
  std::size_t same_transcripts = 0;
  std::size_t same_decisions = 0;
  std::size_t same_route_hashes = 0;
  double median_logit_distance = 0;  // over the matched cases: largest |Δ logit| of a case
  double median_logit_spread = 0;    // largest minus smallest agent logit of the snapshot
  std::vector<std::string> remarks;  // what the figures mean, one sentence each
};
SnapshotComparison compare_with_snapshot(const std::vector<CaseOutcome>& outcomes,
                                         const EvalSnapshot& snapshot, const std::string& profile);

}  // namespace trinity::prove
