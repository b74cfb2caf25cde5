// Row-wise arithmetic between the matrix products: norms, rotation, activation, conversion.
//
// Vectorised with Highway; the best instruction set of the machine is chosen at run time. Every
// function handles rows [begin, end) and touches no other, so callers may split rows over threads.
// A row's result depends on that row alone and reductions have a fixed order: bits do not vary with
// the batch, the split or the number of threads.
//
// Inputs that come from an int8 product still lack their scales: `row_scale` (one a row) and
// `col_scale` (one a column) are applied on reading. Outputs are written as the next product wants
// them: f32, bf16, or int8 with one scale a row.
#pragma once

#include <cstdint>

namespace trinity::cpu {

enum class Element { f32, bf16, s8 };

inline int64_t element_size(Element element) {
  return element == Element::f32 ? 4 : element == Element::bf16 ? 2 : 1;
}

/// f32 matrix, perhaps with scales still to be applied.
struct RowsIn {
  const float* data = nullptr;
  int64_t stride = 0;                // elements from row to row
  const float* row_scale = nullptr;  // [rows] or null
  const float* col_scale = nullptr;  // [cols] or null
};

/// Destination matrix in any element type; s8 also writes row_scale[row] = max|x| / 127.
struct RowsOut {
  void* data = nullptr;
  int64_t stride = 0;
  Element element = Element::f32;
  float* row_scale = nullptr;
};

struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// out = x (scales applied).
void convert_rows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows);

/// residual += delta (when given); out = residual · rsqrt(mean(residual²) + eps) · weight.
void add_norm_rows(float* residual, int64_t residual_stride, const RowsIn* delta,
                   const float* weight, float eps, int64_t cols, const RowsOut& out, RowRange rows);

/// out = a + b.
void add_rows(const RowsIn& a, const RowsIn& b, int64_t cols, const RowsOut& out, RowRange rows);

/// out = silu(gate) ⊙ up.
void silu_mul_rows(const RowsIn& gate, const RowsIn& up, int64_t cols, const RowsOut& out,
                   RowRange rows);

/// Per head: norm (unless weight is null), then split-half rotation (unless cosines is null); one
/// of the two at least. `cosines` and `sines` are tables [position][head_dim / 2]; row r has
/// positions[r].
struct HeadRows {
  int64_t heads = 0;
  int64_t head_dim = 0;
  const float* weight = nullptr;  // [head_dim]
  float eps = 0;
  const float* cosines = nullptr;
  const float* sines = nullptr;
  const int64_t* positions = nullptr;
};
void head_norm_rope_rows(const RowsIn& x, const HeadRows& heads, const RowsOut& out, RowRange rows);

}  // namespace trinity::cpu
