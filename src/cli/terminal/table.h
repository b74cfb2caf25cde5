// Tables for people: aligned columns, a rule under the header, no frame.
//
//   conversation            agent      role       tokens
//   ─────────────────────────────────────────────────────
//   A sum                   1 math     Worker         15
//
// Widths are fixed before the first row, so rows can be printed as their answers arrive.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal/terminal.h"

namespace trinity::cli {

/// Columns that a text takes on a terminal: wide East Asian characters and emoji take two,
/// combining marks and joiners none. `text` is valid UTF-8.
std::size_t display_width(std::string_view text);

/// The text cut to `width` columns, "…" standing for what is missing, control characters as "·".
std::string fit(std::string_view text, std::size_t width);

struct Column {
  std::string title;
  std::size_t width = 0;
  bool right = false;  // numbers
};

/// A cell and how it looks; the colour does not count as width.
struct Cell {
  std::string text;
  std::string (Style::*look)(std::string_view) const = nullptr;
};

class Table {
 public:
  Table(std::vector<Column> columns, Style style);

  /// Title line and rule, ending in a line feed.
  std::string header() const;
  /// One row; texts that are too long are cut.
  std::string row(const std::vector<Cell>& cells) const;
  /// The rule alone.
  std::string rule() const;

 private:
  std::vector<Column> columns_;
  Style style_;
};

}  // namespace trinity::cli
