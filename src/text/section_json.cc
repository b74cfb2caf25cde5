#include "text/section_json.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer_error.h"

namespace trinity::text {

namespace {

constexpr JsonLimits section_limits{.max_depth = 64, .max_bytes = std::size_t{4} << 20};

void add_steps(const Json& section, const char* list, std::vector<const Json*>& steps) {
  const Json& members = section_member(section, list);
  if (section_member(section, "type") != "Sequence" || !members.is_array()) {
    steps.push_back(&section);
    return;
  }
  for (const Json& member : members) add_steps(member, list, steps);
}

}  // namespace

Result<Json> parse_section(std::string_view name, std::string_view text) {
  Result<Json> section = parse_json(text, section_limits);
  if (section) return section;
  return invalid_tokenizer(
      fmt::format("{} of the tokenizer file: {}", name, section.error().message));
}

const Json& section_member(const Json& object, const char* key) { return object[key]; }

std::vector<const Json*> section_steps(const Json& section, const char* list) {
  std::vector<const Json*> steps;
  add_steps(section, list, steps);
  return steps;
}

std::string shown(const Json& value) { return excerpt(json_text(value), 64); }

}  // namespace trinity::text
