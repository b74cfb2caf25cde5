#include "text/tokenizer_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <string_view>

#include "base/try.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer_error.h"
#include "text/tokenizer_sections.h"
#include "text/utf8_decode.h"

namespace trinity::text {

namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::document;
using simdjson::ondemand::field;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::parser;
using simdjson::ondemand::raw_json_string;
using simdjson::ondemand::value;

tl::unexpected<Error> malformed(std::string_view where, simdjson::error_code code) {
  return invalid_tokenizer(
      fmt::format("{} of the tokenizer file cannot be read ({}); use an intact tokenizer.json",
                  where, simdjson::error_message(code)));
}

/// Calls `use(key, value)` for every field; its first failure ends the walk.
template <typename Use>
Status for_each_field(object fields, std::string_view where, Use&& use) {
  for (auto item : fields) {
    field entry;
    if (const auto error = std::move(item).get(entry)) return malformed(where, error);
    std::string_view key;
    if (const auto error = entry.unescaped_key().get(key)) return malformed(where, error);
    if (Status status = use(key, entry.value()); !status) return status;
  }
  return {};
}

/// Reads the parts of one file in whatever order they come.
class Reader {
 public:
  Status read(document& file) {
    object root;
    if (const auto error = file.get_object().get(root)) return malformed("the root object", error);
    Status status = for_each_field(root, "the root object", [&](std::string_view key, value v) {
      return read_section(key, v);
    });
    if (!status) return status;
    if (file.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      return invalid_tokenizer("the tokenizer file goes on after its closing brace");
    }
    if (!seen_normalizer_)
      return unsupported_tokenizer("the tokenizer has no normalizer; NFC is supported");
    if (!seen_pre_tokenizer_) {
      return unsupported_tokenizer(
          "the tokenizer has no pre_tokenizer; Split and ByteLevel are supported");
    }
    if (!seen_vocabulary_) return invalid_tokenizer("the tokenizer file has no model.vocab");
    if (!seen_merges_) return invalid_tokenizer("the tokenizer file has no model.merges");
    if (merges_wait_for_vocabulary_) {
      if (status = read_late_merges(file); !status) return status;
    }
    TRINITY_CHECK(check_added_tokens());
    TRINITY_CHECK(check_ends());
    note_ids();
    return {};
  }

  TokenizerModel take() { return std::move(model_); }

 private:
  Status read_section(std::string_view key, value& v) {
    if (key == "model") return read_model(v);
    const bool is_setting = key == "normalizer" || key == "pre_tokenizer" ||
                            key == "post_processor" || key == "decoder" || key == "added_tokens";
    if (!is_setting) return {};
    std::string_view text;
    if (const auto error = simdjson::to_json_string(v).get(text)) return malformed(key, error);
    if (key == "normalizer") {
      Status status = once(seen_normalizer_, key);
      return status ? check_normalizer(text) : status;
    }
    if (key == "pre_tokenizer") {
      Status status = once(seen_pre_tokenizer_, key);
      return status ? check_pre_tokenizer(text) : status;
    }
    if (key == "added_tokens") {
      if (Status status = once(seen_added_tokens_, key); !status) return status;
      auto tokens = read_added_tokens(text);
      if (!tokens) return tl::unexpected<Error>(tokens.error());
      model_.added_tokens = std::move(*tokens);
      return {};
    }
    if (key == "decoder") return check_decoder(text);
    TRINITY_CHECK(once(seen_post_processor_, key));
    TRINITY_TRY(model_.ends, read_post_processor(text));
    return {};
  }

  Status once(bool& seen, std::string_view name) {
    if (seen)
      return invalid_tokenizer(fmt::format("the tokenizer file has two sections `{}`", name));
    seen = true;
    return {};
  }

  Status read_model(value& v) {
    if (Status status = once(seen_model_, "model"); !status) return status;
    object fields;
    if (const auto error = v.get_object().get(fields)) return malformed("model", error);
    return for_each_field(fields, "model", [&](std::string_view key, value item) -> Status {
      if (key == "vocab") return read_vocabulary(item);
      if (key == "merges") return read_merges(item);
      std::string_view text;
      if (const auto error = simdjson::to_json_string(item).get(text)) return malformed(key, error);
      return check_model_option(key, text);
    });
  }

