#include "text/tokenizer_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"

namespace trinity {

namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::document;
using simdjson::ondemand::field;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::parser;
using simdjson::ondemand::raw_json_string;
using simdjson::ondemand::value;

tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::invalid_input, "invalid_tokenizer", std::move(message));
}

tl::unexpected<Error> unsupported(std::string message) {
  return fail(ErrorKind::unsupported, "unsupported_tokenizer", std::move(message));
}

tl::unexpected<Error> malformed(std::string_view where, simdjson::error_code code) {
  return invalid(
      fmt::format("{} of the tokenizer file cannot be read ({}); use an intact tokenizer.json",
                  where, simdjson::error_message(code)));
}

bool is_null(value& v) {
  bool null = false;
  return v.is_null().get(null) == simdjson::SUCCESS && null;
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

template <typename Use>
Status for_each_field(value& v, std::string_view where, Use&& use) {
  object fields;
  if (const auto error = v.get_object().get(fields)) return malformed(where, error);
  return for_each_field(fields, where, std::forward<Use>(use));
}

Status read_string(value& v, std::string_view where, std::string& text) {
  std::string_view view;
  if (const auto error = v.get_string().get(view)) return malformed(where, error);
  text = view;
  return {};
}

Status read_bool(value& v, std::string_view where, bool& flag) {
  if (const auto error = v.get_bool().get(flag)) return malformed(where, error);
  return {};
}

/// The `type` of a section that is an object without anything else of interest, or "null".
Status read_type(value& v, std::string_view where, std::string& type) {
  if (is_null(v)) {
    type = "null";
    return {};
  }
  return for_each_field(v, where, [&](std::string_view key, value item) -> Status {
    return key == "type" ? read_string(item, where, type) : Status{};
  });
}

/// One entry of the pre-tokeniser sequence.
struct PreTokenizerStep {
  std::string type;
  std::string regex;
  std::string behavior;
  bool invert = false;
  bool add_prefix_space = true;  // the defaults of the format
  bool use_regex = true;
};

Status read_step(value& v, PreTokenizerStep& step) {
  constexpr std::string_view where = "pre_tokenizer";
  return for_each_field(v, where, [&](std::string_view key, value item) -> Status {
    if (key == "type") return read_string(item, where, step.type);
    if (key == "behavior") return read_string(item, where, step.behavior);
    if (key == "invert") return read_bool(item, where, step.invert);
    if (key == "add_prefix_space") return read_bool(item, where, step.add_prefix_space);
    if (key == "use_regex") return read_bool(item, where, step.use_regex);
    if (key == "pattern") {
      return for_each_field(item, where, [&](std::string_view kind, value pattern) -> Status {
        return kind == "Regex" ? read_string(pattern, where, step.regex) : Status{};
      });
    }
    return {};
  });
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
      return invalid("the tokenizer file goes on after its closing brace");
    }
    if (!seen_normalizer_) return unsupported("the tokenizer has no normalizer; NFC is supported");
    if (!seen_pre_tokenizer_) {
      return unsupported("the tokenizer has no pre_tokenizer; Split and ByteLevel are supported");
    }
    if (!seen_vocabulary_) return invalid("the tokenizer file has no model.vocab");
    if (!seen_merges_) return invalid("the tokenizer file has no model.merges");
    if (merges_wait_for_vocabulary_) {
      if (status = read_late_merges(file); !status) return status;
    }
    return check_added_tokens();
  }

  TokenizerModel take() { return std::move(model_); }

 private:
  Status read_section(std::string_view key, value& v) {
    if (key == "normalizer") return read_normalizer(v);
    if (key == "pre_tokenizer") return read_pre_tokenizer(v);
    if (key == "post_processor" || key == "decoder") return check_byte_level(key, v);
    if (key == "added_tokens") return read_added_tokens(v);
    if (key == "model") return read_model(v);
    return {};
  }

  Status once(bool& seen, std::string_view name) {
    if (seen) return invalid(fmt::format("the tokenizer file has two sections `{}`", name));
    seen = true;
    return {};
  }

  Status read_normalizer(value& v) {
    if (Status status = once(seen_normalizer_, "normalizer"); !status) return status;
    std::string type;
    if (Status status = read_type(v, "normalizer", type); !status) return status;
    if (type == "NFC") return {};
    return unsupported(fmt::format("the normalizer is \"{}\"; only NFC is supported", type));
  }

  Status check_byte_level(std::string_view name, value& v) {
    std::string type;
    if (Status status = read_type(v, name, type); !status) return status;
    if (type == "ByteLevel" || type == "null") return {};
    return unsupported(
        fmt::format("the {} is \"{}\"; only ByteLevel or null is supported", name, type));
  }

  Status read_pre_tokenizer(value& v) {
    if (Status status = once(seen_pre_tokenizer_, "pre_tokenizer"); !status) return status;
    std::string type = "null";
    std::vector<PreTokenizerStep> steps;
    if (!is_null(v)) {
      Status status =
          for_each_field(v, "pre_tokenizer", [&](std::string_view key, value item) -> Status {
            if (key == "type") return read_string(item, "pre_tokenizer", type);
            if (key != "pretokenizers") return {};
            array list;
            if (const auto error = item.get_array().get(list))
              return malformed("pre_tokenizer", error);
            for (auto element : list) {
              value step_value;
              if (const auto error = element.get(step_value))
                return malformed("pre_tokenizer", error);
              if (steps.size() == 2)
                return unsupported("the pre_tokenizer has more than two steps");
              if (Status read = read_step(step_value, steps.emplace_back()); !read) return read;
            }
            return {};
          });
      if (!status) return status;
    }
    if (type != "Sequence" || steps.size() != 2 || steps[0].type != "Split" ||
        steps[1].type != "ByteLevel") {
      return unsupported(fmt::format(
          "the pre_tokenizer is \"{}\"; only a Sequence of Split and ByteLevel is supported",
          type));
    }
    if (steps[0].regex != supported_split_regex || steps[0].behavior != "Isolated" ||
        steps[0].invert) {
      return unsupported(fmt::format(
          "the pre_tokenizer splits by another rule; only the Qwen2/Qwen3 regex {} with behavior "
          "Isolated is supported",
          supported_split_regex));
    }
    if (steps[1].add_prefix_space || steps[1].use_regex) {
      return unsupported(
          "the ByteLevel pre_tokenizer has add_prefix_space or use_regex on; only off is "
          "supported");
    }
    return {};
  }

  Status read_added_tokens(value& v) {
    if (Status status = once(seen_added_tokens_, "added_tokens"); !status) return status;
    if (is_null(v)) return {};
    array list;
    if (const auto error = v.get_array().get(list)) return malformed("added_tokens", error);
    for (auto element : list) {
      value token;
      if (const auto error = element.get(token)) return malformed("added_tokens", error);
      if (Status status = read_added_token(token); !status) return status;
    }
    return {};
  }

  Status read_added_token(value& v) {
    std::optional<std::int64_t> id;
    std::string content;
    Status status =
        for_each_field(v, "added_tokens", [&](std::string_view key, value item) -> Status {
          if (key == "id") {
            std::int64_t number = 0;
            if (const auto error = item.get_int64().get(number))
              return malformed("added_tokens", error);
            id = number;
            return {};
          }
          if (key == "content") return read_string(item, "added_tokens", content);
          if (key == "lstrip" || key == "rstrip" || key == "single_word" || key == "normalized") {
            bool flag = false;
            if (Status read = read_bool(item, "added_tokens", flag); !read) return read;
            if (flag) {
              return unsupported(fmt::format(
                  "an added token has the flag `{}`; only added tokens without it are supported",
                  key));
            }
          }
          return {};
        });
    if (!status) return status;
    if (!id || content.empty()) return invalid("an added token has no id or no content");
    if (*id < 0 || *id >= Vocabulary::id_bound) {
      return invalid(
          fmt::format("the added token \"{}\" has the id {}; ids must lie between 0 and {}",
                      content.substr(0, 64), *id, Vocabulary::id_bound - 1));
    }
    if (content.size() > AddedTokens::max_length) {
      return unsupported(
          fmt::format("the added token with the id {} is {} bytes long; at most {} are "
                      "supported",
                      *id, content.size(), AddedTokens::max_length));
    }
    model_.added_tokens.push_back({std::move(content), static_cast<std::int32_t>(*id)});
    return {};
  }

  Status read_model(value& v) {
    if (Status status = once(seen_model_, "model"); !status) return status;
    std::string type = "null";
    Status status = for_each_field(v, "model", [&](std::string_view key, value item) -> Status {
      if (key == "type") return read_string(item, "model.type", type);
      if (key == "vocab") return read_vocabulary(item);
      if (key == "merges") return read_merges(item);
      return check_model_option(key, item);
    });
    if (!status) return status;
    if (type != "BPE") {
      return unsupported(fmt::format("the model type is \"{}\"; only BPE is supported", type));
    }
    return {};
  }

  Status check_model_option(std::string_view key, value& v) {
    if (key == "byte_fallback" || key == "ignore_merges") {
      bool flag = false;
      if (!is_null(v)) {
        if (Status status = read_bool(v, key, flag); !status) return status;
      }
      if (flag) return unsupported(fmt::format("model.{} is true; only false is supported", key));
    } else if (key == "continuing_subword_prefix" || key == "end_of_word_suffix") {
      std::string text;
      if (!is_null(v)) {
        if (Status status = read_string(v, key, text); !status) return status;
      }
      if (!text.empty())
        return unsupported(fmt::format("model.{} is set; only none is supported", key));
    } else if (key == "dropout") {
      double rate = 0;
      if (!is_null(v)) {
        if (const auto error = v.get_double().get(rate)) return malformed(key, error);
      }
      if (rate != 0)
        return unsupported("model.dropout is set; only encoding without it is supported");
    }
    return {};
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
        return unsupported(
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
      return invalid(fmt::format("merge {} is not two tokens with one space between them",
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
    return invalid(fmt::format("merge {} is not a list of two tokens in the byte alphabet",
                               model_.merges.size()));
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
      return invalid(fmt::format("merge {} names a token that is not in the vocabulary",
                                 model_.merges.size()));
    }
    model_.merges.push_back(rule);
    return {};
  }

  Status check_added_tokens() {
    std::vector<std::string_view> contents;
    std::vector<std::int32_t> ids;
    for (const AddedTokens::Token& token : model_.added_tokens) {
      const std::int32_t in_vocabulary = model_.vocabulary.find(token.content);
      const bool id_taken = model_.vocabulary.defines(token.id);
      if (in_vocabulary != token.id && (id_taken || in_vocabulary != Vocabulary::none)) {
        return invalid(
            fmt::format("the added token \"{}\" with the id {} contradicts the vocabulary",
                        token.content.substr(0, 64), token.id));
      }
      contents.push_back(token.content);
      ids.push_back(token.id);
    }
    std::sort(contents.begin(), contents.end());
    std::sort(ids.begin(), ids.end());
    if (std::adjacent_find(contents.begin(), contents.end()) != contents.end() ||
        std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
      return invalid("two added tokens have the same content or the same id");
    }
    return {};
  }

  TokenizerModel model_;
  bool seen_normalizer_ = false;
  bool seen_pre_tokenizer_ = false;
  bool seen_added_tokens_ = false;
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

}  // namespace trinity
