#include "console/decision_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "prove/eval/prompt_eval.h"
#include "prove/eval/snapshot.h"

namespace trinity::console {
namespace {

// The skills that the tiny router was trained to tell apart, by agent.
constexpr std::array<std::string_view, 7> kTinySkills = {"code",    "math",     "data",   "science",
                                                         "writing", "planning", "general"};

/// Softmax of a split, for drawing only.
std::vector<double> shares(std::span<const float> logits) {
  const double top = logits.empty() ? 0 : *std::max_element(logits.begin(), logits.end());
  std::vector<double> out;
  double sum = 0;
  for (const float logit : logits) sum += out.emplace_back(std::exp(logit - top));
  for (double& share : out) share /= sum;
  return out;
}

/// A bar for each logit of a split.
template <typename Name>
report::Bars bars_of(const char* label, std::span<const float> logits, int chosen, Name name) {
  report::Bars bars{label, {}};
  const std::vector<double> share = shares(logits);
  for (std::size_t i = 0; i < logits.size(); ++i)
    bars.items.push_back(
        {name(i), fmt::format("{:.3f}", logits[i]), share[i], static_cast<int>(i) == chosen});
  return bars;
}

/// A margin, marked where it is a close call; with floors there is room for the mark in any case.
report::Text margin_text_of(const std::optional<double>& margin,
                            const std::optional<backend::MarginFloors>& floors,
                            double backend::MarginFloors::*floor) {
  if (!floors) return {margin_text(margin)};
  if (!prove::is_low_margin(margin.value_or(0), *floors.*floor)) return {margin_text(margin) + " "};
  return {margin_text(margin) + "~", report::Look::warn};
}

std::string hash_text(const std::optional<std::string>& hash) { return hash.value_or("-"); }

}  // namespace

std::string agent_text(std::size_t agent, bool tiny_router) {
  if (tiny_router && agent < kTinySkills.size())
    return fmt::format("{} {}", agent, kTinySkills[agent]);
  return fmt::format("{}", agent);
}

std::string margin_text(const std::optional<double>& margin) {
  return margin ? fmt::format("{:.2f}", *margin) : "-";
}

std::optional<backend::MarginFloors> tiny_router_floors(const std::string& profile) {
  const auto snapshot = prove::built_in_snapshot(profile);
  return snapshot && *snapshot ? (*snapshot)->margin_floors : std::nullopt;
}

std::string close_call_text(const backend::MarginFloors& floors) {
  return fmt::format(
      "~ marks a close call, a margin under twice the floor (agent {:.2f}, role {:.2f}) that "
      "evaluations tolerate: rounding or another wording may turn it.",
      floors.agent, floors.role);
}

report::TableText decision_table(const DecisionColumns& columns, report::Style style) {
  return report::TableText({{columns.id_title, columns.id_width, false, columns.least_id_width},
                            {"agent", 10},
                            {"margin", 7, true},
                            {"role", 8},
                            {"margin", 7, true},
                            {"tokens", 6, true, 0, 1},
                            {columns.in_batches ? "batch ms" : "ms", 8, true, 0, 2}},
                           style);
}

std::string decision_row(const report::TableText& table, const std::string& id,
                         const Decision& decision,
                         const std::optional<backend::MarginFloors>& floors) {
  const auto role_look = decision.role_id == 0   ? report::Look::good
                         : decision.role_id == 1 ? report::Look::second
                                                 : report::Look::warn;
  const std::string agent =
      agent_text(static_cast<std::size_t>(decision.agent_id), decision.tiny_router);
  return table.row({{id},
                    {agent, report::Look::accent},
                    margin_text_of(decision.margins.agent, floors, &backend::MarginFloors::agent),
                    {decision.role_name, role_look},
                    margin_text_of(decision.margins.role, floors, &backend::MarginFloors::role),
                    {std::to_string(decision.token_count)},
                    {fmt::format("{:.2f}", decision.timings_ms.total)}});
}

report::Document decision_card(const Decision& decision,
                               const std::optional<backend::MarginFloors>& floors) {
  const auto agent_name = [&](std::size_t i) { return agent_text(i, decision.tiny_router); };
  const auto role_label = [](std::size_t i) { return role_name(static_cast<int>(i)); };
  const Timings& ms = decision.timings_ms;
  const report::Text agent_margin =
      margin_text_of(decision.margins.agent, floors, &backend::MarginFloors::agent);
  const report::Text role_margin =
      margin_text_of(decision.margins.role, floors, &backend::MarginFloors::role);
  const bool close =
      agent_margin.look != report::Look::plain || role_margin.look != report::Look::plain;
  report::Section card;
  card.blocks = {report::Paragraph{{{"agent "},
                                    {agent_name(static_cast<std::size_t>(decision.agent_id)),
                                     report::Look::strong},
                                    {" as "},
                                    {decision.role_name, report::Look::strong},
                                    {", margins "},
                                    agent_margin,
                                    {" / "},
                                    role_margin}},
                 bars_of("agents", decision.agent_logits(), decision.agent_id, agent_name),
                 bars_of("roles", decision.role_logits(), decision.role_id, role_label)};
  report::Section origin;
  origin.blocks = {
      report::Paragraph{{{"Numbers are logits; bars are their softmax shares; a margin is the lead "
                          "of the chosen logit over the second.",
                          report::Look::faint},
                         {close ? " " + close_call_text(*floors) : ""}}},
      report::Paragraph{
          {{fmt::format("{}, read at position {}, profile {} ({}), input mode {}",
                        report::counted(static_cast<std::size_t>(decision.token_count), "token"),
                        decision.hidden_index, decision.profile, decision.exactness,
                        input_mode_name(decision.input_mode))}}},
      report::Paragraph{
          {{fmt::format("{:.2f} ms: tokenize {:.2f}, queue {:.2f}, prefill {:.2f}, head {:.2f}",
                        ms.total, ms.tokenize, ms.queue, ms.prefill, ms.head)}}},
      report::Facts{11,
                    {{"transcript", {{hash_text(decision.transcript_hash), report::Look::faint}}},
                     {"route", {{hash_text(decision.route_hash), report::Look::faint}}}}}};
  return {"Decision", {}, {}, {}, {std::move(card), std::move(origin)}};
}

}  // namespace trinity::console
