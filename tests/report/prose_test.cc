#include "report/prose.h"

#include <gtest/gtest.h>

#include <random>

#include "base/printable.h"

namespace trinity::report {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

TEST(Paragraph, BreaksBetweenWords) {
  EXPECT_EQ(paragraph({{"one two three"}}, Style(false, 40)), "  one two three\n");
  EXPECT_EQ(paragraph({{"one two three four five"}}, Style(false, 20)),
            "  one two three four\n  five\n");
  EXPECT_EQ(paragraph({{"one two three four five"}}, Style(false, 20), 2, 4),
            "  one two three four\n    five\n");
}

TEST(Paragraph, PartsKeepTheirLookAcrossLines) {
  const Style style(true, 20);
  EXPECT_EQ(paragraph({{"plain "}, {"a bold text that goes on", Look::strong}, {", end"}}, style),
            "  plain \x1b[1ma bold text\x1b[0m\n  \x1b[1mthat goes on\x1b[0m, end\n");
}

TEST(Paragraph, AWordLongerThanALineIsBroken) {
  EXPECT_EQ(paragraph({{"x " + std::string(30, 'a')}}, Style(false, 20)),
            "  x\n  " + std::string(18, 'a') + "\n  " + std::string(12, 'a') + "\n");
}

TEST(Paragraph, HangsUnderItself) {
  EXPECT_EQ(fact("name", 8, {{"one two three four five"}}, Style(false, 30)),
            "  name    one two three four\n          five\n");
  EXPECT_EQ(fact("name", 8, {{"\x1b[2J\nx"}}, Style(false, 30)), "  name    \\x1b[2J\\nx\n");
}

TEST(Paragraph, NeverExceedsItsColumnsNorLosesAWord) {
  std::mt19937 random(5);
  const std::vector<std::string> pieces = {
      "a", "word", "日本語", "e\u0301", "  ", " ", "supercalifragilistic", "שלום", "😀😀😀"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = random() % 30; i > 0; --i) text += pieces[random() % pieces.size()];
    const std::size_t columns = 20 + random() % 60;
    const std::string shown = paragraph({{text}}, Style(false, columns), 2, random() % 10);
    std::string without_space, kept;
    for (const std::string& line : lines_of(shown)) ASSERT_LE(display_width(line), columns) << text;
    for (const char c : text)
      if (c != ' ') without_space += c;
    for (const char c : shown)
      if (c != ' ' && c != '\n') kept += c;
    ASSERT_EQ(kept, without_space);
  }
}

TEST(Paragraph, CountsAndLists) {
  EXPECT_EQ(counted(1, "file"), "1 file");
  EXPECT_EQ(counted(2, "file"), "2 files");
  EXPECT_EQ(counted(2, "query", "queries"), "2 queries");
  EXPECT_EQ(listed({"a", "b"}, 5), "a, b");
  EXPECT_EQ(listed({"a", "b", "c"}, 2), "a, b and 1 more");
  EXPECT_EQ(listed({"\x1b]2;x\x07"}, 2), R"(\x1b]2;x\x07)");
}

}  // namespace
}  // namespace trinity::report
