#include "bundle/json_lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/foreign_file.h"
#include "base/json.h"
#include "base/try.h"

namespace trinity::bundle {
namespace {

constexpr size_t kMaxJsonBytes = size_t{128} << 20;
constexpr uint64_t kLargestInteger = uint64_t{1} << 62;

bool is_index(const Json& value) {
  return value.is_number_integer() &&
         !(value.is_number_unsigned() && value.as_uint64() > kLargestInteger);
}

}  // namespace

Result<Json> read_json_object(const std::filesystem::path& path) {
  auto text = read_json_file(path, kMaxJsonBytes);
  if (!text && text.error().tag == "missing_file")
    return fail(ErrorKind::missing, "missing_json",
                fmt::format("missing_json({}): there is no such file", path.string()));
  if (!text) return tl::unexpected(std::move(text.error()));
  auto json = parse_json(*text);
  const std::string reason = !json                ? json.error().message
                             : !json->is_object() ? "it is no JSON object"
                                                  : std::string();
  if (!reason.empty())
    return fail(ErrorKind::invalid_input, "invalid_json",
                fmt::format("invalid_json({}): {}", path.string(), reason));
  return json;
}

const Json* find_value(const Json& json, std::string_view dotted_key) {
  const Json* at = &json;
  while (!dotted_key.empty()) {
    const size_t dot = std::min(dotted_key.find('.'), dotted_key.size());
    at = at->find(dotted_key.substr(0, dot));
    if (at == nullptr || at->is_null()) return nullptr;
    dotted_key.remove_prefix(std::min(dot + 1, dotted_key.size()));
  }
  return at;
}

std::optional<std::string> find_text(const Json& json,
                                     std::initializer_list<std::string_view> dotted_keys) {
  for (const std::string_view key : dotted_keys)
    if (const Json* value = find_value(json, key); value != nullptr && value->is_string())
      if (const auto& text = value->as_string(); !text.empty()) return text;
  return std::nullopt;
}

std::optional<int64_t> find_integer(const Json& json, std::string_view dotted_key) {
  const Json* value = find_value(json, dotted_key);
  if (value == nullptr || !is_index(*value)) return std::nullopt;
  return value->as_int64();
}

std::vector<int64_t> find_integers(const Json& json, std::string_view dotted_key) {
  const Json* value = find_value(json, dotted_key);
  if (value == nullptr || !value->is_array()) return {};
  std::vector<int64_t> out;
  for (const Json& item : *value) {
    if (!is_index(item)) return {};
    out.push_back(item.as_int64());
  }
  return out;
}

const Json* find_list(const Json& json, std::initializer_list<std::string_view> dotted_keys) {
  for (const std::string_view key : dotted_keys)
    if (const Json* value = find_value(json, key);
        value != nullptr && value->is_array() && !value->empty())
      return value;
  return nullptr;
}

std::filesystem::path locate_named_file(const std::filesystem::path& folder,
                                        const std::string& name) {
  std::error_code ignored;
  std::filesystem::path path(name);
  if (!path.is_absolute() && !std::filesystem::exists(path, ignored)) path = folder / path;
  std::filesystem::path moved = folder / path.filename();
  if (std::filesystem::exists(path, ignored) || !std::filesystem::exists(moved, ignored))
    return path;
  return moved;
}

}  // namespace trinity::bundle
