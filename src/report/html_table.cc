#include "report/html_table.h"

#include <fmt/format.h>

#include "report/html.h"

namespace trinity {
namespace {

std::string class_attribute(std::string_view look) {
  return look.empty() ? std::string() : fmt::format(" class=\"{}\"", look);
}

}  // namespace

HtmlTable::HtmlTable(std::string_view label, std::vector<HtmlColumn> columns, const char* look)
    : label_(label), columns_(std::move(columns)), look_(look) {}

void HtmlTable::row(const std::vector<std::string>& cells, const char* look) {
  rows_ += fmt::format("<tr{}>", class_attribute(look));
  for (std::size_t i = 0; i < columns_.size() && i < cells.size(); ++i) {
    const std::string look_of = class_attribute(columns_[i].look);
    rows_ += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", look_of, cells[i])
                    : fmt::format("<td{}>{}</td>", look_of, cells[i]);
  }
  rows_ += "</tr>\n";
}

std::string HtmlTable::html() const {
  std::string head;
  for (const HtmlColumn& column : columns_)
    head +=
        fmt::format("<th scope=\"col\"{}>{}</th>",
                    class_attribute(std::string_view(column.look) == "n" ? "n" : ""), column.title);
  return scroll_box(label_,
                    fmt::format("<table{}>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n"
                                "</table>",
                                class_attribute(look_), head, rows_));
}

std::string scroll_box(std::string_view label, std::string_view html) {
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\">\n{}\n</div>\n",
      html_text(label), html);
}

std::string chip(const char* look, std::string_view text) {
  return fmt::format("<span class=\"chip {}\">{}</span>", look, html_text(text));
}

}  // namespace trinity
