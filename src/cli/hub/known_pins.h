// The pins of pins/, compiled into the program.
#pragma once

#include <trinity/error.h>

#include <string_view>

#include "hub/pin.h"

namespace trinity::cli {

/// The base model: Qwen3-0.6B.
Result<hub::Pin> base_model_pin();
/// The published adapted bundle for it.
Result<hub::Pin> router_pin();

}  // namespace trinity::cli
