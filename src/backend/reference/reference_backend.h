// The oracle: plain loops, f64 accumulation, no library, written to be read.
//
// Every operation is the textbook formula; its result is rounded once when it is stored. Two
// roundings exist. `f32` stores f32 and is what every other lane is compared with. `bf16_order`
// rounds to bfloat16 at exactly the points where PyTorch's eager bf16 path does, so that on short
// inputs it reproduces that path bit for bit. Slow by design.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace trinity::backend {

enum class ReferenceRounding { f32, bf16_order };

std::unique_ptr<Backend> make_reference_backend(ReferenceRounding rounding);

}  // namespace trinity::backend
