// The bf16 attention kernel: AVX512-BF16 dot products, f32 softmax and accumulation.
//
// Queries, keys, values and probabilities are bf16; scores, maxima, sums and the weighted sums are
// f32. Only called where cpu_features() says that the instructions exist.
#include <cstddef>
#include <cstdint>

#include "backend_cpu/attention.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(                                                          \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")
#endif

#define TRINITY_ATTENTION_INLINE inline

namespace trinity::cpu {
namespace bf16_attention {

constexpr float kLog2E = 1.44269504088896341f;

/// 2^x for x ≤ 0 in f32: integer part by exponent, fraction in [−½, ½] by a degree-6 polynomial
/// (Taylor coefficients ln2^k / k!, error below 2e-7). −∞ gives 0.
inline __m512 exp2_nonpositive(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  // −∞ − (−∞) would be NaN; scalef by −∞ gives 0 for any finite mantissa.
  const __m512 fraction = _mm512_max_ps(_mm512_sub_ps(x, whole), _mm512_set1_ps(-0.5f));
  __m512 y = _mm512_set1_ps(1.5403530e-4f);
  y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(1.3333558e-3f));
  y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(9.6181291e-3f));
  y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(5.5504109e-2f));
  y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(2.4022651e-1f));
  y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(6.9314718e-1f));
  y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(y, whole);
}

inline __m512bh as_bf16(__m512i bits) { return reinterpret_cast<__m512bh>(bits); }

/// Two neighbouring bf16 values in every 32-bit lane.
inline __m512bh broadcast_pair(const uint16_t* pair) {
  return as_bf16(_mm512_set1_epi32(*reinterpret_cast<const int32_t*>(pair)));
}

struct Kernel {
  using Value = uint16_t;

  template <int R, int G>
  static inline void scores_of(const uint16_t* const* q, const std::byte* const* key_groups,
                               int64_t dim, float* s) {
    __m512 sum[R][G];
    for (int r = 0; r < R; ++r)
      for (int g = 0; g < G; ++g) sum[r][g] = _mm512_setzero_ps();
    for (int64_t d = 0; d < dim; d += 2) {
      __m512bh keys[G];
      for (int g = 0; g < G; ++g)
        keys[g] = as_bf16(_mm512_loadu_si512(key_groups[g] + d * kGroupTokens * 2));
      for (int r = 0; r < R; ++r) {
        const __m512bh query = broadcast_pair(q[r] + d);
        for (int g = 0; g < G; ++g) sum[r][g] = _mm512_dpbf16_ps(sum[r][g], query, keys[g]);
      }
    }
    for (int r = 0; r < R; ++r)
      for (int g = 0; g < G; ++g)
        _mm512_storeu_ps(s + r * kBlockKeys + g * kGroupTokens, sum[r][g]);
  }

  template <int R>
  static inline void scores(const uint16_t* const* q, const std::byte* const* key_groups,
                            int64_t groups, int64_t dim, float* s) {
    switch (groups) {
      case 1:
        return scores_of<R, 1>(q, key_groups, dim, s);
      case 2:
        return scores_of<R, 2>(q, key_groups, dim, s);
      case 3:
        return scores_of<R, 3>(q, key_groups, dim, s);
      default:
        return scores_of<R, 4>(q, key_groups, dim, s);
    }
  }

