// A report: one value, made once from typed results and rendered as text for a terminal
// (render_text.h) and as a page (render_html.h), so that every form states the same figures.
//
// A document is a verdict and sections; a section is a heading and blocks: paragraphs, facts,
// tables, findings, charts. What only one form has room for says so by its audience. Nothing here
// is markup: texts are escaped, cut and isolated by the form that shows them.
#pragma once

#include <concepts>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "report/charts.h"
#include "report/text.h"

namespace trinity::report {

/// Prose. On a terminal its first line starts with `indent` spaces, the others with `hanging`.
struct Paragraph {
  std::vector<Text> parts;
  std::size_t hanging = 2, indent = 2;
};

/// A name and what is to be said of it; without a name it goes on with the line before it.
struct Line {
  std::string name;
  std::vector<Text> parts;
};

/// Names and their values, one under the other.
struct Facts {
  std::size_t columns = 16;  // of the names, on a terminal
  std::vector<Line> lines;
  std::size_t indent = 2;
};

struct Row {
  std::vector<Cell> cells;       // one a column
  Look look = Look::plain;       // on a page: good is plain, warn and bad colour the row
  std::vector<Line> below = {};  // under the row, on a terminal
};

struct Table {
  std::string label;  // names it for people who hear the page; no two of a page are the same
  std::vector<Column> columns;
  std::vector<Row> rows;
  bool closed = false;  // on a terminal: a rule under the last row, because something follows
  bool flows = false;   // on a terminal: columns that have no room go into further tables below
  bool heated = false;  // on a page: figures on grounds, as wide as they need
};

/// What was found: where, and in a sentence what. On a page a table of these titles.
struct Findings {
  struct Item {
    std::vector<Cell> where;
    Text what;
  };
  std::string label;
  std::vector<std::string> titles;  // of the columns of `where`
  std::vector<Item> items;
};

/// What was looked at, one under the other: good, warn or bad, and what is to be said of it.
struct Checklist {
  struct Item {
    Look state = Look::good;
    std::string name;
    std::vector<Text> said = {};
    std::vector<Text> below = {};  // a paragraph each
  };
  std::string label;
  std::vector<Item> items;
  std::size_t columns = 0;  // of the names, on a terminal; 0: each as long as it is
};

/// Shares of a whole, each as a bar beside its value.
struct Bars {
  struct Item {
    std::string name, value;
    double share = 0;
    bool chosen = false;
  };
  std::string label;  // stands before the first
  std::vector<Item> items;
};

/// Names of series beside their marks, on a page.
struct Legend {
  std::vector<std::pair<std::string, Swatch>> items;
};

/// Charts beside each other, on a page.
struct Charts {
  std::vector<Chart> charts;
};

struct Block {
  using Content = std::variant<Paragraph, Facts, Table, Findings, Checklist, Bars, Legend, Charts>;

  template <typename Kind>
  requires std::constructible_from<Content, Kind> Block(Kind kind,
                                                        Audience audience = Audience::everyone)
      : content(std::move(kind)), where(audience) {}

  Content content;
  Audience where;
};

struct Section {
  std::vector<Text> heading;    // empty: it goes on with the section before it
  std::vector<Text> lead = {};  // what the section shows, in a sentence or two
  std::vector<Block> blocks = {};
  Audience where = Audience::everyone;
  std::string summary = {};  // on a page: the blocks are folded under it
  bool open = true;          // folded, but open
};

struct Document {
  std::string title;            // of the page
  Text verdict;                 // a few words; at the end of the text, at the top of the page
  std::string reason = {};      // of a verdict that is bad: where and what
  std::vector<Text> meta = {};  // of the page: what was measured, by whom and when
  std::vector<Section> sections = {};
};

}  // namespace trinity::report
