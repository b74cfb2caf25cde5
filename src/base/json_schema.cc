#include "base/json_schema.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/json_schema_check.h"
#include "base/pattern.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;
constexpr int kMostDepth = 64;

using namespace std::string_view_literals;
using Words = std::span<const std::string_view>;

bool is_among(std::string_view word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

tl::unexpected<Error> invalid(const std::string& path, const std::string& what) {
  return fail(ErrorKind::invalid_input, "invalid_schema",
              (path.empty() ? "the schema " : "the schema at " + excerpt(path) + " ") + what);
}
tl::unexpected<Error> unsupported(const std::string& path, const std::string& what) {
  return fail(ErrorKind::unsupported, "unsupported_schema",
              (path.empty() ? "the schema " : "the schema at " + excerpt(path) + " ") + what);
}

bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

/// The value at a JSON pointer ("/definitions/a~1b"), escapes of a URL undone; nullptr: none.
const Json* at_pointer(const Json& root, std::string_view pointer) {
  const Json* here = &root;
  while (!pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const std::string_view raw = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(raw.size());
    std::string token;
    for (std::size_t n = 0; n < raw.size(); ++n) {
      if (raw[n] == '%' && n + 2 < raw.size() && is_hex(raw[n + 1]) && is_hex(raw[n + 2])) {
        token += static_cast<char>(std::stoi(std::string(raw.substr(n + 1, 2)), nullptr, 16));
        n += 2;
      } else {
        token += raw[n];
      }
    }
    for (std::size_t n = 0; (n = token.find('~', n)) != std::string::npos; ++n)
      if (n + 1 < token.size()) token.replace(n, 2, token[n + 1] == '1' ? "/" : "~");
    if (here->is_array()) {
      const bool is_number =
          !token.empty() && token.size() < 9 &&
          std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!is_number || static_cast<std::size_t>(std::stoi(token)) >= here->size()) return nullptr;
      here = &(*here)[static_cast<std::size_t>(std::stoi(token))];
    } else {
      here = here->find(token);
      if (here == nullptr) return nullptr;
    }
  }
  return here;
}

// Where schemas stand within a schema.
constexpr std::array kOneSchema = {
    "not"sv,      "if"sv,    "then"sv,          "else"sv,           "additionalProperties"sv,
    "contains"sv, "items"sv, "propertyNames"sv, "additionalItems"sv};
constexpr std::array kSchemaLists = {"allOf"sv, "anyOf"sv, "oneOf"sv, "prefixItems"sv};
constexpr std::array kSchemaMaps = {"properties"sv, "patternProperties"sv, "$defs"sv,
                                    "definitions"sv, "dependentSchemas"sv};
constexpr std::array kNotDone = {
    "unevaluatedProperties"sv, "unevaluatedItems"sv, "$dynamicRef"sv, "$dynamicAnchor"sv,
    "$recursiveRef"sv,         "$recursiveAnchor"sv, "$anchor"sv};
constexpr std::array kCounts = {"minLength"sv,     "maxLength"sv,    "minItems"sv,
                                "maxItems"sv,      "minContains"sv,  "maxContains"sv,
                                "minProperties"sv, "maxProperties"sv};
constexpr std::array kNumbers = {"minimum"sv, "maximum"sv, "exclusiveMinimum"sv,
                                 "exclusiveMaximum"sv, "multipleOf"sv};
constexpr std::array kTypes = {"null"sv,   "boolean"sv, "number"sv, "integer"sv,
                               "string"sv, "array"sv,   "object"sv};

}  // namespace

struct JsonSchema::Compiled {
  Json root;
  json_schema::References targets;
  json_schema::Patterns patterns;
  std::set<const Json*> seen;
  std::vector<std::pair<const Json*, std::string>> named;  // by references, with their pointers

  /// The schema, and what its references name, which may stand where schemas do not.
  Status read_all() {
    TRINITY_CHECK(read(root, "", 0));
    while (!named.empty()) {
      const auto [schema, path] = named.back();
      named.pop_back();
      if (!seen.contains(schema)) TRINITY_CHECK(read(*schema, path, 0));
    }
    return refuse_circles();
  }

  // Reading: every schema within the schema is looked at once.

  Status read(const Json& schema, const std::string& path, int depth) {
    if (schema.is_boolean()) return {};
    if (!schema.is_object())
      return invalid(path, "is a " + std::string(schema.type_name()) +
                               "; it must be an object, true or false");
    if (depth > kMostDepth) return unsupported(path, "is nested deeper than 64 levels");
    seen.insert(&schema);
    for (const auto& [key, value] : schema.items()) {
      const std::string here = path + json_schema::pointer_token(key);
      if (is_among(key, kNotDone))
        return unsupported(here, "is a keyword that is not checked here");
      if (key == "$ref") {
        TRINITY_CHECK(read_reference(schema, value, here));
      } else if (key == "items" && value.is_array()) {
        TRINITY_CHECK(read_list(value, here, depth));
      } else if (is_among(key, kOneSchema)) {
        TRINITY_CHECK(read(value, here, depth + 1));
      } else if (is_among(key, kSchemaLists)) {
        if (!value.is_array() || value.empty())
          return invalid(here, "must be a list of schemas that is not empty");
        TRINITY_CHECK(read_list(value, here, depth));
      } else if (is_among(key, kSchemaMaps)) {
        TRINITY_CHECK(read_map(value, here, depth, key == "patternProperties"));
      } else if (key == "dependencies") {
        TRINITY_CHECK(read_dependencies(value, here, depth));
      } else {
        TRINITY_CHECK(read_plain(key, value, here));
      }
    }
    return {};
  }

