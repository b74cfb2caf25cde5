// Holds a value against a schema: the first fault that is found, and where it stands.
#include "base/json_schema_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/json.h"
#include "base/utf8.h"

namespace trinity::json_schema {
namespace {

constexpr int kMostNesting = 512;
constexpr std::int64_t kMostSteps = 1'000'000;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "integer") return is_integral(value);
  return value.type_name() == type;
}

/// One check of one value. Finds the first fault; `path` says where it stands.
class Check {
 public:
  Check(const References& targets, const Patterns& patterns)
      : targets_(targets), patterns_(patterns) {}

  using Fault = std::optional<std::string>;

  Fault fault(const Json& schema, const Json& value, const std::string& path, int nesting = 0) {
    if (gave_up_) return "";
    if (++steps_ > kMostSteps || nesting > kMostNesting) {
      gave_up_ = true;
      return at(path, "is too large to be held against this schema");
    }
    if (schema.is_boolean())
      return schema.as_bool() ? Fault() : at(path, "is not allowed by the schema");
    const int deeper = nesting + 1;
    if (const auto target = targets_.find(&schema); target != targets_.end())
      if (Fault found = fault(*target->second, value, path, deeper)) return found;
    if (Fault found = of_any_type(schema, value, path)) return found;
    if (value.is_number())
      if (Fault found = of_number(schema, value, path)) return found;
    if (value.is_string())
      if (Fault found = of_text(schema, value, path)) return found;
    if (value.is_array())
      if (Fault found = of_list(schema, value, path, deeper)) return found;
    if (value.is_object())
      if (Fault found = of_object(schema, value, path, deeper)) return found;
    return of_combinations(schema, value, path, deeper);
  }

 private:
  static std::string at(const std::string& path, const std::string& what) {
    return (path.empty() ? "the whole value" : excerpt(path, 200)) + ": " + what;
  }
  static std::string shown(const Json& value) { return excerpt(json_text(value), 60); }
  bool equal(const Json& a, const Json& b) {
    steps_ += static_cast<std::int64_t>(a.size());
    return a == b;
  }

  Fault of_any_type(const Json& schema, const Json& value, const std::string& path) {
    if (const Json* const type = schema.find("type")) {
      const bool fits =
          type->is_array()
              ? std::any_of(type->begin(), type->end(),
                            [&](const Json& one) { return has_type(value, one.as_string()); })
              : has_type(value, type->as_string());
      if (!fits) {
        std::string names = type->as_string();
        for (const Json& one : *type) names += (names.empty() ? "" : " or ") + one.as_string();
        return at(path, "must be of the type " + names + ", but is " + shown(value) + " (" +
                            value.type_name() + ")");
      }
    }
    if (const Json* const one = schema.find("const"); one != nullptr && !equal(value, *one))
      return at(path, "must be " + shown(*one) + ", but is " + shown(value));
    if (const Json* const list = schema.find("enum"))
      if (std::none_of(list->begin(), list->end(),
                       [&](const Json& one) { return equal(value, one); }))
        return at(path,
                  "must be one of " + excerpt(json_text(*list), 200) + ", but is " + shown(value));
    return std::nullopt;
  }

  Fault of_number(const Json& schema, const Json& value, const std::string& path) {
    const double number = value.as_double();
    const auto bound = [&](const char* key, auto holds, const char* words) -> Fault {
      const Json* const limit = schema.find(key);
      if (limit == nullptr || holds(number, limit->as_double())) return std::nullopt;
      return at(path,
                std::string("must be ") + words + " " + shown(*limit) + ", but is " + shown(value));
    };
    if (Fault found = bound("minimum", std::greater_equal<>(), "at least")) return found;
    if (Fault found = bound("maximum", std::less_equal<>(), "at most")) return found;
    if (Fault found = bound("exclusiveMinimum", std::greater<>(), "above")) return found;
    if (Fault found = bound("exclusiveMaximum", std::less<>(), "below")) return found;
    return bound("multipleOf", is_multiple, "a multiple of");
  }

