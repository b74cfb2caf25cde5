#include "cli/eval/eval_view.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "cli/route/decision_view.h"
#include "terminal/paragraph.h"
#include "terminal/table.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kIdColumns = 26;
constexpr std::size_t kLeastIdColumns = 12;
constexpr std::size_t kPromptColumns = 30;
constexpr std::size_t kLeastPromptColumns = 16;
constexpr std::size_t kLongPrompt = 400;  // bytes
constexpr std::size_t kFactColumns = 16;
constexpr std::size_t kMostIds = 20;  // of a list that may hold every case

std::string choice(int agent, int role) { return fmt::format("{} {}", agent, role_name(role)); }

Table table_of(Style style) {
  return Table({{"case", kIdColumns, false, kLeastIdColumns},
                {"prompt", kPromptColumns, false, kLeastPromptColumns, 3},
                {"expected", 10, false, 0, 1},
                {"returned", 10},
                {"agent", 6, true},
                {"role", 6, true},
                {"tokens", 6, true, 0, 2},
                {"", 9}},
               style);
}

std::string status_text(const CaseOutcome& outcome) {
  if (outcome.status == CaseStatus::report_only)
    return outcome.findings.empty() ? "as stated" : "reported";
  if (outcome.status == CaseStatus::ok && outcome.low_margin) return "ok, low";
  return case_status_name(outcome.status);
}

std::string row_of(const Table& table, const CaseOutcome& outcome) {
  const EvalCase& one = *outcome.eval_case;
  const bool bad = outcome.status == CaseStatus::fail || outcome.status == CaseStatus::error;
  const auto look = bad ? &Style::red : outcome.findings.empty() ? &Style::green : &Style::yellow;
  std::vector<Cell> cells = {{one.id},
                             {std::string(case_prompt(one)), &Style::dim},
                             {choice(one.expected_agent, one.expected_role)}};
  if (outcome.decision) {
    const Decision& decision = *outcome.decision;
    cells.push_back({choice(decision.agent_id, decision.role_id), &Style::cyan});
    cells.push_back({margin_text(decision.margins.agent)});
    cells.push_back({margin_text(decision.margins.role)});
    cells.push_back({std::to_string(decision.token_count)});
  } else {
    for (const char* text : {"-", "-", "-", "-"}) cells.push_back({text});
  }
  cells.push_back({status_text(outcome), look});
  return table.row(cells);
}

std::string logits_text(std::span<const float> logits) {
  std::string out;
  for (const float logit : logits) out += fmt::format(" {:9.4f}", logit);
  return out;
}

std::string details(const CaseOutcome& outcome, const EvalViewOptions& options, Style style) {
  constexpr std::size_t indent = 6;
  std::string out;
  for (const std::string& finding : outcome.findings)
    out += paragraph({{excerpt(finding, kLongPrompt), &Style::yellow}}, style, indent, indent);
  if (!outcome.decision) return out;
  const Decision& decision = *outcome.decision;
  const auto detail = [&](const char* name, const std::string& text) {
    out += paragraph_after(fmt::format("      {:<13}", name), indent + 13, {{text}}, style,
                           indent + 13);
  };
  if (options.verbose) {
    detail("prompt", excerpt(case_prompt(*outcome.eval_case), kLongPrompt));
    detail("read at", fmt::format("{} of {} tokens", decision.hidden_index, decision.token_count));
    detail("transcript", decision.transcript_hash.value_or("-"));
    detail("trace", decision.trace_messages_hash.value_or("-"));
    detail("route", decision.route_hash.value_or("-"));
  }
  if (options.show_logits) {
    detail("agents", logits_text(decision.agent_logits()));
    detail("roles", logits_text(decision.role_logits()));
  }
  return out;
}

std::string line(const char* title, const std::vector<Cell>& parts, Style style) {
  return fact(title, kFactColumns, parts, style);
}

std::string selected(const std::map<int, std::size_t>& counts, bool roles) {
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [id, count] : counts)
    parts.push_back(fmt::format("{} × {}", roles ? role_name(id) : fmt::format("{}", id), count));
  return parts.empty() ? "none" : listed(parts, parts.size());
}

std::string rung_line(const char* name, const std::optional<Rung>& rung, bool claims_bits,
                      Style style) {
  if (!rung) return {};
  const bool kept = claims_bits ? rung->different.empty() : rung->flipped.empty();
  std::string figure = fmt::format("{} of {} equal", rung->equal, rung->of);
  if (!rung->different.empty())
    figure += fmt::format(" in all bits, {} in their decision", rung->equal_decisions());
  std::string out = line(name,
                         {{figure, kept ? &Style::green : &Style::red},
                          {fmt::format("  ({})", fmt::join(rung->repeats, "; "))}},
                         style);
  const std::vector<std::string>& broken = claims_bits ? rung->different : rung->flipped;
  if (!broken.empty()) out += line("", {{"different: " + listed(broken, kMostIds)}}, style);
  return out;
}

