#include "report/render_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/printable.h"
#include "report/prose.h"
#include "report/table_text.h"

namespace trinity::report {
namespace {

constexpr std::size_t kColumnGap = 2;      // between the columns of a table
constexpr std::size_t kBelowIndent = 6;    // of lines under a row
constexpr std::size_t kBelowColumns = 13;  // of their names

std::vector<Text> with_look(std::vector<Text> parts, Look look) {
  for (Text& part : parts)
    if (part.look == Look::plain) part.look = look;
  return parts;
}

void append(std::vector<Text>& parts, std::vector<Text> more) {
  parts.insert(parts.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

std::string below(const Row& row, Style style) {
  std::string out;
  for (const Line& line : row.below)
    out += line.name.empty() ? paragraph(line.parts, style, kBelowIndent, kBelowIndent)
                             : fact(line.name, kBelowColumns, line.parts, style, kBelowIndent);
  return out;
}

/// The columns from `begin` on that the line has room for beside the first one; at least one.
std::size_t columns_that_fit(const Table& table, std::size_t begin, Style style) {
  if (!table.flows) return table.columns.size();
  std::size_t used = kColumnGap + table.columns.front().width;
  std::size_t end = begin;
  for (; end < table.columns.size(); ++end) {
    const Column& column = table.columns[end];
    used += kColumnGap + std::max(column.width, display_width(column.title));
    if (end > begin && used > style.columns()) break;
  }
  return std::max(end, begin);
}

std::string padded(std::string_view text, std::size_t columns) {
  return std::string(text) + std::string(columns - std::min(columns, display_width(text)), ' ');
}

/// A bar of eighths of a column.
std::string bar_of(double share, std::size_t columns) {
  constexpr std::array<std::string_view, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths =
      static_cast<std::size_t>(std::lround(share * static_cast<double>(columns) * 8));
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  return out + std::string(parts[eighths % 8]);
}

class TextForm {
 public:
  explicit TextForm(Style style) : style_(style) {}

  std::string section(const Section& section) {
    out_ = "\n";
    std::vector<Text> line = with_look(section.heading, Look::strong);
    if (!line.empty() && !section.lead.empty()) line.push_back({": ", Look::strong, 0});
    append(line, with_look(section.lead, Look::faint));
    if (!line.empty()) out_ += paragraph(line, style_);
    headed_ = true;
    after_table_ = false;
    for (const Block& block : section.blocks) {
      if (block.where == Audience::page) continue;
      std::visit([this](const auto& content) { add(content); }, block.content);
      headed_ = false;
      after_table_ = std::holds_alternative<Table>(block.content) ||
                     std::holds_alternative<Bars>(block.content);
    }
    return std::move(out_);
  }

 private:
  void add(const Paragraph& one) { out_ += paragraph(one.parts, style_, one.indent, one.hanging); }

  void add(const Facts& facts) {
    if (after_table_) out_ += "\n";
    for (const Line& line : facts.lines)
      out_ += fact(line.name, facts.columns, line.parts, style_, facts.indent);
  }

  void add(const Table& table) {
    if (!headed_) out_ += "\n";
    for (std::size_t begin = 1, end = 0; end < table.columns.size(); begin = end) {
      end = columns_that_fit(table, begin, style_);
      if (begin > 1) out_ += "\n";
      add_part(table, begin, end);
    }
  }

  /// The first column and those from `begin` to `end`.
  void add_part(const Table& table, std::size_t begin, std::size_t end) {
    const auto part_of = [&](const auto& all) {
      auto part = all;
      part.assign(all.begin(), all.begin() + 1);
      for (std::size_t i = begin; i < std::min(end, all.size()); ++i) part.push_back(all[i]);
      return part;
    };
    const TableText text(part_of(table.columns), style_);
    out_ += text.header();
    for (const Row& row : table.rows) {
      out_ += text.row(part_of(row.cells));
      if (end == table.columns.size()) out_ += below(row, style_);
    }
    if (table.closed) out_ += text.rule();
  }

  void add(const Findings& findings) {
    for (const Findings::Item& item : findings.items) {
      std::vector<Text> parts;
      for (const Cell& cell : item.where) {
        if (!parts.empty()) parts.push_back({" ", item.what.look, 0});
        append(parts, with_look(cell.parts, item.what.look));
      }
      if (!parts.empty()) parts.push_back({": ", item.what.look, 0});
      parts.push_back(item.what);
      out_ += paragraph(parts, style_, 2, 4);
    }
  }

  void add(const Checklist& list) {
    constexpr std::size_t mark_columns = 4;  // "  ✓ "
    const std::size_t hanging = mark_columns + (list.columns > 0 ? list.columns : 0) + 2;
    for (const Checklist::Item& item : list.items) {
      const std::string name =
          list.columns > 0 ? printable(item.name, list.columns) : printable(item.name);
      const char* mark = item.state == Look::good ? "✓" : item.state == Look::bad ? "✗" : "–";
      std::string begin =
          "  " + style_.paint(item.state, mark) + " " + style_.paint(Look::strong, name);
      std::size_t used = mark_columns + display_width(name);
      if (!item.said.empty()) {
        const std::size_t to = std::max(used + 2, list.columns > 0 ? hanging : 0);
        begin += std::string(to - used, ' ');
        used = to;
      }
      out_ += paragraph_after(begin, used, item.said, style_, hanging);
      for (const Text& text : item.below)
        out_ += paragraph({text}, style_, hanging, list.columns > 0 ? hanging + 2 : hanging);
    }
  }

  void add(const Bars& bars) {
    constexpr std::size_t most = 24, before = 38;  // columns of title, name, value and share
    const std::size_t room = style_.columns() > before + 1 ? style_.columns() - before : 1;
    if (!headed_) out_ += "\n";
    for (std::size_t i = 0; i < bars.items.size(); ++i) {
      const Bars::Item& item = bars.items[i];
      const Look look = item.chosen ? Look::good : Look::faint;
      const std::string label = padded(printable(item.name, 12), 12);
      const std::string drawn = bar_of(item.share, std::min(room, most));
      out_ += fmt::format("  {} {} {} {:>8} {:3.0f}%", padded(i == 0 ? bars.label : "", 6),
                          item.chosen ? style_.paint(look, "▸") : " ",
                          item.chosen ? style_.paint(Look::strong, label) : label, item.value,
                          100 * item.share);
      out_ += (drawn.empty() ? "" : " " + style_.paint(look, drawn)) + "\n";
    }
  }

  void add(const Legend& /*of charts*/) {}
  void add(const Charts& /*for pages*/) {}

  Style style_;
  std::string out_;
  bool headed_ = true;  // nothing but the heading stands above
  bool after_table_ = false;
};

}  // namespace

std::string render_text(const Section& section, Style style) {
  if (section.where == Audience::page) return {};
  if (section.heading.empty() && section.lead.empty() && section.blocks.empty()) return {};
  return TextForm(style).section(section);
}

std::string render_text(const Document& document, Style style) {
  std::string out;
  for (const Section& section : document.sections) out += render_text(section, style);
  if (document.verdict.text.empty()) return out;
  std::vector<Text> verdict = {document.verdict};
  if (!document.reason.empty())
    verdict.push_back({": " + document.reason, document.verdict.look, 0});
  return out + "\n" + paragraph(verdict, style, 2, 4);
}

}  // namespace trinity::report
