// Strict JSON (RFC 8259) as a stream of events, for readers that must not build a document in
// memory, such as the header of a weight file.
//
// Stricter than the RFC asks: the text must be valid UTF-8 without a byte order mark, nested at
// most `max_depth` levels, with nothing but white space after the value. NaN and Infinity are no
// JSON. A handler ends the reading at any event by returning an error; the byte offset is added to
// it.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trinity {

struct JsonLimits {
  std::size_t max_depth = 64;                      // levels of [ and {
  std::size_t max_bytes = std::size_t{128} << 20;  // length of the text
};

/// What a reader of JSON implements. Numbers: an integer that fits 64 bits arrives as such; any
/// other number arrives as the nearest double together with its text.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual Status on_null() = 0;
  virtual Status on_boolean(bool value) = 0;
  virtual Status on_negative(std::int64_t value) = 0;
  virtual Status on_unsigned(std::uint64_t value) = 0;
  virtual Status on_double(double value, std::string_view text) = 0;
  virtual Status on_string(std::string& value) = 0;  // may be moved from
  virtual Status on_key(std::string& key) = 0;       // may be moved from
  virtual Status on_object_start() = 0;
  virtual Status on_object_end() = 0;
  virtual Status on_array_start() = 0;
  virtual Status on_array_end() = 0;
};

/// Errors: `invalid_json`, `invalid_utf8`, `json_too_deep`, `json_too_long`, and the handler's own.
Status scan_json(std::string_view text, const JsonLimits& limits, JsonEvents& events);

}  // namespace trinity
