// How far each lane's operations may lie from the oracle's, and why.
//
// Two limits hold together. `element` bounds every element by element · scale, where the scale is
// the size of the numbers that went into it (an element may cancel to nothing; its error does not):
//   linear     Σ|x·w|                      rope, add   |a| + |b|
//   rms_norm   |result|                    silu_mul    |result|
//   attention  max|v| · (1 + S), S = the largest Σ|q·k|/√dim: an error in a score is an error in
//   the
//              logarithm of a probability
// `row` bounds the relative error of each row as a whole (root of summed squares). The first is a
// worst case and catches single wrong elements; the second is close to what rounding really does
// and catches small systematic mistakes. Rows with extreme scores are exempt from it in attention.
//
// Where the numbers come from. One rounding errs by at most u = 2^-24 (f32) or 2^-8 = 3.9e-3 (bf16)
// and by about u/2.4 on the average.
//   cpu_f32    f32 sums in one chain for 256 terms, measured below 4e-7 for up to 300; exp and
//              division cost a few u more. reference_exact has the same bits.
//   cpu_bf16   product inputs rounded once: 2u + u² at most, 2.4e-3 over a row (4.2e-3 over a short
//              one). Norm, rotation and sums stay f32. In attention q, k, probabilities and v are
//              rounded: up to 1.0e-2 over a row of unit normals, whose scores exceed those of
//              normed heads.
//   cpu_int8   inputs and weights in steps of max/127; the element limit is computed from these
//              (int8_linear_scale). Over a row: 1.1 % for normals, up to 5 % for rows with an
//              outlier. Everything else is cpu_f32's. reference_exact_int8 has the same bits.
//   mlx        f32 sums in the order of the BLAS or of the library's reductions; its exponential is
//              good to a few u and loses with the size of its argument: 3.7e-6 in silu(−88).
//   mlx_fast   computes angles from the reciprocal of a rounded reciprocal frequency: up to u of
//   the
//              frequency is lost, and the product with the position rounds another way (2u), so
//              that the error grows with the position: 3u a position beside the limit at position
//              0.
//   reference  sums in doubles and rounds what it stores to f32, up to three times an operation.
//   reference_bf16  rounds every value it stores and every input: up to four roundings.
// On numbers that a lane represents exactly (`exact_linear`), only its f32 accumulation is left.
#pragma once

#include <optional>
#include <string>

namespace trinity {

struct Tolerance {
  double element = 0;
  double row = 0;
};

struct LaneTolerances {
  Tolerance linear, exact_linear, rms_norm, rope, add, silu_mul, attention;
  bool int8 = false;       // `linear.element` is relative to int8_linear_scale
  double upload = 0;       // relative error of storing an input
  double rope_growth = 0;  // growth of the limit of rope for each position; rows are then exempt
  /// Rounds where PyTorch's eager bf16 path does: then every operation but attention has given
  /// bits.
  bool bf16_order = false;
};

/// The stated limits of a backend; nothing for one that has none yet. "plugin:…" has those that
/// every plugin is held to.
std::optional<LaneTolerances> lane_tolerances(const std::string& backend);

}  // namespace trinity
