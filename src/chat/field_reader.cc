#include "chat/field_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/utf8.h"
#include "wire/json_slice.h"

namespace trinity::chat {
namespace {

const Json kNull;

std::string named(JsonType type) {
  constexpr const char* names[] = {"null",     "true or false", "a number",
                                   "a string", "an array",      "an object"};
  return names[static_cast<std::size_t>(type)];
}

}  // namespace

void Problem::add(const std::string& path, std::string_view what) {
  if (error_) return;
  const std::string where = path.empty() ? "the body" : excerpt(path, 200);
  error_ = Error{ErrorKind::invalid_input, "invalid_request", fmt::format("{}: {}", where, what)};
}

void Problem::add_unsupported(const std::string& path, std::string_view what) {
  if (error_) return;
  error_ = Error{ErrorKind::unsupported, "unsupported_value",
                 fmt::format("{}: {}", excerpt(path, 200), what)};
}

FieldReader::FieldReader(const Json& value, std::string path, Problem& problem)
    : value_(value), path_(std::move(path)), problem_(problem) {
  if (!value.is_object())
    problem_.add(path_, fmt::format("must be an object, got {}", value.type_name()));
}

std::string FieldReader::at(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Json* FieldReader::find(std::string_view key) {
  known_.push_back(key);
  const Json* const found = value_.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

const Json& FieldReader::any(std::string_view key) {
  const Json* const found = find(key);
  return found == nullptr ? kNull : *found;
}

void FieldReader::wrong(std::string_view key, std::string_view expected, const Json& value) {
  problem_.add(at(key), fmt::format("must be {}, got {}", expected, value.type_name()));
}

bool FieldReader::text(std::string_view key, std::string& into) {
  const Json* const found = find(key);
  if (found == nullptr) return false;
  if (const std::string* const text = found->to_string()) {
    into = *text;
    return true;
  }
  wrong(key, "a string", *found);
  return false;
}

void FieldReader::required_text(std::string_view key, std::string& into) {
  const Json* const found = value_.find(key);
  if (!text(key, into) && (found == nullptr || found->is_null()))
    problem_.add(at(key), "is missing; it must be a string");
}

void FieldReader::number(std::string_view key, std::optional<double>& into, double least,
                         double most) {
  const Json* const found = find(key);
  if (found == nullptr) return;
  if (!found->is_number()) return wrong(key, "a number", *found);
  into = found->to_double();
  if (*into < least || *into > most)
    problem_.add(at(key), fmt::format("must be between {} and {}, got {}", least, most, *into));
}

void FieldReader::integer(std::string_view key, std::optional<std::int64_t>& into,
                          std::int64_t least, std::int64_t most) {
  const Json* const found = find(key);
  if (found == nullptr) return;
  into = found->to_int64();
  const auto real = found->to_double();
  // 100.0 is what some languages write for a whole number.
  if (!into && real && *real >= -9007199254740992.0 && *real <= 9007199254740992.0 &&
      *real == static_cast<double>(static_cast<std::int64_t>(*real)))
    into = static_cast<std::int64_t>(*real);
  if (!into) {
    problem_.add(at(key), fmt::format("must be a whole number, got {}",
                                      found->is_number() ? "another number" : found->type_name()));
  } else if (*into < least || *into > most) {
    problem_.add(at(key),
                 most == INT64_MAX
                     ? fmt::format("must be at least {}, got {}", least, *into)
                     : fmt::format("must be between {} and {}, got {}", least, most, *into));
  }
}

void FieldReader::flag(std::string_view key, std::optional<bool>& into) {
  const Json* const found = find(key);
  if (found == nullptr) return;
  into = found->to_bool();
  if (!into) wrong(key, "true or false", *found);
}

void FieldReader::flag(std::string_view key, bool& into) {
  std::optional<bool> read;
  flag(key, read);
  into = read.value_or(into);
}

const Json* FieldReader::list(std::string_view key) {
  const Json* const found = find(key);
  if (found == nullptr || found->is_array()) return found;
  wrong(key, "an array", *found);
  return nullptr;
}

const Json* FieldReader::object(std::string_view key) {
  const Json* const found = find(key);
  if (found == nullptr || found->is_object()) return found;
  wrong(key, "an object", *found);
  return nullptr;
}

void FieldReader::texts(std::string_view key, std::vector<std::string>& into) {
  const Json* const found = find(key);
  if (found == nullptr) return;
  if (const std::string* const text = found->to_string()) {
    into.push_back(*text);
    return;
  }
  if (!found->is_array()) return wrong(key, "a string or an array of strings", *found);
  for (std::size_t i = 0; i < found->size(); ++i) {
    const std::string* const text = (*found)[i].to_string();
    if (text == nullptr)
      return problem_.add(element(at(key), i),
                          fmt::format("must be a string, got {}", (*found)[i].type_name()));
    into.push_back(*text);
  }
}

void FieldReader::check(std::string_view key, JsonType type) {
  const Json* const found = value_.find(key);
  if (found != nullptr && !found->is_null() && found->type() != type)
    wrong(key, named(type), *found);
}

Json FieldReader::rest() const {
  Json rest;
  for (const auto& [key, value] : value_.items())
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) rest[key] = value;
  return rest;
}

std::string element(std::string_view path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

Result<Json> read_object(std::string_view body) {
  Result<Json> value = parse_json(body);
  if (!value && value.error().tag == "invalid_json") {
    // The walk over slices tells a character that was cut in two from other faults.
    const wire::CheckedJson checked = wire::check_json(body);
    if (!checked.status) return tl::unexpected<Error>(checked.status.error());
  }
  if (value && !value->is_object())
    return fail(ErrorKind::invalid_input, "invalid_request",
                fmt::format("the body: must be a JSON object, got {}", value->type_name()));
  return value;
}

}  // namespace trinity::chat
