// What stands at the other end of an output: a terminal with colours and a width, or a file or
// pipe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trinity::cli {

/// Whether the file descriptor is a terminal.
bool is_terminal(int descriptor);

/// Columns at the other end: what the terminal says, else COLUMNS, else 80. At least 20.
std::size_t terminal_columns(int descriptor);

/// How text looks at the other end. Wraps it in colour codes, or leaves it alone: colours appear on
/// a terminal only, and not when NO_COLOR is set (to anything but nothing) or TERM is "dumb". Knows
/// how wide a line may be.
class Style {
 public:
  /// For the file descriptor that the text will be written to.
  static Style for_output(int descriptor);
  explicit Style(bool coloured = false, std::size_t columns = 80, bool breaks_prose = true)
      : coloured_(coloured), columns_(columns), breaks_prose_(breaks_prose) {}

  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string red(std::string_view text) const { return wrap("31", text); }
  std::string green(std::string_view text) const { return wrap("32", text); }
  std::string yellow(std::string_view text) const { return wrap("33", text); }
  std::string magenta(std::string_view text) const { return wrap("35", text); }
  std::string cyan(std::string_view text) const { return wrap("36", text); }
  bool coloured() const { return coloured_; }
  /// Columns that a line of a table may take.
  std::size_t columns() const { return columns_; }
  /// Columns that a line of prose may take: for a file or pipe of no stated width each paragraph is
  /// one line, so that a search finds its words.
  std::size_t prose_columns() const { return breaks_prose_ ? columns_ : kUnbroken; }

 private:
  std::string wrap(std::string_view code, std::string_view text) const;

  bool coloured_;
  std::size_t columns_;
  bool breaks_prose_;
  static constexpr std::size_t kUnbroken = std::size_t{1} << 30;
};

/// What one of Style's functions does to a text; null: nothing.
using Look = std::string (Style::*)(std::string_view) const;

}  // namespace trinity::cli
