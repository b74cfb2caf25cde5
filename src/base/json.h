// JSON documents: strict reading into a tree, and exact writing of 32-bit floats.
#pragma once

#include <trinity/error.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/json_events.h"

namespace trinity {

/// Reads one JSON value under the rules of scan_json; an object may name a key only once.
/// Integers beyond 64 bits become doubles. Every message gives the byte offset.
/// Errors: `duplicate_key` and those of scan_json. Callers include <nlohmann/json.hpp>.
Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// The text of a document, on one line or with `indent` spaces a level. Ill-formed UTF-8 in strings
/// becomes U+FFFD. Callers include <nlohmann/json.hpp>.
std::string json_text(const nlohmann::json& document, int indent = -1);
std::string json_text(const nlohmann::ordered_json& document, int indent = -1);

/// The shortest decimal number that reads back as exactly this float; it is valid JSON.
/// NaN and the infinities have no JSON form: the caller must not pass them.
std::string json_float32(float value);

}  // namespace trinity
