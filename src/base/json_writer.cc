// The digits of a double come from nlohmann-json, which this project's files were always written
// with: its Grisu2 is not the shortest form for some numbers in a thousand, and
// std::to_chars would change those.
#include "base/json_writer.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace trinity {
namespace {

/// Length of the well-formed sequence that the text begins with (Unicode Standard, table 3-7); 0
/// when it is ill-formed, and then `bad` is the length of what one U+FFFD stands for.
std::size_t sequence_length(std::string_view text, std::size_t& bad) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(0);
  bad = 1;
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0) return 0;
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    bad = i;
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr const char* digits = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
  }
}

template <typename Integer>
void append_integer(std::string& out, Integer value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

}  // namespace

std::size_t write_json_double(char* room, double value) {
  return static_cast<std::size_t>(nlohmann::detail::to_chars(room, room + kJsonDoubleRoom, value) -
                                  room);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    std::size_t plain = at;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text, at, plain - at);
    at = plain;
    if (at == text.size()) break;
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      append_escaped(out, text[at++]);
      continue;
    }
    std::size_t bad = 0;
    const std::size_t length = sequence_length(text.substr(at), bad);
    if (length > 0)
      out.append(text, at, length);
    else
      out += "\xEF\xBF\xBD";
    at += length > 0 ? length : bad;
  }
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(std::string& out, int indent) : out_(out), indent_(indent) {}

  void write(const Json& value, int level) {
    switch (value.kind_) {
      case Json::Kind::null:
        out_ += "null";
        return;
      case Json::Kind::boolean:
        out_ += value.boolean_ ? "true" : "false";
        return;
      case Json::Kind::negative:
        return append_integer(out_, static_cast<std::int64_t>(value.unsigned_));
      case Json::Kind::natural:
        return append_integer(out_, value.unsigned_);
      case Json::Kind::real:
        return write_double(value.double_);
      case Json::Kind::literal:
        out_ += value.literal_text();
        return;
      case Json::Kind::string:
        return append_json_string(out_, *value.string_);
      case Json::Kind::array:
        return write_array(value, level);
      case Json::Kind::object:
        return write_object(value, level);
    }
  }

 private:
  void write_double(double value) {
    if (!std::isfinite(value)) {
      out_ += "null";
      return;
    }
    char room[kJsonDoubleRoom];
    out_.append(room, write_json_double(room, value));
  }

  void new_line(int level) {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(level) * static_cast<std::size_t>(indent_), ' ');
  }

  void write_array(const Json& value, int level) {
    if (value.empty()) {
      out_ += "[]";
      return;
    }
    char before = '[';
    for (const Json& one : value) {
      out_ += before;
      before = ',';
      new_line(level + 1);
      write(one, level + 1);
    }
    new_line(level);
    out_ += ']';
  }

  void write_object(const Json& value, int level) {
    if (value.empty()) {
      out_ += "{}";
      return;
    }
    char before = '{';
    for (const auto& [key, member] : value.items()) {
      out_ += before;
      before = ',';
      new_line(level + 1);
      append_json_string(out_, key);
      out_ += indent_ < 0 ? ":" : ": ";
      write(member, level + 1);
    }
    new_line(level);
    out_ += '}';
  }

  std::string& out_;
  const int indent_;
};

void append_json(std::string& out, const Json& value, int indent) {
  JsonWriter(out, indent).write(value, 0);
}

}  // namespace trinity
