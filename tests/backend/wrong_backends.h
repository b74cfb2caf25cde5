// Backends that make one classic mistake each, to show that the checks can fail.
//
// All are the reference with one operation replaced. The mistakes are those that real lanes have
// made: masks that look the wrong way, rotation over the wrong axis or pairs, frequencies passed as
// their inverse, mixed-up key/value groups, a norm that multiplies by the weight too early.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace trinity::testing {

struct Mistake {
  std::string name;  // "anti_causal_mask"
  std::string op;    // the operation that must be blamed
  std::function<std::unique_ptr<backend::Backend>()> make;
};
inline void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

/// Attention without the keys whose weight is below e^-12 of the largest: a thousand of them count.
std::unique_ptr<backend::Backend> make_far_keys_dropped_backend();

/// Mistakes that stand out from f32 rounding by orders of magnitude.
const std::vector<Mistake>& gross_mistakes();

/// The retyped "rope" or "attention" that the mistakes are made in, without a mistake.
std::unique_ptr<backend::Backend> make_retyped_backend(const std::string& op);

/// bf16 storage, but the norm weight multiplies before the normalised value is rounded.
std::unique_ptr<backend::Backend> make_early_norm_weight_backend();

}  // namespace trinity::testing
