#include "cli/route/decision_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "prove/eval/prompt_eval.h"
#include "prove/eval/snapshot.h"
#include "terminal/paragraph.h"

namespace trinity::cli {
namespace {

// The skills that the tiny router was trained to tell apart, by agent.
constexpr std::array<std::string_view, 7> kTinySkills = {"code",    "math",     "data",   "science",
                                                         "writing", "planning", "general"};
constexpr std::size_t kMostBarColumns = 24;

/// Softmax of a split, for drawing only.
std::vector<double> shares(std::span<const float> logits) {
  const double top = logits.empty() ? 0 : *std::max_element(logits.begin(), logits.end());
  std::vector<double> out;
  double sum = 0;
  for (const float logit : logits) sum += out.emplace_back(std::exp(logit - top));
  for (double& share : out) share /= sum;
  return out;
}

/// A bar of eighths of a column.
std::string bar(double share, std::size_t columns) {
  constexpr std::array<std::string_view, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(share * static_cast<double>(columns) * 8));
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  return out + std::string(parts[static_cast<std::size_t>(eighths % 8)]);
}

std::string pad(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(width - std::min(width, display_width(text)), ' ');
}

/// One line for each logit of a split.
template <typename Name>
std::string split_lines(std::string_view title, std::span<const float> logits, int chosen,
                        Name name, Style style) {
  std::string out;
  const std::vector<double> share = shares(logits);
  constexpr std::size_t before = 38;  // columns of title, name, logit and share
  const std::size_t room = style.columns() > before + 1 ? style.columns() - before : 1;
  const std::size_t columns = std::min(room, kMostBarColumns);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const bool is_chosen = static_cast<int>(i) == chosen;
    const std::string label = pad(name(i), 12);
    const std::string drawn = bar(share[i], columns);
    out += fmt::format("  {} {} {} {:8.3f} {:3.0f}%", pad(i == 0 ? title : "", 6),
                       is_chosen ? style.green("▸") : " ", is_chosen ? style.bold(label) : label,
                       logits[i], 100 * share[i]);
    if (!drawn.empty()) out += " " + (is_chosen ? style.green(drawn) : style.dim(drawn));
    out += "\n";
  }
  return out;
}

/// A margin, marked where it is a close call; with floors there is room for the mark in any case.
Cell margin_cell(const std::optional<double>& margin, const std::optional<MarginFloors>& floors,
                 double MarginFloors::*floor) {
  if (!floors) return {margin_text(margin)};
  if (!is_low_margin(margin.value_or(0), *floors.*floor)) return {margin_text(margin) + " "};
  return {margin_text(margin) + "~", &Style::yellow};
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

std::optional<MarginFloors> tiny_router_floors(const std::string& profile) {
  const auto snapshot = built_in_snapshot(profile);
  return snapshot && *snapshot ? (*snapshot)->margin_floors : std::nullopt;
}

std::string close_call_text(const MarginFloors& floors) {
  return fmt::format(
      "~ marks a close call, a margin under twice the floor (agent {:.2f}, role {:.2f}) that "
      "evaluations tolerate: rounding or another wording may turn it.",
      floors.agent, floors.role);
}

Table decision_table(const DecisionColumns& columns, Style style) {
  return Table({{columns.id_title, columns.id_width, false, columns.least_id_width},
                {"agent", 10},
                {"margin", 7, true},
                {"role", 8},
                {"margin", 7, true},
                {"tokens", 6, true, 0, 1},
                {columns.in_batches ? "batch ms" : "ms", 8, true, 0, 2}},
               style);
}

std::string decision_row(const Table& table, const std::string& id, const Decision& decision,
                         const std::optional<MarginFloors>& floors) {
  const auto role_look = decision.role_id == 0   ? &Style::green
                         : decision.role_id == 1 ? &Style::magenta
                                                 : &Style::yellow;
  const std::string agent =
      agent_text(static_cast<std::size_t>(decision.agent_id), decision.tiny_router);
  return table.row({{id},
                    {agent, &Style::cyan},
                    margin_cell(decision.margins.agent, floors, &MarginFloors::agent),
                    {decision.role_name, role_look},
                    margin_cell(decision.margins.role, floors, &MarginFloors::role),
                    {std::to_string(decision.token_count)},
                    {fmt::format("{:.2f}", decision.timings_ms.total)}});
}

std::string decision_card(const Decision& decision, Style style,
                          const std::optional<MarginFloors>& floors) {
  const auto agent_name = [&](std::size_t i) { return agent_text(i, decision.tiny_router); };
  const auto role_label = [](std::size_t i) { return role_name(static_cast<int>(i)); };
  const Timings& ms = decision.timings_ms;
  const Cell agent_margin = margin_cell(decision.margins.agent, floors, &MarginFloors::agent);
  const Cell role_margin = margin_cell(decision.margins.role, floors, &MarginFloors::role);
  std::string out =
      "\n" +
      paragraph({{"agent "},
                 {agent_name(static_cast<std::size_t>(decision.agent_id)), &Style::bold},
                 {" as "},
                 {decision.role_name, &Style::bold},
                 {", margins "},
                 agent_margin,
                 {" / "},
                 role_margin},
                style) +
      "\n";
  out +=
      split_lines("agents", decision.agent_logits(), decision.agent_id, agent_name, style) + "\n";
  out += split_lines("roles", decision.role_logits(), decision.role_id, role_label, style) + "\n";
  out +=
      paragraph({{"Numbers are logits; bars are their softmax shares; a margin is the lead of the "
                  "chosen logit over the second.",
                  &Style::dim},
                 {agent_margin.look || role_margin.look ? " " + close_call_text(*floors) : ""}},
                style);
  out += paragraph({{fmt::format("{}, read at position {}, profile {} ({}), input mode {}",
                                 counted(static_cast<std::size_t>(decision.token_count), "token"),
                                 decision.hidden_index, decision.profile, decision.exactness,
                                 input_mode_name(decision.input_mode))}},
                   style);
  out += paragraph(
      {{fmt::format("{:.2f} ms: tokenize {:.2f}, queue {:.2f}, prefill {:.2f}, head {:.2f}",
                    ms.total, ms.tokenize, ms.queue, ms.prefill, ms.head)}},
      style);
  out += fact("transcript", 11, {{hash_text(decision.transcript_hash), &Style::dim}}, style);
  return out + fact("route", 11, {{hash_text(decision.route_hash), &Style::dim}}, style);
}

}  // namespace trinity::cli
