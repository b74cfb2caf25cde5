#include "report/render_html.h"

#include <fmt/format.h>

#include "report/html.h"
#include "report/page.h"

namespace trinity::report {
namespace {

std::string class_attribute(std::string_view name) {
  return name.empty() ? std::string() : fmt::format(" class=\"{}\"", name);
}

/// Something wide, in a box that scrolls sideways where the page is too narrow for it: nothing is
/// cut on a telephone, and the box can be reached and scrolled with the keyboard.
std::string scroll_box(std::string_view label, std::string_view html) {
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n{}\n</div>\n",
      html_text(label), html);
}

const char* ground_of(Look look) {
  switch (look) {
    case Look::good:
      return "good";
    case Look::warn:
      return "warn";
    case Look::bad:
      return "bad";
    default:
      return "plain";
  }
}

std::string html_of(const Text& text) {
  const std::string inner =
      text.most_bytes == 0 ? html_text(text.text) : html_excerpt(text.text, text.most_bytes);
  switch (text.look) {
    case Look::plain:
    case Look::accent:
    case Look::second:
      return inner;
    case Look::strong:
      return fmt::format("<b>{}</b>", inner);
    case Look::faint:
      return fmt::format("<span class=\"dim\">{}</span>", inner);
    case Look::good:
    case Look::warn:
    case Look::bad:
    case Look::label:
      return fmt::format("<span class=\"chip {}\">{}</span>", ground_of(text.look), inner);
  }
  return inner;
}

std::string html_of(const std::vector<Text>& parts, std::string_view between = {}) {
  std::string out;
  for (const Text& part : parts) {
    if (!out.empty()) out += between;
    out += html_of(part);
  }
  return out;
}

std::string html_of(const Swatch& mark) {
  if (mark.colour.empty()) return {};
  return fmt::format("<span class=\"swatch\" style=\"border-color:{0};background:{1}\"></span>",
                     mark.colour, mark.ring ? "var(--page)" : mark.colour);
}

std::string html_of(const Cell& cell) {
  std::string out = html_of(cell.swatch) + html_of(cell.parts, " ");
  if (cell.heat >= 0)
    out =
        fmt::format("<span class=\"heat\" style=\"background:rgba(var(--heat),{:.2f})\">{}</span>",
                    cell.heat == 0 ? 0.02 : 0.10 + 0.45 * cell.heat, out);
  for (const Text& note : cell.notes)
    out += fmt::format("{}<span class=\"sub\">{}</span>", out.empty() ? "" : "<br>", html_of(note));
  return out;
}

const char* class_of(const Column& column) {
  if (column.right) return "n";
  switch (column.setting) {
    case Setting::plain:
      return "";
    case Setting::id:
      return "id";
    case Setting::prose:
      return "text";
    case Setting::faint:
      return "dim";
  }
  return "";
}

std::string table_of(const Table& table) {
  std::string head, body;
  for (const Column& column : table.columns)
    if (column.where != Audience::terminal)
      head += fmt::format("<th scope=\"col\"{}>{}{}</th>", column.right ? " class=\"n\"" : "",
                          html_of(column.swatch), html_text(column.title));
  for (const Row& row : table.rows) {
    body += fmt::format("<tr{}>", class_attribute(row.look == Look::bad    ? "broken"
                                                  : row.look == Look::warn ? "flagged"
                                                                           : ""));
    bool first = true;  // it says what the row is about
    for (std::size_t i = 0; i < table.columns.size() && i < row.cells.size(); ++i) {
      if (table.columns[i].where == Audience::terminal) continue;
      const std::string look = class_attribute(class_of(table.columns[i]));
      body += first ? fmt::format("<th scope=\"row\"{}>{}</th>", look, html_of(row.cells[i]))
                    : fmt::format("<td{}>{}</td>", look, html_of(row.cells[i]));
      first = false;
    }
    body += "</tr>\n";
  }
  return scroll_box(table.label,
                    fmt::format("<table{}>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n"
                                "</table>",
                                table.heated ? " class=\"grid-table\"" : "", head, body));
}

std::string html_of(const Paragraph& one) { return fmt::format("<p>{}</p>\n", html_of(one.parts)); }

std::string html_of(const Facts& facts) {
  std::string out;
  for (std::size_t i = 0; i < facts.lines.size(); ++i) {
    const Line& line = facts.lines[i];
    if (i == 0 || !line.name.empty()) out += fmt::format("<dt>{}</dt>", html_text(line.name));
    out += fmt::format("<dd>{}</dd>\n", html_of(line.parts));
  }
  return fmt::format("<dl class=\"facts\">\n{}</dl>\n", out);
}

std::string html_of(const Table& table) { return table_of(table); }

std::string html_of(const Findings& findings) {
  if (findings.items.empty()) return {};
  Table table{findings.label, {}, {}};
  for (const std::string& title : findings.titles)
    table.columns.push_back(page_column(title, title == "case" ? Setting::id : Setting::plain));
  table.columns.push_back(page_column("what was found", Setting::prose));
  for (const Findings::Item& item : findings.items) {
    Row row{item.where};
    row.cells.resize(findings.titles.size());
    row.cells.emplace_back(Text{item.what.text, Look::plain, item.what.most_bytes});
    table.rows.push_back(std::move(row));
  }
  return table_of(table);
}

std::string html_of(const Checklist& list) {
  Table table{list.label,
              {page_column("what"), page_column("state"), page_column("remarks", Setting::prose)},
              {}};
  for (const Checklist::Item& item : list.items) {
    const char* state = item.state == Look::good  ? "works"
                        : item.state == Look::bad ? "broken"
                                                  : "limited";
    table.rows.push_back({{item.name, {state, item.state}, item.said}});
    table.rows.back().cells.back().notes = item.below;
  }
  return table_of(table);
}

std::string html_of(const Bars& bars) {
  Table table{bars.label,
              {page_column(bars.label), page_column("value", Setting::plain, true),
               page_column("share", Setting::plain, true)},
              {}};
  table.heated = true;
  for (const Bars::Item& item : bars.items) {
    table.rows.push_back({{{item.name, item.chosen ? Look::strong : Look::plain},
                           item.value,
                           fmt::format("{:.0f}%", 100 * item.share)}});
    table.rows.back().cells.back().heat = item.share;
  }
  return table_of(table);
}

std::string html_of(const Legend& legend) {
  std::string out;
  for (const auto& [name, mark] : legend.items)
    out += fmt::format("<span class=\"item\">{}{}</span>", html_of(mark), html_text(name));
  return fmt::format("<div class=\"legend\">{}</div>\n", out);
}

std::string html_of(const Charts& charts) {
  std::string out;
  for (const Chart& chart : charts.charts) {
    const std::string box = scroll_box(chart.label, svg_of(chart));
    out += charts.charts.size() == 1 ? box : fmt::format("<div>{}</div>", box);
  }
  return charts.charts.size() == 1 ? out : fmt::format("<div class=\"pair\">{}</div>\n", out);
}

std::string html_of(const Section& section) {
  std::string out, blocks;
  if (!section.heading.empty()) out += fmt::format("<h2>{}</h2>\n", html_of(section.heading));
  if (!section.lead.empty())
    out += fmt::format("<p class=\"lead\">{}</p>\n", html_of(section.lead));
  for (const Block& block : section.blocks)
    if (block.where != Audience::terminal)
      blocks += std::visit([](const auto& content) { return html_of(content); }, block.content);
  if (section.summary.empty()) return out + blocks;
  return out + fmt::format("<details{}><summary>{}</summary>\n{}</details>\n",
                           section.open ? " open" : "", html_text(section.summary), blocks);
}

}  // namespace

std::string render_html(const Document& document) {
  std::string body = fmt::format("<h1>{}</h1>\n", html_text(document.title));
  if (!document.verdict.text.empty())
    body += fmt::format("<span class=\"verdict {}\">{}</span>\n", ground_of(document.verdict.look),
                        html_text(document.verdict.text));
  if (!document.meta.empty())
    body += fmt::format("<div class=\"meta\">{}</div>\n", html_of(document.meta, " · "));
  if (!document.reason.empty()) body += fmt::format("<p>{}.</p>\n", html_text(document.reason));
  for (const Section& section : document.sections)
    if (section.where != Audience::terminal) body += html_of(section);
  return page_around(document.title, body);
}

}  // namespace trinity::report
