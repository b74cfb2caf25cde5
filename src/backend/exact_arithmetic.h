// The arithmetic of the exact lanes, as scalar code: what every one of them must equal bit by bit.
//
// An exact lane's results follow from the conversation, the weights and these definitions alone:
// not from the processor, the instruction set, the batch, the threads or the state of a cache.
// That works because each value is defined as one fixed sequence of IEEE-754 binary32 operations
// (round to nearest even, subnormals kept), while the order of *independent* values stays free: a
// vector register holds values that do not meet. `fma` rounds once and stands only where it is
// written; every file is compiled with -ffp-contract=off.
//
// The constants below are the one place where they are written; reference/exact_backend.cc is the
// whole forward pass in these functions, and docs/arithmetic.md says why they are as they are.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace trinity::backend::exact {

/// A product adds k in blocks of this many terms: one fma chain a block, from +0, k ascending; the
/// sums of the blocks are added in order. The last block may be shorter.
inline constexpr int64_t kProductBlock = 256;

/// A row sum has this many partial sums; element i belongs to partial sum i mod 16.
inline constexpr int64_t kSumLanes = 16;

/// Softmax visits keys in blocks of this many positions, cut at multiples of it.
inline constexpr int64_t kAttentionBlock = 64;

/// Largest magnitude of an int8 weight or activation.
inline constexpr float kInt8Levels = 127.0f;

/// Up to this many terms a sum of int8 products fits int32: 127 · 127 · k < 2^31.
inline constexpr int64_t kInt8MaxTerms = 131072;

// ---- exponential
// ----------------------------------------------------------------------------------

inline constexpr float kExpLowest = -103.972077f;  // e^z rounds to 0 below
inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kLn2High = 0x1.62e4p-1f;  // 16 bits: n · kLn2High is exact
inline constexpr float kLn2Low = 0x1.7f7d1cp-20f;
/// e^t ≈ 1 + t + t² (c2 + c3 t + …): minimax for |t| ≤ ln2/2, relative error 3e-9.
inline constexpr float kExp2 = 0x1.fffffcp-2f;
inline constexpr float kExp3 = 0x1.555492p-3f;
inline constexpr float kExp4 = 0x1.5558f2p-5f;
inline constexpr float kExp5 = 0x1.1239f8p-7f;
inline constexpr float kExp6 = 0x1.6a2410p-10f;

/// 2^n, −126 ≤ n ≤ 127.
inline float power_of_two(int32_t n) {
  return std::bit_cast<float>(static_cast<uint32_t>(n + 127) << 23);
}

/// e^z for z ≤ 0, error ≤ 2 ulp; 0 below kExpLowest, NaN for NaN.
inline float exp_nonpositive(float z) {
  if (std::isnan(z)) return z;
  if (z < kExpLowest) return 0.0f;
  const float n = std::nearbyint(z * kLog2E);
  float t = std::fma(n, -kLn2High, z);
  t = std::fma(n, -kLn2Low, t);
  float y = kExp6;
  y = std::fma(y, t, kExp5);
  y = std::fma(y, t, kExp4);
  y = std::fma(y, t, kExp3);
  y = std::fma(y, t, kExp2);
  y = std::fma(y, t, 1.0f);
  y = std::fma(y, t, 1.0f);
  // 2^n in two steps: the first is exact, so that a subnormal result is rounded once.
  const auto whole = static_cast<int32_t>(n);
  const int32_t half = whole >> 1;
  return (y * power_of_two(half)) * power_of_two(whole - half);
}

/// silu(z) · u with silu(z) = z / (1 + e^−z), in the form whose exponent is never positive.
inline float silu_mul(float z, float u) {
  const float e = exp_nonpositive(-std::fabs(z));
  const float numerator = z < 0.0f ? z * e : z;
  return (numerator / (1.0f + e)) * u;
}

// ---- sums
// -----------------------------------------------------------------------------------------

/// The tree that ends a row sum.
inline float combine(const float (&partial)[kSumLanes]) {
  float p[kSumLanes];
  for (int64_t j = 0; j < kSumLanes; ++j) p[j] = partial[j];
  for (int64_t step = kSumLanes / 2; step > 0; step /= 2)
    for (int64_t j = 0; j < step; ++j) p[j] = p[j] + p[j + step];
  return p[0];
}

/// S(v): the sum of n values.
inline float row_sum(const float* v, int64_t n) {
  float p[kSumLanes] = {};
  for (int64_t i = 0; i < n; ++i) p[i % kSumLanes] = p[i % kSumLanes] + v[i];
  return combine(p);
}

/// S(v²), each square fused with its addition.
inline float row_sum_of_squares(const float* v, int64_t n) {
  float p[kSumLanes] = {};
  for (int64_t i = 0; i < n; ++i) p[i % kSumLanes] = std::fma(v[i], v[i], p[i % kSumLanes]);
  return combine(p);
}

/// The factor of an RMS norm; a normed value is (x · factor) · weight.
inline float inverse_rms(const float* v, int64_t n, float eps) {
  const float reciprocal = 1.0f / static_cast<float>(n);
  return 1.0f / std::sqrt(row_sum_of_squares(v, n) * reciprocal + eps);
}

/// Σ x[k] · w[k] in blocks, see kProductBlock. 0 for n = 0.
inline float product(const float* x, const float* w, int64_t n) {
  float y = 0.0f;
  for (int64_t begin = 0; begin < n; begin += kProductBlock) {
    const int64_t end = n - begin < kProductBlock ? n : begin + kProductBlock;
    float a = 0.0f;
    for (int64_t k = begin; k < end; ++k) a = std::fma(x[k], w[k], a);
    y = begin == 0 ? a : y + a;
  }
  return y;
}

// ---- int8
// -----------------------------------------------------------------------------------------

/// How a row (of activations or of one output's weights) becomes int8: q = rint(x · inverse), and x
/// is about q · scale. The largest magnitude is found among the bits, so that NaN counts as larger
/// than infinity everywhere.
struct Int8Scale {
  float scale = 0;  // largest / 127; NaN when the row holds NaN or infinity
  float inverse =
      0;  // 127 / largest; 0 when the row vanishes (or almost: below 3.8e-37) or is not finite
};

/// `largest_bits`: the largest of the bit patterns of |x[i]|.
inline Int8Scale int8_scale(uint32_t largest_bits) {
  if (largest_bits >= 0x7F800000u) return {std::numeric_limits<float>::quiet_NaN(), 0.0f};
  const float largest = std::bit_cast<float>(largest_bits);
  const float inverse = kInt8Levels / largest;
  if (!(inverse <= std::numeric_limits<float>::max())) return {0.0f, 0.0f};
  return {largest / kInt8Levels, inverse};
}

inline Int8Scale int8_scale(const float* v, int64_t n) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(v[i]) & 0x7FFFFFFFu;
    if (bits > largest) largest = bits;
  }
  return int8_scale(largest);
}

/// Rounded half to even; |result| ≤ 127.
inline int8_t to_int8(float x, float inverse) {
  return inverse == 0.0f ? int8_t{0} : static_cast<int8_t>(std::nearbyint(x * inverse));
}

}  // namespace trinity::backend::exact