  Status read_vocabulary(value& v) {
    if (Status status = once(seen_vocabulary_, "model.vocab"); !status) return status;
    object fields;
    if (const auto error = v.get_object().get(fields)) return malformed("model.vocab", error);
    std::string token;
    for (auto item : fields) {
      field entry;
      if (const auto error = std::move(item).get(entry)) return malformed("model.vocab", error);
      std::int64_t id = 0;
      // The key is read where it stands, before the value moves the iterator on.
      token.clear();
      std::size_t length = 0;
      const AlphabetText text = append_alphabet_bytes(entry.key().raw(), token, length);
      if (const auto error = entry.value().get_int64().get(id))
        return malformed("model.vocab", error);
      if (text != AlphabetText::token) {
        return unsupported_tokenizer(
            fmt::format("the vocabulary token with the id {} is not spelt in the byte alphabet; "
                        "only byte-level "
                        "vocabularies are supported",
                        id));
      }
      if (Status status = model_.vocabulary.add(token, id); !status) return status;
    }
    return model_.vocabulary.build_index();
  }

  Status read_merges(value& v) {
    if (Status status = once(seen_merges_, "model.merges"); !status) return status;
    if (!seen_vocabulary_) {
      merges_wait_for_vocabulary_ = true;
      return {};
    }
    return read_merge_list(v);
  }

  /// Second walk over a file that lists its merges before its vocabulary.
  Status read_late_merges(document& file) {
    file.rewind();
    value v;
    if (const auto error = file["model"]["merges"].get(v)) return malformed("model.merges", error);
    return read_merge_list(v);
  }

  Status read_merge_list(value& v) {
    array list;
    if (const auto error = v.get_array().get(list)) return malformed("model.merges", error);
    model_.merges.reserve(model_.vocabulary.size());
    std::string pair;
    for (auto element : list) {
      value item;
      if (const auto error = element.get(item)) return malformed("model.merges", error);
      pair.clear();
      std::size_t left_length = 0;
      Status status = read_pair(item, pair, left_length);
      if (!status) return status;
      if (status = add_merge(pair, left_length); !status) return status;
    }
    return {};
  }

  /// Reads `["a", "b"]` or `"a b"`; `pair` receives the bytes of both, `left_length` those of a.
  Status read_pair(value& v, std::string& pair, std::size_t& left_length) {
    json_type type{};
    if (const auto error = v.type().get(type)) return malformed("model.merges", error);
    if (type == json_type::string) {
      raw_json_string text;
      if (const auto error = v.get_raw_json_string().get(text))
        return malformed("model.merges", error);
      if (append_alphabet_bytes(text.raw(), pair, left_length) == AlphabetText::two_tokens)
        return {};
      return invalid_tokenizer(fmt::format("merge {} is not two tokens with one space between them",
                                           model_.merges.size()));
    }
    array parts;
    if (const auto error = v.get_array().get(parts)) return malformed("model.merges", error);
    std::size_t count = 0;
    for (auto part : parts) {
      raw_json_string text;
      if (const auto error = part.get_raw_json_string().get(text)) {
        return malformed("model.merges", error);
      }
      std::size_t length = 0;
      if (++count > 2 || append_alphabet_bytes(text.raw(), pair, length) != AlphabetText::token) {
        count = 0;
        break;
      }
      if (count == 1) left_length = length;
    }
    if (count == 2) return {};
    return invalid_tokenizer(fmt::format(
        "merge {} is not a list of two tokens in the byte alphabet", model_.merges.size()));
  }

  Status add_merge(std::string_view pair, std::size_t left_length) {
    const Vocabulary& vocabulary = model_.vocabulary;
    MergeRule rule;
    rule.left = vocabulary.find(pair.substr(0, left_length));
    rule.right = vocabulary.find(pair.substr(left_length));
    // Products usually come in the order of their ids, which saves the search.
    const std::int32_t expected = model_.merges.empty() ? 256 : model_.merges.back().product + 1;
    rule.product = vocabulary.defines(expected) && vocabulary.bytes(expected) == pair
                       ? expected
                       : vocabulary.find(pair);
    if (rule.left == Vocabulary::none || rule.right == Vocabulary::none ||
        rule.product == Vocabulary::none) {
      return invalid_tokenizer(fmt::format("merge {} names a token that is not in the vocabulary",
                                           model_.merges.size()));
    }
    model_.merges.push_back(rule);
    return {};
  }

