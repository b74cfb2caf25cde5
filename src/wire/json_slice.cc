#include "wire/json_slice.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/json_events.h"
#include "base/utf8.h"

namespace trinity::wire {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

std::size_t skip_blank(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of(kBlank, at), text.size());
}

/// Behind the string that begins at `at`.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;  // the escaped character
  }
  return text.size();
}

/// Behind the value that begins at `at`.
std::size_t value_end(std::string_view text, std::size_t at) {
  if (text[at] == '"') return string_end(text, at);
  if (text[at] != '{' && text[at] != '[')
    return std::min(text.find_first_of(" \t\r\n,]}", at), text.size());
  std::size_t depth = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = string_end(text, at);
    } else {
      depth += text[at] == '{' || text[at] == '[' ? 1 : -1;
      ++at;
      if (depth == 0) return at;
    }
    at = std::min(text.find_first_of("\"{}[]", at), text.size());
  }
  return at;
}

std::uint32_t hex4(std::string_view digits) {
  std::uint32_t unit = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  return unit;
}

/// The code unit of the escape at `at`, if there is one.
std::optional<std::uint32_t> unit_at(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  return hex4(text.substr(at + 2, 4));
}

bool is_high_half(std::uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_half(std::uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

void append_utf8(std::uint32_t code, std::string& out) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Decodes the escape at `at` and returns the place behind it.
std::size_t append_escape(std::string_view text, std::size_t at, std::string& out) {
  constexpr std::string_view letters = "bfnrt";
  constexpr std::string_view meanings = "\b\f\n\r\t";
  if (text[at + 1] != 'u') {
    const std::size_t letter = letters.find(text[at + 1]);
    out += letter == std::string_view::npos ? text[at + 1] : meanings[letter];
    return at + 2;
  }
  const std::uint32_t unit = *unit_at(text, at);
  const auto next = unit_at(text, at + 6);
  if (is_high_half(unit) && next && is_low_half(*next)) {
    append_utf8(0x10000 + ((unit - 0xD800) << 10) + (*next - 0xDC00), out);
    return at + 12;
  }
  append_utf8(is_high_half(unit) || is_low_half(unit) ? 0xFFFD : unit, out);
  return at + 6;
}

/// Places of the escapes that name half of a surrogate pair without its other half.
std::vector<std::size_t> lone_surrogates(std::string_view text) {
  std::vector<std::size_t> places;
  for (std::size_t at = text.find('\\'); at < text.size(); at = text.find('\\', at)) {
    const auto unit = unit_at(text, at);
    const auto next = unit_at(text, at + 6);
    const bool whole = unit && is_high_half(*unit) && next && is_low_half(*next);
    if (unit && !whole && (is_high_half(*unit) || is_low_half(*unit))) places.push_back(at);
    at += whole ? 12 : unit ? 6 : 2;
  }
  return places;
}

/// Makes the number in [at, end) small. What was no number before is none afterwards.
void make_small(std::string& text, std::size_t at, std::size_t end) {
  const auto digit = [&](std::size_t place) {
    return place < end && text[place] >= '0' && text[place] <= '9';
  };
  if (text[at] == '0' && digit(at + 1)) return;
  if (std::size_t place = text.find_first_of("eE", at); place < end) {
    for (; place < end; ++place)
      if (digit(place)) text[place] = '0';
    return;
  }
  if (const std::size_t dot = text.find('.', at); dot < end) {
    if (!digit(dot + 1)) return;
    text[dot] = '0';
  }
  text[at + 1] = '.';  // more digits stand there than a double can have
}

/// Gives every number that exceeds all doubles another value in as many characters. Whether there
/// was one.
bool mend_large_numbers(std::string& text) {
  bool mended = false;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      at = string_end(text, at);
      continue;
    }
    if (text[at] < '0' || text[at] > '9') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of("0123456789.eE+-", at), text.size());
    double value = 0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, value);
    if (error == std::errc::result_out_of_range && stop == text.data() + end) {
      make_small(text, at, end);
      mended = true;
    }
    at = end;
  }
  return mended;
}

