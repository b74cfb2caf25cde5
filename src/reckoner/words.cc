#include "reckoner/words.h"

#include <algorithm>
#include <span>
#include <utility>

namespace trinity::reckoner {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

// Marks that people write for those of ASCII. Without it they would be letters of words.
using Twin = std::pair<std::string_view, std::string_view>;
constexpr Twin kQuotes[] = {{"“", "\""}, {"”", "\""}, {"„", "\""}, {"«", "\""},
                            {"»", "\""}, {"’", "'"},  {"‘", "'"}};
constexpr Twin kMarks[] = {{"×", "*"}, {"·", "*"},     {"÷", "/"},  {"−", "-"},
                           {"–", "-"}, {"²", "^2"},    {"³", "^3"}, {"°", " degrees "},
                           {"…", "."}, {"\u00a0", " "}};

std::string exchanged(std::string_view text, std::span<const Twin> twins) {
  std::string out;
  while (!text.empty()) {
    const auto twin = std::find_if(twins.begin(), twins.end(),
                                   [&](const Twin& one) { return text.starts_with(one.first); });
    if (twin != twins.end()) {
      out += twin->second;
      text.remove_prefix(twin->first.size());
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

void find_quoted(std::string_view text, std::vector<std::string>& quoted) {
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at).starts_with("```")) {
      const std::size_t close = text.find("```", at + 3);
      if (close == std::string_view::npos) return;
      std::string_view block = text.substr(at + 3, close - at - 3);
      // The first line of a block names its language.
      const std::size_t line = block.find('\n');
      if (line != std::string_view::npos &&
          block.substr(0, line).find_first_of(" \t{[(") == std::string_view::npos)
        block.remove_prefix(line + 1);
      quoted.push_back(trimmed(block));
      at = close + 3;
    } else if (text[at] == '"' || text[at] == '`' ||
               (text[at] == '\'' && (at == 0 || is_space(text[at - 1])))) {
      std::size_t close = text.find(text[at], at + 1);
      // An apostrophe inside a word does not close.
      while (close != std::string_view::npos && text[at] == '\'' && close + 1 < text.size() &&
             is_letter(text[close + 1]))
        close = text.find('\'', close + 1);
      if (close == std::string_view::npos) {
        ++at;
        continue;
      }
      quoted.emplace_back(text.substr(at + 1, close - at - 1));
      at = close + 1;
    } else {
      ++at;
    }
  }
}

std::size_t number_end(std::string_view text, std::size_t at) {
  std::size_t end = at;
  bool point = false;
  while (end < text.size()) {
    const char c = text[end];
    const bool digit_follows = end + 1 < text.size() && is_digit(text[end + 1]);
    if (is_digit(c)) {
      ++end;
    } else if (c == '.' && !point && digit_follows) {
      point = true;
      ++end;
    } else if (c == ',' && !point && end + 3 < text.size() && digit_follows &&
               is_digit(text[end + 2]) && is_digit(text[end + 3]) &&
               (end + 4 >= text.size() || !is_digit(text[end + 4]))) {
      ++end;  // between groups of three
    } else {
      break;
    }
  }
  return end;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    while (at < text.size() && is_space(text[at])) ++at;
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end])) ++end;
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Question read_question(std::string_view raw) {
  Question question;
  question.raw = raw.substr(0, 64 << 10);
  question.text = exchanged(question.raw, kQuotes);
  find_quoted(question.text, question.quoted);
  const std::string text = exchanged(question.text, kMarks);
  for (std::size_t at = 0; at < text.size();) {
    Token token;
    token.begin = at;
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    if (is_digit(text[at]) || (text[at] == '.' && at + 1 < text.size() && is_digit(text[at + 1]))) {
      token.end = number_end(text, at);
      token.text = text.substr(at, token.end - at);
      const std::optional<Fraction> value = read_number(token.text);
      token.kind = value ? Token::Kind::number : Token::Kind::word;
      if (value) token.value = *value;
    } else if (is_letter(text[at])) {
      token.end = at + 1;
      while (token.end < text.size() && (is_letter(text[token.end]) ||
                                         (text[token.end] == '\'' && token.end + 1 < text.size() &&
                                          is_letter(text[token.end + 1]))))
        ++token.end;
      token.text = lower_case(std::string_view(text).substr(at, token.end - at));
    } else {
      token.kind = Token::Kind::mark;
      token.end = at + 1;
      token.text = text[at];
    }
    at = token.end;
    question.tokens.push_back(std::move(token));
  }
  return question;
}

bool Question::has(std::string_view word) const {
  return std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.kind == Token::Kind::word && token.text == word;
  });
}

bool Question::has_any(std::initializer_list<std::string_view> words) const {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return has(word); });
}

bool Question::has_phrase(std::string_view phrase) const {
  const std::vector<std::string> words = split_words(phrase);
  for (std::size_t at = 0; at + words.size() <= tokens.size(); ++at) {
    std::size_t same = 0;
    while (same < words.size() && tokens[at + same].text == words[same]) ++same;
    if (same == words.size()) return true;
  }
  return false;
}

std::vector<Fraction> Question::numbers() const {
  std::vector<Fraction> values;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::number) continue;
    const bool negative = i > 0 && tokens[i - 1].text == "-" &&
                          tokens[i - 1].end == tokens[i].begin &&
                          (i < 2 || tokens[i - 2].kind != Token::Kind::number);
    Fraction value = tokens[i].value;
    if (negative) value.numerator = -value.numerator;
    values.push_back(value);
  }
  return values;
}

std::optional<std::string> Question::operand() const {
  if (!quoted.empty()) return quoted.front();
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string rest = trimmed(std::string_view(text).substr(colon + 1));
  return rest.empty() ? std::nullopt : std::optional(std::move(rest));
}

}  // namespace trinity::reckoner
