#include "text/pre_tokenizer.h"

#include <array>
#include <cstdint>

#include "text/unicode_tables.h"
#include "text/utf8_decode.h"

namespace trinity::text {

const std::string_view supported_split_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

using unicode::SplitClass;

constexpr std::array<SplitClass, 128> make_ascii_classes() {
  std::array<SplitClass, 128> classes{};
  for (int c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || (c >= 0x09 && c <= 0x0D);
    const bool digit = c >= '0' && c <= '9';
    classes[static_cast<std::size_t>(c)] = letter  ? SplitClass::letter
                                           : digit ? SplitClass::number
                                           : space ? SplitClass::space
                                                   : SplitClass::other;
  }
  return classes;
}
constexpr std::array<SplitClass, 128> ascii_classes = make_ascii_classes();

bool is_line_break(char c) { return c == '\r' || c == '\n'; }

/// Class and length of the character at `position`.
struct Character {
  SplitClass split_class;
  std::size_t length;
};
inline Character character_at(std::string_view text, std::size_t position) {
  const auto first = static_cast<unsigned char>(text[position]);
  if (first < 0x80) return {ascii_classes[first], 1};
  const DecodedCodePoint decoded = decode_code_point(text.data() + position);
  return {unicode::split_class(decoded.value), decoded.length};
}

/// End of the run of characters of class `wanted` that begins at or after `position`.
inline std::size_t run_end(std::string_view text, std::size_t position, SplitClass wanted) {
  while (position < text.size()) {
    const Character character = character_at(text, position);
    if (character.split_class != wanted) break;
    position += character.length;
  }
  return position;
}

/// Length of the contraction whose apostrophe stands at `begin`, or 0.
std::size_t contraction_length(std::string_view text, std::size_t begin) {
  const auto lower = [&](std::size_t offset) -> char {
    const std::size_t position = begin + offset;
    if (position >= text.size()) return 0;
    const char c = text[position];
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  };
  switch (lower(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return lower(2) == 'e' ? 3 : 0;
    case 'l':
      return lower(2) == 'l' ? 3 : 0;
    case '\xC5':  // U+017F, which folds to s, is C5 BF
      return lower(2) == '\xBF' ? 3 : 0;
    default:
      return 0;
  }
}

/// Punctuation from `position` on, and the line breaks behind it.
std::size_t punctuation_end(std::string_view text, std::size_t position) {
  position = run_end(text, position, SplitClass::other);
  while (position < text.size() && is_line_break(text[position])) ++position;
  return position;
}

/// The last three alternatives, for white space that neither letters nor punctuation take.
std::size_t white_space_end(std::string_view text, std::size_t begin) {
  std::size_t after_last_break = begin;  // none yet
  std::size_t last_character = begin;
  std::size_t end = begin;
  while (end < text.size()) {
    const Character character = character_at(text, end);
    if (character.split_class != SplitClass::space) break;
    last_character = end;
    end += character.length;
    if (is_line_break(text[last_character])) after_last_break = end;
  }
  if (after_last_break != begin) return after_last_break;
  if (end == text.size() || last_character == begin) return end;
  return last_character;
}

}  // namespace

std::size_t piece_end(std::string_view text, std::size_t begin) {
  const char first = text[begin];
  const Character character = character_at(text, begin);
  const std::size_t next = begin + character.length;
  if (character.split_class == SplitClass::letter) return run_end(text, next, SplitClass::letter);
  if (character.split_class == SplitClass::number) return next;
  if (first == '\'') {
    if (const std::size_t length = contraction_length(text, begin)) return begin + length;
  }
  const bool has_next = next < text.size();
  if (has_next && !is_line_break(first)) {
    const Character second = character_at(text, next);
    if (second.split_class == SplitClass::letter) {
      return run_end(text, next + second.length, SplitClass::letter);
    }
    if (first == ' ' && second.split_class == SplitClass::other) {
      return punctuation_end(text, next + second.length);
    }
  }
  if (character.split_class == SplitClass::other) return punctuation_end(text, next);
  return white_space_end(text, begin);
}

}  // namespace trinity::text
