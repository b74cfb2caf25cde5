// Looking things up in JSON files of another program, where names and nesting have changed over
// time: the first of several keys wins, absent and null are the same.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

/// A JSON object from a file. Errors: `missing_json(<path>)`, `invalid_json(<path>)`, those of
/// read_text_file.
Result<nlohmann::json> read_json_object(const std::filesystem::path& path);

/// The value under a dotted key ("outputs.head"); null when any part of it is absent.
const nlohmann::json* find_value(const nlohmann::json& json, std::string_view dotted_key);

/// The first string that is there and not empty.
std::optional<std::string> find_text(const nlohmann::json& json,
                                     std::initializer_list<std::string_view> dotted_keys);

/// An integer of a size that a file offset can have.
std::optional<int64_t> find_integer(const nlohmann::json& json, std::string_view dotted_key);

/// A list of integers; empty when it is anything else.
std::vector<int64_t> find_integers(const nlohmann::json& json, std::string_view dotted_key);

/// The first list that is there and not empty; null without one.
const nlohmann::json* find_list(const nlohmann::json& json,
                                std::initializer_list<std::string_view> dotted_keys);

/// A file that a manifest in `folder` names: absolute or relative to the working directory as it
/// is, else below the folder; of a bundle that was moved, under its last name in the folder.
std::filesystem::path locate_named_file(const std::filesystem::path& folder,
                                        const std::string& name);

}  // namespace trinity
