#include "text/byte_alphabet.h"

#include <optional>

#include "text/utf8_decode.h"

namespace trinity::text {

namespace {

std::optional<std::uint32_t> hex_digits(const char* raw) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = raw[i];  // the closing quote ends the loop before anything is read behind it
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

/// The code point of an escape whose backslash stands at `raw`; `length` becomes its length.
std::optional<std::uint32_t> escaped(const char* raw, std::size_t& length) {
  length = 2;
  switch (raw[1]) {
    case '"':
    case '\\':
    case '/':
      return static_cast<unsigned char>(raw[1]);
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return byte_alphabet_end;  // a control character: outside the alphabet
    case 'u':
      length = 6;
      return hex_digits(raw + 2);
    default:
      return std::nullopt;
  }
}

}  // namespace

AlphabetText append_alphabet_bytes(const char* raw, std::string& bytes, std::size_t& first_length) {
  const std::size_t begin = bytes.size();
  bool divided = false;
  while (*raw != '"') {
    DecodedCodePoint decoded = decode_code_point(raw);
    if (decoded.value == '\\') {
      const std::optional<std::uint32_t> code_point = escaped(raw, decoded.length);
      if (!code_point) return AlphabetText::malformed;
      decoded.value = *code_point;
    }
    raw += decoded.length;
    if (decoded.value == ' ' && !divided) {
      divided = true;
      first_length = bytes.size() - begin;
      continue;
    }
    if (decoded.value >= byte_alphabet_end || byte_of_code_point[decoded.value] < 0) {
      return AlphabetText::outside_alphabet;
    }
    bytes.push_back(static_cast<char>(byte_of_code_point[decoded.value]));
  }
  if (divided) return AlphabetText::two_tokens;
  first_length = bytes.size() - begin;
  return AlphabetText::token;
}

}  // namespace trinity::text
