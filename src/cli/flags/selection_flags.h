// The flags that say how agent and role are taken from the logits.
#pragma once

#include <trinity/router.h>

#include <string>

#include "command_line/command_line.h"

namespace trinity::cli {

struct SelectionFlags {
  std::string agent = "argmax";
  std::string role = "argmax";
  double temperature = 1.0;
  std::string seed;
  bool probabilities = false;
};

void add_selection_flags(Command& command, SelectionFlags& flags);

/// The flags are checked when they are read.
Result<DecisionRule> decision_rule(const SelectionFlags& flags);

}  // namespace trinity::cli
