#include "cli/terminal/table.h"

#include <gtest/gtest.h>

namespace trinity::cli {
namespace {

TEST(Table, AlignsColumnsAndCutsLongTexts) {
  const Table table({{"name", 6}, {"n", 4, true}}, Style(false));
  EXPECT_EQ(table.header(), "  name       n\n  ────────────\n");
  EXPECT_EQ(table.row({{"a"}, {"12"}}), "  a         12\n");
  EXPECT_EQ(table.row({{"abcdefgh"}, {"12"}}), "  abcde…    12\n");
  EXPECT_EQ(table.row({{"abcdef"}, {"1234"}}), "  abcdef  1234\n");
}

TEST(Table, ColoursDoNotCountAsWidth) {
  const Table plain({{"a", 6}, {"b", 3}}, Style(false));
  const Table coloured({{"a", 6}, {"b", 3}}, Style(true));
  EXPECT_EQ(plain.row({{"x", &Style::green}, {"y"}}), "  x       y\n");
  EXPECT_EQ(coloured.row({{"x", &Style::green}, {"y"}}), "  \x1b[32mx\x1b[0m       y\n");
}

TEST(Table, WidthFollowsWhatATerminalShows) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("caf\xC3\xA9"), 4u);
  EXPECT_EQ(display_width("e\xCC\x81"), 1u);                 // e and a combining acute accent
  EXPECT_EQ(display_width("\xE6\x97\xA5\xE6\x9C\xAC"), 4u);  // two CJK characters
  EXPECT_EQ(display_width("\xF0\x9F\x98\x80"), 2u);          // an emoji
}

TEST(Table, FitNeverExceedsTheWidthNorSplitsACharacter) {
  const std::string text =
      "a\xE6\x97\xA5"
      "b\xF0\x9F\x98\x80"
      "e\xCC\x81"
      "z";
  for (std::size_t width = 1; width < 12; ++width) {
    EXPECT_LE(display_width(fit(text, width)), width) << width;
  }
  EXPECT_EQ(fit(text, 12), text);
  EXPECT_EQ(fit("a\x1b[31m\nb", 20), "a·[31m·b");
}

}  // namespace
}  // namespace trinity::cli
