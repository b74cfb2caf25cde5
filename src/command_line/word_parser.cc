// By CLI11, which no other file includes: its headers cost several seconds a source. Only its
// grammar of words is used; values, defaults, the environment, help and all sentences are ours.
#include "command_line/word_parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace trinity::command_line {
namespace {

/// Keeps what no option took, with what the library thought of it.
class WordParser : public CLI::App {
 public:
  WordParser() {
    set_help_flag();  // an option as any other
    allow_extras();
  }

  void take_rest(ParsedWords& parsed) const {
    for (const auto& [classifier, word] : missing_) {
      if (classifier == CLI::detail::Classifier::NONE) {
        parsed.words.push_back(word);
      } else if (classifier != CLI::detail::Classifier::POSITIONAL_MARK) {
        parsed.unknown.push_back(word);
      }
    }
  }
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

ParsedWords parse_words(const std::vector<OptionNames>& options,
                        const std::vector<std::string>& words) {
  WordParser parser;
  std::vector<const CLI::Option*> declared;
  for (const OptionNames& option : options) {
    const std::string names = joined(option.names);
    CLI::Option* made =
        option.takes_value
            ? parser.add_option(names, CLI::callback_t([](const auto&) { return true; }))
            : parser.add_flag(names);
    declared.push_back(made->multi_option_policy(CLI::MultiOptionPolicy::TakeAll));
  }
  ParsedWords parsed;
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    parser.parse(reversed);
  } catch (const CLI::ArgumentMismatch&) {
    // The parser takes any word for a value, so only the end of the line can lack one.
    parsed.last_lacks_value = true;
  }
  for (const CLI::Option* option : declared) parsed.values.push_back(option->results());
  parser.take_rest(parsed);
  return parsed;
}

}  // namespace trinity::command_line
