#include "wire/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/utf8.h"

namespace trinity::wire {
namespace {

// The longest shortest form of a float is 15 characters ("-1.17549435e-38"), of an id 11; one more
// for the comma.
constexpr std::size_t kFloatRoom = 16;
constexpr std::size_t kIdRoom = 12;

/// Makes room for `count` numbers of at most `room` characters, lets `put` write them and cuts the
/// text to what was written.
template <typename Put>
void append_numbers(std::string& out, std::size_t count, std::size_t room, Put put) {
  const std::size_t begin = out.size();
  out.resize(begin + count * room + 2);
  char* at = out.data() + begin;
  char* const end = out.data() + out.size();
  *at++ = '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) *at++ = ',';
    at = put(i, at, end);
  }
  *at++ = ']';
  out.resize(static_cast<std::size_t>(at - out.data()));
}

/// Length of an ill-formed sequence: the longest beginning of a character, at least one byte.
std::size_t ill_formed_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 1;
  std::size_t found = 1;
  for (; found < length && found < text.size(); ++found) {
    unsigned low = 0x80, high = 0xBF;
    if (found == 1) {
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    }
    if (byte(found) < low || byte(found) > high) break;
  }
  return found;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view specials = "\"\\\b\f\n\r\t";
  constexpr std::string_view letters = "\"\\bfnrt";
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && c != '"' && c != '\\') {
      out += c;
    } else if (const std::size_t at = specials.find(c); at != std::string_view::npos) {
      out.append("\\").append(1, letters[at]);
    } else {
      out.append("\\u00").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
    }
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t valid = first_invalid_utf8(text);
    append_escaped(out, text.substr(0, valid));
    text.remove_prefix(valid);
    if (text.empty()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(ill_formed_length(text));
  }
  out += '"';
}

void append_json_ids(std::string& out, std::span<const std::int32_t> ids) {
  append_numbers(out, ids.size(), kIdRoom, [&](std::size_t i, char* at, char* end) {
    return std::to_chars(at, end, ids[i]).ptr;
  });
}

bool append_json_floats(std::string& out, std::span<const float> values) {
  for (const float value : values) {
    if (!std::isfinite(value)) return false;
  }
  append_numbers(out, values.size(), kFloatRoom, [&](std::size_t i, char* at, char* end) {
    at = std::to_chars(at, end, values[i]).ptr;
    // Many readers take "-0" for the integer 0, which has no sign.
    if (values[i] == 0 && std::signbit(values[i])) at = std::copy_n(".0", 2, at);
    return at;
  });
  return true;
}

}  // namespace trinity::wire
