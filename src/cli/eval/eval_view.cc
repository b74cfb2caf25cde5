#include "cli/eval/eval_view.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "cli/route/decision_view.h"
#include "cli/terminal/table.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kIdColumns = 26;
constexpr std::size_t kPromptColumns = 30;
constexpr std::size_t kLongPrompt = 400;

std::string choice(int agent, int role) { return fmt::format("{} {}", agent, role_name(role)); }

Table table_of(Style style) {
  return Table({{"case", kIdColumns},
                {"prompt", kPromptColumns},
                {"expected", 10},
                {"returned", 10},
                {"agent", 6, true},
                {"role", 6, true},
                {"tokens", 6, true},
                {"", 10}},
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
  std::string out;
  for (const std::string& finding : outcome.findings)
    out += fmt::format("      {}\n", style.yellow(excerpt(finding, kLongPrompt)));
  if (!outcome.decision) return out;
  const Decision& decision = *outcome.decision;
  if (options.verbose) {
    out += fmt::format("      prompt       {}\n",
                       excerpt(case_prompt(*outcome.eval_case), kLongPrompt));
    out += fmt::format("      read at      {} of {} tokens\n", decision.hidden_index,
                       decision.token_count);
    out +=
        fmt::format("      transcript   {}\n      trace        {}\n      route        {}\n",
                    decision.transcript_hash.value_or("-"),
                    decision.trace_messages_hash.value_or("-"), decision.route_hash.value_or("-"));
  }
  if (options.show_logits)
    out += fmt::format("      agents {}\n      roles  {}\n", logits_text(decision.agent_logits()),
                       logits_text(decision.role_logits()));
  return out;
}

std::string line(const char* title, const std::string& text) {
  return fmt::format("  {:<16}{}\n", title, text);
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

/// The first few of a list that may hold every case.
std::string first_few(const std::vector<std::string>& ids) {
  constexpr std::size_t few = 10;
  if (ids.size() <= few) return joined(ids);
  return fmt::format("{} and {} more", joined({ids.begin(), ids.begin() + few}), ids.size() - few);
}

std::string selected(const std::map<int, std::size_t>& counts, bool roles) {
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [id, count] : counts)
    parts.push_back(fmt::format("{} × {}", roles ? role_name(id) : fmt::format("{}", id), count));
  return parts.empty() ? "none" : joined(parts);
}

std::string rung_line(const char* name, const std::optional<Rung>& rung, bool claims_bits,
                      Style style) {
  if (!rung) return {};
  const bool kept = claims_bits ? rung->different.empty() : rung->flipped.empty();
  std::string figure = fmt::format("{} of {} equal", rung->equal, rung->of);
  if (!rung->different.empty())
    figure += fmt::format(" in all bits, {} in their decision", rung->equal_decisions());
  std::string out =
      line(name, fmt::format("{}  ({})", kept ? style.green(figure) : style.red(figure),
                             fmt::join(rung->repeats, "; ")));
  const std::vector<std::string>& broken = claims_bits ? rung->different : rung->flipped;
  if (!broken.empty()) out += line("", fmt::format("different: {}", joined(broken)));
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
    out += line("", style.dim(fmt::format("profile {} promises equal decisions, not equal bits{}",
                                          lane.profile.name,
                                          promise.broken.empty() ? "" : ": " + promise.broken)));
  }
  return out;
}

std::string snapshot_lines(const LaneReport& lane, Style style) {
  if (lane.snapshot == nullptr || !lane.comparison) return {};
  const SnapshotComparison& comparison = *lane.comparison;
  std::string out = line(
      "snapshot", fmt::format("{} of {} cases known, decisions equal {}, "
                              "transcripts {}, route hashes {}",
                              comparison.matched, lane.outcomes.size(), comparison.same_decisions,
                              comparison.same_transcripts, comparison.same_route_hashes));
  for (const std::string& remark : comparison.remarks) out += line("", style.yellow(remark));
  return out;
}

}  // namespace

std::string eval_heading(const LaneReport& lane, Style style) {
  std::string out = fmt::format("\n  {}  {}\n", style.bold(lane.profile.shown_name()), lane.model);
  out += style.dim(fmt::format(
      "  {} cases ({}), floors {:.2f} / {:.2f} ({}), {}{}\n", lane.outcomes.size(),
      lane.set->origin, lane.floors.agent, lane.floors.role, lane.floors_from,
      lane.snapshot == nullptr ? std::string("no snapshot")
                               : fmt::format("snapshot {}", excerpt(lane.snapshot->origin)),
      lane.input.input_mode == "plain" ? std::string()
                                       : fmt::format(", input mode {}", lane.input.input_mode)));
  return out + "\n";
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
  std::string verdict = style.green(fmt::format("{} passed", summary.passed));
  const std::string failed = fmt::format("{} failed", summary.failed);
  verdict += fmt::format(", {}", summary.failed > 0 ? style.red(failed) : failed);
  if (summary.unasserted > 0)
    verdict += fmt::format(", {} with findings that do not count", summary.unasserted);
  std::string out =
      fmt::format("\n{}", line("cases", fmt::format("{}, {:.2f} s", verdict, lane.total_seconds)));
  if (!summary.failed_ids.empty()) out += line("failed", style.red(joined(summary.failed_ids)));
  out += line("roles selected", selected(summary.roles, true));
  out += line("agents selected", selected(summary.agents, false));
  if (!summary.low_margin_ids.empty())
    out += line("low margins",
                fmt::format("{}  (under twice a floor)", first_few(summary.low_margin_ids)));
  if (const auto worst = worst_margins(lane.outcomes)) {
    out += line("worst margins", fmt::format("agent {:.3f} ({}), role {:.3f} ({})", worst->agent,
                                             worst->agent_case, worst->role, worst->role_case));
    if (record_floors) {
      const MarginFloors floors = floors_from(*worst);
      out += line("floors", fmt::format("{:.2f} / {:.2f}, 80 % of the worst margins", floors.agent,
                                        floors.role));
    }
  }
  return out + snapshot_lines(lane, style) + determinism_lines(lane, style);
}

std::string case_list(const EvalCaseSet& set, Style style) {
  const Table table(
      {{"case", kIdColumns}, {"expected", 10}, {"messages", 8, true}, {"tags", 24}, {"prompt", 40}},
      style);
  std::string out = table.header();
  for (const EvalCase& one : set.cases)
    out += table.row({{one.id},
                      {choice(one.expected_agent, one.expected_role), &Style::cyan},
                      {std::to_string(one.messages.size())},
                      {joined(one.tags), &Style::dim},
                      {std::string(case_prompt(one))}});
  return out;
}

}  // namespace trinity::cli
