// The f32 attention kernel, vectorised with Highway for whatever the machine has.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "backend/exact_arithmetic.h"
#include "backend_cpu/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend_cpu/attention_f32.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#undef TRINITY_ATTENTION_INLINE
#define TRINITY_ATTENTION_INLINE HWY_INLINE

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend_cpu/exact_math-inl.h"

using Float = hn::Vec<Lanes16>;

struct Kernel {
  using Value = float;

  /// R query rows times 16 keys at a time, every score a chain over the dimensions.
  template <int R>
  static HWY_INLINE void scores(const float* const* q, const std::byte* const* key_groups,
                                int64_t groups, int64_t dim, float* s) {
    constexpr int kVectors = kVectors16 < 2 ? kVectors16 : 2;  // of keys at once
    const Lanes16 tag;
    for (int64_t g = 0; g < groups; ++g) {
      const float* keys = reinterpret_cast<const float*>(key_groups[g]);
      for (int64_t lane = 0; lane < kGroupTokens; lane += kVectors * kLanes16) {
        Float sum[R][kVectors];
        HWY_UNROLL(16)
        for (int r = 0; r < R; ++r)
          for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(tag);
        for (int64_t d = 0; d < dim; ++d) {
          Float k[kVectors];
          for (int v = 0; v < kVectors; ++v)
            k[v] = hn::LoadU(tag, keys + d * kGroupTokens + lane + v * kLanes16);
          HWY_UNROLL(16)
          for (int r = 0; r < R; ++r) {
            const Float query = hn::Set(tag, q[r][d]);
            for (int v = 0; v < kVectors; ++v) sum[r][v] = fused(tag, query, k[v], sum[r][v]);
          }
        }
        HWY_UNROLL(16)
        for (int r = 0; r < R; ++r)
          for (int v = 0; v < kVectors; ++v)
            hn::StoreU(sum[r][v], tag, s + r * kBlockKeys + g * kGroupTokens + lane + v * kLanes16);
      }
    }
  }

  /// One row's step of the online softmax; p becomes the weights of the block, 0 where masked.
  static HWY_INLINE float softmax_row(const float* s, int64_t visible, int64_t groups, float scale,
                                      float* maximum, float* sum, float* p) {
    const Lanes16 tag;
    const Float factor = hn::Set(tag, scale);
    const Float lowest = hn::Set(tag, -__builtin_inff());
    Float high = lowest;
    for (int64_t i = 0; i < groups * kGroupTokens; i += kLanes16) {
      const int64_t seen = visible - i;
      const auto mask = hn::FirstN(tag, static_cast<size_t>(seen < 0          ? 0
                                                            : seen < kLanes16 ? seen
                                                                              : kLanes16));
      const Float score = hn::IfThenElse(mask, hn::Mul(hn::LoadU(tag, s + i), factor), lowest);
      hn::StoreU(score, tag, p + i);
      high = hn::Max(high, score);
    }
    const float before = *maximum;
    const float found = hn::GetLane(hn::MaxOfLanes(tag, high));
    const float now = found > before ? found : before;
    const Float shift = hn::Set(tag, now);
    Float total[kVectors16];
    for (int v = 0; v < kVectors16; ++v) total[v] = hn::Zero(tag);
    for (int64_t g = 0; g < groups; ++g)
      for (int v = 0; v < kVectors16; ++v) {
        float* at = p + g * kGroupTokens + v * kLanes16;
        // e^(−∞) is 0: masked keys add nothing to any sum.
        const Float e = exp_nonpositive(tag, hn::Sub(hn::LoadU(tag, at), shift));
        hn::StoreU(e, tag, at);
        total[v] = hn::Add(total[v], e);
      }
    alignas(64) float partial[backend::exact::kSumLanes];
    for (int v = 0; v < kVectors16; ++v) hn::Store(total[v], tag, partial + v * kLanes16);
    // e^0 is exactly 1, so a maximum that stays needs no exponential.
    const float rescale =
        now == before ? 1.0f : hn::GetLane(exp_nonpositive(tag, hn::Set(tag, before - now)));
    *sum = *sum * rescale + backend::exact::combine(partial);
    *maximum = now;
    return rescale;
  }

