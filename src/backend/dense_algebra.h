// Dense linear algebra of adaptation: what a backend needs beyond the forward pass to decompose a
// matrix and to multiply it by a square factor.
//
// A matrix A [rows, k] is decomposed by way of its Gram matrix G = AᵀA [k, k]: the eigenvectors of
// G are the right singular vectors of A and the eigenvalues are the squared singular values. G is
// summed in f64 while the rows stream past, so that a tall matrix never needs a tall factor of its
// own. Squaring costs half the digits, which f64 has to spare for weights that are stored in 16 or
// 32 bits.
//
// Optional: `Backend::dense_algebra` is null in a lane that lacks it. Results are complete when a
// call returns; a lazy backend waits for its device first.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <span>
#include <vector>

#include "backend/tensor_handle.h"
#include "tensor/tensor.h"

namespace trinity::backend {

/// G = Σ values[i] · vᵢ·vᵢᵀ with values descending.
struct SymmetricEigen {
  std::vector<double> values;   // [k], descending
  std::vector<double> vectors;  // [k, k] row-major: row i is vᵢ, of length 1
};

class DenseAlgebra {
 public:
  virtual ~DenseAlgebra() = default;

  /// AᵀA of rows [n, k] (BF16, F16, F32 or F64) as a full symmetric [k, k], products and sums in
  /// f64. The same bits for every number of threads. Errors: `expected_rank_2`,
  /// `unsupported_dtype`, `non_finite_values`.
  virtual Result<std::vector<double>> gram(const TensorView& rows) = 0;

  /// Of a symmetric [k, k] matrix. Errors: `eigen_not_converged`, `non_finite_values`.
  virtual Result<SymmetricEigen> symmetric_eigen(std::vector<double> matrix, int64_t k) = 0;

  /// Several at once; a backend whose eigensolver leaves threads idle computes them side by side.
  virtual Result<std::vector<SymmetricEigen>> symmetric_eigen_many(
      std::vector<std::vector<double>> matrices, std::span<const int64_t> sizes);

  /// V·diag(diagonal)·Vᵀ [k, k], exactly symmetric.
  virtual Result<std::vector<double>> spectral_matrix(const SymmetricEigen& eigen,
                                                      std::span<const double> diagonal) = 0;

  /// A symmetric factor [k, k], prepared for multiply_rows. An f32 backend rounds it once here.
  virtual Result<Weight> prepare_factor(std::span<const double> factor, int64_t k) = 0;

  /// out [n, k] = rows [n, k] · factor, computed in f32 or better and rounded once to `dtype` (F64,
  /// F32, F16 or BF16). A row's bits depend on that row alone, so a few rows give what the whole
  /// matrix would. `out` has n · k elements.
  virtual Status multiply_rows(const TensorView& rows, const Weight& factor, DType dtype,
                               std::span<std::byte> out) = 0;
};

/// Shape check that every implementation starts with: rank 2 and a float type.
Status require_float_matrix(const TensorView& matrix);

}  // namespace trinity::backend
