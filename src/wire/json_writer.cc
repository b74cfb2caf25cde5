#include "wire/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/json.h"

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

}  // namespace

std::string with_schema_version(std::string object) {
  const std::string member = "\"schema_version\":" + std::to_string(kSchemaVersion);
  return object.insert(1, object == "{}" ? member : member + ",");
}

std::string json_line(const Json& record) {
  std::string text = json_text(record);
  const bool versioned = !record.is_object() || record.find("schema_version") != nullptr;
  return (versioned ? text : with_schema_version(std::move(text))) + "\n";
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
