#include "base/printable.h"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.h"

namespace trinity {
namespace {

TEST(Printable, ShowsWhatATerminalObeysAsEscapes) {
  EXPECT_EQ(printable("\x1b]2;title\x07"), R"(\x1b]2;title\x07)");  // OSC: window title
  EXPECT_EQ(printable("\x1b[2J\x1b[31m"), R"(\x1b[2J\x1b[31m)");    // CSI: clear, colour
  EXPECT_EQ(printable("\u009b2J\u0085"), R"(\u009b2J\u0085)");      // C1 as UTF-8
  EXPECT_EQ(printable("\x9b\x32J"), R"(\x9b2J)");                   // C1 as a byte
  EXPECT_EQ(printable("a\nb\tc\rd\x7f"), R"(a\nb\tc\rd\x7f)");
  EXPECT_EQ(printable(std::string_view("\0", 1)), R"(\x00)");
}

TEST(Printable, ShowsWhatIsInvisibleOrTurnsTheOrder) {
  EXPECT_EQ(printable("a\u202egpj.exe"), R"(a\u202egpj.exe)");
  EXPECT_EQ(printable("\u2066x\u2069\u200e\u061c"), R"(\u2066x\u2069\u200e\u061c)");
  EXPECT_EQ(printable("a\u200bb\u200dc\ufeff\u00ad"), R"(a\u200bb\u200dc\ufeff\u00ad)");
  EXPECT_EQ(printable("a\u2028b\u2029"), R"(a\u2028b\u2029)");
  EXPECT_EQ(printable("\U000E0041"), R"(\U000e0041)");
  EXPECT_EQ(printable("\u3164"), R"(\u3164)");
}

TEST(Printable, LeavesTextOfAnyScriptAlone) {
  for (const char* text : {"plain", "caf\u00e9", "e\u0301", "日本語", "שלום", "العربية", "हिन्दी",
                           "😀 ✔\ufe0f", "→ × …", "back\\slash"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, WidthIsWhatATerminalShows) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("caf\u00e9"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("😀"), 2u);
  EXPECT_EQ(display_width("✔\ufe0f"), 1u);
  EXPECT_EQ(display_width("שָׁלוֹם"), 4u);  // the points take no column
  EXPECT_EQ(display_width("\x1b"), 4u);  // as it is shown
}

TEST(Printable, IsCutBetweenCharactersAndEscapes) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcde…");
  EXPECT_EQ(printable("日本語", 5), "日本…");
  EXPECT_EQ(printable("日本語", 4), "日…");
  EXPECT_EQ(printable("ab\x1b[2J", 5), "ab…");
  EXPECT_EQ(printable("abc", 1), "…");
  EXPECT_EQ(printable("abc", 0), "");
}

TEST(Printable, RightToLeftTextIsIsolatedAndNothingElse) {
  EXPECT_EQ(isolated("שלום"), "\u2068שלום\u2069");
  EXPECT_EQ(isolated("a ב"), "\u2068a ב\u2069");
  EXPECT_EQ(isolated("plain 日本"), "plain 日本");
}

TEST(Printable, HoldsForAnyBytes) {
  std::mt19937_64 random(31);
  for (int round = 0; round < 20000; ++round) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = static_cast<char>(random());
    const std::string shown = printable(text);
    ASSERT_TRUE(is_valid_utf8(shown));
    ASSERT_EQ(printable(shown), shown);
    ASSERT_EQ(display_width(shown), display_width(text));
    for (const char c : shown) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    const std::size_t columns = random() % 30;
    const std::string cut = printable(text, columns);
    ASSERT_TRUE(is_valid_utf8(cut));
    ASSERT_LE(display_width(cut), columns);
  }
}

}  // namespace
}  // namespace trinity
