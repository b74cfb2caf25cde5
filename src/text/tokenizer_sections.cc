#include "text/tokenizer_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/json_value.h"
#include "base/try.h"
#include "text/nfc.h"
#include "text/pre_tokenizer.h"
#include "text/section_json.h"
#include "text/tokenizer_error.h"
#include "text/vocabulary.h"

namespace trinity::text {

namespace {

/// Whether a switch is off; one that is left out has the format's default.
bool is_off(const Json& object, const char* key, bool default_is_off) {
  const Json& value = section_member(object, key);
  return value.is_null() ? default_is_off : value == false;
}

/// The names of a section's steps, for a message.
std::string step_names(const std::vector<const Json*>& steps) {
  if (steps.empty()) return "an empty Sequence";
  std::string names;
  for (const Json* step : steps) {
    names += (names.empty() ? "" : ", ") + shown(section_member(*step, "type"));
    if (names.size() > 128) return names + ", ...";
  }
  return names;
}

Result<AddedTokens::Token> read_added_token(const Json& entry) {
  const Json& id = section_member(entry, "id");
  const Json& content = section_member(entry, "content");
  if (!id.is_number_integer())
    return invalid_tokenizer("an entry of added_tokens has no id; give it a number");
  if (!content.is_string() || content.as_string().empty()) {
    return invalid_tokenizer(
        fmt::format("added token {} has no content; give it a text", shown(id)));
  }
  for (const char* flag : {"lstrip", "rstrip", "single_word"}) {
    if (!is_off(entry, flag, true)) {
      return unsupported_tokenizer(fmt::format(
          "added token {} ({}) has the flag {}, which lets the text around it decide; only added "
          "tokens without it are supported, so set it to false if the model was trained without it",
          shown(id), shown(content), flag));
    }
  }
  const Json& normalized = section_member(entry, "normalized");
  if (!normalized.is_null() && !normalized.is_boolean()) {
    return invalid_tokenizer(
        fmt::format("added token {} sets normalized to {}; it must be true or "
                    "false",
                    shown(id), shown(normalized)));
  }
  // Numbers beyond the signed range are stored as unsigned ones.
  if (id.as_int64() < 0 || id.as_double() >= Vocabulary::id_bound) {
    return invalid_tokenizer(
        fmt::format("an added token has the id {}; ids must lie between 0 and {}", shown(id),
                    Vocabulary::id_bound - 1));
  }
  const auto& text = content.as_string();
  if (text.size() > AddedTokens::max_length) {
    return unsupported_tokenizer(
        fmt::format("added token {} is {} bytes long; at most {} are supported", shown(id),
                    text.size(), AddedTokens::max_length));
  }
  return AddedTokens::Token{text, static_cast<std::int32_t>(id.as_int64()), normalized == true};
}

/// Tokens as they are read, and what they must not have in common.
class TokenList {
 public:
  Status add(AddedTokens::Token token) {
    const auto known = by_content_.find(token.content);
    if (known != by_content_.end()) {
      const AddedTokens::Token& first = tokens_[known->second];
      if (first.id == token.id && first.normalized == token.normalized) return {};
      return invalid_tokenizer(
          fmt::format("two added tokens have the same content {} but another {}; remove one",
                      shown(token.content),
                      first.id == token.id ? "flag normalized"
                                           : fmt::format("id ({} and {})", first.id, token.id)));
    }
    if (const auto other = by_id_.find(token.id); other != by_id_.end()) {
      return invalid_tokenizer(
          fmt::format("the added tokens {} and {} have the same id {}; remove one",
                      shown(tokens_[other->second].content), shown(token.content), token.id));
    }
    if (token.normalized && !by_nfc_.emplace(nfc(token.content), tokens_.size()).second) {
      return invalid_tokenizer(fmt::format(
          "added token {} is the same text as another one after NFC; remove one", token.id));
    }
    by_content_.emplace(token.content, tokens_.size());
    by_id_.emplace(token.id, tokens_.size());
    tokens_.push_back(std::move(token));
    return {};
  }
  std::vector<AddedTokens::Token> take() { return std::move(tokens_); }

