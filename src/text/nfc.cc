#include "text/nfc.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "text/unicode_tables.h"
#include "text/utf8_decode.h"

namespace trinity::text {

namespace {

using unicode::combining_class;
using unicode::has_combining_class;
using unicode::may_change;
using unicode::property;

// Hangul syllables are decomposed and composed by arithmetic (Unicode Standard, section 3.12).
constexpr std::uint32_t syllable_base = 0xAC00;
constexpr std::uint32_t leading_base = 0x1100;
constexpr std::uint32_t vowel_base = 0x1161;
constexpr std::uint32_t trailing_base = 0x11A7;
constexpr std::uint32_t leading_count = 19;
constexpr std::uint32_t vowel_count = 21;
constexpr std::uint32_t trailing_count = 28;
constexpr std::uint32_t syllable_count = leading_count * vowel_count * trailing_count;

struct ComposedCharacter {
  std::uint32_t code_point = 0;
  std::uint8_t combining_class = 0;
};

void append_decomposition(std::uint32_t code_point, std::vector<ComposedCharacter>& characters) {
  if (code_point - syllable_base < syllable_count) {
    const std::uint32_t index = code_point - syllable_base;
    const std::uint32_t trailing = index % trailing_count;
    characters.push_back({leading_base + index / (vowel_count * trailing_count), 0});
    characters.push_back({vowel_base + index / trailing_count % vowel_count, 0});
    if (trailing != 0) characters.push_back({trailing_base + trailing, 0});
    return;
  }
  const std::uint32_t* first = unicode::decomposed_code_points;
  const std::uint32_t* last = first + unicode::decomposition_count;
  const std::uint32_t* entry = std::lower_bound(first, last, code_point);
  if (entry == last || *entry != code_point) {
    characters.push_back({code_point, combining_class(code_point)});
    return;
  }
  const std::ptrdiff_t index = entry - first;
  for (std::size_t i = unicode::decomposition_offsets[index];
       i < unicode::decomposition_offsets[index + 1]; ++i) {
    const std::uint32_t part = unicode::decomposition_parts[i];
    characters.push_back({part, combining_class(part)});
  }
}

/// Sorts every run of marks by combining class, equal classes keeping their order.
void order_marks(std::vector<ComposedCharacter>& characters) {
  auto is_starter = [](const ComposedCharacter& c) { return c.combining_class == 0; };
  auto run = characters.begin();
  while (run != characters.end()) {
    run = std::find_if_not(run, characters.end(), is_starter);
    const auto end = std::find_if(run, characters.end(), is_starter);
    if (end - run > 1) {
      std::stable_sort(run, end, [](const ComposedCharacter& a, const ComposedCharacter& b) {
        return a.combining_class < b.combining_class;
      });
    }
    run = end;
  }
}

/// The primary composite of two characters, or 0.
std::uint32_t compose(std::uint32_t first, std::uint32_t second) {
  if (first - leading_base < leading_count && second - vowel_base < vowel_count) {
    const std::uint32_t index = (first - leading_base) * vowel_count + (second - vowel_base);
    return syllable_base + index * trailing_count;
  }
  if (first - syllable_base < syllable_count && (first - syllable_base) % trailing_count == 0 &&
      second - trailing_base - 1 < trailing_count - 1) {
    return first + (second - trailing_base);
  }
  const std::uint64_t key = std::uint64_t{first} << 32 | second;
  const std::uint64_t* begin = unicode::composition_pairs;
  const std::uint64_t* end = begin + unicode::composition_count;
  const std::uint64_t* entry = std::lower_bound(begin, end, key);
  return entry != end && *entry == key ? unicode::composites[entry - begin] : 0;
}

/// Canonical composition in place: a mark joins the last starter unless a mark of the same or a
/// higher class, or another starter that did not join, stands between them.
void compose_characters(std::vector<ComposedCharacter>& characters) {
  std::size_t count = 0;
  std::size_t starter = characters.size();  // index of the last starter; none yet
  int class_between = -1;  // highest class since that starter, -1 directly after it
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const ComposedCharacter character = characters[i];
    if (starter != characters.size() && class_between < character.combining_class) {
      if (const std::uint32_t joined =
              compose(characters[starter].code_point, character.code_point)) {
        characters[starter].code_point = joined;
        continue;
      }
    }
    if (character.combining_class == 0) {
      starter = count;
      class_between = -1;
    } else {
      class_between = character.combining_class;
    }
    characters[count++] = character;
  }
  characters.resize(count);
}

void append_normalised(std::string_view segment, std::vector<ComposedCharacter>& scratch,
                       std::string& result) {
  scratch.clear();
  for (std::size_t i = 0; i < segment.size();) {
    const DecodedCodePoint decoded = decode_code_point(segment.data() + i);
    append_decomposition(decoded.value, scratch);
    i += decoded.length;
  }
  order_marks(scratch);
  compose_characters(scratch);
  for (const ComposedCharacter& character : scratch)
    append_code_point(character.code_point, result);
}

std::size_t skip_ascii(std::string_view text, std::size_t from) {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  while (from + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + from, 8);
    if (word & high_bits) break;
    from += 8;
  }
  while (from < text.size() && static_cast<unsigned char>(text[from]) < 0x80) ++from;
  return from;
}

/// The first segment at or after `from` (a safe place) that may not be normalised.
/// Safe starters, before which text can be cut, have neither quick-check bit.
struct Segment {
  std::size_t begin;
  std::size_t end;
};
Segment next_unsafe_segment(std::string_view text, std::size_t from) {
  std::size_t starter = from;  // last safe starter
  int last_class = 0;
  std::size_t i = from;
  while (i < text.size()) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      i = skip_ascii(text, i);
      starter = i - 1;
      last_class = 0;
      continue;
    }
    const DecodedCodePoint decoded = decode_code_point(text.data() + i);
    const std::uint8_t bits = property(decoded.value) & (has_combining_class | may_change);
    if (bits == 0) {
      starter = i;
      last_class = 0;
    } else {
      if (bits & may_change) break;
      const int this_class = combining_class(decoded.value);
      if (this_class < last_class) break;
      last_class = this_class;
    }
    i += decoded.length;
  }
  if (i == text.size()) return {i, i};
  std::size_t end = i;
  while (end < text.size()) {
    const DecodedCodePoint decoded = decode_code_point(text.data() + end);
    if ((property(decoded.value) & (has_combining_class | may_change)) == 0) break;
    end += decoded.length;
  }
  return {starter, end};
}

}  // namespace

std::string_view nfc_view(std::string_view text, std::string& buffer) {
  Segment segment = next_unsafe_segment(text, 0);
  if (segment.begin == text.size()) return text;
  buffer.clear();
  buffer.reserve(text.size());
  std::vector<ComposedCharacter> scratch;
  std::size_t copied = 0;
  while (segment.begin < text.size()) {
    buffer.append(text, copied, segment.begin - copied);
    append_normalised(text.substr(segment.begin, segment.end - segment.begin), scratch, buffer);
    copied = segment.end;
    segment = next_unsafe_segment(text, copied);
  }
  buffer.append(text, copied);
  return buffer;
}

std::string nfc(std::string_view text) {
  std::string buffer;
  return std::string(nfc_view(text, buffer));
}

}  // namespace trinity::text
