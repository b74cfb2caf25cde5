// Any bytes as JSON: what is read and written again is the same text but for white space and the
// way strings are escaped, compact as well as indented; and any bytes as a string are written as
// one that reads back with its ill-formed parts replaced.
#include <cstdint>

#include "base/json.h"
#include "base/utf8.h"
#include "input.h"

using trinity::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trinity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string quoted;
  append_json_string(quoted, text);
  const auto string = parse_json(quoted);
  require(string && string->is_string(), "a written string is read");
  require(!is_valid_utf8(text) || string->as_string() == text, "a string comes back");

  const auto value = parse_json(text);
  if (!value) return 0;
  const std::string compact = json_text(*value);
  require(is_valid_utf8(compact), "what is written is UTF-8");
  for (const int indent : {-1, 0, 2}) {
    const auto again = parse_json(json_text(*value, indent));
    require(again && *again == *value, "what is written is read as the same value");
    require(json_text(*again) == compact, "numbers and order stay as they are");
  }
  const Json copy = *value;
  require(copy == *value && sorted_by_key(copy) == copy, "copies and sorting keep the value");
  return 0;
}
