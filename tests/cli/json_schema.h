// A validator for the part of JSON Schema that docs/schemas/ uses: type, const, enum, pattern,
// minimum, items, properties, required, additionalProperties. A keyword that it does not know is a
// failure, so that no schema is taken for checked when it is not.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace trinity::testing {

class JsonSchema {
 public:
  using json = nlohmann::json;

  explicit JsonSchema(json schema) : schema_(std::move(schema)) {}

  /// What is wrong with the value, with its place; empty when nothing is.
  std::string fault_of(const json& value) const { return fault(schema_, value, "$"); }

 private:
  /// The two patterns that our schemas have; nothing is like another one.
  static bool is_like(const std::string& text, const std::string& pattern) {
    const auto only = [&text](const char* letters) {
      return text.find_first_not_of(letters) == std::string::npos;
    };
    if (pattern == "^[0-9a-f]{64}$") return text.size() == 64 && only("0123456789abcdef");
    if (pattern == "^[a-z][a-z0-9_]*$")
      return !text.empty() && text[0] >= 'a' && text[0] <= 'z' &&
             only("abcdefghijklmnopqrstuvwxyz0123456789_");
    return false;
  }

  static bool has_type(const json& value, const std::string& type) {
    if (type == "number") return value.is_number();
    if (type == "integer") return value.is_number_integer();
    return value.type_name() == type;
  }

  static bool has_one_type(const json& value, const json& types) {
    if (types.is_string()) return has_type(value, types.get<std::string>());
    for (const json& type : types)
      if (has_type(value, type.get<std::string>())) return true;
    return false;
  }

  static std::string fault_of_object(const json& schema, const json& value, const std::string& at) {
    const json none = json::object(), properties = schema.value("properties", none);
    for (const json& key : schema.value("required", json::array()))
      if (!value.contains(key)) return at + " lacks " + key.get<std::string>();
    for (const auto& [key, member] : value.items()) {
      const std::string place = at + "." + key;
      if (properties.contains(key)) {
        if (std::string wrong = fault(properties[key], member, place); !wrong.empty()) return wrong;
      } else if (schema.value("additionalProperties", true) == false) {
        return place + " is not in the schema";
      }
    }
    return {};
  }

  static std::string fault(const json& schema, const json& value, const std::string& at) {
    static const std::set<std::string> known = {
        "$schema", "title", "description", "type",     "const",   "enum",
        "pattern", "items", "properties",  "required", "minimum", "additionalProperties"};
    for (const auto& [keyword, unused] : schema.items())
      if (!known.contains(keyword)) return at + ": this validator does not know " + keyword;
    if (schema.contains("type") && !has_one_type(value, schema["type"]))
      return at + " is a " + value.type_name() + ", not " + schema["type"].dump();
    if (schema.contains("const") && value != schema["const"])
      return at + " is " + value.dump() + ", not " + schema["const"].dump();
    if (schema.contains("enum")) {
      bool found = false;
      for (const json& allowed : schema["enum"]) found = found || allowed == value;
      if (!found) return at + " is " + value.dump() + ", none of " + schema["enum"].dump();
    }
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"])
      return at + " is " + value.dump() + ", below " + schema["minimum"].dump();
    if (schema.contains("pattern") && value.is_string() &&
        !is_like(value.get<std::string>(), schema["pattern"].get<std::string>()))
      return at + " is " + value.dump() + ", not like " + schema["pattern"].dump();
    if (value.is_array() && schema.contains("items"))
      for (std::size_t i = 0; i < value.size(); ++i)
        if (std::string wrong =
                fault(schema["items"], value[i], at + "[" + std::to_string(i) + "]");
            !wrong.empty())
          return wrong;
    return value.is_object() ? fault_of_object(schema, value, at) : std::string();
  }

  json schema_;
};

}  // namespace trinity::testing
