#include "prove/eval/lane_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_value.h"

namespace trinity::prove {
namespace {

Json case_record(const CaseOutcome& outcome, bool with_logits) {
  const EvalCase& one = *outcome.eval_case;
  Json record = {{"id", one.id}};
  if (outcome.decision) {
    const Decision& decision = *outcome.decision;
    record.update(
        Json{{"agent_id", decision.agent_id},
             {"role_id", decision.role_id},
             {"role_name", decision.role_name},
             {"margins",
              {{"agent", Json(decision.margins.agent)}, {"role", Json(decision.margins.role)}}},
             {"token_count", decision.token_count},
             {"hidden_index", decision.hidden_index},
             {"transcript_hash", Json(decision.transcript_hash)},
             {"trace_messages_hash", Json(decision.trace_messages_hash)},
             {"route_hash", Json(decision.route_hash)}});
    if (with_logits) {
      record["agent_logits"] = decision.agent_logits();
      record["role_logits"] = decision.role_logits();
    }
  }
  record["expected"] = {{"agent_id", one.expected_agent}, {"role_id", one.expected_role}};
  record["status"] = case_status_name(outcome.status);
  record["findings"] = outcome.findings;
  record["low_margin"] = outcome.low_margin;
  record["tags"] = one.tags;
  return record;
}

Json rung_record(const std::optional<Rung>& rung) {
  if (!rung) return nullptr;
  return {{"equal", rung->equal},
          {"of", rung->of},
          {"repeats", rung->repeats},
          {"different", rung->different},
          {"equal_decisions", rung->equal_decisions()},
          {"flipped", rung->flipped}};
}

Json determinism_record(const LaneReport& lane) {
  const DeterminismReport report =
      lane.determinism.value_or(DeterminismReport{held_to(lane.profile), {}, {}, {}});
  return {{"process", rung_record(report.process)},
          {"restart", rung_record(report.restart)},
          {"batch", rung_record(report.batch)},
          {"claims_equal_bits", report.claims_bits()},
          {"asserted", lane.determinism_asserted}};
}

Json snapshot_record(const LaneReport& lane) {
  if (lane.snapshot == nullptr || !lane.comparison) return nullptr;
  const SnapshotComparison& comparison = *lane.comparison;
  return {
      {"origin", lane.snapshot->origin},
      {"generated_at", lane.snapshot->generated_at},
      {"profile", lane.snapshot->profile.empty() ? Json(nullptr) : Json(lane.snapshot->profile)},
      {"matched", comparison.matched},
      {"same_transcripts", comparison.same_transcripts},
      {"same_decisions", comparison.same_decisions},
      {"same_route_hashes", comparison.same_route_hashes},
      {"remarks", comparison.remarks}};
}

Json counts(const std::map<int, std::size_t>& selected, bool roles) {
  Json record = Json::object();
  for (const auto& [id, count] : selected)
    record[roles ? role_name(id) : std::to_string(id)] = count;
  return record;
}

Json worst_record(const LaneReport& lane) {
  const auto worst = worst_margins(lane.outcomes);
  if (!worst) return nullptr;
  const backend::MarginFloors floors = floors_from(*worst);
  return {{"agent", worst->agent},
          {"agent_case", worst->agent_case},
          {"role", worst->role},
          {"role_case", worst->role_case},
          {"floors_from_this_run", {{"agent", floors.agent}, {"role", floors.role}}}};
}

}  // namespace

void LaneReport::judge_repeats(DeterminismReport report, bool asserted) {
  const bool bits = report.claims_bits();
  for (CaseOutcome& outcome : outcomes) {
    std::string where;
    const auto look_at = [&](const char* name, const std::optional<Rung>& rung) {
      if (!rung) return;
      const std::vector<std::string>& broken = bits ? rung->different : rung->flipped;
      if (std::find(broken.begin(), broken.end(), outcome.eval_case->id) != broken.end())
        where += fmt::format("{}{}", where.empty() ? "" : ", ", name);
    };
    look_at("in the same process", report.process);
    look_at("in a new process", report.restart);
    look_at("in other batches", report.batch);
    if (where.empty()) continue;
    add_finding(
        outcome,
        fmt::format("repeated {}, it is not the same {}", where, bits ? "in all bits" : "decision"),
        asserted);
  }
  determinism = std::move(report);
  determinism_asserted = asserted;
}

Json lane_record(const LaneReport& lane, bool with_logits) {
  const EvalSummary summary = lane.summary();
  const backend::LanePromise promise = promise_of(lane.profile);
  Json cases = Json::array();
  for (const CaseOutcome& outcome : lane.outcomes)
    cases.push_back(case_record(outcome, with_logits));
  return {{"profile", lane.profile.name},
          {"requested_profile", lane.profile.asked_for()},
          {"backend", lane.router.backend},
          {"label", lane.router.label},
          {"device", lane.router.device},
          {"exactness", backend::exactness_name(promise.kept)},
          {"claims", backend::exactness_name(lane.profile.exactness)},
          {"broken_promise", promise.broken.empty() ? Json() : Json(promise.broken)},
          {"model", lane.model},
          {"tiny_router", lane.router.tiny_router},
          {"cases_from", lane.set->origin},
          {"fidelity_mode", lane.fidelity_mode},
          {"input_mode", input_mode_name(lane.input.input_mode)},
          {"special_tokens", lane.input.parse_special_tokens ? "parsed" : "text"},
          {"margin_floors",
           {{"agent", lane.floors.agent}, {"role", lane.floors.role}, {"from", lane.floors_from}}},
          {"snapshot", snapshot_record(lane)},
          {"cases", std::move(cases)},
          {"determinism", determinism_record(lane)},
          {"passed", summary.passed},
          {"failed", summary.failed},
          {"not_asserted", summary.unasserted},
          {"failed_cases", summary.failed_ids},
          {"low_margin_cases", summary.low_margin_ids},
          {"agents_selected", counts(summary.agents, false)},
          {"roles_selected", counts(summary.roles, true)},
          {"worst_margins", worst_record(lane)},
          {"seconds", lane.total_seconds},
          {"seconds_by_part", {{"load", lane.load_seconds}, {"first_run", lane.route_seconds}}}};
}

}  // namespace trinity::prove
