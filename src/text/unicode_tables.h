// Unicode character data for the tokenizer, in generated tables.
//
// Two versions of Unicode are mixed because the tokenizers library whose ids must be reproduced
// mixes them: the split classes are those of Unicode 16.0, normalisation data stop at Unicode 9.0
// (marks added later count as starters, younger composites are unknown). The tables come from
// tools/unicode/generate_unicode_tables.py.
//
// A table of values per code point has two stages: the first maps a block of code points to one of
// the distinct blocks, the second holds those. Code points at or above the limit have the value 0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trinity::text::unicode {

inline constexpr unsigned property_block_bits = 7;
inline constexpr std::uint32_t property_limit = 0x32400;
inline constexpr unsigned combining_block_bits = 5;
inline constexpr std::uint32_t combining_limit = 0x1e960;

extern const std::uint8_t property_first_stage[property_limit >> property_block_bits];
extern const std::uint8_t property_second_stage[];
extern const std::uint8_t combining_first_stage[combining_limit >> combining_block_bits];
extern const std::uint8_t combining_second_stage[];

/// Code points with a canonical decomposition, ascending; entry i of the offsets says where the
/// full (recursive) decomposition of the i-th one begins in `decomposition_parts`. Hangul is not
/// listed.
extern const std::size_t decomposition_count;
extern const std::uint32_t decomposed_code_points[];
extern const std::uint16_t decomposition_offsets[];
extern const std::uint32_t decomposition_parts[];

/// Pairs (first << 32 | second) that have a primary composite, ascending, and the composites.
extern const std::size_t composition_count;
extern const std::uint64_t composition_pairs[];
extern const std::uint32_t composites[];

/// How the split regex sees a code point. White space is the property White_Space.
enum class SplitClass : std::uint8_t { other = 0, letter = 1, number = 2, space = 3 };

/// The property byte: bits 0-1 the split class, then the two facts the NFC quick check needs.
inline constexpr std::uint8_t split_class_mask = 3;
inline constexpr std::uint8_t has_combining_class = 4;  // the canonical combining class is not 0
inline constexpr std::uint8_t may_change = 8;           // NFC_Quick_Check is No or Maybe

inline std::uint8_t property(std::uint32_t code_point) {
  if (code_point >= property_limit) return 0;
  const std::size_t block = property_first_stage[code_point >> property_block_bits];
  return property_second_stage[(block << property_block_bits) +
                               (code_point & ((1u << property_block_bits) - 1))];
}

inline SplitClass split_class(std::uint32_t code_point) {
  return static_cast<SplitClass>(property(code_point) & split_class_mask);
}

inline std::uint8_t combining_class(std::uint32_t code_point) {
  if (code_point >= combining_limit) return 0;
  const std::size_t block = combining_first_stage[code_point >> combining_block_bits];
  return combining_second_stage[(block << combining_block_bits) +
                                (code_point & ((1u << combining_block_bits) - 1))];
}

}  // namespace trinity::text::unicode
