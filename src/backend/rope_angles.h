// Frequencies, cosines and sines of the rotary embedding, correctly rounded to f32.
//
// A mathematical library promises its last digit to nobody: the f64 cosine of glibc, of macOS and
// of a graphics card may differ in the last place, and now and then such a difference survives the
// rounding to f32. Here every result is the f32 number nearest to the true value, which is one
// number on every platform. The library's value is taken when its error cannot matter; the few
// others are computed with about a hundred bits in pairs of doubles, from IEEE additions, products
// and fma alone.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/rope.h"

namespace trinity::backend {

struct CosSin {
  float cosine = 0;
  float sine = 0;
};

/// Radians a position, for i in [0, head_dim/2): θ^(−2i/head_dim), each correctly rounded (θ > 0
/// and finite), or what the scaling of rope_scaling.h makes of them.
std::vector<float> rope_frequencies(int64_t head_dim, const Rope& rope);

/// Angle in radians of a position: the f32 product of two f32 numbers, as in the reference formula.
inline float rope_angle(int64_t position, float frequency) {
  return static_cast<float>(position) * frequency;
}

/// Cosine and sine of the angle, each correctly rounded for |angle| ≤ 2^40. Of a larger angle the
/// library's values, rounded; NaN of NaN and infinity.
CosSin rope_cos_sin(float angle);

/// The same for |angle| ≤ 2^40 without the library: what decides when its value is too close to the
/// middle between two f32 numbers. Some fifty times slower.
CosSin rope_cos_sin_by_series(float angle);

}  // namespace trinity::backend
