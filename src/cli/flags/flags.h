// Flags with one rule for all: every flag has an environment name, and nobody may give it twice.
//
// The environment name of `--input-mode` is TRINITY_INPUT_MODE. It is read only for the command
// that runs, so a value meant for one command cannot break another. The command line wins.
#pragma once

#include <CLI/CLI.hpp>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

namespace trinity::cli {

/// "--input-mode" or "-i,--input-mode" → "TRINITY_INPUT_MODE".
inline std::string environment_name(const std::string& flag) {
  std::string name = "TRINITY_";
  for (const char c : flag.substr(flag.rfind("--") + 2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

/// A flag with a value.
template <typename T>
CLI::Option* add_value(CLI::App& command, const std::string& name, T& target,
                       const std::string& help) {
  return command.add_option(name, target, help)
      ->envname(environment_name(name))
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

/// A flag that is there or not.
inline CLI::Option* add_switch(CLI::App& command, const std::string& name, bool& target,
                               const std::string& help) {
  return command.add_flag(name, target, help)
      ->envname(environment_name(name))
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

/// Refuses what is not a whole number of at least `minimum`, with a sentence that says so.
inline CLI::Validator at_least(std::uint64_t minimum) {
  return CLI::Validator(
      [minimum](std::string& text) {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size() && value >= minimum)
          return std::string();
        return "\"" + text + "\" is not a whole number of at least " + std::to_string(minimum);
      },
      "");
}

}  // namespace trinity::cli
