#include "cli/eval/eval_baseline_view.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "cli/route/decision_view.h"
#include "terminal/paragraph.h"
#include "terminal/table.h"

namespace trinity::cli {
namespace {

std::string decided(int agent, int role) { return fmt::format("{} {}", agent, role_name(role)); }

}  // namespace

std::string baseline_text(const EvalBaseline& baseline, std::span<const LaneReport> lanes,
                          Style style) {
  if (baseline.name.empty()) return {};
  std::string out =
      "\n" + paragraph({{"Compared with " + excerpt(baseline.name), &Style::bold}}, style) + "\n";
  const Table table(
      {{"profile", 26, false, 12}, {"equal decisions", 16}, {"largest |Δ logit|", 18, true}},
      style);
  const Table flips({{"profile", 26, false, 9},
                     {"case", 26, false, 10},
                     {"there", 10, false, 0, 1},
                     {"margin", 7, true},
                     {"here", 10},
                     {"margin", 7, true, 0, 2},
                     {"", 12}},
                    style);
  std::string rows;
  out += table.header();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (baseline.lane == i) continue;
    const BaselineDistance distance = distance_to(baseline, lanes[i]);
    const std::string& name = lanes[i].profile.shown_name();
    const auto look = distance.flipped.empty()          ? &Style::green
                      : distance.beyond_drift().empty() ? &Style::yellow
                                                        : &Style::red;
    out += table.row({{name},
                      {fmt::format("{} of {}", distance.same_decisions, distance.compared), look},
                      {fmt::format("{:.2e}", distance.drift)}});
    for (const FlippedCase& flip : distance.flipped)
      rows += flips.row({{name},
                         {flip.id},
                         {decided(flip.baseline_agent, flip.baseline_role)},
                         {fmt::format("{:.3f}", flip.baseline_margin)},
                         {decided(flip.agent_id, flip.role_id), &Style::cyan},
                         {fmt::format("{:.3f}", flip.margin)},
                         {flip.beyond_drift ? "beyond drift" : "within drift",
                          flip.beyond_drift ? &Style::red : &Style::yellow}});
  }
  out += table.rule();
  if (!rows.empty()) out += fmt::format("\n{}{}{}", flips.header(), rows, flips.rule());
  out += '\n';
  return out;
}

}  // namespace trinity::cli
