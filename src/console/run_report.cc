#include "console/run_report.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "console/turn_view.h"
#include "report/prose.h"

namespace trinity::console {
namespace {

using coordinate::Outcome;
using report::Look;

/// Who said the last word of the run.
std::string last_speaker(const RunEnd& end, const provider::Pool& pool) {
  if (end.log->turns().empty()) return {};
  const CallFacts* call = last_call(end.log->turns().back());
  if (call == nullptr) return {};
  return fmt::format("{} (slot {})", printable(pool.slot_label(call->agent_id), 60),
                     call->agent_id);
}

std::string limit_text(const coordinate::BudgetExceeded& budget) {
  if (budget.kind == "estimated_cost_usd")
    return fmt::format("{} of {} in money", money_text(budget.observed), money_text(budget.limit));
  const char* const unit = budget.kind == "wall_time"             ? " ms of time"
                           : budget.kind == "provider_latency_ms" ? " ms for a call"
                           : budget.kind == "provider_calls"      ? " calls"
                                                                  : " revisions";
  return fmt::format("{:.0f} of {:.0f}{}", budget.observed, budget.limit, unit);
}

/// Why the run ended, in a sentence.
std::string reason_text(const RunEnd& end, const Outcome& outcome, const provider::Pool& pool) {
  const std::string& status = outcome.final_status;
  if (status == "accepted")
    return fmt::format("{} accepted the answer as Verifier", last_speaker(end, pool));
  if (status == "max_turns_latest_worker_response")
    return "the turns of this run were over before a Verifier accepted the answer; --max-turns "
           "allows more";
  if (status == "budget_exceeded")
    return end.finished.budget ? "a budget ended the run: " + limit_text(*end.finished.budget)
                               : "a budget ended the run";
  if (status == "verifier_failed") return "the Verifier could not be asked; the answer stands";
  if (status == "verifier_abstained")
    return "the Verifier gave no verdict; the answer stands as it is";
  if (status == "ended_without_response")
    return "a Verifier was chosen before there was an answer, which ends such a run";
  return status;
}

Json failure_json(const Error& error) { return {{"tag", error.tag}, {"message", error.message}}; }

}  // namespace

std::string total_text(const Spent& spent) {
  std::string text = report::counted(spent.calls, "call");
  if (spent.calls == 0) return text;
  const std::optional<double> cost =
      spent.cost_known || spent.cost_usd > 0 ? std::optional(spent.cost_usd) : std::nullopt;
  text += ", " + spent_text(spent.usage, cost, std::nullopt);
  if (cost && !spent.cost_known) text += " and calls of unknown price";
  return text;
}

Json run_record(const RunEnd& end, const RunSurroundings& around) {
  const Result<Outcome>& outcome = end.finished.outcome;
  Json turns = Json::array();
  for (const TurnFacts& turn : end.log->turns()) turns.push_back(turn_json(turn));
  const Spent spent = end.log->spent();
  Json answer, worker_answer;
  if (outcome && (outcome->answer || !outcome->text.empty())) answer = outcome->text;
  if (outcome) worker_answer = outcome->answer;
  return {{"answer", answer},
          {"worker_answer", worker_answer},
          {"verified", outcome ? outcome->verified : false},
          {"final_status", outcome ? outcome->final_status : std::string("failed")},
          {"failure", outcome ? Json() : failure_json(outcome.error())},
          {"budget", end.finished.budget ? end.finished.budget->details() : Json()},
          {"run_id", end.run_id},
          {"loop_profile", around.loop_profile},
          {"pool", around.pool},
          {"tiny_router", around.tiny_router},
          {"turns", turns},
          {"calls", spent.calls},
          {"usage", usage_json(spent.usage)},
          {"cost_usd", spent.cost_usd},
          {"cost_known", spent.cost_known},
          {"ms", end.ms},
          {"warnings", end.finished.warnings}};
}

Json direct_record(const Result<MemberReply>& reply, const provider::MemberConfig& member,
                   const RunSurroundings& around, double ms) {
  const coordinate::Usage usage =
      reply ? reply->answer.usage.value_or(coordinate::Usage()) : coordinate::Usage();
  const bool cost_known = reply && reply->answer.cost_usd.has_value();
  return {{"answer", reply ? Json(reply->answer.text) : Json()},
          {"verified", false},
          {"final_status", reply ? "direct" : "failed"},
          {"failure", reply ? Json() : failure_json(reply.error())},
          {"pool", around.pool},
          {"member", member.name},
          {"model", member.model},
          {"turns", Json::array()},
          {"calls", 1},
          {"usage", usage_json(usage)},
          {"cost_usd", cost_known ? *reply->answer.cost_usd : 0.0},
          {"cost_known", cost_known},
          {"ms", ms},
          {"warnings", Json::array()}};
}

std::string run_end_text(const RunEnd& end, const provider::Pool& pool, report::Style style) {
  const Result<Outcome>& outcome = end.finished.outcome;
  const bool answered = outcome && (outcome->answer || !outcome->text.empty());
  std::string text = answered ? answer_text(outcome->text, style) : "\n";
  if (outcome)
    text += paragraph({outcome->verified ? report::Text{"verified", Look::good}
                       : answered        ? report::Text{"not verified", Look::warn}
                                         : report::Text{"no answer", Look::bad},
                       {": " + reason_text(end, *outcome, pool)}},
                      style);
  else if (end.signal == 0)
    text +=
        paragraph({{"no answer", Look::bad}, {": " + end.finished.outcome.error().message}}, style);
  std::size_t turns = 0;
  for (const TurnFacts& turn : end.log->turns()) turns += turn.completed ? 1 : 0;
  text += paragraph({{fmt::format("{}, {}, {:.0f} ms, run {}", report::counted(turns, "turn"),
                                  total_text(end.log->spent()), end.ms, end.run_id),
                      Look::faint}},
                    style);
  return text;
}

}  // namespace trinity::console
