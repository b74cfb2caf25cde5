#include "text/section_json.h"

#include <fmt/format.h>

#include "base/json.h"
#include "text/tokenizer_error.h"

namespace trinity {

using nlohmann::json;

namespace {

constexpr JsonLimits section_limits{.max_depth = 64, .max_bytes = std::size_t{4} << 20};

void add_steps(const json& section, const char* list, std::vector<const json*>& steps) {
  const json& members = section_member(section, list);
  if (section_member(section, "type") != "Sequence" || !members.is_array()) {
    steps.push_back(&section);
    return;
  }
  for (const json& member : members) add_steps(member, list, steps);
}

}  // namespace

Result<json> parse_section(std::string_view name, std::string_view text) {
  Result<json> section = parse_json(text, section_limits);
  if (section) return section;
  return invalid_tokenizer(
      fmt::format("{} of the tokenizer file: {}", name, section.error().message));
}

const json& section_member(const json& object, const char* key) {
  static const json null;
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? null : *found;
}

std::vector<const json*> section_steps(const json& section, const char* list) {
  std::vector<const json*> steps;
  add_steps(section, list, steps);
  return steps;
}

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', true);  // ASCII, so it can be cut anywhere
  if (text.size() > 64) text.replace(64, std::string::npos, "...");
  return text;
}

}  // namespace trinity
