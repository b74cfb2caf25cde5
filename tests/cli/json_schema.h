// A validator for the part of JSON Schema (draft 2020-12) that docs/schemas/ uses.
//
// A keyword that it does not know is a failure, so that no schema is taken for checked when it is
// not. `$ref` leads to another place of the same file ("#/$defs/rung") or of a file beside it
// ("common.json#/$defs/sha256"); `unevaluatedProperties` counts what the schema, what it refers to
// and those of its `anyOf` that hold have named.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace trinity::testing {

class JsonSchemas {
 public:
  using json = nlohmann::json;

  /// What a text with "…" in it may stand for: examples of the documentation shorten hashes.
  enum class Ellipsis { is_text, fits_any_text };

  /// All schemas of a folder, by their file's name without ".json".
  explicit JsonSchemas(const std::filesystem::path& folder);
  /// Those of docs/schemas.
  static const JsonSchemas& ours();

  std::vector<std::string> names() const;
  const json& document(const std::string& name) const { return documents_.at(name); }

  /// What is wrong with the value, with its place; empty when nothing is.
  std::string fault_of(const std::string& name, const json& value,
                       Ellipsis ellipsis = Ellipsis::is_text) const;

 private:
  std::map<std::string, json> documents_;
};

}  // namespace trinity::testing
