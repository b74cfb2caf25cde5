#include "command_line/flag_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/suggestion.h"
#include "base/utf8.h"

namespace trinity::command_line {
namespace {

std::string quoted(const std::string& text) { return fmt::format("\"{}\"", excerpt(text)); }

bool within(const FlagSpec& flag, double value) {
  return (!flag.lowest || value >= *flag.lowest) && (!flag.highest || value <= *flag.highest) &&
         (!flag.above || value > *flag.above);
}

/// " from 0 to 1024", " of at least 1", " above 0", or nothing.
std::string bounds_text(const FlagSpec& flag) {
  const auto shown = [](double bound) {
    return bound == std::floor(bound) ? fmt::format("{:.0f}", bound) : fmt::format("{:g}", bound);
  };
  if (flag.lowest && flag.highest)
    return fmt::format(" from {} to {}", shown(*flag.lowest), shown(*flag.highest));
  if (flag.lowest) return " of at least " + shown(*flag.lowest);
  if (flag.above) return " above " + shown(*flag.above);
  return {};
}

template <typename T>
std::string read_whole(const FlagSpec& flag, const std::string& text, T& target) {
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stopped == end && !text.empty() &&
      within(flag, static_cast<double>(value))) {
    target = value;
    return {};
  }
  std::string bounds = bounds_text(flag);
  if (bounds.empty() || (error == std::errc::result_out_of_range && !flag.highest))
    bounds = fmt::format(" from {} to {}",
                         flag.lowest ? static_cast<T>(*flag.lowest) : std::numeric_limits<T>::min(),
                         std::numeric_limits<T>::max());
  return quoted(text) + " is not a whole number" + bounds;
}

}  // namespace

std::string read_value(const FlagSpec& flag, const std::string& text, std::string& target) {
  if (flag.choices.empty() ||
      std::find(flag.choices.begin(), flag.choices.end(), text) != flag.choices.end()) {
    if (flag.check)
      if (std::string wrong = flag.check(text); !wrong.empty()) return wrong;
    target = text;
    return {};
  }
  std::string known = flag.choices.front();
  for (std::size_t i = 1; i < flag.choices.size(); ++i)
    known += (i + 1 == flag.choices.size() ? " and " : ", ") + flag.choices[i];
  return fmt::format("{} is none of {}{}", quoted(text), known, did_you_mean(text, flag.choices));
}

std::string read_value(const FlagSpec& flag, const std::string& text,
                       std::filesystem::path& target) {
  std::string value;
  std::string wrong = read_value(flag, text, value);
  if (wrong.empty()) target = std::move(value);
  return wrong;
}

std::string read_value(const FlagSpec& flag, const std::string& text, int& target) {
  return read_whole(flag, text, target);
}

std::string read_value(const FlagSpec& flag, const std::string& text, std::int64_t& target) {
  return read_whole(flag, text, target);
}

std::string read_value(const FlagSpec& flag, const std::string& text, std::uint64_t& target) {
  return read_whole(flag, text, target);
}

std::string read_value(const FlagSpec& flag, const std::string& text, double& target) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stopped == end && std::isfinite(value) && within(flag, value)) {
    target = value;
    return {};
  }
  return quoted(text) + " is not a finite number" + bounds_text(flag);
}

std::string read_value(const FlagSpec&, const std::string& text, bool& target) {
  constexpr std::array on = {"true", "on", "yes", "enable", "1"};
  constexpr std::array off = {"false", "off", "no", "disable", "0"};
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool is_on = std::find(on.begin(), on.end(), lower) != on.end();
  if (!is_on && std::find(off.begin(), off.end(), lower) == off.end())
    return quoted(text) + " switches nothing on or off; write 1 or 0";
  target = is_on;
  return {};
}

std::string value_text(const std::string& value) { return value; }
std::string value_text(const std::filesystem::path& value) { return value.string(); }
std::string value_text(std::int64_t value) { return std::to_string(value); }
std::string value_text(std::uint64_t value) { return std::to_string(value); }
std::string value_text(double value) { return fmt::format("{:g}", value); }

}  // namespace trinity::command_line
