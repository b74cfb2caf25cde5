// The words of a command line, taken apart: which options they give with which values, and what is
// left. Knows nothing of types, defaults or the environment.
#pragma once

#include <string>
#include <vector>

namespace trinity::command_line {

/// An option by all its names: "-t", "--target".
struct OptionNames {
  std::vector<std::string> names;
  bool takes_value = false;
};

struct ParsedWords {
  /// For each option what it was given, once for each time; "true" for one without a value.
  std::vector<std::vector<std::string>> values;
  std::vector<std::string> words;    // what is no option and no value, and all behind "--"
  std::vector<std::string> unknown;  // options that are none of these
  bool last_lacks_value = false;     // the last word is an option that takes a value
};

/// `--name value`, `--name=value`, `-n value`, `-nvalue`, `-ab` for two without a value; behind
/// `--` everything is a word.
ParsedWords parse_words(const std::vector<OptionNames>& options,
                        const std::vector<std::string>& words);

}  // namespace trinity::command_line
