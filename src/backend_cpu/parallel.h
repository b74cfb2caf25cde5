// Splitting independent rows over the worker threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend_cpu/row_kernels.h"
#include "backend_cpu/thread_pool.h"

namespace trinity::cpu {

/// Elements of work below which handing rows to another thread costs more than it saves.
inline constexpr int64_t kSmallWork = 16384;

/// Calls body(RowRange) with contiguous ranges that cover 0..rows−1. `row_work` is a row's size in
/// elements; ranges of less than kSmallWork elements are not cut.
template <class Body>
void parallel_rows(ThreadPool& pool, int64_t rows, int64_t row_work, const Body& body) {
  if (rows <= 0) return;
  const int64_t useful = std::max<int64_t>(1, rows * std::max<int64_t>(row_work, 1) / kSmallWork);
  // Two ranges a thread: one that is held up by another program delays half as much.
  const int64_t parts = std::min({rows, useful, int64_t{2} * pool.threads()});
  if (parts == 1) return body(RowRange{0, rows});
  pool.run(parts, [&](int64_t part) {
    const RowRange range{rows * part / parts, rows * (part + 1) / parts};
    if (range.begin < range.end) body(range);
  });
}

}  // namespace trinity::cpu
