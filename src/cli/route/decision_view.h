// A decision for people: one row of a table, or a card with the logits drawn.
#pragma once

#include <trinity/decision.h>

#include <cstddef>
#include <string>

#include "cli/terminal/table.h"

namespace trinity::cli {

/// The agents of the embedded tiny router stand for skills: "3 science". For other models an agent
/// is a slot of a pool, known by its number alone.
std::string agent_text(std::size_t agent, bool tiny_router);

/// "1.25", or "-" when a split has no logits.
std::string margin_text(const std::optional<double>& margin);

/// id, agent and its margin, role and its margin, tokens, milliseconds.
Table decision_table(std::size_t id_width, const std::string& id_title, Style style);
std::string decision_row(const Table& table, const std::string& id, const Decision& decision);
std::string failure_row(const Table& table, const std::string& id, const std::string& message);

/// Several lines: who was chosen, every logit with a bar, hashes, times.
std::string decision_card(const Decision& decision, Style style);

}  // namespace trinity::cli
