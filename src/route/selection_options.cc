// Reading selection options from text and JSON.
#include <cctype>
#include <charconv>
#include <string>

#include "base/json.h"
#include "base/try.h"
#include "base/utf8.h"
#include "route/selection.h"

namespace trinity::route {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

tl::unexpected<Error> bad_mode(std::string_view key, const std::string& got) {
  return fail(
      ErrorKind::usage, "invalid_selection_mode",
      std::string(key) + " must be :argmax, :softmax, :softmax_argmax, or :sample, got " + got);
}

tl::unexpected<Error> bad_seed(const std::string& got) {
  return fail(ErrorKind::usage, "invalid_seed", "seed must be one integer or three, got " + got);
}

bool parse_integer(std::string_view text, std::int64_t& value) {
  text = trim(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// A JSON integer as a seed word; unsigned ones above 2^63 keep their bits.
bool seed_word(const Json& value, std::uint64_t& word) {
  if (!value.is_number_integer()) return false;
  word =
      value.is_number_unsigned() ? value.as_uint64() : static_cast<std::uint64_t>(value.as_int64());
  return true;
}

std::string text_of(const Json& value) { return excerpt(json_text(value)); }

Result<SelectionSeed> seed_from_json(const Json& value) {
  std::uint64_t word = 0;
  if (value.is_null()) return SelectionSeed{};
  if (seed_word(value, word)) return SelectionSeed{static_cast<std::int64_t>(word)};
  SeedTriple triple{};
  if (value.is_array() && value.size() == triple.size()) {
    bool integers = true;
    for (std::size_t i = 0; i < triple.size(); ++i) {
      integers = integers && seed_word(value[i], triple[i]);
    }
    if (integers) return SelectionSeed{triple};
  }
  return bad_seed(text_of(value));
}

Result<SelectionMode> mode_from_json(const std::string& key, const Json& value) {
  if (!value.is_string()) return bad_mode(key, text_of(value));
  return parse_selection_mode(key, value.as_string());
}

}  // namespace

Result<SelectionMode> parse_selection_mode(std::string_view key, std::string_view value) {
  std::string name(trim(value));
  for (char& c : name) {
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (name == "argmax") return SelectionMode::argmax;
  if (name == "softmax" || name == "softmax_argmax") return SelectionMode::softmax;
  if (name == "sample") return SelectionMode::sample;
  return bad_mode(key, '"' + excerpt(value) + '"');
}

Result<SelectionSeed> parse_selection_seed(std::string_view text) {
  std::int64_t integer = 0;
  if (parse_integer(text, integer)) return SelectionSeed{integer};
  SeedTriple triple{};
  std::size_t count = 0;
  std::string_view rest = text;
  for (bool more = true; more; ++count) {
    const std::size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    if (count == triple.size() || !parse_integer(rest.substr(0, comma), integer)) break;
    triple[count] = static_cast<std::uint64_t>(integer);
    if (more) rest.remove_prefix(comma + 1);
    if (!more && count + 1 == triple.size()) return SelectionSeed{triple};
  }
  return bad_seed('"' + excerpt(text) + '"');
}

Result<DecisionRule> parse_selection_options(const Json& options) {
  if (!options.is_object()) {
    return fail(ErrorKind::usage, "invalid_selection_options",
                "selection options must be an object, got " + text_of(options));
  }
  DecisionRule parsed;
  for (const auto& [key, value] : options.items()) {
    if (key == "agent_selection") {
      TRINITY_TRY(parsed.agent_selection, mode_from_json(key, value));
    } else if (key == "role_selection") {
      TRINITY_TRY(parsed.role_selection, mode_from_json(key, value));
    } else if (key == "seed") {
      TRINITY_TRY(parsed.seed, seed_from_json(value));
    } else if (key == "temperature") {
      if (!value.is_number() || !(value.as_double() > 0.0)) {
        return fail(ErrorKind::usage, "invalid_temperature",
                    "temperature must be a number above 0, got " + text_of(value));
      }
      parsed.temperature = value.as_double();
    } else if (key == "return_probabilities") {
      if (!value.is_boolean()) {
        return fail(ErrorKind::usage, "invalid_selection_options",
                    "return_probabilities must be true or false, got " + text_of(value));
      }
      parsed.return_probabilities = value.as_bool();
    } else {
      return fail(ErrorKind::usage, "unknown_option",
                  "unknown selection option '" + excerpt(key) +
                      "'; the options are agent_selection, role_selection, return_probabilities, "
                      "temperature and seed");
    }
  }
  return parsed;
}

}  // namespace trinity::route
