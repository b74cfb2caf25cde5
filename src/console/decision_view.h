// A decision for people: one row of a table, or a card with the logits drawn.
#pragma once

#include <trinity/decision.h>

#include <cstddef>
#include <optional>
#include <string>

#include "report/document.h"
#include "report/table_text.h"
#include "router/profile.h"
#include "terminal/terminal.h"

namespace trinity::console {

/// The agents of the embedded tiny router stand for skills: "3 science". For other models an agent
/// is a slot of a pool, known by its number alone.
std::string agent_text(std::size_t agent, bool tiny_router);

/// "1.25", or "-" when a split has no logits.
std::string margin_text(const std::optional<double>& margin);

/// What evaluations hold the tiny router to on a lane, from the lane's built-in snapshot.
std::optional<backend::MarginFloors> tiny_router_floors(const std::string& profile);
/// What "~" beside a margin means.
std::string close_call_text(const backend::MarginFloors& floors);

struct DecisionColumns {
  std::string id_title = "id";
  std::size_t id_width = 32;
  std::size_t least_id_width = 12;
  /// Whether rows are computed together: then the time is that of all of them.
  bool in_batches = true;
};

/// id, agent and its margin, role and its margin, tokens, milliseconds.
report::TableText decision_table(const DecisionColumns& columns, report::Style style);
/// Margins under twice their floor are marked by "~" where floors are given.
std::string decision_row(const report::TableText& table, const std::string& id,
                         const Decision& decision,
                         const std::optional<backend::MarginFloors>& floors = {});

/// Several lines: who was chosen, every logit with a bar for its softmax share, hashes, times.
/// Margins are marked as in a row.
report::Document decision_card(const Decision& decision,
                               const std::optional<backend::MarginFloors>& floors = {});

}  // namespace trinity::console
