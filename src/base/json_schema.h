// Whether a JSON value is what a JSON schema asks for, and if not, where and why.
//
// Schemas come from clients and values from models, so neither is trusted: schemas are checked once
// before they are used, patterns are searched in linear time (base/pattern.h), references are
// followed within the schema only, and a check that takes too many steps is refused and not
// finished. Keywords are those of draft 2020-12, with the older forms that programs still write
// (`definitions`, a list for `items` with `additionalItems`, `dependencies`). What only describes
// (`title`, `format`, `default`, …) is not checked; what would be checked by others and is not here
// (`unevaluatedProperties` and its kin, `$dynamicRef`, `$anchor`) is an error.
#pragma once

#include <trinity/error.h>

#include <memory>
#include <optional>
#include <string>

#include "base/json_value.h"

namespace trinity {

class JsonSchema {
 public:
  /// Errors: `invalid_schema` (ill-formed, or a reference to nothing or in a circle),
  /// `unsupported_schema` (see above; more than 64 KiB; nested deeper than 64).
  static Result<JsonSchema> read(const Json& schema);

  /// What is wrong with the value, as a sentence: "/items/2/price: must be at least 0, but is -1".
  /// Nothing: it is what the schema asks for.
  std::optional<std::string> fault_of(const Json& value) const;

 private:
  struct Compiled;
  explicit JsonSchema(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace trinity
