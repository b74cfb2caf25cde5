// Texts: how many words, characters, letters; which word is most frequent; reversed, sorted, in
// capitals. What is meant is a text in quotes or behind a colon.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "reckoner/solver.h"

namespace trinity::reckoner {
namespace {

/// Characters of well-formed UTF-8, each as its bytes.
std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  for (const char c : text) {
    if ((c & 0xC0) == 0x80 && !characters.empty()) {
      characters.back() += c;
    } else {
      characters.emplace_back(1, c);
    }
  }
  return characters;
}

/// Words without the marks around them.
std::vector<std::string> bare_words(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string& word : split_words(text)) {
    constexpr std::string_view marks = ".,;:!?()[]\"'";
    const std::size_t begin = word.find_first_not_of(marks);
    if (begin == std::string::npos) continue;
    words.push_back(word.substr(begin, word.find_last_not_of(marks) - begin + 1));
  }
  return words;
}

Solution answered_text(std::string task, std::string answer, std::vector<std::string> steps = {}) {
  return {Area::texts, std::move(task), std::move(answer), std::move(steps), {}};
}

std::string shown(std::string_view text) {
  const std::vector<std::string> characters = characters_of(text);
  std::string out = "\"";
  for (std::size_t i = 0; i < std::min<std::size_t>(characters.size(), 60); ++i)
    out += characters[i];
  return out + (characters.size() > 60 ? "...\"" : "\"");
}

/// "How many times does the letter r occur in strawberry?", "How many r's are in strawberry?"
std::optional<Solution> count_letter(const Question& question, Care care) {
  if (!question.has("many") && !question.has("count")) return std::nullopt;
  const std::vector<Token>& tokens = question.tokens;
  std::string letter, word;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::Kind::word) continue;
    const std::string& text = tokens[i].text;
    const bool alone = text.size() == 1 || (text.size() == 3 && text.ends_with("'s"));
    const bool named = i > 0 && (tokens[i - 1].text == "letter" || tokens[i - 1].text == "letters");
    const bool plural = text.size() == 3 && text.ends_with("'s");
    if (letter.empty() && alone && (named || plural || (text != "a" && text != "i")))
      letter = text.substr(0, 1);
    if (text == "in" && i + 1 < tokens.size()) {
      std::size_t at = i + 1;
      while (at + 1 < tokens.size() && (tokens[at].text == "the" || tokens[at].text == "word"))
        ++at;
      if (tokens[at].kind == Token::Kind::word) word = tokens[at].text;
    }
  }
  for (const std::string& quoted : question.quoted) {
    if (quoted.size() == 1 && letter.empty()) letter = lower_case(quoted);
    if (quoted.size() > 1) word = quoted;
  }
  if (letter.empty() || word.empty() || word == letter) return std::nullopt;
  const std::string low = lower_case(word);
  std::size_t count = 0;
  std::string places;
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (low[i] != letter[0]) continue;
    if (care == Care::hasty && i > 0 && low[i - 1] == low[i]) continue;
    ++count;
    places += (places.empty() ? "" : ", ") + std::to_string(i + 1);
  }
  return answered_text(
      fmt::format("count the letter {} in {}", letter, shown(word)), std::to_string(count),
      {count == 0 ? std::string("there is none")
                  : fmt::format("it stands at place{} {}", count == 1 ? "" : "s", places)});
}

std::optional<Solution> count_all(const Question& question, const std::string& text) {
  if (!question.has("many") && !question.has("count") && !question.has("length") &&
      !question.has("number"))
    return std::nullopt;
  if (question.has("words"))
    return answered_text("count the words of " + shown(text),
                         std::to_string(bare_words(text).size()));
  if (question.has_any({"characters", "letters", "length"})) {
    const std::vector<std::string> characters = characters_of(text);
    std::size_t count = characters.size();
    // Letters are those characters that are neither space nor mark nor digit.
    if (question.has("letters") && !question.has("characters"))
      count = static_cast<std::size_t>(
          std::count_if(characters.begin(), characters.end(), [](const std::string& one) {
            return one.size() > 1 || (one[0] >= 'a' && one[0] <= 'z') ||
                   (one[0] >= 'A' && one[0] <= 'Z');
          }));
    return answered_text(
        fmt::format(
            "count the {} of {}",
            question.has("letters") && !question.has("characters") ? "letters" : "characters",
            shown(text)),
        std::to_string(count));
  }
  if (question.has("lines"))
    return answered_text("count the lines of " + shown(text),
                         std::to_string(1 + std::count(text.begin(), text.end(), '\n')));
  return std::nullopt;
}

