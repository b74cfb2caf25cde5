#include "wire/template_json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "wire/json_writer.h"

namespace trinity::wire {
namespace {

/// Python's repr of a float: the shortest digits that read back, without an exponent from 1e-4 up
/// to below 1e16.
void append_float(std::string& out, double value) {
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char buffer[64];
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  const std::string_view digits(buffer, static_cast<std::size_t>(end - buffer));
  out += digits;
  if (fixed && digits.find('.') == std::string_view::npos) out += ".0";
}

void append_number(std::string& out, std::string_view text) {
  if (text.find_first_of(".eE") != std::string_view::npos) {
    append_float(out, std::strtod(std::string(text).c_str(), nullptr));
  } else {
    out += text == "-0" ? "0" : text;  // integers have no negative zero
  }
}

}  // namespace

void append_template_json(std::string& out, const JsonSlice& value) {
  const char* between = "";
  switch (value.kind()) {
    case JsonSlice::Kind::object:
      out += '{';
      for (const JsonMember& member : value.members()) {
        out += between;
        append_json_string(out, member.key);
        out += ": ";
        append_template_json(out, member.value);
        between = ", ";
      }
      out += '}';
      break;
    case JsonSlice::Kind::array:
      out += '[';
      for (const JsonSlice& element : value.elements()) {
        out += between;
        append_template_json(out, element);
        between = ", ";
      }
      out += ']';
      break;
    case JsonSlice::Kind::string:
      append_json_string(out, value.string());
      break;
    case JsonSlice::Kind::number:
      append_number(out, value.text());
      break;
    case JsonSlice::Kind::boolean:
    case JsonSlice::Kind::null:
      out += value.text();
  }
}

}  // namespace trinity::wire
