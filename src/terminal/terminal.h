// What stands at the other end of an output: a terminal with colours and a width, or a file or
// pipe.
#pragma once

#include <cstddef>
#include <string_view>

#include "report/style.h"

namespace trinity::terminal {

/// Whether the file descriptor is a terminal.
bool is_terminal(int descriptor);

/// Columns at the other end: what the terminal says, else COLUMNS, else 80. At least 20.
std::size_t terminal_columns(int descriptor);

/// For text that will be written to the file descriptor: colours appear on a terminal only, and not
/// when NO_COLOR is set (to anything but nothing) or TERM is "dumb".
report::Style style_for(int descriptor);

}  // namespace trinity::terminal
