// Any bytes as a pin: refused with a tag, or a pin whose names are safe and which is written and
// read back the same.
#include "hub/pin.h"

#include <cstdint>

#include "hub/safe_path.h"
#include "input.h"

using trinity::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pin = trinity::hub::parse_pin({reinterpret_cast<const char*>(data), size});
  if (!pin) {
    trinity::fuzz::require_clear(pin.error());
    return 0;
  }
  for (const trinity::hub::PinFile& file : pin->files)
    require(trinity::hub::require_safe_path(file.path).has_value());
  const std::string text = trinity::hub::pin_json(*pin);
  const auto again = trinity::hub::parse_pin(text);
  require(again && trinity::hub::pin_json(*again) == text);
  return 0;
}
