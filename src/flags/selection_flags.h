// The flags that say how agent and role are taken from the logits.
#pragma once

#include <trinity/options.h>

#include "command_line/command_line.h"

namespace trinity::flags {

/// --agent-selection, --role-selection, --temperature, --seed, --probabilities.
void add_selection_flags(command_line::Command& command, DecisionRule& rule);

}  // namespace trinity::flags
