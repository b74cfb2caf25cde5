// The oracle of bits: what every exact lane must equal on every processor.
//
// The arithmetic is defined in exact_arithmetic.h, one fixed sequence of f32 operations a value.
// Here it is the whole forward pass, in plain loops, to be read beside docs/arithmetic.md. The
// reference lane sums in f64 and says how accurate a lane is; this one says whether it is exact.
// Slow by design: without hardware flags every fma is a call.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "backend/lane_tolerances.h"

namespace trinity::backend {

enum class ExactProducts {
  f32,   // weights and activations in f32
  int8,  // in int8 with one f32 scale a row of weights and a row of activations, sums in int32
};

/// With ExactProducts::int8, `prepare_linear` has one more error: `int8_sum_overflow` for weights
/// of more than exact::kInt8MaxTerms columns.
std::unique_ptr<Backend> make_exact_backend(ExactProducts products);

/// How far the defined arithmetic lies from right: f32 sums in one chain for 256 terms, measured
/// below 4e-7 for up to 300; exp and division cost a few u more. int8: inputs and weights in steps
/// of max/127, 1.1 % over a row of normals, up to 5 % over one with an outlier; everything else as
/// f32. The limits of every lane that has these bits.
LaneTolerances exact_tolerances(ExactProducts products);

}  // namespace trinity::backend
