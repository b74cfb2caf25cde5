#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "base/printable_ranges.h"
#include "base/utf8.h"

namespace trinity {
namespace {

using printable_ranges::Range;

// What a terminal obeys, hides or turns around. Variation selectors are not here: they belong to
// the character before them and take no column.
constexpr Range kUnsafe[] = {
    {0x00, 0x1F},        // C0
    {0x7F, 0x9F},        // DEL, C1
    {0xAD, 0xAD},        // soft hyphen
    {0x34F, 0x34F},      // combining grapheme joiner
    {0x61C, 0x61C},      // Arabic letter mark
    {0x115F, 0x1160},    // Hangul fillers
    {0x17B4, 0x17B5},    // Khmer vowels that are not shown
    {0x180B, 0x180F},    // Mongolian selectors and separator
    {0x200B, 0x200F},    // zero-width space and joiners, direction marks
    {0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, invisible operators, isolates
    {0x3164, 0x3164},    // Hangul filler
    {0xD800, 0xDFFF},    // never well-formed
    {0xFEFF, 0xFEFF},    // byte order mark
    {0xFFA0, 0xFFA0},    // half-width Hangul filler
    {0xFFF0, 0xFFFB},    // interlinear annotations
    {0x1BCA0, 0x1BCA3},  // shorthand format controls
    {0x1D173, 0x1D17A},  // musical format controls
    {0xE0000, 0xE00FF},  // tags
};

// The blocks of scripts that are written from right to left.
constexpr Range kRightToLeft[] = {
    {0x590, 0x8FF}, {0xFB1D, 0xFDFF}, {0xFE70, 0xFEFE}, {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}};

template <std::size_t N>
bool is_in(std::uint32_t code_point, const Range (&ranges)[N]) {
  const auto after =
      std::upper_bound(std::begin(ranges), std::end(ranges), code_point,
                       [](std::uint32_t value, const Range& range) { return value < range.first; });
  return after != std::begin(ranges) && code_point <= std::prev(after)->last;
}

std::size_t width_of(std::uint32_t code_point) {
  if (code_point < 0x300) return 1;
  if (is_in(code_point, printable_ranges::kZeroWidth)) return 0;
  return is_in(code_point, printable_ranges::kDoubleWidth) ? 2 : 1;
}

/// One character of a text: its bytes, or one ill-formed byte.
struct Character {
  std::uint32_t value = 0;
  std::size_t length = 1;
  bool well_formed = true;
};

Character character_at(std::string_view text) {
  const std::size_t length = utf8_sequence_length(text);
  if (length == 0) return {static_cast<unsigned char>(text[0]), 1, false};
  constexpr std::array<std::uint32_t, 5> lead = {0, 0x7F, 0x1F, 0x0F, 0x07};
  std::uint32_t value = static_cast<unsigned char>(text[0]) & lead[length];
  for (std::size_t i = 1; i < length; ++i)
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  return {value, length, true};
}

std::string hexadecimal(const char* prefix, std::uint32_t value, int digits) {
  std::string out = prefix;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789abcdef"[value >> shift & 0xF];
  return out;
}

std::string escape(const Character& one) {
  switch (one.value) {
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    default:
      break;
  }
  if (!one.well_formed || one.value < 0x80) return hexadecimal("\\x", one.value, 2);
  return one.value < 0x10000 ? hexadecimal("\\u", one.value, 4) : hexadecimal("\\U", one.value, 8);
}

bool is_safe(const Character& one) { return one.well_formed && !is_in(one.value, kUnsafe); }

/// Gives every character as it is shown, with its columns; stops when `take` says so.
template <typename Take>
void walk(std::string_view text, Take take) {
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text.substr(at));
    if (is_safe(one)) {
      if (!take(text.substr(at, one.length), width_of(one.value))) return;
    } else {
      const std::string shown = escape(one);
      if (!take(std::string_view(shown), shown.size())) return;
    }
    at += one.length;
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  walk(text, [&](std::string_view shown, std::size_t) {
    out += shown;
    return true;
  });
  return out;
}

std::string printable(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  std::size_t kept = 0;  // bytes of `out` that leave a column for the ellipsis
  bool whole = true;
  walk(text, [&](std::string_view shown, std::size_t width) {
    if (used + width > columns) return whole = false;
    out += shown;
    used += width;
    if (used + 1 <= columns) kept = out.size();
    return true;
  });
  if (whole) return out;
  out.resize(kept);
  return columns == 0 ? out : out + "…";
}

std::string excerpt(std::string_view text, std::size_t max_bytes) {
  std::string out;
  bool whole = true;
  walk(text, [&](std::string_view shown, std::size_t) {
    if (out.size() + shown.size() > max_bytes) return whole = false;
    out += shown;
    return true;
  });
  return whole ? out : out + "...";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  walk(text, [&](std::string_view, std::size_t columns) {
    width += columns;
    return true;
  });
  return width;
}

std::size_t bytes_within(std::string_view text, std::size_t columns) {
  std::size_t used = 0;
  std::size_t bytes = 0;
  walk(text, [&](std::string_view shown, std::size_t width) {
    used += width;
    if (used <= columns) bytes += shown.size();
    return used <= columns;
  });
  return bytes;
}

std::string isolated(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(std::string_view(text).substr(at));
    if (one.well_formed && is_in(one.value, kRightToLeft))
      return "\u2068" + std::move(text) + "\u2069";
    at += one.length;
  }
  return text;
}

}  // namespace trinity
