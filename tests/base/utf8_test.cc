// UTF-8 validation against a decoder written from the definition: decode, check the range, encode
// again, compare. All strings of up to four bytes over the byte values where the rules change.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace trinity {
namespace {

std::string encode(std::uint32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | (point >> 6)), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | (point >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (point >> 18)), tail(12), tail(6), tail(0)};
}

/// Offset of the first ill-formed sequence, by trial: some length 1 ... 4 must decode to a scalar
/// value whose own encoding is exactly these bytes.
std::size_t oracle(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t found = 0;
    for (std::size_t length = 1; length <= 4 && at + length <= text.size() && !found; ++length) {
      constexpr std::uint32_t lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
      std::uint32_t point = static_cast<unsigned char>(text[at]) & lead_bits[length - 1];
      for (std::size_t i = 1; i < length; ++i) {
        point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3F);
      }
      const bool scalar = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
      if (scalar && encode(point) == text.substr(at, length)) found = length;
    }
    if (found == 0) return at;
    at += found;
  }
  return at;
}

TEST(Utf8, agrees_with_the_definition_on_all_short_strings_at_the_borders) {
  const std::vector<unsigned char> bytes = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                            0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED,
                                            0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
  std::size_t valid = 0;
  std::vector<std::string> previous = {""};
  for (int length = 1; length <= 4; ++length) {
    std::vector<std::string> strings;
    for (const auto& prefix : previous) {
      for (const unsigned char byte : bytes) strings.push_back(prefix + static_cast<char>(byte));
    }
    for (const auto& text : strings) {
      const std::size_t expected = oracle(text);
      ASSERT_EQ(first_invalid_utf8(text), expected) << ::testing::PrintToString(text);
      ASSERT_EQ(is_valid_utf8(text), expected == text.size()) << ::testing::PrintToString(text);
      valid += expected == text.size();
    }
    previous = std::move(strings);
  }
  EXPECT_GT(valid, 100u);
}

TEST(Utf8, agrees_with_the_definition_inside_long_texts) {
  // Vector code treats whole blocks: put every kind of sequence and damage at every place in one.
  std::mt19937_64 random(2);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    while (text.size() < 200) {
      const std::uint64_t kind = random() % 4;
      const std::uint32_t limit = kind == 0   ? 0x80
                                  : kind == 1 ? 0x800
                                  : kind == 2 ? 0xD800
                                              : 0x110000;
      std::uint32_t point = static_cast<std::uint32_t>(random() % limit);
      if (point >= 0xD800 && point <= 0xDFFF) point = 0x20;
      text += encode(point);
    }
    ASSERT_TRUE(is_valid_utf8(text));
    if (round % 3 == 0) text[random() % text.size()] = static_cast<char>(random());
    if (round % 3 == 1) text.resize(random() % text.size());
    ASSERT_EQ(first_invalid_utf8(text), oracle(text));
    ASSERT_EQ(is_valid_utf8(text), oracle(text) == text.size());
  }
}

TEST(Excerpt, is_valid_and_short_whatever_it_is_given) {
  EXPECT_EQ(excerpt("plain \u20ac"), "plain \u20ac");
  EXPECT_EQ(excerpt("a\x1B[2Jb\n\x7F"), R"(a\x1b[2Jb\n\x7f)");
  EXPECT_EQ(excerpt("\xC0\xAF\xED\xA0\x80"), R"(\xc0\xaf\xed\xa0\x80)");
  EXPECT_EQ(excerpt("\xC0\xAF\xED", 9), R"(\xc0\xaf...)") << "no escape is cut in two";
  EXPECT_EQ(excerpt("abc", 3), "abc");
  EXPECT_EQ(excerpt("abcd", 3), "abc...");
  EXPECT_EQ(excerpt("ab\u20ac", 4), "ab...") << "no character is cut in two";
  EXPECT_EQ(excerpt("", 0), "");
  std::mt19937_64 random(12);
  for (int round = 0; round < 10000; ++round) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = static_cast<char>(random());
    const std::size_t limit = random() % 50;
    const std::string shown = excerpt(text, limit);
    ASSERT_TRUE(is_valid_utf8(shown));
    ASSERT_LE(shown.size(), limit + 3);
  }
}

TEST(Utf8, accepts_the_empty_text) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_EQ(first_invalid_utf8(""), 0u);
}

}  // namespace
}  // namespace trinity