/// Looks for keys that one object names twice.
class KeyCheck final : public JsonEvents {
 public:
  Status on_null() override { return {}; }
  Status on_boolean(bool) override { return {}; }
  Status on_negative(std::int64_t) override { return {}; }
  Status on_unsigned(std::uint64_t) override { return {}; }
  Status on_double(double, std::string_view) override { return {}; }
  Status on_string(std::string&) override { return {}; }
  Status on_key(std::string& key) override {
    open_.back().push_back(std::move(key));
    return {};
  }
  Status on_object_start() override {
    open_.emplace_back();
    return {};
  }
  Status on_object_end() override {
    std::vector<std::string>& keys = open_.back();
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end() && !duplicate_) duplicate_ = *twice;
    open_.pop_back();
    return {};
  }
  Status on_array_start() override { return {}; }
  Status on_array_end() override { return {}; }

  Status verdict() const {
    if (!duplicate_) return {};
    return fail(ErrorKind::invalid_input, "duplicate_key",
                fmt::format("the key \"{}\" occurs twice in one JSON object; keep one of them",
                            excerpt(*duplicate_)));
  }

 private:
  std::vector<std::vector<std::string>> open_;  // the keys of the objects that are still open
  std::optional<std::string> duplicate_;
};

}  // namespace

JsonSlice JsonSlice::of_document(std::string_view text) {
  text.remove_prefix(skip_blank(text, 0));
  return JsonSlice(text.substr(0, text.find_last_not_of(kBlank) + 1));
}

JsonSlice::Kind JsonSlice::kind() const {
  switch (text_.empty() ? 'n' : text_.front()) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      return Kind::number;
  }
}

std::string_view JsonSlice::kind_name() const {
  constexpr std::string_view names[] = {"null", "boolean", "number", "string", "array", "object"};
  return names[static_cast<std::size_t>(kind())];
}

std::string JsonSlice::string() const {
  const std::string_view inside = text_.substr(1, text_.size() - 2);
  std::string out;
  out.reserve(inside.size());
  for (std::size_t at = 0; at < inside.size();) {
    const std::size_t escape = std::min(inside.find('\\', at), inside.size());
    out += inside.substr(at, escape - at);
    at = escape < inside.size() ? append_escape(inside, escape, out) : escape;
  }
  return out;
}

std::vector<JsonSlice> JsonSlice::elements() const {
  std::vector<JsonSlice> elements;
  for (std::size_t at = skip_blank(text_, 1); at < text_.size() && text_[at] != ']';) {
    const std::size_t end = value_end(text_, at);
    elements.emplace_back(text_.substr(at, end - at));
    at = skip_blank(text_, end);
    if (at < text_.size() && text_[at] == ',') at = skip_blank(text_, at + 1);
  }
  return elements;
}

std::vector<JsonMember> JsonSlice::members() const {
  std::vector<JsonMember> members;
  for (std::size_t at = skip_blank(text_, 1); at < text_.size() && text_[at] != '}';) {
    const std::size_t key_end = string_end(text_, at);
    const std::size_t begin = skip_blank(text_, skip_blank(text_, key_end) + 1);
    const std::size_t end = value_end(text_, begin);
    members.push_back({JsonSlice(text_.substr(at, key_end - at)).string(),
                       JsonSlice(text_.substr(begin, end - begin))});
    at = skip_blank(text_, end);
    if (at < text_.size() && text_[at] == ',') at = skip_blank(text_, at + 1);
  }
  return members;
}

std::optional<JsonSlice> JsonSlice::find(std::string_view key) const {
  for (const JsonMember& member : members()) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

CheckedJson check_json(std::string_view text) {
  KeyCheck keys;
  Status status = scan_json(text, {}, keys);
  if (status) return {JsonSlice::of_document(text), keys.verdict()};
  const std::vector<std::size_t> places = lone_surrogates(text);
  if (status.error().tag != "invalid_json") return {std::nullopt, status};
  // Is that all that is wrong? The replacements have the same length, so every byte keeps its
  // place.
  std::string mended(text);
  for (const std::size_t place : places) mended.replace(place, 6, "\\ufffd");
  if (!mend_large_numbers(mended) && places.empty()) return {std::nullopt, status};
  KeyCheck mended_keys;
  if (!scan_json(mended, {}, mended_keys)) return {std::nullopt, status};
  if (places.empty()) return {JsonSlice::of_document(text), mended_keys.verdict()};
  return {JsonSlice::of_document(text),
          fail(ErrorKind::invalid_input, "lone_surrogate",
               fmt::format("the escape {} at byte {} is half of a surrogate pair, which stands for "
                           "no character; a text was cut inside one: cut it between characters",
                           text.substr(places.front(), 6), places.front()))};
}

}  // namespace trinity::wire
