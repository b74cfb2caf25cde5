// One document, two forms: what both show, what only one does, and hostile text in either.
#include <gtest/gtest.h>

#include "base/printable.h"
#include "report/render_html.h"
#include "report/render_text.h"

namespace trinity::report {
namespace {

constexpr const char* kHostile = "</td><b onclick=x>&\"'\x1b[2J\u202e";

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

bool contains(const std::string& text, const std::string& part) { return count_of(text, part) > 0; }

/// Every kind of block, each for everyone, for the terminal and for the page.
Document every_block() {
  Table table{"Table of things",
              {{"name", 12, false, 6},
               {"figure", 8, true},
               page_column("more", Setting::prose),
               {"spare", 30, false, 8, 1, Setting::plain, Audience::terminal}},
              {}};
  table.rows.push_back({{Cell("first").marked({"var(--lane-0)", true}), number(1.25, 2),
                         Cell("on the page").noted({"small"}), "on the terminal"},
                        Look::bad,
                        {{"detail", {{"below"}}}, {"", {{"more below", Look::warn}}}}});
  table.rows.push_back({{foreign(kHostile), count(7), foreign(kHostile, 10), kHostile}});
  table.closed = true;
  Document document{"A title <x>", {"verdict", Look::bad}, "the reason", {{"meta"}, {"now"}}, {}};
  Section all{{{"Heading "}, foreign(kHostile)}, {{"Lead."}}};
  all.blocks = {Paragraph{{{"one "}, {"two", Look::strong}}},
                Facts{10, {{"name", {{"value"}}}, {"", {{"goes on", Look::good}}}}},
                table,
                Findings{"Found", {"lane", "case"}, {{{"lane", foreign(kHostile)}, {"what"}}}},
                Checklist{"Checks",
                          {{Look::good, "works", {{"said"}}, {{"below"}}},
                           {Look::bad, kHostile, {{kHostile}}}},
                          8},
                Bars{"parts", {{"half", "0.5", 0.5, true}, {kHostile, "1", 0.5, false}}},
                Legend{{{kHostile, lane_swatch(1)}}},
                Charts{{{Chart::Kind::sorted_dots,
                         "A chart",
                         "Margins",
                         {"a", kHostile},
                         {{"lane", lane_swatch(0), {0.5, 2}, 0.1}}}}}};
  document.sections.push_back(all);
  document.sections.push_back(
      {{{"Terminal alone"}}, {}, {Paragraph{{{"terminal text"}}}}, Audience::terminal});
  document.sections.push_back(
      {{{"Page alone"}}, {}, {Paragraph{{{"page text"}}}}, Audience::page, "Fold", false});
  document.sections.push_back({});
  return document;
}

TEST(Document, FiguresAreTheSameInEveryForm) {
  const std::string text = render_text(every_block(), Style(false, 120));
  const std::string page = render_html(every_block());
  for (const char* part : {"1.25", "value", "goes on", "what", "verdict", "the reason", "first",
                           "Heading", "Lead.", "half", "0.5", "50%", "said"}) {
    EXPECT_TRUE(contains(text, part)) << part << text;
    EXPECT_TRUE(contains(page, part)) << part;
  }
}

TEST(Document, APartIsShownToItsAudience) {
  const std::string text = render_text(every_block(), Style(false, 120));
  const std::string page = render_html(every_block());
  for (const char* part : {"terminal text", "Terminal alone", "on the terminal"}) {
    EXPECT_TRUE(contains(text, part)) << part;
    EXPECT_FALSE(contains(page, part)) << part;
  }
  for (const char* part : {"page text", "Page alone", "on the page", "Margins", "small", "meta"}) {
    EXPECT_FALSE(contains(text, part)) << part;
    EXPECT_TRUE(contains(page, part)) << part;
  }
  EXPECT_TRUE(contains(page, "<details><summary>Fold</summary>"));
}

TEST(Document, NoTextIsMarkup) {
  const std::string page = render_html(every_block());
  EXPECT_FALSE(contains(page, "<b onclick"));
  EXPECT_FALSE(contains(page, "\x1b"));
  EXPECT_FALSE(contains(page, "\u202e"));
  EXPECT_TRUE(contains(page, "<bdi>&lt;/td&gt;&lt;b onclick"));
  EXPECT_TRUE(contains(page, "A title &lt;x&gt;"));
  for (const std::string tag : {"table", "tr", "td", "th", "svg", "details", "div", "span", "bdi",
                                "p", "h2", "title", "circle", "text", "b", "dl", "dt", "dd"})
    EXPECT_EQ(count_of(page, "<" + tag + ">") + count_of(page, "<" + tag + " "),
              count_of(page, "</" + tag + ">"))
        << tag;
}

TEST(Document, ATextFitsItsTerminalAndIsPrintable) {
  for (std::size_t columns = 40; columns <= 160; columns += 7) {
    const std::string text = render_text(every_block(), Style(false, columns));
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      EXPECT_LE(display_width(line), columns) << line;
      EXPECT_EQ(printable(line), line);
      begin = end + 1;
    }
  }
}

TEST(Document, BoxesOfAPageHaveNamesAndAreReached) {
  const std::string page = render_html(every_block());
  EXPECT_EQ(count_of(page, "<table"), 4u);
  EXPECT_EQ(count_of(page, "class=\"scroll\" role=\"region\" aria-label=\""), 5u);
  EXPECT_EQ(count_of(page, "tabindex=\"0\""), 5u);
  EXPECT_EQ(count_of(page, "<th>") + count_of(page, "<th "), count_of(page, "<th scope="));
  for (const char* label : {"Table of things", "Found", "Checks", "parts", "A chart"})
    EXPECT_EQ(count_of(page, std::string("aria-label=\"") + label + "\""), 1u) << label;
}

TEST(Document, SectionsStandApartAndTheVerdictIsLast) {
  Document document{"t", {"all well", Look::good}, {}, {}, {}};
  Table table{"T", {{"a", 3}, {"b", 3}}, {{{"x", "y"}}}};
  table.closed = true;
  document.sections = {{{{"One"}}, {{"Lead"}}, {table, Facts{4, {{"n", {{"v"}}}}}}},
                       {{}, {}, {Paragraph{{{"prose"}}}, table}}};
  EXPECT_EQ(render_text(document, Style(false, 40)),
            "\n  One: Lead\n  a    b\n  ────────\n  x    y\n  ────────\n\n  n   v\n"
            "\n  prose\n\n  a    b\n  ────────\n  x    y\n  ────────\n"
            "\n  all well\n");
  EXPECT_EQ(render_text(Section(), Style()), "");
}

TEST(Document, ColumnsThatHaveNoRoomFlowIntoTablesBelow) {
  Table table{"T", {{"name", 10}}, {{{"row"}}}};
  table.flows = true;
  for (const char* title : {"one", "two", "three"}) {
    table.columns.push_back({title, 12, true, 12});
    table.rows[0].cells.emplace_back(title);
  }
  Section section{{}, {}, {table}};
  const std::string narrow = render_text(section, Style(false, 40));
  const std::string wide = render_text(section, Style(false, 80));
  EXPECT_EQ(count_of(narrow, "name"), 2u) << narrow;
  EXPECT_EQ(count_of(wide, "name"), 1u) << wide;
  for (const char* title : {"one", "two", "three"}) {
    EXPECT_EQ(count_of(narrow, title), 2u) << title;
    EXPECT_EQ(count_of(wide, title), 2u) << title;
  }
}

TEST(Document, WordsForCountsAndFigures) {
  EXPECT_EQ(counted(1, "file"), "1 file");
  EXPECT_EQ(counted(2, "entry", "entries"), "2 entries");
  EXPECT_EQ(listed({"a", "b", "c"}, 2), "a, b and 1 more");
  EXPECT_EQ(error_text(1.25e-7), "1.2e-07");
  EXPECT_EQ(number(std::nan(""), 2).parts.front().text, "–");
}

}  // namespace
}  // namespace trinity::report
