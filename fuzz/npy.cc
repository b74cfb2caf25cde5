// Any bytes as an npy file: refused, or read whole, and the writer's header reads back the same.
#include "tensor/npy.h"

#include <cstdint>

#include "input.h"

using trinity::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto view = trinity::parse_npy(std::as_bytes(std::span(data, size)));
  if (!view) {
    trinity::fuzz::require_clear(view.error());
    return 0;
  }
  const auto values = trinity::to_f32(*view);
  require(values || values.error().tag == "unsupported_dtype");
  std::string written = trinity::npy_header(*view).value();
  written.append(reinterpret_cast<const char*>(view->bytes.data()), view->bytes.size());
  const auto again =
      trinity::parse_npy(std::as_bytes(std::span<const char>(written.data(), written.size())));
  require(again && again->dtype == view->dtype && again->shape == view->shape);
  return 0;
}
