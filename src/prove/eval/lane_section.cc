#include "prove/eval/lane_section.h"

#include <fmt/format.h>

#include <cmath>

namespace trinity::prove {
namespace {

using report::Cell;
using report::Line;
using report::Look;
using report::Text;

constexpr std::size_t kIdColumns = 26;
constexpr std::size_t kLeastIdColumns = 12;
constexpr std::size_t kPromptColumns = 30;
constexpr std::size_t kLeastPromptColumns = 16;
constexpr std::size_t kLongText = 400;  // bytes
constexpr std::size_t kMostIds = 20;    // of a list that may hold every case

std::string status_text(const CaseOutcome& outcome) {
  if (outcome.status == CaseStatus::report_only)
    return outcome.findings.empty() ? "as stated" : "reported";
  if (outcome.status == CaseStatus::ok && outcome.low_margin) return "ok, low";
  return case_status_name(outcome.status);
}

std::string logits_text(std::span<const float> logits) {
  std::string out;
  for (const float logit : logits) out += fmt::format(" {:9.4f}", logit);
  return out;
}

std::vector<Line> below(const CaseOutcome& outcome, const LaneSectionOptions& options) {
  std::vector<Line> lines;
  for (const std::string& finding : outcome.findings)
    lines.push_back({"", {report::foreign(finding, kLongText, Look::warn)}});
  if (!outcome.decision) return lines;
  const Decision& decision = *outcome.decision;
  if (options.verbose) {
    lines.push_back({"prompt", {report::foreign(case_prompt(*outcome.eval_case), kLongText)}});
    lines.push_back(
        {"read at",
         {{fmt::format("{} of {} tokens", decision.hidden_index, decision.token_count)}}});
    lines.push_back({"transcript", {{decision.transcript_hash.value_or("-")}}});
    lines.push_back({"trace", {{decision.trace_messages_hash.value_or("-")}}});
    lines.push_back({"route", {{decision.route_hash.value_or("-")}}});
  }
  if (options.show_logits) {
    lines.push_back({"agents", {{logits_text(decision.agent_logits())}}});
    lines.push_back({"roles", {{logits_text(decision.role_logits())}}});
  }
  return lines;
}

report::Row row_of(const CaseOutcome& outcome, const LaneSectionOptions& options) {
  const EvalCase& one = *outcome.eval_case;
  const bool bad = outcome.status == CaseStatus::fail || outcome.status == CaseStatus::error;
  std::vector<Cell> cells = {one.id,
                             {std::string(case_prompt(one)), Look::faint},
                             decision_text(one.expected_agent, one.expected_role)};
  if (outcome.decision) {
    const Decision& decision = *outcome.decision;
    cells.emplace_back(decision_text(decision.agent_id, decision.role_id), Look::accent);
    cells.emplace_back(report::short_number(decision.margins.agent.value_or(std::nan(""))));
    cells.emplace_back(report::short_number(decision.margins.role.value_or(std::nan(""))));
    cells.push_back(report::count(static_cast<std::uint64_t>(decision.token_count)));
  } else {
    cells.resize(cells.size() + 4, Cell("–"));
  }
  cells.emplace_back(status_text(outcome), bad                        ? Look::bad
                                           : outcome.findings.empty() ? Look::good
                                                                      : Look::warn);
  return {std::move(cells), Look::plain, below(outcome, options)};
}

report::Table case_table(const LaneReport& lane, const LaneSectionOptions& options) {
  report::Table table{"Cases",
                      {{"case", kIdColumns, false, kLeastIdColumns},
                       {"prompt", kPromptColumns, false, kLeastPromptColumns, 3},
                       {"expected", 10, false, 0, 1},
                       {"returned", 10},
                       {"agent", 6, true},
                       {"role", 6, true},
                       {"tokens", 6, true, 0, 2},
                       {"", 9}},
                      {}};
  for (const CaseOutcome& outcome : lane.outcomes) table.rows.push_back(row_of(outcome, options));
  table.closed = true;
  return table;
}

std::string selected(const std::map<int, std::size_t>& counts, bool roles) {
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [id, count] : counts)
    parts.push_back(fmt::format("{} × {}", roles ? role_name(id) : fmt::format("{}", id), count));
  return parts.empty() ? "none" : report::listed(parts, parts.size());
}

void add_rung(std::vector<Line>& lines, const char* name, const DeterminismReport& report,
              const std::optional<Rung>& rung) {
  if (!rung) return;
  lines.push_back(
      {name,
       {rung_figure(report, *rung), {fmt::format("  ({})", fmt::join(rung->repeats, "; "))}}});
  const auto& broken = report.claims_bits() ? rung->different : rung->flipped;
  if (!broken.empty()) lines.push_back({"", {{"different: " + report::listed(broken, kMostIds)}}});
}

void add_determinism(std::vector<Line>& lines, const LaneReport& lane) {
  if (!lane.determinism) return;
  const DeterminismReport& repeats = *lane.determinism;
  add_rung(lines, "same process", repeats, repeats.process);
  add_rung(lines, "new process", repeats, repeats.restart);
  add_rung(lines, "other batches", repeats, repeats.batch);
  if (repeats.claims_bits()) return;
  const backend::LanePromise promise = promise_of(lane.profile);
  lines.push_back(
      {"",
       {{fmt::format("profile {} promises equal decisions, not equal bits{}", lane.profile.name,
                     promise.broken.empty() ? "" : ": " + promise.broken),
         Look::faint}}});
}

void add_snapshot(std::vector<Line>& lines, const LaneReport& lane) {
  if (lane.snapshot == nullptr || !lane.comparison) return;
  const SnapshotComparison& comparison = *lane.comparison;
  lines.push_back(
      {"snapshot",
       {{fmt::format("{} of {} cases known, decisions equal {}, transcripts {}, "
                     "route hashes {}",
                     comparison.matched, lane.outcomes.size(), comparison.same_decisions,
                     comparison.same_transcripts, comparison.same_route_hashes)}}});
  for (const std::string& remark : comparison.remarks)
    lines.push_back({"", {{remark, Look::warn}}});
}

void add_margins(std::vector<Line>& lines, const LaneReport& lane, bool record_floors) {
  const auto worst = worst_margins(lane.outcomes);
  if (!worst) return;
  lines.push_back({"worst margins",
                   {{fmt::format("agent {:.3f} (", worst->agent)},
                    report::foreign(worst->agent_case, 120),
                    {fmt::format("), role {:.3f} (", worst->role)},
                    report::foreign(worst->role_case, 120),
                    {")"}}});
  if (!record_floors) return;
  const backend::MarginFloors floors = floors_from(*worst);
  lines.push_back(
      {"floors",
       {{fmt::format("{:.2f} / {:.2f}, 80 % of the worst margins", floors.agent, floors.role)}}});
}

report::Facts summary_facts(const LaneReport& lane, bool record_floors) {
  const EvalSummary summary = lane.summary();
  std::vector<Text> verdict = {
      {fmt::format("{} passed", summary.passed), summary.passed > 0 ? Look::good : Look::plain},
      {fmt::format(", {} failed", summary.failed), summary.failed > 0 ? Look::bad : Look::plain}};
  if (summary.unasserted > 0)
    verdict.push_back({fmt::format(", {} with findings that do not count", summary.unasserted)});
  verdict.push_back({fmt::format(", {:.2f} s", lane.total_seconds)});
  std::vector<Line> lines = {{"cases", std::move(verdict)}};
  if (!summary.failed_ids.empty())
    lines.push_back({"failed", {{report::listed(summary.failed_ids, kMostIds), Look::bad}}});
  lines.push_back({"roles selected", {{selected(summary.roles, true)}}});
  lines.push_back({"agents selected", {{selected(summary.agents, false)}}});
  if (!summary.low_margin_ids.empty())
    lines.push_back(
        {"low margins",
         {{report::listed(summary.low_margin_ids, kMostIds / 2) + "  (under twice a floor)"}}});
  add_margins(lines, lane, record_floors);
  add_snapshot(lines, lane);
  add_determinism(lines, lane);
  return {16, std::move(lines)};
}

/// The cases, what they are held to and compared with.
report::Paragraph origin(const LaneReport& lane) {
  std::vector<Text> parts = {{report::counted(lane.outcomes.size(), "case") + " (", Look::faint},
                             report::foreign(lane.set->origin, 120, Look::faint),
                             {fmt::format("), floors {:.2f} / {:.2f} ({}), ", lane.floors.agent,
                                          lane.floors.role, lane.floors_from),
                              Look::faint},
                             {lane.snapshot == nullptr ? "no snapshot" : "snapshot ", Look::faint}};
  if (lane.snapshot != nullptr)
    parts.push_back(report::foreign(lane.snapshot->origin, 120, Look::faint));
  if (lane.input.input_mode != InputMode::plain)
    parts.push_back(
        {fmt::format(", input mode {}", input_mode_name(lane.input.input_mode)), Look::faint});
  return {std::move(parts)};
}

}  // namespace

