// Decomposition on the CPU: OpenBLAS and LAPACK in f64, exact products in f32.
#pragma once

#include <memory>

#include "backend/dense_algebra.h"
#include "backend_cpu/thread_pool.h"

namespace trinity::cpu {

/// `threads` must outlive it. Not thread-safe: used on the backend's own thread.
std::unique_ptr<backend::DenseAlgebra> make_cpu_dense_algebra(ThreadPool& threads);

}  // namespace trinity::cpu
