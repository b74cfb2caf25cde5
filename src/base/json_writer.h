// JSON as text: numbers, strings and whole values, appended to a buffer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json_value.h"

namespace trinity {

/// The most characters that a double takes.
inline constexpr std::size_t kJsonDoubleRoom = 32;

/// Writes a finite double so that it reads back as exactly this one, for example "0.1", "1.0",
/// "1e-05"; returns the length. Whoever compares files relies on every digit: it does not change.
std::size_t write_json_double(char* room, double value);

/// A quoted and escaped string; every ill-formed sequence of UTF-8 in it becomes one U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// The value on one line, or with `indent` >= 0 spaces a level. It never fails: ill-formed UTF-8
/// becomes U+FFFD, NaN and the infinities null.
void append_json(std::string& out, const Json& value, int indent = -1);

}  // namespace trinity