  /// All rows of a tile step by step together: their dependency chains overlap.
  template <int R, int G>
  static inline void softmax_of(const float* s, const int64_t* visible, float scale, float* maxima,
                                float* sums, uint16_t* p, float* rescale) {
    const __m512 lowest = _mm512_set1_ps(-__builtin_inff());
    const __m512 to_log2 = _mm512_set1_ps(scale * kLog2E);
    __m512 high[R];
    float new_high[R];
    for (int r = 0; r < R; ++r) {
      high[r] = lowest;
      for (int g = 0; g < G; ++g) {
        const int64_t in_group = visible[r] - g * kGroupTokens;
        const auto mask = static_cast<__mmask16>(in_group >= 16  ? 0xFFFF
                                                 : in_group <= 0 ? 0
                                                                 : (1 << in_group) - 1);
        high[r] = _mm512_mask_max_ps(high[r], mask, high[r],
                                     _mm512_loadu_ps(s + r * kBlockKeys + g * kGroupTokens));
      }
    }
    for (int r = 0; r < R; ++r) {
      const float block_high = _mm512_reduce_max_ps(high[r]) * (scale * kLog2E);
      new_high[r] = block_high > maxima[r] ? block_high : maxima[r];
    }
    __m512 total[R];
    for (int r = 0; r < R; ++r) {
      total[r] = _mm512_setzero_ps();
      const __m512 shift = _mm512_set1_ps(new_high[r]);
      for (int g = 0; g < G; ++g) {
        const int64_t in_group = visible[r] - g * kGroupTokens;
        const auto mask = static_cast<__mmask16>(in_group >= 16  ? 0xFFFF
                                                 : in_group <= 0 ? 0
                                                                 : (1 << in_group) - 1);
        // Rounded before the subtraction, as the maximum was: no score then exceeds it, however
        // large both are. A fused step would leave the rounding of the maximum in the exponent.
        const __m512 score = _mm512_sub_ps(
            _mm512_mul_ps(_mm512_loadu_ps(s + r * kBlockKeys + g * kGroupTokens), to_log2), shift);
        const __m512 e = _mm512_maskz_mov_ps(mask, exp2_nonpositive(score));
        total[r] = _mm512_add_ps(total[r], e);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + r * kBlockKeys + g * kGroupTokens),
                            reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(e)));
      }
    }
    for (int r = 0; r < R; ++r) {
      // The first block has no maximum before it: 2^(−∞) = 0.
      rescale[r] =
          maxima[r] == new_high[r]
              ? 1.0f
              : _mm512_cvtss_f32(exp2_nonpositive(_mm512_set1_ps(maxima[r] - new_high[r])));
      sums[r] = sums[r] * rescale[r] + _mm512_reduce_add_ps(total[r]);
      maxima[r] = new_high[r];
    }
  }

  template <int R>
  static inline void softmax(const float* s, const int64_t* visible, int64_t groups, float scale,
                             float* maxima, float* sums, uint16_t* p, float* rescale) {
    switch (groups) {
      case 1:
        return softmax_of<R, 1>(s, visible, scale, maxima, sums, p, rescale);
      case 2:
        return softmax_of<R, 2>(s, visible, scale, maxima, sums, p, rescale);
      case 3:
        return softmax_of<R, 3>(s, visible, scale, maxima, sums, p, rescale);
      default:
        return softmax_of<R, 4>(s, visible, scale, maxima, sums, p, rescale);
    }
  }

  template <int R, int C>
  static inline void accumulate_cols(const uint16_t* p, const std::byte* const* value_pages,
                                     int64_t keys, int64_t padded_dim, const float* rescale,
                                     int64_t col, float* o) {
    __m512 sum[R][C];
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c)
        sum[r][c] = _mm512_mul_ps(_mm512_set1_ps(rescale[r]),
                                  _mm512_loadu_ps(o + r * padded_dim + col + c * 16));
    for (int64_t begin = 0; begin < keys; begin += kPageTokens) {
      const std::byte* page = value_pages[begin / kPageTokens] + col * 4;
      const int64_t count = keys - begin < kPageTokens ? keys - begin : kPageTokens;
      for (int64_t k = 0; k < count; k += 2) {
        __m512bh values[C];
        for (int c = 0; c < C; ++c)
          values[c] = as_bf16(_mm512_loadu_si512(page + k * padded_dim * 2 + c * 64));
        for (int r = 0; r < R; ++r) {
          const __m512bh weight = broadcast_pair(p + r * kBlockKeys + begin + k);
          for (int c = 0; c < C; ++c) sum[r][c] = _mm512_dpbf16_ps(sum[r][c], weight, values[c]);
        }
      }
    }
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) _mm512_storeu_ps(o + r * padded_dim + col + c * 16, sum[r][c]);
  }

  template <int R>
  static inline void accumulate(const uint16_t* p, const std::byte* const* value_pages,
                                const int64_t* visible, int64_t padded_dim, const float* rescale,
                                float* o) {
    // Weights of masked keys are 0, and the values of the tokens that fill up a group are numbers.
    int64_t keys = 0;
    for (int r = 0; r < R; ++r) keys = visible[r] > keys ? visible[r] : keys;
    keys = (keys + kGroupTokens - 1) / kGroupTokens * kGroupTokens;
    int64_t col = 0;
    for (; col + 64 <= padded_dim; col += 64)
      accumulate_cols<R, 4>(p, value_pages, keys, padded_dim, rescale, col, o);
    for (; col < padded_dim; col += 16)
      accumulate_cols<R, 1>(p, value_pages, keys, padded_dim, rescale, col, o);
  }

  static inline void finish(const float* o, float sum, int64_t dim, Element element,
                            std::byte* out) {
    const __m512 factor = _mm512_set1_ps(1.0f / sum);
    for (int64_t d = 0; d < dim; d += 16) {
      const auto mask = static_cast<__mmask16>(dim - d >= 16 ? 0xFFFF : (1 << (dim - d)) - 1);
      const __m512 value = _mm512_mul_ps(_mm512_loadu_ps(o + d), factor);
      if (element == Element::bf16)
        _mm256_mask_storeu_epi16(reinterpret_cast<uint16_t*>(out) + d, mask,
                                 reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)));
      else
        _mm512_mask_storeu_ps(reinterpret_cast<float*>(out) + d, mask, value);
    }
  }
};

#include "backend_cpu/attention_driver-inl.h"

void run(const AttentionItem& item, float* scratch) { attend_item<Kernel>(item, scratch); }

}  // namespace bf16_attention

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

void attend_bf16(const AttentionItem& item, float* scratch) { bf16_attention::run(item, scratch); }

}  // namespace trinity::cpu

#else

namespace trinity::cpu {
// Never chosen: cpu_features() reports no bf16 here.
void attend_bf16(const AttentionItem&, float*) {}
}  // namespace trinity::cpu

#endif
