#include "report/table_text.h"

#include <gtest/gtest.h>

#include "base/printable.h"

namespace trinity::report {
namespace {

TEST(Table, AlignsColumnsAndCutsLongTexts) {
  const TableText table({{"name", 6}, {"n", 4, true}}, Style(false));
  EXPECT_EQ(table.header(), "  name       n\n  ────────────\n");
  EXPECT_EQ(table.row({{"a"}, {"12"}}), "  a         12\n");
  EXPECT_EQ(table.row({{"abcdefgh"}, {"12"}}), "  abcde…    12\n");
  EXPECT_EQ(table.row({{"abcdef"}, {"1234"}}), "  abcdef  1234\n");
}

TEST(Table, ColoursDoNotCountAsWidth) {
  const TableText plain({{"a", 6}, {"b", 3}}, Style(false));
  const TableText coloured({{"a", 6}, {"b", 3}}, Style(true));
  EXPECT_EQ(plain.row({{"x", Look::good}, {"y"}}), "  x       y\n");
  EXPECT_EQ(coloured.row({{"x", Look::good}, {"y"}}), "  \x1b[32mx\x1b[0m       y\n");
}

std::string spaces(std::size_t count) { return std::string(count, ' '); }

TEST(Table, CellsAreMadePrintable) {
  const TableText table({{"id", 12}, {"n", 2, true}}, Style(false));
  EXPECT_EQ(table.row({{"a\x1b[2Jb"}, {"7"}}), R"(  a\x1b[2Jb)" + spaces(6) + "7\n");
  EXPECT_EQ(table.row({{"a\u202eb"}, {"7"}}), R"(  a\u202eb)" + spaces(7) + "7\n");
}

TEST(Table, RightToLeftCellsDoNotTurnColumnsAround) {
  const TableText table({{"id", 6}, {"n", 2, true}}, Style(false));
  EXPECT_EQ(table.row({{"שלום"}, {"7"}}), "  \u2068שלום\u2069" + spaces(5) + "7\n");
}

TEST(Table, NarrowsTheWidestColumnsThatMay) {
  const TableText table({{"id", 30, false, 10}, {"text", 40, false, 10}, {"n", 6, true}},
                        Style(false, 40));
  EXPECT_EQ(table.width(), 40u);
  EXPECT_EQ(display_width(table.row({{std::string(50, 'a')}, {std::string(50, 'b')}, {"123456"}})),
            40u + 2);  // its line feed is shown as two columns
}

TEST(Table, LeavesOutWhatCanBeSparedAndWidensTheRestAgain) {
  const std::vector<Column> columns = {
      {"id", 20, false, 8}, {"a", 10, false, 0, 1}, {"b", 10, false, 0, 2}, {"c", 10}};
  const auto row = [&](std::size_t width) {
    return TableText(columns, Style(false, width)).row({{"i"}, {"a"}, {"b"}, {"c"}});
  };
  const std::string a = "a" + spaces(11), b = "b" + spaces(11);
  EXPECT_EQ(row(80), "  i" + spaces(21) + a + b + "c\n");
  EXPECT_EQ(row(46), "  i" + spaces(9) + a + b + "c\n");  // as narrow as it may be
  EXPECT_EQ(row(45), "  i" + spaces(20) + a + "c\n");     // wide again, without b
  EXPECT_EQ(row(33), "  i" + spaces(20) + "c\n");
}

TEST(Table, IsNeverWiderThanTheTerminal) {
  for (std::size_t width = 20; width < 130; ++width) {
    const TableText table(
        {{"a", 30, false, 12}, {"b", 20}, {"c", 8, true, 0, 1}, {"d", 8, true, 0, 2}, {"e", 20}},
        Style(false, width));
    EXPECT_LE(table.width(), width);
  }
}

TEST(Table, ManyColumnsAreLeftOutFromTheEndOfANarrowTerminal) {
  std::vector<Column> columns(7, Column{"wide", 8});
  const TableText table(columns, Style(false, 40));
  EXPECT_LE(table.width(), 40u);
  EXPECT_EQ(table.row({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}, {"f"}, {"g"}}).find('g'),
            std::string::npos);
}

TEST(Table, ATextTakesThePlaceOfCells) {
  const TableText table({{"id", 6}, {"n", 4, true}}, Style(false, 30));
  EXPECT_EQ(table.row_with_text({"a"}, {"what went wrong"}), "  a       what went wrong\n");
  EXPECT_EQ(display_width(table.row_with_text({"a"}, {std::string(99, 'x')})), 30u + 2);
}

}  // namespace
}  // namespace trinity::report
