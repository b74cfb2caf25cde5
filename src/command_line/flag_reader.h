// From the words behind a command, and from the environment, to the targets of its flags.
#pragma once

#include <trinity/error.h>

#include <string>
#include <vector>

#include "command_line/command_spec.h"

namespace trinity::command_line {

/// Writes the targets of the command's flags; true when help is asked for, and then nothing is
/// written. Errors, all of them `usage`: unknown flags and words, flags without a value, twice,
/// missing, beside one that they exclude or where they have no effect; values that a flag refuses,
/// named by the flag or the variable that they came from.
Result<bool> read_flags(const CommandSpec& command, const std::vector<std::string>& words);

/// "--input-mode" → "TRINITY_INPUT_MODE"; empty for a short name.
std::string environment_name(const std::string& flag);

/// Whether a command line that could not be read asks for JSON, or else the environment does.
bool asks_for_json(const std::vector<std::string>& words);

}  // namespace trinity::command_line
