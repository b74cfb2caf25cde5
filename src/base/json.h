// JSON documents: strict reading into a value, and writing. The value is in base/json_value.h.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>

#include "base/json_events.h"
#include "base/json_value.h"
#include "base/json_writer.h"

namespace trinity {

/// Reads one JSON value under the rules of scan_json; an object may name a key only once. Written
/// again, every number is what it was, digit for digit. Every message gives the byte offset.
/// Errors: `duplicate_key` and those of scan_json.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// The text that append_json writes.
std::string json_text(const Json& document, int indent = -1);

}  // namespace trinity
