// A fast hash of short byte strings: at most two loads and one wide multiplication up to 16 bytes.
//
// It seeds nothing and is used only inside tables, never stored or shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace trinity::text {

namespace byte_hash_detail {

inline constexpr std::uint64_t first_key =
    0x9E3779B97F4A7C15;  // fractional part of the golden ratio
inline constexpr std::uint64_t second_key = 0xD1B54A32D192ED03;  // odd, half of its bits set

inline std::uint64_t load64(const char* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

inline std::uint32_t load32(const char* bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

inline std::uint64_t load8(const char* bytes) { return static_cast<unsigned char>(*bytes); }

/// Both halves of the 128-bit product, combined.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace byte_hash_detail

inline std::uint64_t hash_bytes(std::string_view text) {
  using namespace byte_hash_detail;
  const char* bytes = text.data();
  std::size_t length = text.size();
  std::uint64_t seed = length * second_key;
  while (length > 16) {
    seed = mix(load64(bytes) ^ first_key ^ seed, load64(bytes + 8) ^ second_key);
    bytes += 16;
    length -= 16;
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (length >= 8) {
    a = load64(bytes);
    b = load64(bytes + length - 8);
  } else if (length >= 4) {
    a = load32(bytes);
    b = load32(bytes + length - 4);
  } else if (length > 0) {
    a = load8(bytes) | load8(bytes + length / 2) << 8 | load8(bytes + length - 1) << 16;
  }
  return mix(a ^ first_key ^ seed, b ^ second_key);
}

/// Hash of a pair of 32-bit numbers.
inline std::uint64_t hash_pair(std::uint64_t pair) {
  using namespace byte_hash_detail;
  return mix(pair ^ second_key, first_key);
}

}  // namespace trinity::text
