// Inputs of five megabytes that break quadratic implementations. No time is asserted: a method that
// is not near linear runs into the time limit of the test itself.
#include <algorithm>

#include "support.h"
#include "text/nfc.h"

namespace trinity {
namespace {

using testing::Ids;
using testing::utf8;
using testing::value_of;

constexpr std::size_t size = 5'000'000;

std::string repeated(std::string_view unit, std::size_t bytes = size) {
  std::string text;
  text.reserve(bytes + unit.size());
  while (text.size() < bytes) text += unit;
  return text;
}

/// Encodes both ways and returns the ids, which must decode to the normalised text.
Ids checked_encoding(const std::string& text) {
  const text::Tokenizer& tokenizer = testing::qwen3();
  const Ids ids = value_of(tokenizer.encode(text, text::SpecialTokens::plain));
  const auto decoded = tokenizer.decode(ids);
  EXPECT_TRUE(decoded);
  EXPECT_TRUE(*decoded == text::nfc(text));  // no dump of five megabytes
  return ids;
}

TEST(Adversarial, OneLetterRepeated) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  // All merges of equal halves: eight letters a token.
  const Ids ids = checked_encoding(repeated("a"));
  EXPECT_EQ(ids.size(), size / 8);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), ids[0]), static_cast<std::ptrdiff_t>(ids.size()));
}

TEST(Adversarial, LettersWithoutSpaces) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  std::mt19937 random(51);
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  EXPECT_LT(checked_encoding(text).size(), size);
}

TEST(Adversarial, WhiteSpaceRuns) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  checked_encoding(repeated(" "));
  checked_encoding(repeated("\n"));
  checked_encoding(repeated(" ") + "x");
  checked_encoding(repeated(" \n"));
  checked_encoding(repeated("\r\n\t\t\t"));
  checked_encoding(repeated(utf8(0x3000)) + "\n" + repeated(utf8(0x3000)) + "1");
}

TEST(Adversarial, PunctuationAndApostrophes) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  checked_encoding(repeated("!?"));
  checked_encoding(repeated("'"));
  checked_encoding(repeated("'l"));
  checked_encoding(repeated(" '"));
  EXPECT_EQ(checked_encoding(repeated("7")).size(), size);
}

TEST(Adversarial, AddedTokensAndTheirBeginnings) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  const text::Tokenizer& tokenizer = testing::qwen3();
  const std::string tokens = repeated("<think>");
  EXPECT_EQ(value_of(tokenizer.encode(tokens, text::SpecialTokens::parse)),
            Ids(tokens.size() / 7, 151667));
  const std::string beginnings = repeated("<|fim_suffi");
  EXPECT_EQ(value_of(tokenizer.encode(beginnings, text::SpecialTokens::parse)),
            checked_encoding(beginnings));
  EXPECT_EQ(value_of(tokenizer.encode(repeated("<"), text::SpecialTokens::parse)),
            checked_encoding(repeated("<")));
}

TEST(Adversarial, CombiningMarks) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  // Acute above and dot below in turn: canonical order puts all dots first.
  const std::string pairs = repeated(utf8(0x301, 0x323));
  const std::size_t marks = pairs.size() / 4;
  std::string ordered;
  for (std::size_t i = 0; i < marks; ++i) ordered += utf8(0x323);
  for (std::size_t i = 0; i < marks; ++i) ordered += utf8(0x301);
  EXPECT_TRUE(text::nfc(pairs) == ordered);
  checked_encoding(pairs);
  EXPECT_TRUE(text::nfc("x" + pairs) == utf8('x') + ordered);
  // Only the first dot below joins the letter; the acutes are blocked by the dots no longer there.
  EXPECT_EQ(text::nfc(utf8("a", 0x301, 0x323)), utf8(0x1EA1, 0x301));
}

TEST(Adversarial, DecomposedHangulAndSingletons) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  const std::string jamo = repeated(utf8(0x1112, 0x1161, 0x11AB));
  EXPECT_TRUE(text::nfc(jamo) == repeated(utf8(0xD55C), jamo.size() / 3));
  checked_encoding(jamo);
  const std::string singletons = repeated(utf8(0x2F800));
  EXPECT_TRUE(text::nfc(singletons) == repeated(utf8(0x4E3D), singletons.size() / 4 * 3));
  checked_encoding(singletons);
}

TEST(Adversarial, ManySpans) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  const std::string text = repeated("ab ");
  std::vector<text::Span> spans;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    spans.push_back({std::string_view(text).substr(i, 3),
                     i % 2 ? text::SpecialTokens::plain : text::SpecialTokens::parse});
  }
  EXPECT_EQ(value_of(testing::qwen3().encode(spans)), checked_encoding(text));
}

}  // namespace
}  // namespace trinity
