// The smallest parts of a report: a text with its look, a cell of a table, a column.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "report/style.h"

namespace trinity::report {

/// Who sees a part of a report.
enum class Audience { everyone, terminal, page };

/// A text that the program wrote, or (with `most_bytes`) somebody else: that one is cut to so many
/// bytes, made printable, and kept from turning what stands around it.
struct Text {
  std::string text;
  Look look = Look::plain;
  std::size_t most_bytes = 0;  // 0: a text of our own
};

Text foreign(std::string_view text, std::size_t most_bytes = 100, Look look = Look::plain);

/// "1 file", "2 files": a count and its noun. `many` is for plurals that take more than an s.
std::string counted(std::size_t count, std::string_view noun, std::string_view many = {});
/// "a, b and 3 more": a list that may be long, each of its words made printable.
std::string listed(const std::vector<std::string>& words, std::size_t most);
/// With as many decimals as its size needs: 0.058, 3.42, 127. What is not finite is a dash.
std::string short_number(double value);
/// "1.3e-07", "0" or "not finite".
std::string error_text(double error);

/// The mark of a lane or series on a page: a dot, hollow for what the others are compared with.
struct Swatch {
  std::string colour;  // CSS; empty: none
  bool ring = false;
};

struct Cell {
  Cell() = default;
  Cell(std::string text, Look look = Look::plain) : parts{{std::move(text), look, 0}} {}
  Cell(const char* text, Look look = Look::plain) : Cell(std::string(text), look) {}
  Cell(Text text) : parts{std::move(text)} {}
  Cell(std::vector<Text> texts) : parts(std::move(texts)) {}

  /// The same with a small text under it on a page.
  Cell noted(Text note) &&;
  Cell marked(Swatch mark) &&;

  std::vector<Text> parts;  // apart by a space
  std::vector<Text> notes;  // on a page
  Swatch swatch;
  double heat = -1;  // 0 to 1: the ground of a figure on a page
};

/// Figures: a count, a value with so many decimals.
Cell count(std::uint64_t value);
Cell number(double value, int decimals);

/// How a page sets the cells of a column.
enum class Setting { plain, id, prose, faint };

/// Widths are those of the terminal, in its columns; a page finds its own.
struct Column {
  std::string title;
  std::size_t width = 0;
  bool right = false;     // numbers
  std::size_t least = 0;  // what it may be narrowed to; 0: its width
  int spare = 0;          // may be left out when nothing else helps, the highest first; 0: never
  Setting setting = Setting::plain;
  Audience where = Audience::everyone;
  Swatch swatch = {};
};

/// A column of a page alone.
Column page_column(std::string title, Setting setting = Setting::plain, bool right = false);

}  // namespace trinity::report
