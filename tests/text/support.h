// Helpers of the text tests: conformance files, a small tokenizer file, random Unicode.
#pragma once

#include <gtest/gtest.h>
#include <trinity/message.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "support/conformance.h"
#include "text/tokenizer.h"
#include "text/utf8_decode.h"

namespace trinity::testing {

inline constexpr const char* qwen3_file = "qwen3_tokenizer/tokenizer.json";

/// The genuine tokenizer, loaded once a process; call only after TRINITY_REQUIRE_CONFORMANCE.
const text::Tokenizer& qwen3();

std::string read_conformance(const std::string& relative);

/// The records of a JSONL file.
std::vector<nlohmann::json> read_records(const std::string& relative);

std::vector<Message> messages_of(const nlohmann::json& list);

/// SHA-256 of ids as a compact JSON array.
std::string ids_sha256(const std::vector<std::int32_t>& ids);

using Ids = std::vector<std::int32_t>;

/// The ids, or a list that no encoding gives, with the error shown.
Ids value_of(const Result<Ids>& result);

template <typename Value>
std::string tag_of(const Result<Value>& result) {
  return result ? "no error" : result.error().tag;
}

inline void append_part(std::uint32_t code_point, std::string& text) {
  text::append_code_point(code_point, text);
}
inline void append_part(std::string_view part, std::string& text) { text += part; }

/// Text from code points and strings: utf8("caf", 0xE9).
template <typename... Parts>
std::string utf8(const Parts&... parts) {
  std::string text;
  (append_part(parts, text), ...);
  return text;
}

/// A byte in the byte alphabet of tokenizer files, written independently of the loader.
std::string alphabet_spelling(unsigned char byte);

/// A valid tokenizer file: the 256 bytes as ids 0..255, `ab` 256, `abc` 257, ` a` 258 with their
/// merges, and the added tokens `<|x|>` 259 and `<|x|><y>` 260.
nlohmann::ordered_json small_tokenizer_json();

/// Seeded random text of the scripts and marks that normalisation and splitting care about.
class RandomText {
 public:
  explicit RandomText(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  std::uint32_t code_point();

  std::string text(std::size_t code_points) {
    std::string result;
    while (code_points-- > 0) text::append_code_point(code_point(), result);
    return result;
  }

 private:
  std::mt19937 random_;
};

}  // namespace trinity::testing