std::optional<Solution> most_frequent(const Question& question, const std::string& text) {
  if (!question.has_phrase("most frequent") && !question.has_phrase("most common"))
    return std::nullopt;
  std::map<std::string, std::size_t> counts;
  std::string best;
  const std::vector<std::string> words = bare_words(text);
  for (const std::string& word : words) ++counts[lower_case(word)];
  // Of equally frequent words the one that comes first.
  for (const std::string& word : words)
    if (best.empty() || counts[lower_case(word)] > counts[best]) best = lower_case(word);
  if (best.empty()) return std::nullopt;
  return answered_text("find the most frequent word of " + shown(text), best,
                       {fmt::format("it occurs {} times", counts[best])});
}

std::optional<Solution> sorted(const Question& question, const std::string& text) {
  if (!question.has_any({"sort", "order", "alphabetical", "alphabetically"})) return std::nullopt;
  std::vector<std::string> words;
  const bool commas = text.find(',') != std::string::npos;
  if (commas) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find(',', at), text.size());
      std::string word = trimmed(std::string_view(text).substr(at, end - at));
      if (word.starts_with("and ")) word.erase(0, 4);
      if (word.ends_with('.')) word.pop_back();
      if (!word.empty()) words.push_back(std::move(word));
      at = end + 1;
    }
  } else {
    words = bare_words(text);
  }
  if (words.size() < 2) return std::nullopt;
  const bool numbers = std::all_of(words.begin(), words.end(), [](const std::string& word) {
    return read_number(word.starts_with('-') ? word.substr(1) : word).has_value();
  });
  const auto value = [](const std::string& word) {
    Fraction number = *read_number(word.starts_with('-') ? word.substr(1) : word);
    if (word.starts_with('-')) number.numerator = -number.numerator;
    return number;
  };
  std::stable_sort(words.begin(), words.end(), [&](const std::string& a, const std::string& b) {
    return numbers ? less(value(a), value(b)) : lower_case(a) < lower_case(b);
  });
  if (question.has_any({"descending", "reverse"})) std::reverse(words.begin(), words.end());
  return answered_text("sort " + shown(text), fmt::format("{}", fmt::join(words, ", ")),
                       {numbers ? "by value" : "by letters, without regard to capitals"});
}

std::optional<Solution> turned(const Question& question, const std::string& text) {
  if (question.has_any({"reverse", "reversed", "backwards", "backward"})) {
    if (question.has_phrase("word order") || question.has_phrase("order of the words")) {
      std::vector<std::string> words = split_words(text);
      std::reverse(words.begin(), words.end());
      return answered_text("reverse the words of " + shown(text),
                           fmt::format("{}", fmt::join(words, " ")));
    }
    std::vector<std::string> characters = characters_of(text);
    std::reverse(characters.begin(), characters.end());
    return answered_text("reverse " + shown(text), fmt::format("{}", fmt::join(characters, "")));
  }
  if (question.has_any({"uppercase", "capitals", "capitalize"}) ||
      question.has_phrase("upper case")) {
    std::string capitals = text;
    for (char& c : capitals)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return answered_text("put " + shown(text) + " into capitals", capitals);
  }
  if (question.has("lowercase") || question.has_phrase("lower case"))
    return answered_text("put " + shown(text) + " into small letters", lower_case(text));
  if (question.has("palindrome")) {
    std::string letters;
    for (const char c : lower_case(text))
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) letters += c;
    const bool same = std::equal(letters.begin(), letters.end(), letters.rbegin());
    return answered_text("tell whether " + shown(text) + " is a palindrome", same ? "yes" : "no",
                         {"backwards it reads " + std::string(letters.rbegin(), letters.rend())});
  }
  return std::nullopt;
}

}  // namespace

std::optional<Solution> solve_texts(const Question& question, Care care) {
  if (question.has("word") || question.has("letter") || question.has("many") ||
      question.has("count")) {
    // A longer quoted text beside "how many words" is no word to count letters in.
    const bool counts_more = question.has_any({"words", "characters", "lines", "letters"});
    if (!counts_more)
      if (auto solution = count_letter(question, care)) return solution;
  }
  const std::optional<std::string> text = question.operand();
  if (!text) return std::nullopt;
  if (auto solution = count_all(question, *text)) return solution;
  if (auto solution = most_frequent(question, *text)) return solution;
  if (auto solution = sorted(question, *text)) return solution;
  return turned(question, *text);
}

}  // namespace trinity::reckoner
