// The inner loops of exact matrix products, one set for each instruction set.
//
// Weights lie in panels: `width` outputs side by side, k by k, cut into blocks of 256 k. A kernel
// multiplies a tile of a few rows by one panel: every output has a lane of its own, in which its
// chain runs over k; a row's value meets all lanes by broadcast. Nothing is ever added across
// lanes, so the width of a register, the rows of a tile and the panel's width never show in a bit.
//
// Layouts (kc = k in this block, 256 but for the last; blocks follow each other, panels of a block
// lie side by side):
//   inputs   [block][row][256]          f32; int16 or u8 for int8 weights
//   weights  [block][panel][kc][width]  f32, f16; bf16 as 32-bit words: column j in the low half,
//            column j + width/2 in the high half of word j, so that a shift and a mask widen two
//   int8     [block][panel][kc/group][width][group]: a group of 2 or 4 k lies together, as one
//            multiply-add takes them; inputs are int16 for pairs, and for fours u8 = value + 128,
//            which is made good by starting a sum at −128 · Σ w
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/exact_arithmetic.h"

namespace trinity::cpu {

enum class WeightType { f32, bf16, f16, s8 };

/// Bytes of one weight.
inline int64_t weight_size(WeightType type) {
  return type == WeightType::f32 ? 4 : type == WeightType::s8 ? 1 : 2;
}

/// Rows [row_begin, row_end) times panels [panel_begin, panel_end) over all of k.
struct ProductTask {
  const std::byte* inputs = nullptr;
  int64_t rows = 0;  // of the whole input
  int64_t row_begin = 0, row_end = 0;

  WeightType type = WeightType::f32;
  const std::byte* weights = nullptr;
  int64_t in = 0;      // k; of int8 weights a multiple of the group, filled up with zeros
  int64_t panels = 0;  // of the whole weight
  int64_t panel_begin = 0, panel_end = 0;

  float* y = nullptr;  // [rows, out]; int8 sums are kept there between blocks
  int64_t out = 0;

  // int8: y = sum · (row scale · column scale)
  const float* row_scale = nullptr;
  const float* col_scale = nullptr;
  const int32_t* col_start = nullptr;  // where the sum of a column starts; null = 0

  std::byte* scratch = nullptr;  // kProductScratch bytes, aligned to 64
};

/// Room for one widened panel block of the widest panel, and for one tile of results.
inline constexpr int64_t kMaxPanelWidth = 64;
inline constexpr int64_t kMaxTileRows = 16;
inline constexpr int64_t kProductScratch =
    (backend::exact::kProductBlock * kMaxPanelWidth + kMaxTileRows * kMaxPanelWidth) *
    static_cast<int64_t>(sizeof(float));

/// One instruction set's kernels.
struct ProductKernels {
  int64_t width = 0;  // outputs in a panel, even
  int64_t group = 1;  // k that lie together
  void (*multiply)(const ProductTask& task) = nullptr;
};

/// The kernels of the best instruction set in use (instruction_sets.h), for float and for
/// int8 weights.
const ProductKernels& float_kernels();
const ProductKernels& int8_kernels();

}  // namespace trinity::cpu
