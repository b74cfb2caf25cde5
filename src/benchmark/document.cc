// The benchmark for people: what was measured with what, then a section a suite.
#include <fmt/format.h>

#include <algorithm>

#include "benchmark/report.h"

namespace trinity::benchmark {
namespace {

using report::Cell;
using report::Line;
using report::Look;

constexpr std::size_t kNameColumns = 18;

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f}%", 100 * *share) : "–";
}

std::string share_of(const Tally& tally) {
  return tally.of == 0
             ? "no labels"
             : fmt::format("{} ({} of {})", percent(tally.accuracy()), tally.right, tally.of);
}

report::Facts facts_of(std::vector<std::pair<const char*, std::string>> values) {
  report::Facts facts{kNameColumns, {}};
  for (auto& [name, value] : values) facts.lines.push_back({name, {{std::move(value)}}});
  return facts;
}

report::Section context_section(const BenchmarkContext& context) {
  report::Facts facts =
      facts_of({{"suite", benchmark_suite_name(context.suite)},
                {"data set", {}},
                {"model", context.model},
                {"profile", fmt::format("{}, input {}", context.profile, context.input_mode)}});
  facts.lines[1].parts = {
      report::foreign(context.dataset_id, 120),
      {fmt::format(", {}, SHA-256 {}", report::counted(context.dataset_cases, "case"),
                   context.dataset_hash.substr(0, 16))}};
  facts.lines.push_back({"head", {{context.head, context.random_head ? Look::warn : Look::plain}}});
  if (context.ignored_labels > 0)
    facts.lines.push_back(
        {"ignored labels",
         {{fmt::format("{} that are no whole number from 0", context.ignored_labels)}}});
  return {{{"TRINITY Benchmark Task"}}, {}, {std::move(facts)}};
}

report::Section separability_section(const Separability& one) {
  return {{{"Separability"}},
          {{"1 - cosine of hidden vectors"}},
          {facts_of({{"families", fmt::format("{}, {}", one.family_count,
                                              report::counted(one.dataset_size, "case"))},
                     {"within", fmt::format("{:.4f}", one.within_distance)},
                     {"between", fmt::format("{:.4f}", one.between_distance)},
                     {"nearest centroid", fmt::format("{}, leaving the case out {}",
                                                      percent(one.nearest_centroid_accuracy),
                                                      percent(one.leave_one_out_accuracy))}})}};
}

report::Table families_table(const RoutingScore& score) {
  report::Table table{"Families",
                      {{"family", 24, false, 12},
                       {"cases", 6, true},
                       {"agent", 7, true},
                       {"role", 7, true},
                       {"both", 7, true}},
                      {}};
  for (const auto& [family, tallies] : score.families)
    table.rows.push_back({{family, report::count(std::max(tallies.agent.of, tallies.role.of)),
                           percent(tallies.agent.accuracy()), percent(tallies.role.accuracy()),
                           percent(tallies.joint.accuracy())}});
  return table;
}

std::string second_accuracy(const std::optional<PairedComparison>& one) {
  if (!one || one->cases == 0) return "–";
  return percent(static_cast<double>(one->second_right) / static_cast<double>(one->cases));
}

/// "+12.5 [+8.0, +17.0]": points by which the router is ahead.
Cell lead(const std::optional<PairedComparison>& one) {
  if (!one) return "–";
  return {fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]", 100 * one->difference, 100 * one->low,
                      100 * one->high),
          one->low > 0    ? Look::good
          : one->high < 0 ? Look::bad
                          : Look::plain};
}

std::string p_text(const std::optional<PairedComparison>& one) {
  if (!one) return "–";
  return one->p_value < 0.001 ? "<.001" : fmt::format("{:.3f}", one->p_value);
}

report::Table baselines_table(const std::vector<BaselineVerdict>& baselines) {
  report::Table table{"Beside the router",
                      {{"beside it", 24, false, 16},
                       {"of", 5},
                       {"right", 7, true},
                       {"router ahead by", 22, true},
                       {"p", 6, true}},
                      {}};
  const auto add = [&](const std::string& name, const char* what,
                       const std::optional<PairedComparison>& compared, const std::string& p) {
    table.rows.push_back({{name, what, second_accuracy(compared), lead(compared), p}});
  };
  for (const BaselineVerdict& one : baselines) {
    add(one.name, "agent", one.agent, "");
    add("", "role", one.role, "");
    add("", "both", one.joint, p_text(one.joint));
  }
  table.closed = true;
  return table;
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
  if (!better.empty())
    out += "Better than the router: " + report::listed(better, better.size()) + ". ";
  if (!equal.empty())
    out += "Not to be told from the router on these cases: " + report::listed(equal, equal.size()) +
           ".";
  return out;
}

report::Section routing_section(const BenchmarkResults& results) {
  const RoutingScore& score = *results.routing;
  return {
      {{"Routing"}},
      {{"the head against the labels"}},
      {facts_of(
           {{"cases", fmt::format("{} judged, {} without labels", score.considered, score.skipped)},
            {"agent", share_of(score.all.agent)},
            {"role", share_of(score.all.role)},
            {"both", share_of(score.all.joint)},
            {"margin", fmt::format("{:.3f} on average", score.margin_mean)}}),
       families_table(score), baselines_table(results.baselines),
       report::Paragraph{{{"points of accuracy with 95% bootstrap intervals; p is McNemar's, of "
                           "both",
                           Look::faint}}},
       report::Paragraph{{{verdict_text(results.baselines)}}}}};
}

report::Section turn_budget_section(const TurnBudget& budget) {
  const auto total = static_cast<double>(budget.cases.size());
  return {{{"Turn budget"}},
          {{"simulated: one route stands for every turn, no provider is called"}},
          {facts_of({{"turns allowed", fmt::format("{}", budget.max_turns)},
                     {"accepted", fmt::format("{} of {}", budget.accepted(), budget.cases.size())},
                     {"budget used up", fmt::format("{}", budget.cases.size() - budget.accepted())},
                     {"turns",
                      fmt::format("{:.4f} on average, {} in all",
                                  static_cast<double>(budget.turns()) / total, budget.turns())}})}};
}

}  // namespace

report::Document benchmark_document(const BenchmarkContext& context,
                                    const BenchmarkResults& results) {
  report::Document document{"TRINITY Benchmark", {}, {}, {}, {context_section(context)}};
  if (results.separability)
    document.sections.push_back(separability_section(*results.separability));
  if (results.routing) document.sections.push_back(routing_section(results));
  if (results.turn_budget) document.sections.push_back(turn_budget_section(*results.turn_budget));
  return document;
}

}  // namespace trinity::benchmark
