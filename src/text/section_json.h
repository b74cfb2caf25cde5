// What the readers of a tokenizer file's sections share: a section as a JSON value, and its steps.
#pragma once

#include <trinity/error.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::text {

/// Errors: `invalid_tokenizer` (not JSON, longer than 4 MiB), naming the section.
Result<Json> parse_section(std::string_view name, std::string_view text);

/// The member of an object, or null if there is none.
const Json& section_member(const Json& object, const char* key);

/// The steps of a section in order: those of a Sequence, whose list has the name `list`, and of the
/// Sequences in it; else the section itself. A Sequence of one means what its member means.
std::vector<const Json*> section_steps(const Json& section, const char* list);

/// A value as it can stand in a message: JSON text, cut after about 64 characters.
std::string shown(const Json& value);

}  // namespace trinity::text
