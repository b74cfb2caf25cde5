// Records as lines of JSON; lists of numbers appended to a buffer, fast enough for hundreds of
// thousands of floats. Strings: base/json_writer.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/json_value.h"
#include "base/json_writer.h"

namespace trinity::wire {

/// The version of the JSON records that commands print. A change that breaks their readers raises
/// it.
inline constexpr int kSchemaVersion = 1;

/// The text of an object that has none yet, with `schema_version` at its begin.
std::string with_schema_version(std::string object);

/// The text of a record, with `schema_version` unless it has one, and a line feed.
std::string json_line(const Json& record);

/// "[1,2,3]".
void append_json_ids(std::string& out, std::span<const std::int32_t> ids);

/// "[0.1,-3e-05]": every number is the shortest one that reads back as exactly this float.
/// Returns false, with `out` in an unspecified state after its former end, when a value is not
/// finite: JSON has no word for it.
[[nodiscard]] bool append_json_floats(std::string& out, std::span<const float> values);

}  // namespace trinity::wire
