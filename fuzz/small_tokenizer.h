// A small tokenizer for the fuzz targets: the 256 bytes, a few hundred merges, a chat's added
// tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "input.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"
#include "text/utf8_decode.h"

namespace trinity::fuzz {

inline std::string json_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

/// The file as text; merges pair the tokens made so far, so tokens of up to 16 bytes appear.
inline std::string small_tokenizer_json() {
  std::vector<std::string> tokens;
  std::uint32_t next = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    tokens.emplace_back();
    text::append_code_point(printable ? byte : next++, tokens.back());
  }
  const std::string space = tokens[' '];
  const std::string line_feed = tokens['\n'];
  const std::string merges[][2] = {{"a", "a"},
                                   {"aa", "aa"},
                                   {"aaaa", "aaaa"},
                                   {"a", "b"},
                                   {"b", "c"},
                                   {"ab", "c"},
                                   {"a", "bc"},
                                   {space, "a"},
                                   {space, space},
                                   {line_feed, line_feed},
                                   {"t", "h"},
                                   {"th", "e"},
                                   {space, "the"},
                                   {"'", "s"},
                                   {"<", "|"},
                                   {"|", ">"},
                                   {"!", "!"},
                                   {tokens[0xCC], tokens[0x81]},
                                   {tokens[0xC3], tokens[0xA9]},
                                   {"e", "r"},
                                   {"i", "n"},
                                   {"in", "g"}};
  std::string vocabulary;
  std::string list;
  std::vector<std::string> made = tokens;
  for (const auto& merge : merges) {
    const std::string product = merge[0] + merge[1];
    bool is_new = true;
    for (const auto& token : made) is_new = is_new && token != product;
    if (is_new) made.push_back(product);
    if (!list.empty()) list += ",";
    list += "[" + json_quoted(merge[0]) + "," + json_quoted(merge[1]) + "]";
  }
  for (std::size_t id = 0; id < made.size(); ++id) {
    if (id != 0) vocabulary += ",";
    vocabulary += json_quoted(made[id]) + ":" + std::to_string(id);
  }
  std::string added;
  std::size_t id = made.size();
  for (const char* content :
       {"<|im_start|>", "<|im_end|>", "<think>", "</think>", "<th", "\xC3\xA9<"}) {
    if (!added.empty()) added += ",";
    added += "{\"id\":" + std::to_string(id++) + ",\"content\":" + json_quoted(content) + "}";
  }
  return "{\"added_tokens\":[" + added +
         "],\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\","
         "\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":" +
         json_quoted(text::supported_split_regex) +
         "},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_"
         "space\":"
         "false,\"use_regex\":false}]},\"model\":{\"type\":\"BPE\",\"vocab\":{" +
         vocabulary + "},\"merges\":[" + list + "]}}";
}

inline const text::Tokenizer& small_tokenizer() {
  static const text::Tokenizer tokenizer = [] {
    Result<text::Tokenizer> parsed = text::Tokenizer::parse(small_tokenizer_json());
    require(parsed.has_value(), "the small tokenizer is valid");
    return std::move(*parsed);
  }();
  return tokenizer;
}

}  // namespace trinity::fuzz
