#include "cli/lab/lab_benchmark_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "terminal/paragraph.h"
#include "terminal/table.h"

namespace trinity::cli {
namespace {

std::string line(const char* title, const std::string& text, Style style, Look look = nullptr) {
  return fact(title, 18, {{text, look}}, style);
}

std::string suite_heading(const char* title, const char* what, Style style) {
  return "\n" + paragraph({{title, &Style::bold}, {std::string(": ") + what, &Style::dim}}, style);
}

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f}%", 100 * *share) : "-";
}

std::string share_of(const Tally& tally) {
  return tally.of == 0
             ? "no labels"
             : fmt::format("{} ({} of {})", percent(tally.accuracy()), tally.right, tally.of);
}

std::string separability_text(const Separability& one, Style style) {
  return suite_heading("Separability", "1 - cosine of hidden vectors", style) +
         line("families",
              fmt::format("{}, {}", one.family_count, counted(one.dataset_size, "case")), style) +
         line("within", fmt::format("{:.4f}", one.within_distance), style) +
         line("between", fmt::format("{:.4f}", one.between_distance), style) +
         line("nearest centroid",
              fmt::format("{}, leaving the case out {}", percent(one.nearest_centroid_accuracy),
                          percent(one.leave_one_out_accuracy)),
              style);
}

std::string families_text(const RoutingScore& score, Style style) {
  const Table table({{"family", 24, false, 12},
                     {"cases", 6, true},
                     {"agent", 7, true},
                     {"role", 7, true},
                     {"both", 7, true}},
                    style);
  std::string out = "\n";
  out += table.header();
  for (const auto& [family, tallies] : score.families)
    out += table.row({{family},
                      {fmt::format("{}", std::max(tallies.agent.of, tallies.role.of))},
                      {percent(tallies.agent.accuracy())},
                      {percent(tallies.role.accuracy())},
                      {percent(tallies.joint.accuracy())}});
  return out;
}

std::string second_accuracy(const std::optional<PairedComparison>& one) {
  if (!one || one->cases == 0) return "-";
  return percent(static_cast<double>(one->second_right) / static_cast<double>(one->cases));
}

/// "+12.5 [+8.0, +17.0]": points by which the router is ahead.
std::string lead(const std::optional<PairedComparison>& one) {
  if (!one) return "-";
  return fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]", 100 * one->difference, 100 * one->low,
                     100 * one->high);
}

std::string p_text(const std::optional<PairedComparison>& one) {
  if (!one) return "-";
  return one->p_value < 0.001 ? "<.001" : fmt::format("{:.3f}", one->p_value);
}

/// What the router is judged by beside one baseline: agent, role, both.
std::string baseline_rows(const Table& table, const BaselineVerdict& one) {
  const auto row = [&](const std::string& name, const char* what,
                       const std::optional<PairedComparison>& compared, const std::string& p) {
    const bool ahead = compared && compared->low > 0;
    const bool behind = compared && compared->high < 0;
    return table.row({{name},
                      {what},
                      {second_accuracy(compared)},
                      {lead(compared), ahead    ? &Style::green
                                       : behind ? &Style::red
                                                : nullptr},
                      {p}});
  };
  return row(one.name, "agent", one.agent, "") + row("", "role", one.role, "") +
         row("", "both", one.joint, p_text(one.joint));
}

/// Which choices that need no router are as good as it.
std::string verdict_text(const std::vector<BaselineVerdict>& baselines) {
  std::vector<std::string> better, equal;
  for (const BaselineVerdict& one : baselines) {
    if (!one.joint) continue;
    if (one.joint->high < 0)
      better.push_back(one.name);
    else if (one.joint->low <= 0)
      equal.push_back(one.name);
  }
  if (better.empty() && equal.empty()) return "The router is ahead of every choice beside it.";
  std::string out;
  if (!better.empty()) out += "Better than the router: " + listed(better, better.size()) + ". ";
  if (!equal.empty())
    out += "Not to be told from the router on these cases: " + listed(equal, equal.size()) + ".";
  return out;
}

std::string baselines_text(const std::vector<BaselineVerdict>& baselines, Style style) {
  const Table table({{"beside it", 24, false, 16},
                     {"of", 5},
                     {"right", 7, true},
                     {"router ahead by", 22, true},
                     {"p", 6, true}},
                    style);
  std::string out = "\n" + table.header();
  for (const BaselineVerdict& one : baselines) out += baseline_rows(table, one);
  return out + table.rule() +
         paragraph({{"points of accuracy with 95% bootstrap intervals; p is McNemar's, of both",
                     &Style::dim}},
                   style) +
         paragraph({{verdict_text(baselines)}}, style);
}

std::string routing_text(const BenchmarkResults& results, Style style) {
  const RoutingScore& score = *results.routing;
  return suite_heading("Routing", "the head against the labels", style) +
         line("cases", fmt::format("{} judged, {} without labels", score.considered, score.skipped),
              style) +
         line("agent", share_of(score.all.agent), style) +
         line("role", share_of(score.all.role), style) +
         line("both", share_of(score.all.joint), style) +
         line("margin", fmt::format("{:.3f} on average", score.margin_mean), style) +
         families_text(score, style) + baselines_text(results.baselines, style);
}

std::string turn_budget_text(const TurnBudget& budget, Style style) {
  const auto total = static_cast<double>(budget.cases.size());
  return suite_heading("Turn budget",
                       "simulated: one route stands for every turn, no provider is called", style) +
         line("turns allowed", fmt::format("{}", budget.max_turns), style) +
         line("accepted", fmt::format("{} of {}", budget.accepted(), budget.cases.size()), style) +
         line("budget used up", fmt::format("{}", budget.cases.size() - budget.accepted()), style) +
         line("turns",
              fmt::format("{:.4f} on average, {} in all",
                          static_cast<double>(budget.turns()) / total, budget.turns()),
              style);
}

}  // namespace

std::string benchmark_text(const BenchmarkContext& context, const BenchmarkResults& results,
                           Style style) {
  std::string out = "\n" + paragraph({{"TRINITY Benchmark Task", &Style::bold}}, style) + "\n";
  out += line("suite", benchmark_suite_name(context.suite), style);
  out +=
      line("data set",
           fmt::format("{}, {}, SHA-256 {}", excerpt(context.dataset_id),
                       counted(context.dataset_cases, "case"), context.dataset_hash.substr(0, 16)),
           style);
  out += line("model", context.model, style);
  out += line("profile", fmt::format("{}, input {}", context.profile, context.input_mode), style);
  out += line("head", context.head, style, context.random_head ? &Style::yellow : nullptr);
  if (context.ignored_labels > 0)
    out += line("ignored labels",
                fmt::format("{} that are no whole number from 0", context.ignored_labels), style);
  if (results.separability) out += separability_text(*results.separability, style);
  if (results.routing) out += routing_text(results, style);
  if (results.turn_budget) out += turn_budget_text(*results.turn_budget, style);
  return out;
}

}  // namespace trinity::cli
