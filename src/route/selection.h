// From logits to an agent and a role.
//
// The logits of a head are split into agents and roles, and one index is selected from each split:
// the largest logit, the largest probability, or a seeded draw. Draws use the `exsss` generator
// with a seed per split, so that a recorded seed replays the decision.
//
// A logit of -infinity marks a choice that is masked out: it has probability 0 and is never
// selected. NaN and +infinity are errors.
#pragma once

#include <trinity/decision.h>
#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::route {

/// Reads a mode: trimmed, lower-cased, "-" as "_"; "softmax_argmax" is "softmax".
/// `key` names the option in the error `invalid_selection_mode`.
Result<SelectionMode> parse_selection_mode(std::string_view key, std::string_view value);

/// Reads "42" or "1,2,3". Error `invalid_seed`.
Result<SelectionSeed> parse_selection_seed(std::string_view text);

/// Reads an object with the keys agent_selection, role_selection, return_probabilities, temperature
/// and seed (an integer or three). Errors: `invalid_selection_mode`, `invalid_temperature`,
/// `invalid_seed`, `invalid_selection_options` for a wrong type, `unknown_option`.
Result<DecisionRule> parse_selection_options(const Json& options);

/// Seeds of the two splits: (s, s+1, s+2) and (s+17, s+31, s+43) for an integer; the triple itself
/// and (a+17, b+31, c+43) for a triple; fresh ones from the system's entropy when there is none.
struct SplitSeeds {
  SeedTriple agent;
  SeedTriple role;
};
SplitSeeds split_seeds(const SelectionSeed& seed);

/// One selected index of a split.
struct SplitSelection {
  std::size_t index = 0;
  std::optional<std::vector<double>> probabilities;
};

/// Softmax of logits / temperature in double. Errors: `non_finite_logits`, `invalid_temperature`,
/// `invalid_logits` for an empty split.
Result<std::vector<double>> softmax_probabilities(std::span<const float> logits,
                                                  double temperature);

/// Selects from one split. `seed` is read only by SelectionMode::sample: it draws u in [0, 1) and
/// takes the first index whose cumulative probability reaches u.
Result<SplitSelection> select_split(std::span<const float> logits, SelectionMode mode,
                                    double temperature, bool return_probabilities,
                                    const SeedTriple& seed);

/// Selects from `logits` = num_agents agents, then num_roles roles, of which those that the rule
/// masks are not chosen. The route keeps the logits as they came. Errors: `invalid_logits` for a
/// wrong width or when every role is masked, `non_finite_logits`, `invalid_temperature`.
Result<Route> select_route(std::span<const float> logits, std::size_t num_agents,
                           std::size_t num_roles, const DecisionRule& rule);

}  // namespace trinity::route
