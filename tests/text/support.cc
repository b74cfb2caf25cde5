#include "support.h"

#include <fstream>
#include <stdexcept>

#include "base/file.h"
#include "text/pre_tokenizer.h"

namespace trinity::testing {

const text::Tokenizer& qwen3() {
  static const text::Tokenizer tokenizer = [] {
    Result<text::Tokenizer> loaded = text::Tokenizer::load(conformance_path(qwen3_file));
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return std::move(*loaded);
  }();
  return tokenizer;
}

std::string read_conformance(const std::string& relative) {
  Result<std::string> text = read_text_file(conformance_path(relative), std::size_t{1} << 28);
  if (!text) throw std::runtime_error(text.error().message);
  return *text;
}

std::vector<nlohmann::json> read_records(const std::string& relative) {
  std::vector<nlohmann::json> records;
  std::ifstream file(conformance_path(relative));
  for (std::string line; std::getline(file, line);) records.push_back(nlohmann::json::parse(line));
  return records;
}

std::vector<Message> messages_of(const nlohmann::json& list) {
  std::vector<Message> messages;
  for (const auto& entry : list) messages.push_back({entry.at("role"), entry.at("content")});
  return messages;
}

std::string ids_sha256(const std::vector<std::int32_t>& ids) {
  return sha256_hex(std::string_view(nlohmann::json(ids).dump()));
}

Ids value_of(const Result<Ids>& result) {
  if (result) return *result;
  ADD_FAILURE() << result.error().tag << ": " << result.error().message;
  return {-1};
}

std::string alphabet_spelling(unsigned char byte) {
  if ((byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173)) return utf8(byte);
  std::uint32_t others_before = 0;
  for (unsigned b = 0; b < byte; ++b) {
    if (!((b >= 33 && b <= 126) || (b >= 161 && b != 173))) ++others_before;
  }
  return utf8(0x100 + others_before);
}

nlohmann::ordered_json small_tokenizer_json() {
  using Json = nlohmann::ordered_json;
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[alphabet_spelling(static_cast<unsigned char>(byte))] = byte;
  }
  const std::string space = alphabet_spelling(' ');
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  vocabulary[space + "a"] = 258;
  const auto added = [](int id, const char* content) {
    return Json{{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", false}};
  };
  return Json{
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", Json::array({added(259, "<|x|>"), added(260, "<|x|><y>")})},
      {"normalizer", {{"type", "NFC"}}},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers", Json::array({Json{{"type", "Split"},
                                            {"pattern", {{"Regex", text::supported_split_regex}}},
                                            {"behavior", "Isolated"},
                                            {"invert", false}},
                                       Json{{"type", "ByteLevel"},
                                            {"add_prefix_space", false},
                                            {"trim_offsets", false},
                                            {"use_regex", false}}})}}},
      {"post_processor", {{"type", "ByteLevel"}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", ""},
        {"end_of_word_suffix", ""},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"ignore_merges", false},
        {"vocab", vocabulary},
        {"merges", Json::array({Json::array({"a", "b"}), Json::array({"ab", "c"}),
                                Json::array({space, "a"})})}}}};
}

std::uint32_t RandomText::code_point() {
  struct Range {
    std::uint32_t first, last;
  };
  static constexpr Range ranges[] = {
      {0x20, 0x7E},       {0x61, 0x7A},       {0x09, 0x0D},       {0xA0, 0x24F},
      {0x300, 0x36F},     {0x370, 0x5FF},     {0x900, 0xDFF},     {0x1100, 0x11FF},
      {0x1AB0, 0x1AFF},   {0x1DC0, 0x1FFF},   {0x2000, 0x20FF},   {0x2100, 0x2AFF},
      {0x3000, 0x30FF},   {0xAC00, 0xD7A3},   {0xF900, 0xFB4F},   {0x10A00, 0x11FFF},
      {0x1D100, 0x1D1FF}, {0x1F300, 0x1FAFF}, {0x2F800, 0x2FA1F}, {0x10000, 0x10FFFF}};
  const Range& range = ranges[below(std::size(ranges))];
  return range.first + static_cast<std::uint32_t>(below(range.last - range.first + 1));
}

}  // namespace trinity::testing
