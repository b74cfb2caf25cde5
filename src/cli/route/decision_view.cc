#include "cli/route/decision_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

namespace trinity::cli {
namespace {

// The skills that the tiny router was trained to tell apart, by agent.
constexpr std::array<std::string_view, 7> kTinySkills = {"code",    "math",     "data",   "science",
                                                         "writing", "planning", "general"};
constexpr int kBarColumns = 24;

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
std::string bar(double share) {
  constexpr std::array<std::string_view, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::lround(share * kBarColumns * 8));
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
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const bool is_chosen = static_cast<int>(i) == chosen;
    const std::string label = pad(name(i), 12);
    out +=
        fmt::format("  {} {} {} {:8.3f}  {}\n", pad(i == 0 ? title : "", 6),
                    is_chosen ? style.green("▸") : " ", is_chosen ? style.bold(label) : label,
                    logits[i], is_chosen ? style.green(bar(share[i])) : style.dim(bar(share[i])));
  }
  return out;
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

Table decision_table(std::size_t id_width, const std::string& id_title, Style style) {
  return Table({{id_title, id_width},
                {"agent", 10},
                {"margin", 6, true},
                {"role", 8},
                {"margin", 6, true},
                {"tokens", 6, true},
                {"ms", 8, true}},
               style);
}

std::string decision_row(const Table& table, const std::string& id, const Decision& decision) {
  const auto role_look = decision.role_id == 0   ? &Style::green
                         : decision.role_id == 1 ? &Style::magenta
                                                 : &Style::yellow;
  const std::string agent =
      agent_text(static_cast<std::size_t>(decision.agent_id), decision.tiny_router);
  return table.row({{id},
                    {agent, &Style::cyan},
                    {margin_text(decision.margins.agent)},
                    {decision.role_name, role_look},
                    {margin_text(decision.margins.role)},
                    {std::to_string(decision.token_count)},
                    {fmt::format("{:.2f}", decision.timings_ms.total)}});
}

std::string failure_row(const Table& table, const std::string& id, const std::string& message) {
  std::string row = table.row({{id}});
  row.pop_back();
  return row + "  " + message + "\n";
}

std::string decision_card(const Decision& decision, Style style) {
  const auto agent_name = [&](std::size_t i) { return agent_text(i, decision.tiny_router); };
  const auto role_label = [](std::size_t i) { return role_name(static_cast<int>(i)); };
  const Timings& ms = decision.timings_ms;
  std::string out = fmt::format("\n  agent {} as {}   margins {} / {}\n\n",
                                style.bold(agent_name(static_cast<std::size_t>(decision.agent_id))),
                                style.bold(decision.role_name), margin_text(decision.margins.agent),
                                margin_text(decision.margins.role));
  out +=
      split_lines("agents", decision.agent_logits(), decision.agent_id, agent_name, style) + "\n";
  out += split_lines("roles", decision.role_logits(), decision.role_id, role_label, style);
  out += fmt::format("\n  {} tokens, read at position {}, profile {} ({}), input mode {}\n",
                     decision.token_count, decision.hidden_index, decision.profile,
                     decision.exactness, decision.input_mode);
  out += fmt::format("  {:.2f} ms: tokenize {:.2f}, prefill {:.2f}, head {:.2f}\n", ms.total,
                     ms.tokenize, ms.prefill, ms.head);
  out +=
      style.dim(fmt::format("  transcript {}\n  route      {}\n",
                            hash_text(decision.transcript_hash), hash_text(decision.route_hash)));
  return out;
}

}  // namespace trinity::cli
