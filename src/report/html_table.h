// A table of a page, in a box of its own that scrolls sideways where the page is too narrow for it:
// nothing is cut on a telephone, and the box can be reached and scrolled with the keyboard.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

struct HtmlColumn {
  std::string title;      // HTML
  const char* look = "";  // "n" for numbers, "id" for names of cases, "dim"
};

class HtmlTable {
 public:
  /// `label` names the box for people who hear the page; each box of a page has another one.
  HtmlTable(std::string_view label, std::vector<HtmlColumn> columns, const char* look = "");

  /// Cells are HTML, one a column; the first says what the row is about. `look` colours the row.
  void row(const std::vector<std::string>& cells, const char* look = "");
  bool empty() const { return rows_.empty(); }
  std::string html() const;

 private:
  std::string label_;
  std::vector<HtmlColumn> columns_;
  const char* look_;
  std::string rows_;
};

/// Something wide, such as a chart, in such a box.
std::string scroll_box(std::string_view label, std::string_view html);

/// A short word on a coloured ground: "good", "bad", "warn" or "plain".
std::string chip(const char* look, std::string_view text);

}  // namespace trinity