  static bool is_multiple(double number, double of) {
    const double times = number / of;
    if (!std::isfinite(times)) return false;
    // 0.3 is a multiple of 0.1, though their doubles are not.
    return std::fabs(times - std::round(times)) <= 1e-9 * std::max(1.0, std::fabs(times));
  }

  /// Of a text, a list or an object: how long it is.
  static Fault of_size(const Json& schema, const char* least, const char* most, std::size_t size,
                       const std::string& path, const char* what) {
    const Json* limit = schema.find(least);
    if (limit != nullptr && static_cast<double>(size) < limit->as_double())
      return at(path, "must have at least " + json_text(*limit) + " " + what + ", but has " +
                          std::to_string(size));
    limit = schema.find(most);
    if (limit != nullptr && static_cast<double>(size) > limit->as_double())
      return at(path, "must have at most " + json_text(*limit) + " " + what + ", but has " +
                          std::to_string(size));
    return std::nullopt;
  }

  bool matches(const std::string& pattern, std::string_view text) {
    steps_ += static_cast<std::int64_t>(text.size());
    const auto found = patterns_.find(pattern);
    return found != patterns_.end() && found->second.found_in(text);
  }

  Fault of_text(const Json& schema, const Json& value, const std::string& path) {
    const std::string& text = value.as_string();
    if (Fault found =
            of_size(schema, "minLength", "maxLength", characters(text), path, "characters"))
      return found;
    if (const Json* const pattern = schema.find("pattern");
        pattern != nullptr && !matches(pattern->as_string(), text))
      return at(path, "must match the pattern " + excerpt(pattern->as_string()) + ", but is " +
                          shown(value));
    return std::nullopt;
  }

  Fault of_list(const Json& schema, const Json& value, const std::string& path, int nesting) {
    if (Fault found = of_size(schema, "minItems", "maxItems", value.size(), path, "elements"))
      return found;
    const Json* items = schema.find("items");
    const Json* first = schema.find("prefixItems");
    if (items != nullptr && items->is_array()) {  // of drafts before 2020-12
      first = items;
      items = schema.find("additionalItems");
    }
    for (std::size_t n = 0; n < value.size(); ++n) {
      const bool is_first = first != nullptr && n < first->size();
      const Json* const one = is_first ? &(*first)[n] : items;
      if (one == nullptr) continue;
      if (Fault found = fault(*one, value[n], path + "/" + std::to_string(n), nesting))
        return found;
    }
    if (const Json* const contains = schema.find("contains"))
      if (Fault found = of_contents(schema, *contains, value, path, nesting)) return found;
    if (schema["uniqueItems"].as_bool())
      for (std::size_t n = 1; n < value.size(); ++n)
        for (std::size_t k = 0; k < n; ++k) {
          if (++steps_ > kMostSteps) return fault(schema, value, path, nesting);
          if (equal(value[n], value[k]))
            return at(path + "/" + std::to_string(n), "must not be equal to an earlier element");
        }
    return std::nullopt;
  }

  Fault of_contents(const Json& schema, const Json& contains, const Json& value,
                    const std::string& path, int nesting) {
    std::size_t count = 0;
    for (std::size_t n = 0; n < value.size(); ++n)
      count += !fault(contains, value[n], path + "/" + std::to_string(n), nesting);
    const Json* const least = schema.find("minContains");
    const Json* const most = schema.find("maxContains");
    if (static_cast<double>(count) < (least != nullptr ? least->as_double() : 1))
      return at(path, "must have more elements of the kind that `contains` asks for");
    if (most != nullptr && static_cast<double>(count) > most->as_double())
      return at(path, "must have fewer elements of the kind that `contains` asks for");
    return std::nullopt;
  }

