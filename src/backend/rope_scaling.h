// Frequencies of the rotary embedding that were stretched for longer contexts.
//
// The formulas are those of `transformers` (modeling_rope_utils.py), which computes them in f32
// with the logarithms and powers of a library. Here they are computed in f64 in the order of the
// formula and rounded to f32 once. Logarithms and powers are series in pairs of doubles, so that
// every platform gets the same bits. Against the library's f32 the last digit or two may differ.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/rope.h"

namespace trinity::backend {

/// Radians a position, for i in [0, head_dim/2). `rope.scaling` is not `none`; for yarn θ > 1.
std::vector<float> scaled_rope_frequencies(int64_t head_dim, const Rope& rope);

/// The factor of cosines and sines that YaRN takes when config.json states none: 0.1 · ln(factor) +
/// 1, or the quotient of two such numbers with `mscale` and `mscale_all_dim` before the logarithm
/// when both are other than 0.
double yarn_attention_factor(double factor, double mscale = 0, double mscale_all_dim = 0);

/// ln(x) for a positive normal x and e^x for |x| < 700, rounded to f64: the same bits everywhere.
double portable_log(double x);
double portable_exp(double x);

}  // namespace trinity::backend
