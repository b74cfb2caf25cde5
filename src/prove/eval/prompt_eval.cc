#include "prove/eval/prompt_eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "hash/rounding.h"

namespace trinity::prove {
namespace {

constexpr double kLowMarginFactor = 2.0;
constexpr double kFloorShare = 0.8;
constexpr int kLogitDecimals = 6;

std::string decision_text(int agent, int role) {
  return fmt::format("agent {} {}", agent, role_name(role));
}

double margin_or_zero(const std::optional<double>& margin) { return margin.value_or(0.0); }

void compare_expected(const EvalCase& one, const Decision& decision,
                      std::vector<std::string>& findings) {
  if (decision.agent_id != one.expected_agent || decision.role_id != one.expected_role)
    findings.push_back(fmt::format("expected {}, got {}",
                                   decision_text(one.expected_agent, one.expected_role),
                                   decision_text(decision.agent_id, decision.role_id)));
}

void compare_floors(const Decision& decision, const backend::MarginFloors& floors,
                    std::vector<std::string>& findings) {
  const auto check = [&](const char* name, double margin, double floor) {
    if (margin < floor)
      findings.push_back(
          fmt::format("{} margin {:.4f} is under its floor {:.2f}", name, margin, floor));
  };
  check("agent", margin_or_zero(decision.margins.agent), floors.agent);
  check("role", margin_or_zero(decision.margins.role), floors.role);
}

void compare_recorded(const Decision& decision, const SnapshotCase& recorded, bool route_hash,
                      std::vector<std::string>& findings) {
  const std::string transcript = decision.transcript_hash.value_or("");
  if (transcript != recorded.transcript_hash)
    findings.push_back(fmt::format("the snapshot has another transcript ({:.12} instead of {:.12})",
                                   recorded.transcript_hash, transcript));
  if (decision.token_count != recorded.token_count)
    findings.push_back(fmt::format("the snapshot has {} tokens instead of {}", recorded.token_count,
                                   decision.token_count));
  if (decision.agent_id != recorded.agent_id || decision.role_id != recorded.role_id)
    findings.push_back(fmt::format("the snapshot decided {} (margins {:.2f} / {:.2f}), got {}",
                                   decision_text(recorded.agent_id, recorded.role_id),
                                   recorded.agent_margin, recorded.role_margin,
                                   decision_text(decision.agent_id, decision.role_id)));
  if (route_hash && decision.route_hash.value_or("") != recorded.route_hash)
    findings.push_back(fmt::format("the snapshot has route hash {:.12} instead of {:.12}",
                                   recorded.route_hash, decision.route_hash.value_or("")));
}

bool is_low(const Decision& decision, const backend::MarginFloors& floors) {
  return is_low_margin(margin_or_zero(decision.margins.agent), floors.agent) ||
         is_low_margin(margin_or_zero(decision.margins.role), floors.role);
}

std::vector<double> rounded(std::span<const float> logits) {
  std::vector<double> out;
  for (const float logit : logits)
    out.push_back(hash::round_decimal(static_cast<double>(logit), kLogitDecimals));
  return out;
}

/// The f32 difference as a double, as snapshots have always held it.
double f32_margin(const std::optional<double>& margin) {
  return static_cast<double>(static_cast<float>(margin_or_zero(margin)));
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Infinite when the numbers of logits differ.
double logit_distance(std::span<const float> logits, const std::vector<double>& recorded) {
  if (logits.size() != recorded.size()) return std::numeric_limits<double>::infinity();
  double distance = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    distance = std::max(distance, std::abs(static_cast<double>(logits[i]) - recorded[i]));
  return distance;
}

double spread(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *high - *low;
}

void remark(SnapshotComparison& out, const EvalSnapshot& snapshot, const std::string& profile) {
  if (out.matched == 0) {
    out.remarks.emplace_back("the snapshot knows none of these cases: it belongs to another set");
    return;
  }
  if (!snapshot.profile.empty() && snapshot.profile != profile)
    out.remarks.push_back(
        fmt::format("the snapshot was recorded with profile {}, this run uses {}: decisions may be "
                    "compared, route hashes may not",
                    snapshot.profile, profile));
  if (out.same_transcripts < out.matched)
    out.remarks.push_back(fmt::format(
        "{} of {} transcripts differ: the snapshot was recorded with other texts under these ids",
        out.matched - out.same_transcripts, out.matched));
  // Lanes of one model differ by rounding, a few hundredths of the spread; other weights by all of
  // it.
  constexpr double kOtherModel = 0.25;
  if (out.median_logit_distance > kOtherModel * out.median_logit_spread) {
    out.remarks.push_back(
        fmt::format("the logits differ by {:.2f} in the median case, where the snapshot's agent "
                    "logits spread over {:.2f}: it belongs to another model{}",
                    out.median_logit_distance, out.median_logit_spread,
                    snapshot.model.empty() ? "" : fmt::format(" ({})", snapshot.model)));
  }
}

}  // namespace

const char* case_status_name(CaseStatus status) {
  switch (status) {
    case CaseStatus::ok:
      return "ok";
    case CaseStatus::fail:
      return "fail";
    case CaseStatus::report_only:
      return "report_only";
    case CaseStatus::error:
      return "error";
  }
  return "error";
}

bool is_low_margin(double margin, double floor) { return margin < kLowMarginFactor * floor; }

std::vector<CaseOutcome> judge_cases(const std::vector<EvalCase>& cases,
                                     std::vector<Result<Decision>> decisions,
                                     const JudgeOptions& options) {
  std::unordered_map<std::string_view, const SnapshotCase*> recorded;
  if (options.snapshot != nullptr)
    for (const SnapshotCase& one : options.snapshot->cases) recorded[one.id] = &one;
  std::vector<CaseOutcome> outcomes;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CaseOutcome outcome;
    outcome.eval_case = &cases[i];
    if (const auto found = recorded.find(cases[i].id); found != recorded.end())
      outcome.recorded = found->second;
    if (!decisions[i]) {
      outcome.status = CaseStatus::error;
      outcome.findings.push_back(decisions[i].error().message);
      outcomes.push_back(std::move(outcome));
      continue;
    }
    const Decision& decision = outcome.decision.emplace(std::move(*decisions[i]));
    compare_expected(cases[i], decision, outcome.findings);
    compare_floors(decision, options.floors, outcome.findings);
    if (outcome.recorded != nullptr)
      compare_recorded(decision, *outcome.recorded, options.assert_route_hash, outcome.findings);
    outcome.low_margin = is_low(decision, options.floors);
    outcome.status = !options.assert_findings   ? CaseStatus::report_only
                     : outcome.findings.empty() ? CaseStatus::ok
                                                : CaseStatus::fail;
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

void add_finding(CaseOutcome& outcome, std::string finding, bool counts) {
  outcome.findings.push_back(std::move(finding));
  if (counts && outcome.status == CaseStatus::ok) outcome.status = CaseStatus::fail;
}

std::vector<QueryView> case_queries(const std::vector<EvalCase>& cases) {
  std::vector<QueryView> queries;
  queries.reserve(cases.size());
  for (const EvalCase& one : cases) queries.emplace_back(one.messages);
  return queries;
}

std::vector<Result<Decision>> route_in_batches(const Router& router,
                                               std::span<const QueryView> queries,
                                               const InputOptions& input, DecisionRule rule,
                                               std::size_t batch) {
  rule.hashes = true;
  if (batch == 0) batch = std::max<std::size_t>(queries.size(), 1);
  std::vector<Result<Decision>> decisions;
  for (std::size_t begin = 0; begin < queries.size(); begin += batch) {
    const auto part = queries.subspan(begin, std::min(batch, queries.size() - begin));
    for (Result<Decision>& decision : router.route_batch(part, input, rule))
      decisions.push_back(std::move(decision));
  }
  return decisions;
}

EvalSummary summarize(const std::vector<CaseOutcome>& outcomes) {
  EvalSummary out;
  for (const CaseOutcome& outcome : outcomes) {
    if (outcome.decision) {
      ++out.agents[outcome.decision->agent_id];
      ++out.roles[outcome.decision->role_id];
    }
    if (outcome.low_margin) out.low_margin_ids.push_back(outcome.eval_case->id);
    if (outcome.status == CaseStatus::fail || outcome.status == CaseStatus::error) {
      ++out.failed;
      out.failed_ids.push_back(outcome.eval_case->id);
    } else if (outcome.findings.empty()) {
      ++out.passed;
    } else {
      ++out.unasserted;
    }
  }
  return out;
}

std::optional<WorstMargins> worst_margins(const std::vector<CaseOutcome>& outcomes) {
  std::optional<WorstMargins> worst;
  for (const CaseOutcome& outcome : outcomes) {
    if (!outcome.decision) continue;
    const double agent = f32_margin(outcome.decision->margins.agent);
    const double role = f32_margin(outcome.decision->margins.role);
    const std::string& id = outcome.eval_case->id;
    if (!worst) worst = WorstMargins{agent, role, id, id};
    if (agent < worst->agent) std::tie(worst->agent, worst->agent_case) = std::tie(agent, id);
    if (role < worst->role) std::tie(worst->role, worst->role_case) = std::tie(role, id);
  }
  return worst;
}

backend::MarginFloors floors_from(const WorstMargins& worst) {
  const auto floor_of = [](double margin) { return std::floor(kFloorShare * margin * 100) / 100; };
  return {floor_of(worst.agent), floor_of(worst.role)};
}

EvalSnapshot snapshot_of(const std::vector<CaseOutcome>& outcomes) {
  EvalSnapshot snapshot;
  snapshot.generated_at = timestamp_now();
  for (const CaseOutcome& outcome : outcomes) {
    if (!outcome.decision) continue;
    const Decision& decision = *outcome.decision;
    SnapshotCase& one = snapshot.cases.emplace_back();
    one.id = outcome.eval_case->id;
    one.agent_id = decision.agent_id;
    one.role_id = decision.role_id;
    one.token_count = decision.token_count;
    one.agent_margin = f32_margin(decision.margins.agent);
    one.role_margin = f32_margin(decision.margins.role);
    one.agent_logits = rounded(decision.agent_logits());
    one.role_logits = rounded(decision.role_logits());
    one.transcript_hash = decision.transcript_hash.value_or("");
    one.route_hash = decision.route_hash.value_or("");
  }
  return snapshot;
}

SnapshotComparison compare_with_snapshot(const std::vector<CaseOutcome>& outcomes,
                                         const EvalSnapshot& snapshot, const std::string& profile) {
  SnapshotComparison out;
  std::vector<double> distances;
  std::vector<double> spreads;
  for (const CaseOutcome& outcome : outcomes) {
    if (outcome.recorded == nullptr || !outcome.decision) continue;
    const Decision& decision = *outcome.decision;
    const SnapshotCase& recorded = *outcome.recorded;
    ++out.matched;
    out.same_transcripts += decision.transcript_hash == recorded.transcript_hash;
    out.same_decisions +=
        decision.agent_id == recorded.agent_id && decision.role_id == recorded.role_id;
    out.same_route_hashes += decision.route_hash == recorded.route_hash;
    distances.push_back(std::max(logit_distance(decision.agent_logits(), recorded.agent_logits),
                                 logit_distance(decision.role_logits(), recorded.role_logits)));
    spreads.push_back(spread(recorded.agent_logits));
  }
  out.median_logit_distance = median(distances);
  out.median_logit_spread = median(spreads);
  remark(out, snapshot, profile);
  return out;
}

}  // namespace trinity::prove