  Status read_list(const Json& list, const std::string& path, int depth) {
    for (std::size_t n = 0; n < list.size(); ++n)
      TRINITY_CHECK(read(list[n], path + "/" + std::to_string(n), depth + 1));
    return {};
  }

  Status read_map(const Json& map, const std::string& path, int depth, bool by_pattern) {
    if (!map.is_object()) return invalid(path, "must be an object of schemas");
    for (const auto& [key, value] : map.items()) {
      if (by_pattern) TRINITY_CHECK(keep_pattern(key, path));
      TRINITY_CHECK(read(value, path + json_schema::pointer_token(key), depth + 1));
    }
    return {};
  }

  Status read_dependencies(const Json& map, const std::string& path, int depth) {
    if (!map.is_object()) return invalid(path, "must be an object");
    for (const auto& [key, value] : map.items()) {
      const std::string here = path + json_schema::pointer_token(key);
      if (value.is_array()) {
        TRINITY_CHECK(read_texts(value, here));
      } else {
        TRINITY_CHECK(read(value, here, depth + 1));
      }
    }
    return {};
  }

  static Status read_texts(const Json& list, const std::string& path) {
    const bool texts =
        list.is_array() &&
        std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_string(); });
    if (!texts) return invalid(path, "must be a list of texts");
    return {};
  }

  Status keep_pattern(const std::string& text, const std::string& path) {
    Result<Pattern> pattern = Pattern::compile(text);
    if (!pattern)
      return tl::unexpected(
          Error{pattern.error().kind,
                pattern.error().tag == "invalid_pattern" ? "invalid_schema" : "unsupported_schema",
                "the schema at " + excerpt(path) + ": " + pattern.error().message});
    patterns.emplace(text, std::move(*pattern));
    return {};
  }

  Status read_reference(const Json& schema, const Json& value, const std::string& path) {
    const std::string* const text = value.to_string();
    if (text == nullptr) return invalid(path, "must be a text");
    if (!text->starts_with('#'))
      return unsupported(path, "refers to another document, which is not fetched; use #/$defs/…");
    if (text->size() > 1 && (*text)[1] != '/')
      return unsupported(path, "refers to an anchor; use #/$defs/…");
    const Json* const target = at_pointer(root, std::string_view(*text).substr(1));
    if (target == nullptr || !(target->is_object() || target->is_boolean()))
      return invalid(path, "refers to " + excerpt(*text) + ", which is no schema of this one");
    targets[&schema] = target;
    named.emplace_back(target, text->substr(1));
    return {};
  }

  Status read_plain(std::string_view key, const Json& value, const std::string& path) {
    if (key == "type") {
      const Json list = value.is_array() ? value : Json::array({value});
      if (list.empty()) return invalid(path, "must name a type");
      for (const Json& one : list)
        if (!one.is_string() || !is_among(one.as_string(), kTypes))
          return invalid(path, "must be null, boolean, number, integer, string, array or object");
    } else if (is_among(key, kCounts)) {
      if (!json_schema::is_integral(value) || value.as_double() < 0)
        return invalid(path, "must be a whole number of at least 0");
    } else if (is_among(key, kNumbers)) {
      if (!value.is_number() || (key == "multipleOf" && value.as_double() <= 0))
        return invalid(path, key == "multipleOf" ? "must be a number above 0" : "must be a number");
    } else if (key == "pattern") {
      if (!value.is_string()) return invalid(path, "must be a text");
      return keep_pattern(value.as_string(), path);
    } else if (key == "required") {
      return read_texts(value, path);
    } else if (key == "enum") {
      if (!value.is_array()) return invalid(path, "must be a list");
    } else if (key == "uniqueItems") {
      if (!value.is_boolean()) return invalid(path, "must be true or false");
    } else if (key == "dependentRequired") {
      if (!value.is_object()) return invalid(path, "must be an object");
      for (const auto& [name, list] : value.items())
        TRINITY_CHECK(read_texts(list, path + json_schema::pointer_token(name)));
    }
    return {};
  }

  /// A schema that leads back to itself without looking at anything would never end.
  Status refuse_circles() const {
    std::map<const Json*, int> state;  // 1: under way, 2: done
    const std::function<bool(const Json*)> ends = [&](const Json* schema) {
      int& mark = state[schema];
      if (mark != 0) return mark == 2;
      mark = 1;
      bool good = true;
      const auto step = [&](const Json* next) { good = good && (next == nullptr || ends(next)); };
      if (const auto target = targets.find(schema); target != targets.end()) step(target->second);
      for (const char* key : {"not", "if", "then", "else"}) step(schema->find(key));
      for (const char* key : {"allOf", "anyOf", "oneOf"})
        if (const Json* list = schema->find(key))
          for (const Json& one : *list) step(&one);
      for (const char* key : {"dependencies", "dependentSchemas"})
        if (const Json* map = schema->find(key))
          for (const auto& [name, one] : map->items())
            if (!one.is_array()) step(&one);
      state[schema] = 2;
      return good;
    };
    for (const auto& [schema, target] : targets)
      if (!ends(schema)) return invalid("", "has a reference that leads in a circle");
    return {};
  }
};

Result<JsonSchema> JsonSchema::read(const Json& schema) {
  if (json_text(schema).size() > kMostBytes) return unsupported("", "is larger than 64 KiB");
  auto compiled = std::make_shared<Compiled>();
  compiled->root = schema;
  TRINITY_CHECK(compiled->read_all());
  return JsonSchema(std::move(compiled));
}

std::optional<std::string> JsonSchema::fault_of(const Json& value) const {
  return json_schema::fault_of(compiled_->root, compiled_->targets, compiled_->patterns, value);
}

}  // namespace trinity
