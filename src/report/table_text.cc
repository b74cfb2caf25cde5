#include "report/table_text.h"

#include <algorithm>

#include "base/printable.h"
#include "base/utf8.h"

namespace trinity::report {
namespace {

constexpr std::size_t kGap = 2;     // before every column
constexpr std::size_t kNarrow = 4;  // nothing is squeezed below it

std::string padding(std::size_t count) { return std::string(count, ' '); }

std::string text_of(const Cell& cell) {
  std::string out;
  for (const Text& part : cell.parts)
    out += (out.empty() ? "" : " ") +
           (part.most_bytes == 0 ? part.text : excerpt(part.text, part.most_bytes));
  return out;
}

/// Of the whole cell: that of its first part.
Look look_of(const Cell& cell) {
  return cell.parts.empty() ? Look::plain : cell.parts.front().look;
}

/// The columns that are shown, made to fit.
class Fitting {
 public:
  Fitting(std::vector<Column>& columns, std::vector<bool>& shown, std::size_t room)
      : columns_(columns), shown_(shown), room_(room) {}

  void fit() {
    const std::vector<Column> wanted = columns_;
    const auto least = [](const Column& column) {
      return column.least == 0 ? column.width : std::min(column.least, column.width);
    };
    narrow(least);
    while (width() > room_ && leave_one_out()) {
      columns_ = wanted;
      narrow(least);
    }
    narrow([](const Column&) { return kNarrow; });
    for (std::size_t last = columns_.size(); last > 1 && width() > room_; --last)
      shown_[last - 1] = false;
  }

  std::size_t width() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (shown_[i]) sum += kGap + columns_[i].width;
    return sum;
  }

 private:
  /// Takes columns from the widest of those that have some to give.
  template <typename Least>
  void narrow(Least least) {
    while (width() > room_) {
      Column* widest = nullptr;
      for (std::size_t i = 0; i < columns_.size(); ++i)
        if (shown_[i] && columns_[i].width > least(columns_[i]) &&
            (widest == nullptr || columns_[i].width > widest->width))
          widest = &columns_[i];
      if (widest == nullptr) return;
      --widest->width;
    }
  }

  bool leave_one_out() {
    std::size_t found = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (shown_[i] && columns_[i].spare > 0 &&
          (found == columns_.size() || columns_[i].spare > columns_[found].spare))
        found = i;
    if (found == columns_.size()) return false;
    shown_[found] = false;
    return true;
  }

  std::vector<Column>& columns_;
  std::vector<bool>& shown_;
  std::size_t room_;
};

}  // namespace

TableText::TableText(std::vector<Column> columns, Style style)
    : columns_(std::move(columns)), shown_(columns_.size(), true), style_(style) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    shown_[i] = column.where != Audience::page;
    column.width = std::max(column.width, display_width(column.title));
    if (column.least > 0) column.least = std::max(column.least, display_width(column.title));
  }
  Fitting(columns_, shown_, style.columns()).fit();
}

std::string TableText::header() const {
  std::vector<Cell> cells;
  for (const Column& column : columns_) cells.emplace_back(column.title, Look::strong);
  return row(cells) + rule();
}

std::string TableText::row(const std::vector<Cell>& cells) const {
  std::string out;
  std::size_t owed = 0;  // spaces that only a further cell makes necessary
  for (std::size_t i = 0; i < columns_.size() && i < cells.size(); ++i) {
    if (!shown_[i]) continue;
    const Column& column = columns_[i];
    const std::string text = printable(text_of(cells[i]), column.width);
    if (text.empty()) {
      owed += kGap + column.width;
      continue;
    }
    const std::size_t space = column.width - std::min(column.width, display_width(text));
    const std::string whole = isolated(text);
    const std::string shown = style_.paint(look_of(cells[i]), whole);
    out += padding(owed + kGap);
    out += column.right ? padding(space) + shown : shown;
    owed = column.right ? 0 : space;
  }
  return out + "\n";
}

std::string TableText::row_with_text(const Cell& first, const Text& text) const {
  std::string out = row({first});
  out.pop_back();
  const std::size_t begin = kGap + columns_.front().width + kGap;
  const std::size_t used = kGap + display_width(printable(text_of(first), columns_.front().width));
  const std::size_t room = style_.columns() > begin + kNarrow ? style_.columns() - begin : kNarrow;
  const std::string shown = isolated(printable(text.text, room));
  return out + padding(begin - used) + style_.paint(text.look, shown) + "\n";
}

std::string rule_text(std::size_t columns, Style style) {
  std::string line;
  for (std::size_t i = kGap; i < columns; ++i) line += "─";
  return padding(kGap) + style.paint(Look::faint, line) + "\n";
}

std::string TableText::rule() const { return rule_text(width(), style_); }

std::size_t TableText::width() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (shown_[i]) sum += kGap + columns_[i].width;
  return sum;
}

}  // namespace trinity::report
