// TOML as a tree of our own, each value with the line it stands on.
//
// The library that reads it is known to toml_text.cc alone.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_value.h"

namespace trinity::provider {

struct TomlMember;

struct TomlValue {
  enum class Kind { boolean, integer, real, text, moment, list, table };

  Kind kind = Kind::table;
  int line = 1;
  bool truth = false;
  std::int64_t integer = 0;
  double real = 0;   // of an integer too
  std::string text;  // of a moment: nothing
  std::vector<TomlValue> items;
  std::vector<TomlMember> members;  // in the order of their lines

  /// "a text", "a whole number", ...: for messages.
  const char* kind_name() const;
  const TomlValue* find(std::string_view key) const;
};

struct TomlMember {
  std::string first;  // its key
  TomlValue second;
};

/// Errors: `invalid_toml`, whose message begins with "line L, column C".
Result<TomlValue> parse_toml(std::string_view text);

/// The same as JSON. A moment becomes null.
Json toml_json(const TomlValue& value);

}  // namespace trinity::provider
