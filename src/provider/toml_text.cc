#include "provider/toml_text.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "base/printable.h"

namespace trinity::provider {
namespace {

using Kind = TomlValue::Kind;

// Deeper than any pool file; the library stops at 256.
TomlValue converted(const toml::node& node) {
  TomlValue value;
  value.line = static_cast<int>(node.source().begin.line);
  switch (node.type()) {
    case toml::node_type::boolean:
      value.kind = Kind::boolean;
      value.truth = node.as_boolean()->get();
      break;
    case toml::node_type::integer:
      value.kind = Kind::integer;
      value.integer = node.as_integer()->get();
      value.real = static_cast<double>(value.integer);
      break;
    case toml::node_type::floating_point:
      value.kind = Kind::real;
      value.real = node.as_floating_point()->get();
      break;
    case toml::node_type::string:
      value.kind = Kind::text;
      value.text = node.as_string()->get();
      break;
    case toml::node_type::array:
      value.kind = Kind::list;
      for (const toml::node& item : *node.as_array()) value.items.push_back(converted(item));
      break;
    case toml::node_type::table:
      value.kind = Kind::table;
      for (const auto& [key, member] : *node.as_table()) {
        value.members.push_back({std::string(key.str()), converted(member)});
        // A key's own line: that of a table written with dots is where it is first named.
        if (const int line = static_cast<int>(key.source().begin.line); line > 0)
          value.members.back().second.line = line;
      }
      std::stable_sort(value.members.begin(), value.members.end(),
                       [](const auto& a, const auto& b) { return a.second.line < b.second.line; });
      break;
    default:
      value.kind = Kind::moment;
      break;
  }
  return value;
}

}  // namespace

const char* TomlValue::kind_name() const {
  switch (kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "a whole number";
    case Kind::real:
      return "a number";
    case Kind::text:
      return "a text";
    case Kind::moment:
      return "a date";
    case Kind::list:
      return "a list";
    case Kind::table:
      return "a table";
  }
  return "a value";
}

const TomlValue* TomlValue::find(std::string_view key) const {
  for (const auto& [name, value] : members)
    if (name == key) return &value;
  return nullptr;
}

Result<TomlValue> parse_toml(std::string_view text) {
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& error = result.error();
    return fail(ErrorKind::invalid_input, "invalid_toml",
                fmt::format("line {}, column {}: {}", error.source().begin.line,
                            error.source().begin.column, printable(error.description(), 200)));
  }
  return converted(result.table());
}

Json toml_json(const TomlValue& value) {
  switch (value.kind) {
    case Kind::boolean:
      return value.truth;
    case Kind::integer:
      return value.integer;
    case Kind::real:
      return value.real;
    case Kind::text:
      return value.text;
    case Kind::moment:
      return nullptr;
    case Kind::list: {
      Json list = Json::array();
      for (const TomlValue& item : value.items) list.push_back(toml_json(item));
      return list;
    }
    case Kind::table: {
      Json object = Json::object();
      for (const auto& [key, member] : value.members) object[key] = toml_json(member);
      return object;
    }
  }
  return nullptr;
}

}  // namespace trinity::provider
