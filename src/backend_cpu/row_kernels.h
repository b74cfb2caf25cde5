// Row-wise arithmetic between the matrix products: norms, rotation, activation, conversion.
//
// Vectorised with Highway; the best instruction set of the machine is chosen at run time. Every
// value is computed as backend/exact_arithmetic.h defines it, so that neither the instruction set
// nor the batch nor the split over threads shows in its bits. Every function handles rows
// [begin, end) and touches no other.
//
// Outputs are written as the next product wants them: f32, or rounded to bf16.
#pragma once

#include <cstdint>

namespace trinity::cpu {

enum class Element { f32, bf16 };

inline int64_t element_size(Element element) { return element == Element::f32 ? 4 : 2; }

/// f32 matrix.
struct RowsIn {
  const float* data = nullptr;
  int64_t stride = 0;  // elements from row to row
};

/// Destination matrix.
struct RowsOut {
  void* data = nullptr;
  int64_t stride = 0;
  Element element = Element::f32;
};

struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// out = x.
void convert_rows(const RowsIn& x, int64_t cols, const RowsOut& out, RowRange rows);

/// residual += delta (when given); out = residual · inverse_rms · weight.
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
