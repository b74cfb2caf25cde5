// Products of f32 inputs by f32, bf16 or f16 weights: one fma chain an output and block of k.
//
// With few rows the time goes into streaming the weights from memory, and bf16 is widened in
// registers on the way. With many, each panel block is widened once into a buffer in the
// first-level cache and serves all tiles of rows; the rows' block of k (up to 256 rows) stays in
// the second-level cache while the panels pass by.
#include <cmath>
#include <cstring>

#include "backend_cpu/product_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend_cpu/product_float.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend_cpu/exact_math-inl.h"
#include "backend_cpu/product_shape-inl.h"
#include "backend_cpu/product_tiles-inl.h"

/// Tiles that make widening into a buffer worth it: below, the stores cost more than widening
/// again.
inline constexpr int64_t kTilesToWiden = 8;

using Float = hn::Vec<Lanes16>;

struct F32Panel {
  static constexpr int64_t kBytes = 4;  // a weight
  static HWY_INLINE void load(const std::byte* row, Float& low, Float& high) {
    const Lanes16 d;
    const auto* w = reinterpret_cast<const float*>(row);
    low = hn::Load(d, w);
    high = hn::Load(d, w + kLanes16);
  }
};

struct Bf16Panel {
  static constexpr int64_t kBytes = 2;
  static HWY_INLINE void load(const std::byte* row, Float& low, Float& high) {
    const Lanes16 d;
    const hn::Rebind<uint32_t, Lanes16> du;
    const auto words = hn::Load(du, reinterpret_cast<const uint32_t*>(row));
    low = hn::BitCast(d, hn::ShiftLeft<16>(words));
    high = hn::BitCast(d, hn::And(words, hn::Set(du, 0xFFFF0000u)));
  }
};

struct F16Panel {
  static constexpr int64_t kBytes = 2;
  static HWY_INLINE void load(const std::byte* row, Float& low, Float& high) {
    const Lanes16 d;
    const hn::Rebind<hwy::float16_t, Lanes16> dh;
    const auto* w = reinterpret_cast<const hwy::float16_t*>(row);
    low = hn::PromoteTo(d, hn::LoadU(dh, w));
    high = hn::PromoteTo(d, hn::LoadU(dh, w + kLanes16));
  }
};

/// R rows times one panel over one block of k; `c` receives the block's sums (first block) or has
/// them added.
template <class Panel, int R>
HWY_INLINE void multiply_tile(const float* x, const std::byte* w, int64_t kc, float* c, int64_t ldc,
                              bool first) {
  const Lanes16 d;
  Float low[R], high[R];
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) low[r] = high[r] = hn::Zero(d);
  for (int64_t k = 0; k < kc; ++k) {
    Float w0, w1;
    Panel::load(w, w0, w1);
    // Only what comes from memory is fetched ahead; a widened panel is in the cache already.
    if constexpr (Panel::kBytes == 2) __builtin_prefetch(w + kPrefetchBytes);
    w += kWidth * Panel::kBytes;
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      const Float value = hn::Set(d, x[r * backend::exact::kProductBlock + k]);
      low[r] = fused(d, value, w0, low[r]);
      high[r] = fused(d, value, w1, high[r]);
    }
  }
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) {
    float* to = c + r * ldc;
    if (!first) {
      low[r] = hn::Add(hn::LoadU(d, to), low[r]);
      high[r] = hn::Add(hn::LoadU(d, to + kLanes16), high[r]);
    }
    hn::StoreU(low[r], d, to);
    hn::StoreU(high[r], d, to + kLanes16);
  }
}

template <class Panel>
struct FloatTile {
  static constexpr int kMaxRows = kTileRows;
  const float* x;
  const std::byte* w;
  int64_t kc;
  bool first;

  template <int R>
  HWY_NOINLINE void run(int64_t row, float* c, int64_t ldc) const {
    multiply_tile<Panel, R>(x + row * backend::exact::kProductBlock, w, kc, c, ldc, first);
  }
};

template <class Panel>
HWY_INLINE void widen(const std::byte* from, int64_t kc, float* to) {
  const Lanes16 d;
  for (int64_t k = 0; k < kc; ++k) {
    const std::byte* row = from + k * kWidth * Panel::kBytes;
    // The next panel comes into the second-level cache while this one is multiplied.
    __builtin_prefetch(row + kc * kWidth * Panel::kBytes, 0, 2);
    Float low, high;
    Panel::load(row, low, high);
    hn::Store(low, d, to + k * kWidth);
    hn::Store(high, d, to + k * kWidth + kLanes16);
  }
}

template <class Panel>
HWY_INLINE void multiply_panels(const ProductTask& task) {
  const int64_t rows = task.row_end - task.row_begin;
  const bool widening = Panel::kBytes == 2 && (rows + kTileRows - 1) / kTileRows >= kTilesToWiden;
  auto* widened = reinterpret_cast<float*>(task.scratch);
  for (int64_t k = 0; k < task.in; k += backend::exact::kProductBlock)
    for (int64_t panel = task.panel_begin; panel < task.panel_end; ++panel) {
      const PanelBlock at = panel_block(task, k, panel, kWidth, sizeof(float), Panel::kBytes);
      const auto* x = reinterpret_cast<const float*>(at.x);
      if (widening) {
        widen<Panel>(at.w, at.kc, widened);
        const FloatTile<F32Panel> tile{x, task.scratch, at.kc, at.first};
        for_tiles(tile, rows, at.y, task.out, at.cols, kWidth, at.first, spare_tile(task));
      } else {
        const FloatTile<Panel> tile{x, at.w, at.kc, at.first};
        for_tiles(tile, rows, at.y, task.out, at.cols, kWidth, at.first, spare_tile(task));
      }
    }
}

void MultiplyFloat(const ProductTask& task) {
  switch (task.type) {
    case WeightType::f32:
      return multiply_panels<F32Panel>(task);
    case WeightType::bf16:
      return multiply_panels<Bf16Panel>(task);
    case WeightType::f16:
      return multiply_panels<F16Panel>(task);
    case WeightType::s8:
      return;  // int8_kernels()
  }
}

const ProductKernels& FloatKernels() {
  static constexpr ProductKernels kernels{kWidth, 1, MultiplyFloat};
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity::cpu {
namespace {
HWY_EXPORT(FloatKernels);
}

const ProductKernels& float_kernels() { return HWY_DYNAMIC_DISPATCH(FloatKernels)(); }

}  // namespace trinity::cpu
#endif  // HWY_ONCE
