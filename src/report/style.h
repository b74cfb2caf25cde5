// How text looks where it is read: what a text means decides, and each form of a report shows it in
// its own way (colours on a terminal, a chip or a colour of the style sheet on a page).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace trinity::report {

enum class Look {
  plain,
  strong,
  faint,
  good,
  warn,
  bad,
  label,   // a word that stands for a case apart: "the oracle", "not here"
  accent,  // what the eye should find first
  second,  // told apart from `accent`
};

/// What a terminal (or a file or pipe) can show: colours or none, and how wide a line may be.
class Style {
 public:
  explicit Style(bool coloured = false, std::size_t columns = 80, bool breaks_prose = true)
      : coloured_(coloured), columns_(columns), breaks_prose_(breaks_prose) {}

  /// The text in the colour codes of its look, or as it is.
  std::string paint(Look look, std::string_view text) const;
  bool coloured() const { return coloured_; }
  /// Columns that a line of a table may take.
  std::size_t columns() const { return columns_; }
  /// Columns that a line of prose may take: for a file or pipe of no stated width each paragraph is
  /// one line, so that a search finds its words.
  std::size_t prose_columns() const { return breaks_prose_ ? columns_ : kUnbroken; }

 private:
  bool coloured_;
  std::size_t columns_;
  bool breaks_prose_;
  static constexpr std::size_t kUnbroken = std::size_t{1} << 30;
};

}  // namespace trinity::report
