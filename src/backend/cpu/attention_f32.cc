// The f32 attention kernel, vectorised with Highway for whatever the machine has.
#include <cstddef>
#include <cstdint>

#include "backend/cpu/attention.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/attention_f32.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
//
#include <hwy/contrib/math/math-inl.h>

#undef TRINITY_ATTENTION_INLINE
#define TRINITY_ATTENTION_INLINE HWY_INLINE

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// At most 16 lanes: one group of keys is a whole number of vectors on every target.
using Lanes16 = hn::CappedTag<float, 16>;

struct Kernel {
  using Value = float;

  /// R query rows times one vector of keys.
  template <int R>
  static HWY_INLINE void scores(const float* const* q, const std::byte* const* key_groups,
                                int64_t groups, int64_t dim, float* s) {
    const Lanes16 tag;
    const auto lanes = static_cast<int64_t>(hn::Lanes(tag));
    for (int64_t g = 0; g < groups; ++g) {
      const float* keys = reinterpret_cast<const float*>(key_groups[g]);
      for (int64_t lane = 0; lane < kGroupTokens; lane += lanes) {
        // Two sums for even and odd dimensions hide the latency of the multiply-add.
        hn::Vec<Lanes16> even[R], odd[R];
        for (int r = 0; r < R; ++r) even[r] = odd[r] = hn::Zero(tag);
        for (int64_t d = 0; d < dim; d += 2) {
          const auto k0 = hn::LoadU(tag, keys + d * kGroupTokens + lane);
          const auto k1 = hn::LoadU(tag, keys + (d + 1) * kGroupTokens + lane);
          for (int r = 0; r < R; ++r) {
            even[r] = hn::MulAdd(hn::Set(tag, q[r][d]), k0, even[r]);
            odd[r] = hn::MulAdd(hn::Set(tag, q[r][d + 1]), k1, odd[r]);
          }
        }
        for (int r = 0; r < R; ++r)
          hn::StoreU(hn::Add(even[r], odd[r]), tag, s + r * kBlockKeys + g * kGroupTokens + lane);
      }
    }
  }

  static HWY_INLINE float softmax_block(const float* s, int64_t visible, int64_t groups,
                                        float scale, float* maximum, float* sum, float* p) {
    const Lanes16 tag;
    const auto lanes = static_cast<int64_t>(hn::Lanes(tag));
    const auto factor = hn::Set(tag, scale);
    const auto lowest = hn::Set(tag, -__builtin_inff());
    float block_high = *maximum;
    auto high = lowest;
    for (int64_t i = 0; i < groups * kGroupTokens; i += lanes) {
      const auto mask = hn::FirstN(
          tag, static_cast<size_t>(visible > i ? (visible - i < lanes ? visible - i : lanes) : 0));
      const auto score = hn::IfThenElse(mask, hn::Mul(hn::LoadU(tag, s + i), factor), lowest);
      hn::StoreU(score, tag, p + i);
      high = hn::Max(high, score);
    }
    const float found = hn::GetLane(hn::MaxOfLanes(tag, high));
    if (found > block_high) block_high = found;
    const auto shift = hn::Set(tag, block_high);
    // A fixed order of additions: lane sums over 16 lanes, whatever the vector length.
    alignas(64) float total[kGroupTokens] = {};
    for (int64_t i = 0; i < groups * kGroupTokens; i += lanes) {
      const auto score = hn::LoadU(tag, p + i);
      // Exp of −∞ is taken as 0 explicitly: the polynomial is not asked about it.
      const auto dead = hn::Eq(score, lowest);
      const auto e =
          hn::IfThenZeroElse(dead, hn::Exp(tag, hn::IfThenZeroElse(dead, hn::Sub(score, shift))));
      hn::StoreU(e, tag, p + i);
      float* slot = total + i % kGroupTokens;
      hn::StoreU(hn::Add(hn::LoadU(tag, slot), e), tag, slot);
    }
    float block_sum = 0;
    for (const float value : total) block_sum += value;
    float rescale = 0;
    if (*maximum != -__builtin_inff())
      rescale = hn::GetLane(hn::Exp(tag, hn::Set(tag, *maximum - block_high)));
    *sum = *sum * rescale + block_sum;
    *maximum = block_high;
    return rescale;
  }

  template <int R>
  static HWY_INLINE void softmax(const float* s, const int64_t* visible, int64_t groups,
                                 float scale, float* maxima, float* sums, float* p,
                                 float* rescale) {
    for (int r = 0; r < R; ++r)
      rescale[r] = softmax_block(s + r * kBlockKeys, visible[r], groups, scale, maxima + r,
                                 sums + r, p + r * kBlockKeys);
  }

  template <int R>
  static HWY_INLINE void accumulate(const float* p, const std::byte* const* value_pages,
                                    int64_t keys, int64_t padded_dim, const float* rescale,
                                    float* o) {
    const Lanes16 tag;
    const auto lanes = static_cast<int64_t>(hn::Lanes(tag));
    for (int64_t col = 0; col < padded_dim; col += 2 * lanes) {
      const bool two = col + lanes < padded_dim;
      const int64_t next = two ? lanes : 0;  // a lone last vector is computed twice, stored once
      hn::Vec<Lanes16> first[R], second[R];
      for (int r = 0; r < R; ++r) {
        const auto factor = hn::Set(tag, rescale[r]);
        const float* row = o + r * padded_dim + col;
        first[r] = hn::Mul(factor, hn::LoadU(tag, row));
        second[r] = hn::Mul(factor, hn::LoadU(tag, row + next));
      }
      for (int64_t k = 0; k < keys; ++k) {
        const float* value = reinterpret_cast<const float*>(value_pages[k / kPageTokens]) +
                             k % kPageTokens * padded_dim + col;
        const auto v0 = hn::LoadU(tag, value), v1 = hn::LoadU(tag, value + next);
        for (int r = 0; r < R; ++r) {
          const auto weight = hn::Set(tag, p[r * kBlockKeys + k]);
          first[r] = hn::MulAdd(weight, v0, first[r]);
          second[r] = hn::MulAdd(weight, v1, second[r]);
        }
      }
      for (int r = 0; r < R; ++r) {
        float* row = o + r * padded_dim + col;
        hn::StoreU(second[r], tag, row + next);
        hn::StoreU(first[r], tag, row);
      }
    }
  }

  static HWY_INLINE void finish(const float* o, float inverse_sum, int64_t dim, Element /*f32*/,
                                std::byte* out) {
    float* to = reinterpret_cast<float*>(out);
    for (int64_t d = 0; d < dim; ++d) to[d] = o[d] * inverse_sum;
  }
};

#include "backend/cpu/attention_driver-inl.h"

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
