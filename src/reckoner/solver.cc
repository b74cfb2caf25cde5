#include "reckoner/solver.h"

#include <algorithm>

namespace trinity::reckoner {
namespace {

/// For comparison: lower case, one space between words, without marks at the ends.
std::string normal_form(std::string_view text) {
  std::string out;
  for (const std::string& word : split_words(text)) {
    if (!out.empty()) out += ' ';
    out += lower_case(word);
  }
  while (!out.empty() && (out.back() == '.' || out.back() == '!' || out.back() == '*'))
    out.pop_back();
  return out;
}

bool of_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' ||
         (c & 0x80) != 0;
}

/// The last one: an answer may be given again after it was mended.
std::optional<std::string> stated_answer(std::string_view text) {
  constexpr std::string_view mark = "Answer:";
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return std::nullopt;
  return trimmed(text.substr(at + mark.size()));
}

}  // namespace

const char* area_name(Area area) {
  switch (area) {
    case Area::dates:
      return "dates";
    case Area::layout:
      return "layout";
    case Area::units:
      return "units";
    case Area::texts:
      return "texts";
    case Area::numbers:
      return "numbers";
  }
  return "numbers";
}

std::optional<Solution> solve(const Question& question, Care care) {
  if (auto solution = solve_dates(question)) return solution;
  if (auto solution = solve_layout(question)) return solution;
  if (auto solution = solve_units(question)) return solution;
  if (auto solution = solve_texts(question, care)) return solution;
  return solve_numbers(question, care);
}

std::optional<Solution> solve(std::string_view question, Care care) {
  return solve(read_question(question), care);
}

bool gives_answer(std::string_view text, std::string_view answer) {
  const std::string wanted = normal_form(answer);
  if (wanted.empty()) return false;
  if (const std::optional<std::string> stated = stated_answer(text))
    return normal_form(*stated) == wanted;
  const std::string said = normal_form(text);
  for (std::size_t at = said.find(wanted); at != std::string::npos;
       at = said.find(wanted, at + 1)) {
    const bool begins = at == 0 || !of_word(said[at - 1]);
    std::size_t end = at + wanted.size();
    // A point that ends a sentence is no part of a number.
    const bool ends = end == said.size() || !of_word(said[end]) ||
                      (said[end] == '.' && (end + 1 == said.size() || said[end + 1] == ' '));
    if (begins && ends) return true;
  }
  return false;
}

}  // namespace trinity::reckoner
