#include "cli/json_schema.h"

#include <cmath>
#include <fstream>
#include <stdexcept>

namespace trinity::testing {
namespace {

using json = nlohmann::json;

bool only_of(const std::string& text, const char* letters) {
  return text.find_first_not_of(letters) == std::string::npos;
}

/// The two patterns that our schemas have; nothing is like another one.
bool is_like(const std::string& text, const std::string& pattern) {
  if (pattern == "^[0-9a-f]{64}$") return text.size() == 64 && only_of(text, "0123456789abcdef");
  if (pattern == "^[a-z][a-z0-9_]*$")
    return !text.empty() && text[0] >= 'a' && text[0] <= 'z' &&
           only_of(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return false;
}

bool has_type(const json& value, const std::string& type) {
  if (type == "number") return value.is_number();
  if (type == "integer")
    return value.is_number_integer() ||
           (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
  return value.type_name() == type;
}

bool has_one_type(const json& value, const json& types) {
  if (types.is_string()) return has_type(value, types.get<std::string>());
  for (const json& type : types)
    if (has_type(value, type.get<std::string>())) return true;
  return false;
}

/// One value held against one schema of a set of files.
class Check {
 public:
  Check(const std::map<std::string, json>& documents, JsonSchemas::Ellipsis ellipsis)
      : documents_(documents), ellipsis_(ellipsis) {}

  std::string fault(const std::string& file, const json& schema, const json& value,
                    const std::string& at) const {
    if (schema.is_boolean()) return schema == true ? "" : at + " is not in the schema";
    for (const auto& [keyword, unused] : schema.items())
      if (!known().contains(keyword)) return at + ": this validator does not know " + keyword;
    if (schema.contains("$ref")) {
      const auto [other, target] = resolve(file, schema["$ref"]);
      if (target == nullptr) return at + ": there is no " + schema["$ref"].get<std::string>();
      if (std::string wrong = fault(other, *target, value, at); !wrong.empty()) return wrong;
    }
    if (schema.contains("anyOf")) {
      std::string wrong = "nothing may be here";
      for (const json& one : schema["anyOf"])
        if (wrong = fault(file, one, value, at); wrong.empty()) break;
      if (!wrong.empty()) return wrong;
    }
    if (std::string wrong = fault_of_value(schema, value, at); !wrong.empty()) return wrong;
    if (value.is_array()) return fault_of_array(file, schema, value, at);
    return value.is_object() ? fault_of_object(file, schema, value, at) : std::string();
  }

 private:
  static const std::set<std::string>& known() {
    static const std::set<std::string> keywords = {"$schema",
                                                   "$defs",
                                                   "$ref",
                                                   "title",
                                                   "description",
                                                   "type",
                                                   "const",
                                                   "enum",
                                                   "pattern",
                                                   "minimum",
                                                   "maximum",
                                                   "minLength",
                                                   "items",
                                                   "minItems",
                                                   "anyOf",
                                                   "required",
                                                   "properties",
                                                   "additionalProperties",
                                                   "unevaluatedProperties"};
    return keywords;
  }

  /// The file and the schema that a reference leads to; null when there is none.
  std::pair<std::string, const json*> resolve(const std::string& file,
                                              const std::string& reference) const {
    const std::size_t hash = reference.find('#');
    std::string name = reference.substr(0, hash);
    if (name.empty()) {
      name = file;
    } else if (name.ends_with(".json")) {
      name.resize(name.size() - 5);
    }
    const auto document = documents_.find(name);
    if (document == documents_.end()) return {name, nullptr};
    if (hash == std::string::npos) return {name, &document->second};
    const json::json_pointer place(reference.substr(hash + 1));
    return {name, document->second.contains(place) ? &document->second.at(place) : nullptr};
  }

  std::string fault_of_value(const json& schema, const json& value, const std::string& at) const {
    if (schema.contains("type") && !has_one_type(value, schema["type"]))
      return at + " is a " + value.type_name() + ", not " + schema["type"].dump();
    const bool shortened = ellipsis_ == JsonSchemas::Ellipsis::fits_any_text && value.is_string() &&
                           value.get_ref<const std::string&>().find("…") != std::string::npos;
    if (shortened) return {};
    if (schema.contains("const") && value != schema["const"])
      return at + " is " + value.dump() + ", not " + schema["const"].dump();
    if (schema.contains("enum")) {
      bool found = false;
      for (const json& allowed : schema["enum"]) found = found || allowed == value;
      if (!found) return at + " is " + value.dump() + ", none of " + schema["enum"].dump();
    }
    if (value.is_number() && ((schema.contains("minimum") && value < schema["minimum"]) ||
                              (schema.contains("maximum") && value > schema["maximum"])))
      return at + " is " + value.dump() + ", which is out of its range";
    if (!value.is_string()) return {};
    if (schema.contains("minLength") && value.get_ref<const std::string&>().empty())
      return at + " is empty";
    if (schema.contains("pattern") &&
        !is_like(value.get<std::string>(), schema["pattern"].get<std::string>()))
      return at + " is " + value.dump() + ", not like " + schema["pattern"].dump();
    return {};
  }

  std::string fault_of_array(const std::string& file, const json& schema, const json& value,
                             const std::string& at) const {
    if (schema.contains("minItems") && value.size() < schema["minItems"])
      return at + " has too few elements";
    if (!schema.contains("items")) return {};
    const json& items = schema["items"];
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (is_plainly(items, value[i])) continue;
      if (std::string wrong = fault(file, items, value[i], at + "[" + std::to_string(i) + "]");
          !wrong.empty())
        return wrong;
    }
    return {};
  }

  /// Millions of ids are held against a type and a minimum: they need no names of their places.
  static bool is_plainly(const json& schema, const json& value) {
    if (!schema.is_object() || !schema.contains("type") || !has_one_type(value, schema["type"]))
      return false;
    return schema.size() == 1 || (schema.size() == 2 && schema.contains("minimum") &&
                                  value.is_number() && value >= schema["minimum"]);
  }

  std::string fault_of_object(const std::string& file, const json& schema, const json& value,
                              const std::string& at) const {
    const json none = json::object(), properties = schema.value("properties", none);
    for (const json& key : schema.value("required", json::array()))
      if (!value.contains(key)) return at + " lacks " + key.get<std::string>();
    std::set<std::string> named;
    if (schema.contains("unevaluatedProperties")) add_named(file, schema, value, named);
    for (const auto& [key, member] : value.items()) {
      const json* rule = nullptr;
      if (properties.contains(key)) {
        rule = &properties[key];
      } else if (schema.contains("additionalProperties")) {
        rule = &schema["additionalProperties"];
      } else if (schema.contains("unevaluatedProperties") && !named.contains(key)) {
        rule = &schema["unevaluatedProperties"];
      }
      if (rule == nullptr) continue;
      if (std::string wrong = fault(file, *rule, member, at + "." + key); !wrong.empty())
        return wrong;
    }
    return {};
  }

  /// The members of the value that the schema has something to say of.
  void add_named(const std::string& file, const json& schema, const json& value,
                 std::set<std::string>& named) const {
    if (schema.is_boolean()) return;
    for (const auto& [key, unused] : value.items())
      if (schema.contains("additionalProperties") ||
          schema.value("properties", json::object()).contains(key))
        named.insert(key);
    if (schema.contains("$ref"))
      if (const auto [other, target] = resolve(file, schema["$ref"]); target != nullptr)
        add_named(other, *target, value, named);
    for (const json& one : schema.value("anyOf", json::array()))
      if (fault(file, one, value, "").empty()) add_named(file, one, value, named);
  }

  const std::map<std::string, json>& documents_;
  JsonSchemas::Ellipsis ellipsis_;
};

}  // namespace

JsonSchemas::JsonSchemas(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    documents_[entry.path().stem().string()] = json::parse(file);
  }
  if (documents_.empty()) throw std::runtime_error("no schema in " + folder.string());
}

const JsonSchemas& JsonSchemas::ours() {
  static const JsonSchemas schemas(std::filesystem::path(TRINITY_SOURCE_DIR) / "docs/schemas");
  return schemas;
}

std::vector<std::string> JsonSchemas::names() const {
  std::vector<std::string> names;
  for (const auto& [name, unused] : documents_) names.push_back(name);
  return names;
}

std::string JsonSchemas::fault_of(const std::string& name, const json& value,
                                  Ellipsis ellipsis) const {
  const auto document = documents_.find(name);
  if (document == documents_.end()) return "there is no schema " + name;
  return Check(documents_, ellipsis).fault(name, document->second, value, "$");
}

}  // namespace trinity::testing
