// Which schema of docs/schemas/ describes what a command prints as JSON.
#pragma once

#include <string>

#include "cli/run_program.h"

namespace trinity::testing {

/// The schema beside that of errors, by its file's name; empty for a command that prints no JSON.
/// `command` is "route" or "lab matrix", `arguments` may hold flags that make it print another
/// record.
std::string printed_schema(const std::string& command, const Words& arguments);

}  // namespace trinity::testing