 private:
  std::vector<AddedTokens::Token> tokens_;
  std::map<std::string, std::size_t> by_content_, by_nfc_;
  std::map<std::int32_t, std::size_t> by_id_;
};

}  // namespace

Status check_normalizer(std::string_view text) {
  TRINITY_TRY(const Json section, parse_section("normalizer", text));
  const std::vector<const Json*> steps = section_steps(section, "normalizers");
  const bool all_nfc = std::all_of(steps.begin(), steps.end(), [](const Json* step) {
    return section_member(*step, "type") == "NFC";
  });
  if (all_nfc && !steps.empty()) return {};
  return unsupported_tokenizer(
      fmt::format("the normalizer is {}; only NFC is supported", step_names(steps)));
}

Status check_decoder(std::string_view text) {
  TRINITY_TRY(const Json section, parse_section("decoder", text));
  if (section.is_null()) return {};
  const std::vector<const Json*> steps = section_steps(section, "decoders");
  if (std::all_of(steps.begin(), steps.end(),
                  [](const Json* step) { return section_member(*step, "type") == "ByteLevel"; }))
    return {};
  return unsupported_tokenizer(
      fmt::format("the decoder is {}; only ByteLevel or null is supported", step_names(steps)));
}

Status check_model_option(std::string_view name, std::string_view text) {
  const bool must_be_off = name == "byte_fallback" || name == "ignore_merges";
  const bool must_be_empty =
      name == "continuing_subword_prefix" || name == "end_of_word_suffix" || name == "dropout";
  if (!must_be_off && !must_be_empty && name != "type") return {};
  TRINITY_TRY(const Json value, parse_section(name, text));
  if (name == "type") {
    if (value == "BPE") return {};
    return unsupported_tokenizer(
        fmt::format("the model type is {}; only BPE is supported", shown(value)));
  }
  const bool is_empty_text = value.is_string() && value.as_string().empty();
  if (value.is_null() || (must_be_off ? value == false : is_empty_text || value == 0)) return {};
  return unsupported_tokenizer(fmt::format("model.{} is {}; only {} is supported", name,
                                           shown(value), must_be_off ? "false" : "none"));
}

Status check_pre_tokenizer(std::string_view text) {
  TRINITY_TRY(const Json section, parse_section("pre_tokenizer", text));
  const std::vector<const Json*> steps = section_steps(section, "pretokenizers");
  if (steps.size() != 2 || section_member(*steps[0], "type") != "Split" ||
      section_member(*steps[1], "type") != "ByteLevel") {
    return unsupported_tokenizer(
        fmt::format("the pre_tokenizer is {}; only a Sequence of Split and ByteLevel is supported",
                    step_names(steps)));
  }
  const Json& split = *steps[0];
  if (section_member(section_member(split, "pattern"), "Regex") != supported_split_regex ||
      section_member(split, "behavior") != "Isolated" || !is_off(split, "invert", true)) {
    return unsupported_tokenizer(fmt::format(
        "the pre_tokenizer splits by another rule; only the Qwen2/Qwen3 regex {} with behavior "
        "Isolated is supported",
        supported_split_regex));
  }
  for (const char* flag : {"add_prefix_space", "use_regex"}) {
    if (!is_off(*steps[1], flag, false)) {
      return unsupported_tokenizer(
          fmt::format("the ByteLevel pre_tokenizer has {} on; only off is supported", flag));
    }
  }
  return {};
}

Result<std::vector<AddedTokens::Token>> read_added_tokens(std::string_view text) {
  TRINITY_TRY(const Json section, parse_section("added_tokens", text));
  TokenList tokens;
  if (section.is_null()) return tokens.take();
  if (!section.is_array())
    return invalid_tokenizer("added_tokens is not a list; use an intact tokenizer.json");
  for (const Json& entry : section) {
    TRINITY_TRY(AddedTokens::Token token, read_added_token(entry));
    TRINITY_CHECK(tokens.add(std::move(token)));
  }
  return tokens.take();
}

}  // namespace trinity::text
