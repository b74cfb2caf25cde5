// The scanner against the reference's pieces, and against a backtracking matcher of the split regex
// that shares nothing with it.
#include "text/pre_tokenizer.h"

#include <functional>
#include <limits>

#include "support.h"
#include "text/unicode_tables.h"

namespace trinity {
namespace {

using testing::conformance_path;
using testing::RandomText;
using testing::utf8;

using CodePoints = std::vector<std::uint32_t>;
using Predicate = std::function<bool(std::uint32_t)>;

/// One greedy item of an alternative: `predicate{min,max}`.
struct Item {
  Predicate predicate;
  std::size_t min;
  std::size_t max;
};
struct Alternative {
  std::vector<Item> items;
  bool not_before_non_space = false;  // (?!\S) at the end
};

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

text::unicode::SplitClass class_of(std::uint32_t c) { return text::unicode::split_class(c); }
bool letter(std::uint32_t c) { return class_of(c) == text::unicode::SplitClass::letter; }
bool number(std::uint32_t c) { return class_of(c) == text::unicode::SplitClass::number; }
bool space(std::uint32_t c) { return class_of(c) == text::unicode::SplitClass::space; }
bool line_break(std::uint32_t c) { return c == '\r' || c == '\n'; }

Alternative contraction(const std::string& letters) {
  Alternative result{{{[](std::uint32_t c) { return c == '\''; }, 1, 1}}};
  for (const char l : letters) {
    result.items.push_back({[l](std::uint32_t c) {
                              if (l == 's' && c == 0x17F) return true;
                              return c == static_cast<std::uint32_t>(l) ||
                                     c == static_cast<std::uint32_t>(l - 'a' + 'A');
                            },
                            1, 1});
  }
  return result;
}

std::vector<Alternative> split_regex() {
  std::vector<Alternative> result;
  for (const char* letters : {"s", "t", "re", "ve", "m", "ll", "d"}) {
    result.push_back(contraction(letters));
  }
  const Predicate any_but_breaks_letters_numbers = [](std::uint32_t c) {
    return !line_break(c) && !letter(c) && !number(c);
  };
  const Predicate punctuation = [](std::uint32_t c) {
    return !space(c) && !letter(c) && !number(c);
  };
  const Predicate blank = [](std::uint32_t c) { return c == ' '; };
  result.push_back({{{any_but_breaks_letters_numbers, 0, 1}, {letter, 1, unlimited}}});
  result.push_back({{{number, 1, 1}}});
  result.push_back({{{blank, 0, 1}, {punctuation, 1, unlimited}, {line_break, 0, unlimited}}});
  result.push_back({{{space, 0, unlimited}, {line_break, 1, unlimited}}});
  result.push_back({{{space, 1, unlimited}}, true});
  result.push_back({{{space, 1, unlimited}}});
  return result;
}

/// End of the match of items[item..] at `position`, the longest repetition tried first; 0 if none.
std::size_t match(const Alternative& alternative, std::size_t item, const CodePoints& text,
                  std::size_t position) {
  if (item == alternative.items.size()) {
    const bool stands_before_text = position < text.size() && !space(text[position]);
    return alternative.not_before_non_space && stands_before_text ? 0 : position;
  }
  const Item& current = alternative.items[item];
  std::size_t count = 0;
  while (count < current.max && position + count < text.size() &&
         current.predicate(text[position + count])) {
    ++count;
  }
  for (; count + 1 > current.min; --count) {
    if (const std::size_t end = match(alternative, item + 1, text, position + count)) return end;
    if (count == 0) break;
  }
  return 0;
}

std::vector<std::string> reference_pieces(const CodePoints& text) {
  static const std::vector<Alternative> regex = split_regex();
  std::vector<std::string> pieces;
  for (std::size_t position = 0; position < text.size();) {
    std::size_t end = 0;
    for (const Alternative& alternative : regex) {
      if ((end = match(alternative, 0, text, position)) != 0) break;
    }
    if (end == 0) throw std::logic_error("the regex leaves a gap");
    std::string piece;
    for (; position < end; ++position) text::append_code_point(text[position], piece);
    pieces.push_back(piece);
  }
  return pieces;
}

std::vector<std::string> scanned_pieces(const std::string& text) {
  std::vector<std::string> pieces;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text::piece_end(text, begin);
    if (end <= begin || end > text.size()) throw std::logic_error("the scanner does not move on");
    pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

std::string to_utf8(const CodePoints& text) {
  std::string result;
  for (const auto c : text) text::append_code_point(c, result);
  return result;
}

TEST(PreTokenizer, N2PiecesOfTheReference) {
  constexpr const char* file = "hf_oracle/tokenizer/stages.jsonl";
  TRINITY_REQUIRE_CONFORMANCE(file);
  for (const auto& record : testing::read_records(file)) {
    EXPECT_EQ(scanned_pieces(record.at("normalized")),
              record.at("pieces").get<std::vector<std::string>>())
        << record;
  }
}

TEST(PreTokenizer, EqualsABacktrackingMatcherOnAllShortTexts) {
  // One character or two of every kind that the regex tells apart.
  const CodePoints alphabet = {'s', 'L', 'e',  'v',  0x17F,  0xE9, '\'',
                               '1', ' ', '\n', '\r', 0x3000, '!'};
  for (std::size_t length = 0; length <= 5; ++length) {
    CodePoints text(length, alphabet[0]);
    std::vector<std::size_t> digits(length, 0);
    while (true) {
      for (std::size_t i = 0; i < length; ++i) text[i] = alphabet[digits[i]];
      ASSERT_EQ(scanned_pieces(to_utf8(text)), reference_pieces(text)) << to_utf8(text);
      std::size_t i = 0;
      while (i < length && ++digits[i] == alphabet.size()) digits[i++] = 0;
      if (i == length) break;
    }
  }
}

TEST(PreTokenizer, EqualsABacktrackingMatcherOnRandomTexts) {
  RandomText random(3);
  const CodePoints often = {' ', ' ', '\n', '\r', '\t', '\'', 's',
                            'T', 'l', 'L',  '7',  '.',  0xA0, 0x301};
  for (int round = 0; round < 20000; ++round) {
    CodePoints text(random.below(40));
    for (auto& c : text)
      c = random.below(3) ? often[random.below(often.size())] : random.code_point();
    ASSERT_EQ(scanned_pieces(to_utf8(text)), reference_pieces(text)) << to_utf8(text);
  }
}

TEST(PreTokenizer, OnlyTheLongSFoldsInContractions) {
  EXPECT_EQ(scanned_pieces(utf8("'", 0x17F, "x")),
            (std::vector<std::string>{utf8("'", 0x17F), "x"}));
  // The ligature st is a letter behind an apostrophe, nothing more.
  EXPECT_EQ(scanned_pieces(utf8("'", 0xFB06, "x")),
            (std::vector<std::string>{utf8("'", 0xFB06, "x")}));
  EXPECT_EQ(scanned_pieces("don'T 'lL'"), (std::vector<std::string>{"don", "'T", " '", "lL", "'"}));
}

}  // namespace
}  // namespace trinity