  template <int R>
  static HWY_INLINE void softmax(const float* s, const int64_t* visible, int64_t groups,
                                 float scale, float* maxima, float* sums, float* p,
                                 float* rescale) {
    for (int r = 0; r < R; ++r)
      rescale[r] = softmax_row(s + r * kBlockKeys, visible[r], groups, scale, maxima + r, sums + r,
                               p + r * kBlockKeys);
  }

  static HWY_INLINE const float* value_at(const std::byte* const* pages, int64_t key,
                                          int64_t padded_dim) {
    return reinterpret_cast<const float*>(pages[key / kPageTokens]) +
           key % kPageTokens * padded_dim;
  }

  template <int R>
  static HWY_INLINE void accumulate(const float* p, const std::byte* const* value_pages,
                                    const int64_t* visible, int64_t padded_dim,
                                    const float* rescale, float* o) {
    const Lanes16 tag;
    int64_t common = visible[0];  // keys that all rows see
    for (int r = 1; r < R; ++r) common = visible[r] < common ? visible[r] : common;
    for (int64_t col = 0; col < padded_dim; col += 2 * kLanes16) {
      const bool two = col + kLanes16 < padded_dim;
      const int64_t next = two ? kLanes16 : 0;  // a lone last vector is computed twice, stored once
      Float first[R], second[R];
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) {
        const Float factor = hn::Set(tag, rescale[r]);
        const float* row = o + r * padded_dim + col;
        first[r] = hn::Mul(hn::LoadU(tag, row), factor);
        second[r] = hn::Mul(hn::LoadU(tag, row + next), factor);
      }
      for (int64_t page = 0; page * kPageTokens < common; ++page) {
        const float* value = reinterpret_cast<const float*>(value_pages[page]) + col;
        const int64_t begin = page * kPageTokens;
        const int64_t count = common - begin < kPageTokens ? common - begin : kPageTokens;
        for (int64_t k = 0; k < count; ++k, value += padded_dim) {
          const Float v0 = hn::LoadU(tag, value), v1 = hn::LoadU(tag, value + next);
          HWY_UNROLL(16)
          for (int r = 0; r < R; ++r) {
            const Float weight = hn::Set(tag, p[r * kBlockKeys + begin + k]);
            first[r] = fused(tag, weight, v0, first[r]);
            second[r] = fused(tag, weight, v1, second[r]);
          }
        }
      }
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) {
        // A masked key is not visited: 0 · v would turn −0 into +0.
        for (int64_t k = common; k < visible[r]; ++k) {
          const float* value = value_at(value_pages, k, padded_dim) + col;
          const Float weight = hn::Set(tag, p[r * kBlockKeys + k]);
          first[r] = fused(tag, weight, hn::LoadU(tag, value), first[r]);
          second[r] = fused(tag, weight, hn::LoadU(tag, value + next), second[r]);
        }
        float* row = o + r * padded_dim + col;
        hn::StoreU(second[r], tag, row + next);
        hn::StoreU(first[r], tag, row);
      }
    }
  }

  static HWY_INLINE void finish(const float* o, float sum, int64_t dim, Element /*f32*/,
                                std::byte* out) {
    float* to = reinterpret_cast<float*>(out);
    for (int64_t d = 0; d < dim; ++d) to[d] = o[d] / sum;
  }
};

#include "backend_cpu/attention_driver-inl.h"

void AttendF32(const AttentionItem& item, float* scratch) { attend_item<Kernel>(item, scratch); }

}  // namespace HWY_NAMESPACE
}  // namespace trinity::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity::cpu {
namespace {
HWY_EXPORT(AttendF32);
}

void attend_f32(const AttentionItem& item, float* scratch) {
  HWY_DYNAMIC_DISPATCH(AttendF32)(item, scratch);
}

}  // namespace trinity::cpu
#endif  // HWY_ONCE
