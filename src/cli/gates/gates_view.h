// What `trinity gates` shows to people.
#pragma once

#include <string>

#include "checkout/gates.h"
#include "terminal/terminal.h"

namespace trinity::cli {

/// "make test": program and arguments.
std::string step_command(const GateStep& step);

/// "[trinity.gates] step=test exit=0 duration_ms=12\n"; an advisory step adds a line with its
/// outcome.
std::string step_lines(const StepOutcome& outcome);

/// All steps, and the end of what the failed ones said.
std::string gates_table(const GateReport& report, Style style);

}  // namespace trinity::cli
