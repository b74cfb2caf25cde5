// Any bytes as JSON: refused, or a document that nlohmann-json reads the same way.
#include "base/json.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "input.h"

using trinity::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(trinity::is_valid_utf8(text) == (trinity::first_invalid_utf8(text) == size));
  const auto value = trinity::parse_json(text);
  if (!value) {
    trinity::fuzz::require_clear(value.error());
    return 0;
  }
  require(nlohmann::json::parse(text) == nlohmann::json::parse(trinity::json_text(*value)));
  return 0;
}