  /// The vocabulary token that the file spells like this text, or none. Added tokens are not spelt
  /// in the byte alphabet: " a" is another token than the vocabulary's, which is spelt with U+0120.
  std::int32_t spelt_in_vocabulary(const std::string& text) const {
    std::string bytes;
    for (std::size_t i = 0; i < text.size();) {
      const DecodedCodePoint decoded = decode_code_point(text.data() + i);
      if (decoded.value >= byte_alphabet_end || byte_of_code_point[decoded.value] < 0)
        return Vocabulary::none;
      bytes.push_back(static_cast<char>(byte_of_code_point[decoded.value]));
      i += decoded.length;
    }
    return model_.vocabulary.find(bytes);
  }

  /// An added token has an id of its own, or it is a vocabulary token spelt the same.
  Status check_added_tokens() {
    for (const AddedTokens::Token& token : model_.added_tokens) {
      const std::int32_t in_vocabulary = spelt_in_vocabulary(token.content);
      const bool id_taken = model_.vocabulary.defines(token.id);
      if (in_vocabulary != token.id && (id_taken || in_vocabulary != Vocabulary::none)) {
        return invalid_tokenizer(
            fmt::format("the added token with the id {} contradicts the vocabulary, which "
                        "has its id or its text; use an intact tokenizer.json",
                        token.id));
      }
    }
    return {};
  }

  /// The tokens around a text exist and have one id.
  Status check_ends() {
    for (const auto* side : {&model_.ends.before, &model_.ends.after}) {
      for (const EndToken& token : *side) {
        bool known = model_.vocabulary.defines(token.id);
        for (const AddedTokens::Token& added : model_.added_tokens) {
          known = known || added.id == token.id;
          if (added.content != token.name || added.id == token.id) continue;
          return invalid_tokenizer(
              fmt::format("the post_processor gives the token \"{}\" the id {}, but added_tokens "
                          "gives it {}; use an intact tokenizer.json",
                          excerpt(token.name), token.id, added.id));
        }
        if (!known) {
          return invalid_tokenizer(
              fmt::format("the post_processor sets the token \"{}\" around a text, but its id {} "
                          "is not defined; use an intact tokenizer.json",
                          excerpt(token.name), token.id));
        }
      }
    }
    return {};
  }

  /// Tells where the `tokenizers` library, which numbers added tokens anew, gives other ids.
  void note_ids() {
    const auto size = static_cast<std::int32_t>(model_.vocabulary.size());
    std::int32_t highest = -1;
    for (const AddedTokens::Token& token : model_.added_tokens) {
      const std::int32_t in_vocabulary = spelt_in_vocabulary(token.content);
      const std::int32_t handed_out = in_vocabulary != Vocabulary::none ? in_vocabulary
                                      : highest >= size                 ? highest + 1
                                                                        : size;
      highest = std::max(highest, handed_out);
      if (handed_out == token.id) continue;
      model_.notes.push_back(
          fmt::format("the tokenizer file gives the added token \"{}\" the id {}, which is used; "
                      "the tokenizers library numbers such tokens anew and gives it {}",
                      excerpt(token.content), token.id, handed_out));
      return;
    }
  }

  TokenizerModel model_;
  bool seen_normalizer_ = false;
  bool seen_pre_tokenizer_ = false;
  bool seen_added_tokens_ = false;
  bool seen_post_processor_ = false;
  bool seen_model_ = false;
  bool seen_vocabulary_ = false;
  bool seen_merges_ = false;
  bool merges_wait_for_vocabulary_ = false;
};

}  // namespace

Result<TokenizerModel> read_tokenizer_json(std::string json) {
  const std::size_t size = json.size();
  json.reserve(size + simdjson::SIMDJSON_PADDING);
  parser json_parser;
  document file;
  if (const auto error = json_parser.iterate(json.data(), size, json.capacity()).get(file)) {
    return malformed("the text", error);
  }
  Reader reader;
  if (Status status = reader.read(file); !status) return tl::unexpected<Error>(status.error());
  return reader.take();
}

}  // namespace trinity::text
