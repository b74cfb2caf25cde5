// Normalisation against the reference's stages, and the laws of NFC on random text.
#include "text/nfc.h"

#include <algorithm>

#include "support.h"
#include "text/unicode_tables.h"

namespace trinity {
namespace {

using testing::conformance_path;
using testing::RandomText;
using testing::utf8;

TEST(Nfc, N2StagesOfTheReference) {
  constexpr const char* file = "hf_oracle/tokenizer/stages.jsonl";
  TRINITY_REQUIRE_CONFORMANCE(file);
  std::size_t changed = 0;
  const auto records = testing::read_records(file);
  for (const auto& record : records) {
    const std::string text = record.at("text");
    EXPECT_EQ(text::nfc(text), record.at("normalized").get<std::string>()) << record;
    if (text::nfc(text) != text) ++changed;
  }
  EXPECT_EQ(records.size(), 1266u);
  EXPECT_GT(changed, 100u);
}

TEST(Nfc, TextThatPassesTheQuickCheckIsNotCopied) {
  std::string buffer;
  for (const std::string& text :
       {std::string("plain ascii"), utf8("caf", 0xE9, " ", 0xAC01, 0x1F600),
        utf8("q", 0x0316, 0x0305, "x"), utf8(0x0316, "starts with a mark")}) {
    EXPECT_EQ(text::nfc_view(text, buffer).data(), text.data());
  }
}

TEST(Nfc, ComposesAcrossReorderedMarks) {
  // a + circumflex + dot below = U+1EAD, whichever mark comes first.
  EXPECT_EQ(text::nfc(utf8("a", 0x0302, 0x0323)), utf8(0x1EAD));
  EXPECT_EQ(text::nfc(utf8("a", 0x0323, 0x0302)), utf8(0x1EAD));
  // A second mark of the same class is blocked by the first.
  EXPECT_EQ(text::nfc(utf8("a", 0x0305, 0x0301)), utf8("a", 0x0305, 0x0301));
}

TEST(Nfc, HangulByArithmetic) {
  for (std::uint32_t syllable = 0xAC00; syllable < 0xAC00 + 11172; ++syllable) {
    const std::uint32_t index = syllable - 0xAC00;
    std::string jamo = utf8(0x1100 + index / 588, 0x1161 + index % 588 / 28);
    if (index % 28 != 0) jamo += utf8(0x11A7 + index % 28);
    EXPECT_EQ(text::nfc(jamo), utf8(syllable));
  }
  EXPECT_EQ(text::nfc(utf8(0xAC01, 0x11A8)), utf8(0xAC01, 0x11A8));
  EXPECT_EQ(text::nfc(utf8(0xAC00, 0x11A7)), utf8(0xAC00, 0x11A7));  // no trailing jamo
}

TEST(Nfc, EveryDecompositionComposesBackOrStaysExcluded) {
  for (std::size_t i = 0; i < text::unicode::decomposition_count; ++i) {
    const std::uint32_t c = text::unicode::decomposed_code_points[i];
    std::string parts;
    for (std::size_t k = text::unicode::decomposition_offsets[i];
         k < text::unicode::decomposition_offsets[i + 1]; ++k) {
      text::append_code_point(text::unicode::decomposition_parts[k], parts);
    }
    EXPECT_EQ(text::nfc(parts), text::nfc(utf8(c))) << std::hex << c;
  }
}

TEST(Nfc, IsIdempotentAndLocalToSafeBorders) {
  RandomText random(1);
  for (int round = 0; round < 20000; ++round) {
    const std::string a = random.text(1 + random.below(8));
    const std::string b = random.text(1 + random.below(8));
    const std::string once = text::nfc(a + b);
    EXPECT_EQ(text::nfc(once), once);
    EXPECT_EQ(text::nfc(text::nfc(a) + text::nfc(b)), once);
    EXPECT_EQ(text::nfc(a + "|" + b),
              text::nfc(a) + "|" + text::nfc(b));  // `|` composes with nothing
  }
}

TEST(Nfc, RunsOfMarksAreOrderedStably) {
  RandomText random(2);
  const std::vector<std::uint32_t> marks = {0x0315, 0x0316, 0x0317, 0x059A, 0x05B0, 0x0345, 0x1DCE};
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint32_t> run;
    for (std::size_t i = random.below(100); i-- > 0;)
      run.push_back(marks[random.below(marks.size())]);
    std::string text = "x";
    for (const auto c : run) text::append_code_point(c, text);
    std::stable_sort(run.begin(), run.end(), [](std::uint32_t a, std::uint32_t b) {
      return text::unicode::combining_class(a) < text::unicode::combining_class(b);
    });
    std::string expected = "x";
    for (const auto c : run) text::append_code_point(c, expected);
    EXPECT_EQ(text::nfc(text), expected);
  }
}

}  // namespace
}  // namespace trinity
