#include "cli/hub/known_pins.h"

#include <span>

#include "base/embedded_file.h"

namespace trinity::cli {

std::span<const EmbeddedFile> embedded_pins();  // generated from pins/

namespace {

Result<hub::Pin> pin_named(std::string_view name) {
  for (const EmbeddedFile& file : embedded_pins())
    if (file.name == name) return hub::parse_pin(file.bytes);
  return fail(ErrorKind::missing, "missing_pin",
              "this build holds no pins; build with the folder pins/, or name a pin file");
}

}  // namespace

Result<hub::Pin> base_model_pin() { return pin_named("qwen3-0.6b.json"); }
Result<hub::Pin> router_pin() { return pin_named("router-qwen3-0.6b.json"); }

}  // namespace trinity::cli
