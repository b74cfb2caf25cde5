#include "cli/terminal/table.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "text/utf8_decode.h"

namespace trinity::cli {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// The blocks that matter in practice; a table only has to look right.
constexpr std::array kZeroWidth = {Range{0x0300, 0x036F}, Range{0x200B, 0x200F},
                                   Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F}};
constexpr std::array kDoubleWidth = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0xA4CF},   Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
    Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF},
    Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};

bool is_in(std::uint32_t code_point, const auto& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

std::size_t width_of(std::uint32_t code_point) {
  if (is_in(code_point, kZeroWidth)) return 0;
  return is_in(code_point, kDoubleWidth) ? 2 : 1;
}

bool is_control(std::uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
}

std::string padding(std::size_t count) { return std::string(count, ' '); }

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint next = decode_code_point(text.data() + at);
    width += width_of(next.value);
    at += next.length;
  }
  return width;
}

std::string fit(std::string_view text, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  std::size_t kept = 0;  // bytes of `out` that leave a column for the ellipsis
  for (std::size_t at = 0; at < text.size();) {
    const DecodedCodePoint next = decode_code_point(text.data() + at);
    const std::size_t columns = width_of(next.value);
    if (used + columns > width) {
      out.resize(kept);
      return out + "…";
    }
    out += is_control(next.value) ? std::string_view("·") : text.substr(at, next.length);
    used += columns;
    if (used + 1 <= width) kept = out.size();
    at += next.length;
  }
  return out;
}

Table::Table(std::vector<Column> columns, Style style)
    : columns_(std::move(columns)), style_(style) {
  for (Column& column : columns_) column.width = std::max(column.width, column.title.size());
}

std::string Table::header() const {
  std::vector<Cell> cells;
  for (const Column& column : columns_) cells.push_back({column.title, &Style::bold});
  return row(cells) + rule();
}

std::string Table::row(const std::vector<Cell>& cells) const {
  std::string out;
  for (std::size_t i = 0; i < columns_.size() && i < cells.size(); ++i) {
    const Column& column = columns_[i];
    const std::string text = fit(cells[i].text, column.width);
    const std::string space = padding(column.width - std::min(column.width, display_width(text)));
    const std::string shown = cells[i].look ? (style_.*cells[i].look)(text) : text;
    const bool last = i + 1 == cells.size();
    out += "  ";
    out += column.right ? space + shown : shown + (last ? "" : space);
  }
  return out + "\n";
}

std::string Table::rule() const {
  std::size_t width = 2 * (columns_.size() - 1);
  for (const Column& column : columns_) width += column.width;
  std::string line;
  for (std::size_t i = 0; i < width; ++i) line += "─";
  return "  " + style_.dim(line) + "\n";
}

}  // namespace trinity::cli
