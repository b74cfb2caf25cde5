// Decomposition as the oracle does it: plain loops in f64.
#pragma once

#include <memory>

#include "backend/dense_algebra.h"

namespace trinity::backend {

/// Products are rounded to f32 once, after summing in f64; eigenvectors come from cyclic Jacobi
/// rotations.
std::unique_ptr<DenseAlgebra> make_reference_dense_algebra();

/// The same, but rows are multiplied as the exact lanes multiply: rows and factor in f32 and
/// exact::product.
std::unique_ptr<DenseAlgebra> make_exact_dense_algebra();

}  // namespace trinity::backend
