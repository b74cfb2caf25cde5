// From fresh q, k, v projections to rotated queries and stored keys and values, in one pass.
//
// For one key/value head and a run of rows of one sequence: per-head norm and rotation of the
// queries that read this head and of its keys; keys and values are written straight into their
// pages. The arithmetic is that of row_kernels.h, operation by operation, so bits agree with the
// plain path.
#pragma once

#include <cstdint>

#include "backend_cpu/kv_pages.h"
#include "backend_cpu/row_kernels.h"

namespace trinity::cpu {

/// What all tasks of a chunk share.
struct QkvRows {
  RowsIn q;  // [rows, heads · head_dim]; data null when only keys and values are wanted
  RowsIn k;  // [rows, kv_heads · head_dim]
  RowsIn v;
  RowsOut q_out;                  // f32 or bf16, like the pages
  const float* q_norm = nullptr;  // [head_dim]; null = k is already normed and rotated
  const float* k_norm = nullptr;
  float eps = 0;
  const float* cosines = nullptr;  // [position][head_dim / 2]
  const float* sines = nullptr;
  int64_t group = 1;  // query heads for each key/value head
};

/// One task: rows [row_begin, row_begin + row_count) hold positions from `position` on.
struct QkvTask {
  PagedKvCache* kv = nullptr;
  int64_t layer = 0;
  int64_t head = 0;  // key/value head
  int64_t row_begin = 0;
  int64_t row_count = 0;
  int64_t position = 0;
};

/// Positions of tasks must not share a group of 16 keys, or two threads write one cache line.
inline constexpr int64_t kTaskPositions = 64;

void store_qkv(const QkvRows& rows, const QkvTask& task);

}  // namespace trinity::cpu