std::string decision_text(int agent, int role) {
  return fmt::format("{} {}", agent, role_name(role));
}

Text rung_figure(const DeterminismReport& report, const Rung& rung) {
  const bool kept = report.claims_bits() ? rung.different.empty() : rung.flipped.empty();
  std::string figure = fmt::format("{} of {} equal", rung.equal, rung.of);
  if (!rung.different.empty())
    figure += fmt::format(" in all bits, {} in their decision", rung.equal_decisions());
  return {std::move(figure), kept ? Look::good : Look::bad};
}

report::Section lane_section(const LaneReport& lane, const LaneSectionOptions& options) {
  return {{{lane.profile.shown_name() + ", " + lane.model}},
          {},
          {origin(lane), case_table(lane, options), summary_facts(lane, options.record_floors)},
          report::Audience::terminal};
}

report::Section case_list_section(const EvalCaseSet& set) {
  report::Table table{"Cases",
                      {{"case", kIdColumns, false, kLeastIdColumns},
                       {"expected", 10},
                       {"messages", 8, true, 0, 2},
                       {"tags", 24, false, 12, 1},
                       {"prompt", 40, false, 16}},
                      {}};
  for (const EvalCase& one : set.cases)
    table.rows.push_back({{one.id,
                           {decision_text(one.expected_agent, one.expected_role), Look::accent},
                           report::count(one.messages.size()),
                           {report::listed(one.tags, one.tags.size()), Look::faint},
                           std::string(case_prompt(one))}});
  return {{}, {}, {std::move(table)}};
}

}  // namespace trinity::prove
