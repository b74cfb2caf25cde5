#include "text/tokenizer_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "text/pre_tokenizer.h"
#include "text/vocabulary.h"

namespace trinity {

namespace {

using nlohmann::json;

constexpr JsonLimits section_limits{.max_depth = 64, .max_bytes = std::size_t{4} << 20};

tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid_input, "invalid_tokenizer", std::move(message));
}

tl::unexpected<Error> unsupported(std::string message) {
  return fail(ErrorKind::unsupported, "unsupported_tokenizer", std::move(message));
}

Result<json> parse_section(std::string_view name, std::string_view text) {
  Result<json> section = parse_json(text, section_limits);
  if (section) return section;
  return invalid(fmt::format("{} of the tokenizer file: {}", name, section.error().message));
}

/// The member of an object, or null if there is none.
const json& member(const json& object, const char* key) {
  static const json null;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? null : *found;
}

/// Whether a switch is off; one that is left out has the format's default.
bool is_off(const json& object, const char* key, bool default_is_off) {
  const json& value = member(object, key);
  return value.is_null() ? default_is_off : value == false;
}

/// A value as it can stand in a message: JSON text, cut after about 64 characters.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true);  // ASCII, so it can be cut anywhere
  if (text.size() > 64) text.replace(64, std::string::npos, "...");
  return text;
}

Result<AddedTokens::Token> read_added_token(const json& entry) {
  const json& id = member(entry, "id");
  const json& content = member(entry, "content");
  if (!id.is_number_integer())
    return invalid("an entry of added_tokens has no id; give it a number");
  if (!content.is_string() || content.get_ref<const std::string&>().empty()) {
    return invalid(fmt::format("added token {} has no content; give it a text", shown(id)));
  }
  for (const char* flag : {"lstrip", "rstrip", "single_word", "normalized"}) {
    if (!is_off(entry, flag, true)) {
      return unsupported(
          fmt::format("added token {} has the flag {}; only added tokens without it are supported",
                      shown(id), flag));
    }
  }
  // Numbers beyond the signed range are stored as unsigned ones.
  if (id < 0 || id >= Vocabulary::id_bound) {
    return invalid(fmt::format("an added token has the id {}; ids must lie between 0 and {}",
                               shown(id), Vocabulary::id_bound - 1));
  }
  const auto& text = content.get_ref<const std::string&>();
  if (text.size() > AddedTokens::max_length) {
    return unsupported(fmt::format("added token {} is {} bytes long; at most {} are supported",
                                   shown(id), text.size(), AddedTokens::max_length));
  }
  return AddedTokens::Token{text, id.get<std::int32_t>()};
}

bool has_duplicates(const std::vector<AddedTokens::Token>& tokens) {
  std::vector<std::string_view> contents;
  std::vector<std::int32_t> ids;
  for (const AddedTokens::Token& token : tokens) {
    contents.push_back(token.content);
    ids.push_back(token.id);
  }
  std::sort(contents.begin(), contents.end());
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(contents.begin(), contents.end()) != contents.end() ||
         std::adjacent_find(ids.begin(), ids.end()) != ids.end();
}

}  // namespace

Status check_normalizer(std::string_view text) {
  const Result<json> section = parse_section("normalizer", text);
  if (!section) return tl::unexpected<Error>(section.error());
  const json& type = member(*section, "type");
  if (type == "NFC") return {};
  return unsupported(fmt::format("the normalizer is {}; only NFC is supported", shown(type)));
}

Status check_byte_level(std::string_view name, std::string_view text) {
  const Result<json> section = parse_section(name, text);
  if (!section) return tl::unexpected<Error>(section.error());
  const json& type = member(*section, "type");
  if (section->is_null() || type == "ByteLevel") return {};
  return unsupported(
      fmt::format("the {} is {}; only ByteLevel or null is supported", name, shown(type)));
}

Status check_model_option(std::string_view name, std::string_view text) {
  const bool must_be_off = name == "byte_fallback" || name == "ignore_merges";
  const bool must_be_empty =
      name == "continuing_subword_prefix" || name == "end_of_word_suffix" || name == "dropout";
  if (!must_be_off && !must_be_empty && name != "type") return {};
  const Result<json> value = parse_section(name, text);
  if (!value) return tl::unexpected<Error>(value.error());
  if (name == "type") {
    if (*value == "BPE") return {};
    return unsupported(fmt::format("the model type is {}; only BPE is supported", shown(*value)));
  }
  const bool is_empty_text = value->is_string() && value->get_ref<const std::string&>().empty();
  if (value->is_null() || (must_be_off ? *value == false : is_empty_text || *value == 0)) return {};
  return unsupported(fmt::format("model.{} is {}; only {} is supported", name, shown(*value),
                                 must_be_off ? "false" : "none"));
}

Status check_pre_tokenizer(std::string_view text) {
  const Result<json> section = parse_section("pre_tokenizer", text);
  if (!section) return tl::unexpected<Error>(section.error());
  const json& type = member(*section, "type");
  const json& steps = member(*section, "pretokenizers");
  if (type != "Sequence" || !steps.is_array() || steps.size() != 2 ||
      member(steps[0], "type") != "Split" || member(steps[1], "type") != "ByteLevel") {
    return unsupported(
        fmt::format("the pre_tokenizer is {}; only a Sequence of Split and ByteLevel is supported",
                    shown(type)));
  }
  const json& split = steps[0];
  if (member(member(split, "pattern"), "Regex") != supported_split_regex ||
      member(split, "behavior") != "Isolated" || !is_off(split, "invert", true)) {
    return unsupported(fmt::format(
        "the pre_tokenizer splits by another rule; only the Qwen2/Qwen3 regex {} with behavior "
        "Isolated is supported",
        supported_split_regex));
  }
  for (const char* flag : {"add_prefix_space", "use_regex"}) {
    if (!is_off(steps[1], flag, false)) {
      return unsupported(
          fmt::format("the ByteLevel pre_tokenizer has {} on; only off is supported", flag));
    }
  }
  return {};
}

Result<std::vector<AddedTokens::Token>> read_added_tokens(std::string_view text) {
  const Result<json> section = parse_section("added_tokens", text);
  if (!section) return tl::unexpected<Error>(section.error());
  std::vector<AddedTokens::Token> tokens;
  if (section->is_null()) return tokens;
  if (!section->is_array())
    return invalid("added_tokens is not a list; use an intact tokenizer.json");
  for (const json& entry : *section) {
    Result<AddedTokens::Token> token = read_added_token(entry);
    if (!token) return tl::unexpected<Error>(token.error());
    tokens.push_back(std::move(*token));
  }
  if (has_duplicates(tokens)) {
    return invalid("two added tokens have the same content or the same id; remove one");
  }
  return tokens;
}

}  // namespace trinity
