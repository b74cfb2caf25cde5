// Decomposition on the CPU: OpenBLAS and LAPACK in f64, oneDNN for the products in f32.
#pragma once

#include <memory>

#include "backend/dense_algebra.h"

namespace trinity::cpu {

/// `threads` as the backend's. Not thread-safe: used on the backend's own thread.
std::unique_ptr<DenseAlgebra> make_cpu_dense_algebra(int threads);

}  // namespace trinity::cpu