std::string determinism_lines(const LaneReport& lane, Style style) {
  if (!lane.determinism) return {};
  const DeterminismReport& report = *lane.determinism;
  const bool bits = report.claims_bits();
  std::string out = rung_line("same process", report.process, bits, style) +
                    rung_line("new process", report.restart, bits, style) +
                    rung_line("other batches", report.batch, bits, style);
  if (!bits) {
    const LanePromise promise = promise_of(lane.profile);
    out +=
        line("",
             {{fmt::format("profile {} promises equal decisions, not equal bits{}",
                           lane.profile.name, promise.broken.empty() ? "" : ": " + promise.broken),
               &Style::dim}},
             style);
  }
  return out;
}

std::string snapshot_lines(const LaneReport& lane, Style style) {
  if (lane.snapshot == nullptr || !lane.comparison) return {};
  const SnapshotComparison& comparison = *lane.comparison;
  std::string out =
      line("snapshot",
           {{fmt::format("{} of {} cases known, decisions equal {}, transcripts {}, "
                         "route hashes {}",
                         comparison.matched, lane.outcomes.size(), comparison.same_decisions,
                         comparison.same_transcripts, comparison.same_route_hashes)}},
           style);
  for (const std::string& remark : comparison.remarks)
    out += line("", {{remark, &Style::yellow}}, style);
  return out;
}

}  // namespace

std::string eval_heading(const LaneReport& lane, Style style) {
  return "\n" + paragraph({{lane.profile.shown_name(), &Style::bold}, {", " + lane.model}}, style) +
         paragraph({{fmt::format("{} ({}), floors {:.2f} / {:.2f} ({}), {}{}",
                                 counted(lane.outcomes.size(), "case"), excerpt(lane.set->origin),
                                 lane.floors.agent, lane.floors.role, lane.floors_from,
                                 lane.snapshot == nullptr
                                     ? std::string("no snapshot")
                                     : fmt::format("snapshot {}", excerpt(lane.snapshot->origin)),
                                 lane.input.input_mode == InputMode::plain
                                     ? std::string()
                                     : fmt::format(", input mode {}",
                                                   input_mode_name(lane.input.input_mode))),
                     &Style::dim}},
                   style) +
         "\n";
}

std::string eval_table(const LaneReport& lane, const EvalViewOptions& options, Style style) {
  const Table table = table_of(style);
  std::string out = table.header();
  for (const CaseOutcome& outcome : lane.outcomes)
    out += row_of(table, outcome) + details(outcome, options, style);
  return out + table.rule();
}

std::string eval_summary(const LaneReport& lane, bool record_floors, Style style) {
  const EvalSummary summary = lane.summary();
  std::vector<Cell> verdict = {
      {fmt::format("{} passed", summary.passed), summary.passed > 0 ? &Style::green : nullptr},
      {fmt::format(", {} failed", summary.failed), summary.failed > 0 ? &Style::red : nullptr}};
  if (summary.unasserted > 0)
    verdict.push_back({fmt::format(", {} with findings that do not count", summary.unasserted)});
  verdict.push_back({fmt::format(", {:.2f} s", lane.total_seconds)});
  std::string out = "\n" + line("cases", verdict, style);
  if (!summary.failed_ids.empty())
    out += line("failed", {{listed(summary.failed_ids, kMostIds), &Style::red}}, style);
  out += line("roles selected", {{selected(summary.roles, true)}}, style);
  out += line("agents selected", {{selected(summary.agents, false)}}, style);
  if (!summary.low_margin_ids.empty())
    out +=
        line("low margins",
             {{listed(summary.low_margin_ids, kMostIds / 2) + "  (under twice a floor)"}}, style);
  if (const auto worst = worst_margins(lane.outcomes)) {
    out += line("worst margins",
                {{fmt::format("agent {:.3f} ({}), role {:.3f} ({})", worst->agent,
                              excerpt(worst->agent_case), worst->role, excerpt(worst->role_case))}},
                style);
    if (record_floors) {
      const MarginFloors floors = floors_from(*worst);
      out += line(
          "floors",
          {{fmt::format("{:.2f} / {:.2f}, 80 % of the worst margins", floors.agent, floors.role)}},
          style);
    }
  }
  return out + snapshot_lines(lane, style) + determinism_lines(lane, style);
}

std::string case_list(const EvalCaseSet& set, Style style) {
  const Table table({{"case", kIdColumns, false, kLeastIdColumns},
                     {"expected", 10},
                     {"messages", 8, true, 0, 2},
                     {"tags", 24, false, 12, 1},
                     {"prompt", 40, false, 16}},
                    style);
  std::string out = table.header();
  for (const EvalCase& one : set.cases)
    out += table.row({{one.id},
                      {choice(one.expected_agent, one.expected_role), &Style::cyan},
                      {std::to_string(one.messages.size())},
                      {listed(one.tags, one.tags.size()), &Style::dim},
                      {std::string(case_prompt(one))}});
  return out;
}

}  // namespace trinity::cli
