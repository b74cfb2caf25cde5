// Looking things up in JSON files of another program, where names and nesting have changed over
// time: the first of several keys wins, absent and null are the same.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::bundle {

/// A JSON object from a file. Errors: `missing_json(<path>)`, `invalid_json(<path>)`, those of
/// read_json_file.
Result<Json> read_json_object(const std::filesystem::path& path);

/// The value under a dotted key ("outputs.head"); null when any part of it is absent.
const Json* find_value(const Json& json, std::string_view dotted_key);

/// The first string that is there and not empty.
std::optional<std::string> find_text(const Json& json,
                                     std::initializer_list<std::string_view> dotted_keys);

/// An integer of a size that a file offset can have.
std::optional<int64_t> find_integer(const Json& json, std::string_view dotted_key);

/// A list of integers; empty when it is anything else.
std::vector<int64_t> find_integers(const Json& json, std::string_view dotted_key);

/// The first list that is there and not empty; null without one.
const Json* find_list(const Json& json, std::initializer_list<std::string_view> dotted_keys);

/// A file that a manifest in `folder` names: absolute or relative to the working directory as it
/// is, else below the folder; of a bundle that was moved, under its last name in the folder.
std::filesystem::path locate_named_file(const std::filesystem::path& folder,
                                        const std::string& name);

}  // namespace trinity::bundle
