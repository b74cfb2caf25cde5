// The rows of the exact lanes: the operations of docs/arithmetic.md on one row or one head, made of
// the functions of exact_arithmetic.h.
//
// Pointers and counts only, so that a lane of another kind can be compared with them one by one,
// and so that a test can compile them a second time without optimisation and demand the same bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "backend/exact_arithmetic.h"

namespace trinity::backend::exact {

/// RMS norm of n values: y[i] = (x[i] · r) · w[i].
inline void rms_norm_row(const float* x, const float* w, int64_t n, float eps, float* y) {
  const float r = inverse_rms(x, n, eps);
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] * r) * w[i];
}

/// Rotation of one head [2 · half] by the cosines and sines [half] of its position.
inline void rotate_head(const float* x, const float* cosines, const float* sines, int64_t half,
                        float* y) {
  for (int64_t i = 0; i < half; ++i) {
    const float first = x[i], second = x[i + half], c = cosines[i], s = sines[i];
    y[i] = std::fma(first, c, -(second * s));
    y[i + half] = std::fma(second, c, first * s);
  }
}

/// Attention of one query [dim] over `visible` keys and values, of which token t's begin at
/// t · stride; token t has position t. y [dim]. A score that is NaN makes all of y NaN.
inline void attend(const float* query, const float* keys, const float* values, int64_t stride,
                   int64_t visible, int64_t dim, float* y) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  float m = -std::numeric_limits<float>::infinity();
  float l = 0.0f;
  for (int64_t d = 0; d < dim; ++d) y[d] = 0.0f;
  for (int64_t begin = 0; begin < visible; begin += kAttentionBlock) {
    const int64_t count = std::min(kAttentionBlock, visible - begin);
    float p[kAttentionBlock];  // scores, then weights
    float largest = m;
    for (int64_t t = 0; t < count; ++t) {
      const float* key = keys + (begin + t) * stride;
      float a = 0.0f;
      for (int64_t d = 0; d < dim; ++d) a = std::fma(query[d], key[d], a);
      p[t] = a * scale;
      if (p[t] > largest) largest = p[t];
    }
    for (int64_t t = 0; t < count; ++t) p[t] = exp_nonpositive(p[t] - largest);
    const float f = exp_nonpositive(m - largest);  // 0 in the first block
    l = l * f + row_sum(p, count);
    for (int64_t d = 0; d < dim; ++d) y[d] = y[d] * f;
    for (int64_t t = 0; t < count; ++t) {
      const float* value = values + (begin + t) * stride;
      for (int64_t d = 0; d < dim; ++d) y[d] = std::fma(p[t], value[d], y[d]);
    }
    m = largest;
  }
  for (int64_t d = 0; d < dim; ++d) y[d] = y[d] / l;
}

/// Rounds a row of n values to int8 and returns its scale.
inline float int8_row(const float* x, int64_t n, int8_t* q) {
  const Int8Scale row = int8_scale(x, n);
  for (int64_t i = 0; i < n; ++i) q[i] = to_int8(x[i], row.inverse);
  return row.scale;
}

/// Product of two int8 rows of n ≤ kInt8MaxTerms values, each with its scale.
inline float int8_product(const int8_t* x, float x_scale, const int8_t* w, float w_scale,
                          int64_t n) {
  int32_t sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += int32_t{x[k]} * int32_t{w[k]};
  return static_cast<float>(sum) * (x_scale * w_scale);
}

}  // namespace trinity::backend::exact
