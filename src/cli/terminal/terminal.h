// What stands at the other end of an output: a terminal with colours, or a file or pipe without.
#pragma once

#include <string>
#include <string_view>

namespace trinity::cli {

/// Whether the file descriptor is a terminal.
bool is_terminal(int descriptor);

/// Columns of the terminal at a descriptor (2: standard error), 80 when none is there or it does
/// not say.
int terminal_columns(int descriptor = 2);

/// Wraps text in colour codes, or leaves it alone: colours appear on a terminal only, and not when
/// NO_COLOR is set (to anything but nothing) or TERM is "dumb".
class Style {
 public:
  /// For the file descriptor that the text will be written to.
  static Style for_output(int descriptor);
  explicit Style(bool coloured = false) : coloured_(coloured) {}

  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string red(std::string_view text) const { return wrap("31", text); }
  std::string green(std::string_view text) const { return wrap("32", text); }
  std::string yellow(std::string_view text) const { return wrap("33", text); }
  std::string magenta(std::string_view text) const { return wrap("35", text); }
  std::string cyan(std::string_view text) const { return wrap("36", text); }
  bool coloured() const { return coloured_; }

 private:
  std::string wrap(std::string_view code, std::string_view text) const;

  bool coloured_;
};

}  // namespace trinity::cli
