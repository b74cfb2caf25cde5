// What --help prints: the description, how to call it, flags under their headings with a column for
// the names, commands under theirs, and the notes with examples.
#pragma once

#include <cstddef>
#include <string>

#include "command_line/command_spec.h"

namespace trinity::command_line {

/// Lines of at most `columns` where words allow it.
std::string help_text(const CommandSpec& command, std::size_t columns);

}  // namespace trinity::command_line
