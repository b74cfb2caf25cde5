// Products of int8 inputs by int8 weights with sums in int32: exact, so that any order and any
// instruction gives the same.
//
// x86: pairs of k are widened to int16 and multiplied and added in pairs (vpmaddwd). Elsewhere the
// products of one block of k are summed in f32: they are whole numbers below 2^24, so that this is
// exact as well.
#include <cmath>
#include <cstring>

#include "backend_cpu/instruction_sets.h"
#include "backend_cpu/product_kernels.h"
#include "backend_cpu/product_vnni.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend_cpu/product_int8.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace trinity::cpu {
namespace HWY_NAMESPACE {

#include "backend_cpu/exact_math-inl.h"
#include "backend_cpu/product_shape-inl.h"
#include "backend_cpu/product_tiles-inl.h"

static_assert(backend::exact::kInt8Levels * backend::exact::kInt8Levels *
                      backend::exact::kProductBlock <
                  16777216.0f,
              "the sums of a block must be exact in f32");

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2  // AVX2 and every better one
#define TRINITY_INT8_PAIRS 1
#else
#define TRINITY_INT8_PAIRS 0
#endif

inline constexpr int64_t kTilesToWiden = 2;

using Sums = hn::Rebind<int32_t, Lanes16>;
using Sum = hn::Vec<Sums>;

/// What ends a tile: the sums so far are added, and after the last block become floats.
struct Ending {
  bool first, last;
  const float* row_scale;  // of the task's first row
  const float* col_scale;  // of the panel's first column

  HWY_INLINE void finish(int64_t row, int64_t col, Sum sum, float* c) const {
    const Lanes16 d;
    const Sums di;
    auto* to = reinterpret_cast<int32_t*>(c);
    if (!first) sum = hn::Add(sum, hn::LoadU(di, to));
    if (!last) return hn::StoreU(sum, di, to);
    const auto scale = hn::Mul(hn::Set(d, row_scale[row]), hn::LoadU(d, col_scale + col));
    hn::StoreU(hn::Mul(hn::ConvertTo(d, sum), scale), d, c);
  }

  /// A tile whose first row is `row`: two registers of sums a row.
  template <int R>
  HWY_INLINE void finish_tile(int64_t row, const Sum (&low)[R], const Sum (&high)[R], float* c,
                              int64_t ldc) const {
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      finish(row + r, 0, low[r], c + r * ldc);
      finish(row + r, kLanes16, high[r], c + r * ldc + kLanes16);
    }
  }
};

#if TRINITY_INT8_PAIRS

using Pairs = hn::Repartition<int16_t, Sums>;

struct Int8Panel {
  static constexpr int64_t kBytes = 1;
  static HWY_INLINE void load(const std::byte* row, hn::Vec<Pairs>& low, hn::Vec<Pairs>& high) {
    const Pairs d;
    const hn::Rebind<int8_t, Pairs> db;
    const auto* w = reinterpret_cast<const int8_t*>(row);
    low = hn::PromoteTo(d, hn::LoadU(db, w));
    high = hn::PromoteTo(d, hn::LoadU(db, w + 2 * kLanes16));
    __builtin_prefetch(row + kPrefetchBytes);
  }
};

struct Int16Panel {
  static constexpr int64_t kBytes = 2;
  static HWY_INLINE void load(const std::byte* row, hn::Vec<Pairs>& low, hn::Vec<Pairs>& high) {
    const Pairs d;
    const auto* w = reinterpret_cast<const int16_t*>(row);
    low = hn::Load(d, w);
    high = hn::Load(d, w + 2 * kLanes16);
  }
};

template <class Panel>
struct Int8Tile {
  static constexpr int kMaxRows = kTileRows;
  const int16_t* x;
  const std::byte* w;
  int64_t pairs;
  Ending ending;

  template <int R>
  HWY_NOINLINE void run(int64_t row, float* c, int64_t ldc) const {
    const Sums di;
    const Pairs dp;
    Sum low[R], high[R];
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) low[r] = high[r] = hn::Zero(di);
    const int16_t* from = x + row * backend::exact::kProductBlock;
    const std::byte* weights = w;
    for (int64_t k = 0; k < pairs; ++k) {
      hn::Vec<Pairs> w0, w1;
      Panel::load(weights, w0, w1);
      weights += 2 * kWidth * Panel::kBytes;
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) {
        int32_t pair;
        std::memcpy(&pair, from + r * backend::exact::kProductBlock + 2 * k, sizeof pair);
        const auto value = hn::BitCast(dp, hn::Set(di, pair));
        Sum unused = hn::Zero(di);
        low[r] = hn::ReorderWidenMulAccumulate(di, value, w0, low[r], unused);
        high[r] = hn::ReorderWidenMulAccumulate(di, value, w1, high[r], unused);
      }
    }
    ending.finish_tile<R>(row, low, high, c, ldc);
  }
};

