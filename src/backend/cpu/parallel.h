// Splitting independent rows and tasks over the worker team (OpenMP, the team that oneDNN uses
// too).
#pragma once

#include <omp.h>

#include <cstdint>

#include "backend/cpu/row_kernels.h"

namespace trinity::cpu {

/// Calls body(RowRange) with contiguous ranges that cover 0..rows−1, one for each thread.
template <class Body>
void parallel_rows(int64_t rows, const Body& body) {
  if (rows <= 1 || omp_get_max_threads() == 1) {
    if (rows > 0) body(RowRange{0, rows});
    return;
  }
#pragma omp parallel
  {
    const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    const RowRange range{rows * thread / threads, rows * (thread + 1) / threads};
    if (range.begin < range.end) body(range);
  }
}

/// Calls body(task) for 0..tasks−1, handed out one by one in that order.
template <class Body>
void parallel_tasks(int64_t tasks, const Body& body) {
  if (tasks == 1 || omp_get_max_threads() == 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t task = 0; task < tasks; ++task) body(task);
}

}  // namespace trinity::cpu
