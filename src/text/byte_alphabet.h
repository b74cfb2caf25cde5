// The byte alphabet of byte-level tokenizers: one printable character for every byte.
//
// Bytes 33-126, 161-172 and 174-255 stand for themselves as code points; the other 68, in
// increasing order, become U+0100, U+0101, ... (space is U+0120). Files spell tokens in this
// alphabet; inside the program tokens are plain bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace trinity::text {

/// The code points of the alphabet are below this bound.
inline constexpr std::uint32_t byte_alphabet_end = 0x100 + 68;

/// [code point] the byte, or -1 for code points outside the alphabet.
constexpr std::array<std::int16_t, byte_alphabet_end> make_byte_alphabet() {
  std::array<std::int16_t, byte_alphabet_end> bytes{};
  for (std::int16_t& byte : bytes) byte = -1;
  std::size_t next = 0x100;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    bytes[printable ? byte : next++] = static_cast<std::int16_t>(byte);
  }
  return bytes;
}
inline constexpr std::array<std::int16_t, byte_alphabet_end> byte_of_code_point =
    make_byte_alphabet();

/// What stands between the quotes of a JSON string.
enum class AlphabetText { token, two_tokens, outside_alphabet, malformed };

/// Appends to `bytes` what a JSON string spells in the byte alphabet. `raw` points behind the
/// opening quote of a string in valid UTF-8 whose closing quote is known to exist. At one space,
/// which is outside the alphabet, the text divides into two tokens: `first_length` is then the
/// number of bytes of the first, and for one token that of all its bytes.
AlphabetText append_alphabet_bytes(const char* raw, std::string& bytes, std::size_t& first_length);

}  // namespace trinity::text