HWY_INLINE void widen(const std::byte* from, int64_t pairs, std::byte* to) {
  const Pairs d;
  for (int64_t k = 0; k < pairs; ++k) {
    hn::Vec<Pairs> low, high;
    Int8Panel::load(from + k * 2 * kWidth, low, high);
    auto* out = reinterpret_cast<int16_t*>(to) + k * 2 * kWidth;
    hn::Store(low, d, out);
    hn::Store(high, d, out + 2 * kLanes16);
  }
}

HWY_INLINE void multiply_block(const PanelBlock& at, int64_t rows, int64_t ldc,
                               const Ending& ending, std::byte* widened, float* spare) {
  const auto* x = reinterpret_cast<const int16_t*>(at.x);
  const int64_t pairs = at.kc / 2;
  if ((rows + kTileRows - 1) / kTileRows >= kTilesToWiden) {
    widen(at.w, pairs, widened);
    const Int8Tile<Int16Panel> tile{x, widened, pairs, ending};
    return for_tiles(tile, rows, at.y, ldc, at.cols, kWidth, at.first, spare);
  }
  const Int8Tile<Int8Panel> tile{x, at.w, pairs, ending};
  for_tiles(tile, rows, at.y, ldc, at.cols, kWidth, at.first, spare);
}

#else

struct Int8Tile {
  static constexpr int kMaxRows = kTileRows;
  const int16_t* x;
  const float* w;  // [kc][width]
  int64_t kc;
  Ending ending;

  template <int R>
  HWY_NOINLINE void run(int64_t row, float* c, int64_t ldc) const {
    const Lanes16 d;
    const Sums di;
    hn::Vec<Lanes16> low[R], high[R];
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) low[r] = high[r] = hn::Zero(d);
    const int16_t* from = x + row * backend::exact::kProductBlock;
    for (int64_t k = 0; k < kc; ++k) {
      const auto w0 = hn::Load(d, w + k * kWidth), w1 = hn::Load(d, w + k * kWidth + kLanes16);
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) {
        const auto value =
            hn::Set(d, static_cast<float>(from[r * backend::exact::kProductBlock + k]));
        low[r] = hn::MulAdd(value, w0, low[r]);
        high[r] = hn::MulAdd(value, w1, high[r]);
      }
    }
    Sum low_sums[R], high_sums[R];
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      low_sums[r] = hn::ConvertTo(di, low[r]);
      high_sums[r] = hn::ConvertTo(di, high[r]);
    }
    ending.finish_tile<R>(row, low_sums, high_sums, c, ldc);
  }
};

HWY_INLINE void multiply_block(const PanelBlock& at, int64_t rows, int64_t ldc,
                               const Ending& ending, std::byte* scratch, float* spare) {
  auto* widened = reinterpret_cast<float*>(scratch);
  const auto* packed = reinterpret_cast<const int8_t*>(at.w);
  for (int64_t k = 0; k < at.kc; ++k)
    for (int64_t j = 0; j < kWidth; ++j)
      widened[k * kWidth + j] = static_cast<float>(packed[k / 2 * 2 * kWidth + 2 * j + k % 2]);
  const Int8Tile tile{reinterpret_cast<const int16_t*>(at.x), widened, at.kc, ending};
  for_tiles(tile, rows, at.y, ldc, at.cols, kWidth, at.first, spare);
}

#endif

void MultiplyInt8(const ProductTask& task) {
  const int64_t rows = task.row_end - task.row_begin;
  for (int64_t k = 0; k < task.in; k += backend::exact::kProductBlock)
    for (int64_t panel = task.panel_begin; panel < task.panel_end; ++panel) {
      const PanelBlock at = panel_block(task, k, panel, kWidth, sizeof(int16_t), 1);
      const Ending ending{at.first, at.last, task.row_scale + task.row_begin,
                          task.col_scale + panel * kWidth};
      multiply_block(at, rows, task.out, ending, task.scratch, spare_tile(task));
    }
}

const ProductKernels& Int8Kernels() {
  static constexpr ProductKernels kernels{kWidth, 2, MultiplyInt8};
  return kernels;
}

#undef TRINITY_INT8_PAIRS

}  // namespace HWY_NAMESPACE
}  // namespace trinity::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity::cpu {
namespace {
HWY_EXPORT(Int8Kernels);
}

const ProductKernels& int8_kernels() {
  return vnni_in_use() ? vnni_kernels() : HWY_DYNAMIC_DISPATCH(Int8Kernels)();
}

}  // namespace trinity::cpu
#endif  // HWY_ONCE
