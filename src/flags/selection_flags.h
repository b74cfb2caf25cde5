// The flags that say how agent and role are taken from the logits.
#pragma once

#include <trinity/options.h>

#include <optional>

#include "command_line/command_line.h"

namespace trinity::flags {

/// --seed, of draws; whoever adds it says when it is used, and in which group it stands.
command_line::Flag add_seed_flag(command_line::Command& command, SelectionSeed& seed,
                                 const std::string& help);

/// --agent-selection, --role-selection, --temperature, --seed, --probabilities.
void add_selection_flags(command_line::Command& command, DecisionRule& rule);

/// What takes the place of how a recorded decision was selected; what is not said stays.
struct ChangedSelection {
  std::optional<SelectionMode> agent_selection, role_selection;
  std::optional<double> temperature;
  SelectionSeed seed;
};
/// --agent-selection, --role-selection, --temperature, --seed.
void add_changed_selection_flags(command_line::Command& command, ChangedSelection& flags);

}  // namespace trinity::flags
