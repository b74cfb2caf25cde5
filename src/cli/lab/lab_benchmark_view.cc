#include "cli/lab/lab_benchmark_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/terminal/table.h"

namespace trinity::cli {
namespace {

std::string line(const char* title, const std::string& text) {
  return fmt::format("  {:<18}{}\n", title, text);
}

std::string suite_heading(const char* title, const char* what, Style style) {
  return fmt::format("\n  {}  {}\n", style.bold(title), style.dim(what));
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
         line("families", fmt::format("{}, {} cases", one.family_count, one.dataset_size)) +
         line("within", fmt::format("{:.4f}", one.within_distance)) +
         line("between", fmt::format("{:.4f}", one.between_distance)) +
         line("nearest centroid",
              fmt::format("{}, leaving the case out {}", percent(one.nearest_centroid_accuracy),
                          percent(one.leave_one_out_accuracy)));
}

std::string families_text(const RoutingScore& score, Style style) {
  const Table table({{"family", 18},
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

std::string baselines_text(const std::vector<BaselineVerdict>& baselines, Style style) {
  const Table table({{"beside it", 16},
                     {"agent", 7, true},
                     {"router ahead", 22, true},
                     {"role", 7, true},
                     {"router ahead", 22, true},
                     {"both", 7, true},
                     {"router ahead", 22, true},
                     {"p", 6, true}},
                    style);
  std::string out = "\n";
  out += table.header();
  for (const BaselineVerdict& one : baselines)
    out += table.row({{one.name},
                      {second_accuracy(one.agent)},
                      {lead(one.agent)},
                      {second_accuracy(one.role)},
                      {lead(one.role)},
                      {second_accuracy(one.joint)},
                      {lead(one.joint)},
                      {p_text(one.joint)}});
  return out + style.dim(
                   "  points of accuracy with 95% bootstrap intervals; p is McNemar's, of "
                   "both\n");
}

std::string routing_text(const BenchmarkResults& results, Style style) {
  const RoutingScore& score = *results.routing;
  return suite_heading("Routing", "the head against the labels", style) +
         line("cases",
              fmt::format("{} judged, {} without labels", score.considered, score.skipped)) +
         line("agent", share_of(score.all.agent)) + line("role", share_of(score.all.role)) +
         line("both", share_of(score.all.joint)) +
         line("margin", fmt::format("{:.3f} on average", score.margin_mean)) +
         families_text(score, style) + baselines_text(results.baselines, style);
}

std::string turn_budget_text(const TurnBudget& budget, Style style) {
  const auto total = static_cast<double>(budget.cases.size());
  return suite_heading("Turn budget",
                       "simulated: one route stands for every turn, no provider is called", style) +
         line("turns allowed", fmt::format("{}", budget.max_turns)) +
         line("accepted", fmt::format("{} of {}", budget.accepted(), budget.cases.size())) +
         line("budget used up", fmt::format("{}", budget.cases.size() - budget.accepted())) +
         line("turns", fmt::format("{:.4f} on average, {} in all",
                                   static_cast<double>(budget.turns()) / total, budget.turns()));
}

}  // namespace

std::string benchmark_text(const BenchmarkContext& context, const BenchmarkResults& results,
                           Style style) {
  std::string out = fmt::format("\n{}\n\n", style.bold("TRINITY Benchmark Task"));
  out += line("suite", benchmark_suite_name(context.suite));
  out += line("data set", fmt::format("{}, {} cases, SHA-256 {}", context.dataset_id,
                                      context.dataset_cases, context.dataset_hash.substr(0, 16)));
  out += line("model", context.model);
  out += line("profile", fmt::format("{}, input {}", context.profile, context.input_mode));
  out += line("head", context.random_head ? style.yellow(context.head) : context.head);
  if (context.ignored_labels > 0)
    out += line("ignored labels",
                fmt::format("{} that are no whole number from 0", context.ignored_labels));
  if (results.separability) out += separability_text(*results.separability, style);
  if (results.routing) out += routing_text(results, style);
  if (results.turn_budget) out += turn_budget_text(*results.turn_budget, style);
  return out;
}

}  // namespace trinity::cli
