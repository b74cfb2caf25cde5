// A question taken apart: words, numbers and marks in their order, and the texts in quotes.
//
// Everything that computes here reads questions through this, so that "Two" and "two", "×" and "*",
// curly quotes and straight ones are the same to all of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reckoner/exact.h"

namespace trinity::reckoner {

struct Token {
  enum class Kind { word, number, mark };
  Kind kind = Kind::word;
  std::string text;  // of a word in lower case; of a mark in ASCII where it has a twin there
  Fraction value;    // of a number
  std::size_t begin = 0, end = 0;  // where it stands; neighbours without a space touch
};

struct Question {
  std::string raw;   // as it was asked
  std::string text;  // with straight quotes
  std::vector<Token> tokens;
  std::vector<std::string> quoted;  // what stands in quotes or in a ``` block, without them

  bool has(std::string_view word) const;
  bool has_any(std::initializer_list<std::string_view> words) const;
  /// The words one after the other.
  bool has_phrase(std::string_view words) const;
  /// All numbers, in their order.
  std::vector<Fraction> numbers() const;
  /// What the question is about: the first quoted text, else what follows its last colon that is
  /// followed by something.
  std::optional<std::string> operand() const;
};

Question read_question(std::string_view text);
std::string lower_case(std::string_view text);
std::string trimmed(std::string_view text);
/// Apart at white space.
std::vector<std::string> split_words(std::string_view text);

}  // namespace trinity::reckoner
