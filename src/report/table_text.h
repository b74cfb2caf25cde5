// Tables on a terminal: aligned columns, a rule under the header, no frame.
//
//   conversation            agent      role       tokens
//   ─────────────────────────────────────────────────────
//   A sum                   1 math     Worker         15
//
// Widths are fixed before the first row, so rows can be printed as their answers arrive. A table is
// never wider than the terminal: first the columns that say so become narrower, then the ones that
// can be spared are left out, then everything is squeezed, and what has no room still is left out
// from the end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/text.h"

namespace trinity::report {

class TableText {
 public:
  TableText(std::vector<Column> columns, Style style);

  /// Title line and rule, ending in a line feed.
  std::string header() const;
  /// One row of a cell a column; texts that are too long are cut, and made printable.
  std::string row(const std::vector<Cell>& cells) const;
  /// A first cell, and a text that takes the place of all others.
  std::string row_with_text(const Cell& first, const Text& text) const;
  /// The rule alone.
  std::string rule() const;
  /// Columns that a line of the table takes, the indentation included.
  std::size_t width() const;

 private:
  std::vector<Column> columns_;
  std::vector<bool> shown_;  // columns of a terminal that were not spared
  Style style_;
};

/// A rule up to that column, ending in a line feed.
std::string rule_text(std::size_t columns, Style style);

}  // namespace trinity::report
