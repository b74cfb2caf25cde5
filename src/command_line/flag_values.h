// Texts of the command line and of the environment as values: one rule for each type, one sentence
// for what is none.
//
// Numbers are decimal, and finite. Each function writes its target and returns an empty text, or
// leaves the target alone and says what is wrong: `"abc" is not a whole number from 0 to 1024`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "command_line/command_spec.h"

namespace trinity::command_line {

std::string read_value(const FlagSpec& flag, const std::string& text, std::string& target);
std::string read_value(const FlagSpec& flag, const std::string& text,
                       std::filesystem::path& target);
std::string read_value(const FlagSpec& flag, const std::string& text, int& target);
std::string read_value(const FlagSpec& flag, const std::string& text, std::int64_t& target);
std::string read_value(const FlagSpec& flag, const std::string& text, std::uint64_t& target);
std::string read_value(const FlagSpec& flag, const std::string& text, double& target);
/// true, on, yes, enable or 1; false, off, no, disable or 0; in any case.
std::string read_value(const FlagSpec& flag, const std::string& text, bool& target);

template <typename T>
std::string read_value(const FlagSpec& flag, const std::string& text, std::optional<T>& target) {
  T value{};
  std::string wrong = read_value(flag, text, value);
  if (wrong.empty()) target = std::move(value);
  return wrong;
}

/// What a target holds, as the help shows it; empty for what is not set.
std::string value_text(const std::string& value);
std::string value_text(const std::filesystem::path& value);
std::string value_text(std::int64_t value);
std::string value_text(std::uint64_t value);
std::string value_text(double value);
inline std::string value_text(int value) { return value_text(std::int64_t{value}); }

template <typename T>
std::string value_text(const std::optional<T>& value) {
  return value ? value_text(*value) : std::string();
}

template <typename T>
std::string value_text(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) text += (text.empty() ? "" : ",") + value_text(value);
  return text;
}

}  // namespace trinity::command_line
