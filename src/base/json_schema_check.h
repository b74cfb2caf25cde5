// The second half of base/json_schema.h: one value is held against a schema that was read.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_value.h"
#include "base/pattern.h"

namespace trinity::json_schema {

/// A schema with $ref -> the schema that it names.
using References = std::map<const Json*, const Json*>;
using Patterns = std::map<std::string, Pattern, std::less<>>;

std::optional<std::string> fault_of(const Json& schema, const References& references,
                                    const Patterns& patterns, const Json& value);

/// "/name" as a JSON pointer has it.
std::string pointer_token(std::string_view key);
/// 1 and 1.0, not 1.5.
bool is_integral(const Json& value);

}  // namespace trinity::json_schema
