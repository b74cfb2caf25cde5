// Any bytes as a pin: refused with a tag, or a pin whose names are safe and which is written and
// read back the same.
#include "hub/pin.h"

#include <cstdint>
#include <cstdlib>

#include "base/utf8.h"
#include "hub/safe_path.h"

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pin = trinity::parse_pin({reinterpret_cast<const char*>(data), size});
  if (!pin) {
    require(!pin.error().tag.empty() && trinity::is_valid_utf8(pin.error().message));
    return 0;
  }
  for (const trinity::PinFile& file : pin->files)
    require(trinity::require_safe_path(file.path).has_value());
  const std::string text = trinity::pin_json(*pin);
  const auto again = trinity::parse_pin(text);
  require(again && trinity::pin_json(*again) == text);
  return 0;
}