  Fault of_object(const Json& schema, const Json& value, const std::string& path, int nesting) {
    if (const Json* const required = schema.find("required"))
      for (const Json& name : *required)
        if (!value.contains(name.as_string()))
          return at(path, "must have the member " + excerpt(name.as_string()));
    if (Fault found =
            of_size(schema, "minProperties", "maxProperties", value.size(), path, "members"))
      return found;
    const Json& properties = schema["properties"];
    const Json& by_pattern = schema["patternProperties"];
    const Json* const others = schema.find("additionalProperties");
    const Json* const names = schema.find("propertyNames");
    for (const auto& [name, member] : value.items()) {
      const std::string here = path + pointer_token(name);
      if (names != nullptr)
        if (Fault found = fault(*names, Json(name), here, nesting)) return found;
      const Json* const own = properties.find(name);
      bool known = own != nullptr;
      if (own != nullptr)
        if (Fault found = fault(*own, member, here, nesting)) return found;
      for (const auto& [pattern, one] : by_pattern.items()) {
        if (!matches(pattern, name)) continue;
        known = true;
        if (Fault found = fault(one, member, here, nesting)) return found;
      }
      if (known || others == nullptr) continue;
      if (others->is_boolean() && !others->as_bool())
        return at(here, "is a member that the schema does not know");
      if (Fault found = fault(*others, member, here, nesting)) return found;
    }
    return of_dependencies(schema, value, path, nesting);
  }

  Fault of_dependencies(const Json& schema, const Json& value, const std::string& path,
                        int nesting) {
    for (const char* key : {"dependencies", "dependentRequired", "dependentSchemas"})
      for (const auto& [name, needed] : schema[key].items()) {
        if (!value.contains(name)) continue;
        if (!needed.is_array()) {
          if (Fault found = fault(needed, value, path, nesting)) return found;
          continue;
        }
        for (const Json& other : needed)
          if (!value.contains(other.as_string()))
            return at(path, "must have the member " + excerpt(other.as_string()) +
                                ", because it has " + excerpt(name));
      }
    return std::nullopt;
  }

  Fault of_combinations(const Json& schema, const Json& value, const std::string& path,
                        int nesting) {
    for (const Json& one : schema["allOf"])
      if (Fault found = fault(one, value, path, nesting)) return found;
    if (const Json* const any = schema.find("anyOf")) {
      Fault first;
      bool fits = false;
      for (const Json& one : *any) {
        Fault found = fault(one, value, path, nesting);
        fits = fits || !found;
        if (!first) first = std::move(found);
        if (fits) break;
      }
      if (!fits) return at(path, "must be one of several things and is none: " + *first);
    }
    if (const Json* const one_of = schema.find("oneOf")) {
      std::size_t count = 0;
      Fault first;
      for (const Json& one : *one_of) {
        Fault found = fault(one, value, path, nesting);
        count += !found;
        if (!first) first = std::move(found);
      }
      if (count == 0) return at(path, "must be one of several things and is none: " + *first);
      if (count > 1) return at(path, "must be exactly one of several things, but is more of them");
    }
    if (const Json* const no = schema.find("not"))
      if (!fault(*no, value, path, nesting) && !gave_up_)
        return at(path, "is what the schema excludes by `not`");
    if (const Json* const condition = schema.find("if")) {
      const bool holds = !fault(*condition, value, path, nesting);
      if (const Json* const then = schema.find(holds ? "then" : "else"))
        if (Fault found = fault(*then, value, path, nesting)) return found;
    }
    if (gave_up_) return at(path, "is too large to be held against this schema");
    return std::nullopt;
  }

  const References& targets_;
  const Patterns& patterns_;
  std::int64_t steps_ = 0;
  bool gave_up_ = false;
};

}  // namespace

std::optional<std::string> fault_of(const Json& schema, const References& references,
                                    const Patterns& patterns, const Json& value) {
  return Check(references, patterns).fault(schema, value, "");
}

std::string pointer_token(std::string_view key) {
  std::string out = "/";
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

bool is_integral(const Json& value) {
  const auto number = value.to_double();
  return number && (value.is_number_integer() || std::floor(*number) == *number);
}

}  // namespace trinity::json_schema
