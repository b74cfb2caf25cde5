#include "text/post_processor.h"

#include <fmt/format.h>

#include "base/json_value.h"
#include "base/try.h"
#include "text/section_json.h"
#include "text/tokenizer_error.h"
#include "text/vocabulary.h"

namespace trinity::text {

namespace {

/// The tokens that the template's special token `name` stands for.
Result<std::vector<EndToken>> special_token(const Json& processor, const std::string& name) {
  const Json& entry = section_member(section_member(processor, "special_tokens"), name.c_str());
  const Json& ids = section_member(entry, "ids");
  const Json& names = section_member(entry, "tokens");
  if (!ids.is_array() || ids.empty()) {
    return invalid_tokenizer(
        fmt::format("the post_processor sets the token {} around a text, but its special_tokens "
                    "give no ids for it; use an intact tokenizer.json",
                    shown(name)));
  }
  std::vector<EndToken> tokens;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].is_number_integer() || ids[i].as_int64() < 0 ||
        ids[i].as_double() >= Vocabulary::id_bound) {
      return invalid_tokenizer(
          fmt::format("the post_processor gives the token {} the id {}; ids must lie between 0 "
                      "and {}",
                      shown(name), shown(ids[i]), Vocabulary::id_bound - 1));
    }
    const bool is_named = names.is_array() && i < names.size() && names[i].is_string();
    tokens.push_back(
        {is_named ? names[i].as_string() : name, static_cast<std::int32_t>(ids[i].as_int64())});
  }
  return tokens;
}

/// The template of one text: special tokens around the sequence A.
Result<EndTokens> read_template(const Json& processor) {
  const Json& pieces = section_member(processor, "single");
  if (!pieces.is_array()) {
    return invalid_tokenizer(
        "the post_processor TemplateProcessing has no list `single`; use an intact tokenizer.json");
  }
  EndTokens ends;
  std::size_t texts = 0;
  for (const Json& piece : pieces) {
    const Json& token = section_member(section_member(piece, "SpecialToken"), "id");
    const Json& sequence = section_member(section_member(piece, "Sequence"), "id");
    if (sequence == "A") {
      ++texts;
    } else if (token.is_string()) {
      TRINITY_TRY(const std::vector<EndToken> tokens, special_token(processor, token.as_string()));
      auto& side = texts == 0 ? ends.before : ends.after;
      side.insert(side.end(), tokens.begin(), tokens.end());
    } else {
      return invalid_tokenizer(
          fmt::format("the post_processor's template has the piece {}; use an intact "
                      "tokenizer.json",
                      shown(piece)));
    }
  }
  if (texts == 1) return ends;
  return unsupported_tokenizer(fmt::format(
      "the post_processor's template writes a text {} times; only once is supported", texts));
}

}  // namespace

Result<EndTokens> read_post_processor(std::string_view text) {
  TRINITY_TRY(const Json section, parse_section("post_processor", text));
  EndTokens ends;
  if (section.is_null()) return ends;
  for (const Json* step : section_steps(section, "processors")) {
    const Json& type = section_member(*step, "type");
    if (type == "ByteLevel") continue;  // moves offsets, adds no token
    if (type != "TemplateProcessing") {
      return unsupported_tokenizer(
          fmt::format("the post_processor is {}, which may add tokens to a text; only ByteLevel, "
                      "TemplateProcessing, a Sequence of them or null is supported",
                      shown(type)));
    }
    TRINITY_TRY(EndTokens outer, read_template(*step));
    // A later step stands around what the earlier ones made.
    outer.before.insert(outer.before.end(), ends.before.begin(), ends.before.end());
    ends.before = std::move(outer.before);
    ends.after.insert(ends.after.end(), outer.after.begin(), outer.after.end());
  }
  return ends;
}

}  // namespace trinity::text
