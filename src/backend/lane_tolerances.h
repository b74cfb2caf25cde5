// How far a lane's operations may lie from the right answer, as its room states it (BackendEntry).
//
// Two limits hold together. `element` bounds every element by element · scale, where the scale is
// the size of the numbers that went into it (an element may cancel to nothing; its error does not):
//   linear     Σ|x·w|                      rope, add   |a| + |b|
//   rms_norm   |result|                    silu_mul    |result|
//   attention  max|v| · (1 + S), S = the largest Σ|q·k|/√dim: an error in a score is an error in
//              the logarithm of a probability
// `row` bounds the relative error of each row as a whole (root of summed squares). The first is a
// worst case and catches single wrong elements; the second is close to what rounding really does
// and catches small systematic mistakes. Rows with extreme scores are exempt from it in attention.
//
// One rounding errs by at most u = 2^-24 (f32) or 2^-8 = 3.9e-3 (bf16) and by about u/2.4 on the
// average. On numbers that a lane represents exactly (`exact_linear`), only its accumulation is
// left.
#pragma once

namespace trinity::backend {

struct Tolerance {
  double element = 0;
  double row = 0;
};

struct LaneTolerances {
  Tolerance linear, exact_linear, rms_norm, rope, add, silu_mul, attention;
  bool int8 = false;       // `linear.element` is relative to what int8 steps of x and W can do
  double upload = 0;       // relative error of storing an input
  double rope_growth = 0;  // growth of the limit of rope for each position; rows are then exempt
  /// Rounds where PyTorch's eager bf16 path does: then every operation but attention has given
  /// bits.
  bool bf16_order = false;
};

}  // namespace trinity::backend
