// Singular-value fine-tuning of one matrix.
//
// W = U·diag(S)·Vᵀ becomes W' = norm · U·diag(S·(1+δ))·Vᵀ with norm = ΣS / ΣS(1+δ), so that the sum
// of the singular values stays. Because U·diag(S) = W·V, this is W' = W·P with the k×k factor
// P = V·diag(norm·(1+δ))·Vᵀ: neither U nor a division by S is needed, tiny singular values are
// harmless, and the sign of a singular vector does not matter. A wide matrix is treated as the
// transpose of a tall one: with U in the place of V, W'ᵀ = Wᵀ·P. S and V come from the Gram matrix
// in f64.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dense_algebra.h"
#include "tensor/tensor.h"

namespace trinity::adapt {

/// What the decomposition reads and keeps. `f32`: the weights as they are, everything else in f64.
/// `source`: S, V and the offsets are rounded to the weights' own type, as a decomposition in that
/// type would hold them.
enum class SvdComputeType { f32, source };
const char* svd_compute_type_name(SvdComputeType type);
/// Error `invalid_svd_compute_type`.
Result<SvdComputeType> parse_svd_compute_type(std::string_view name);

/// How well separated the singular values are: where two are equal or closer than the arithmetic
/// can tell, another valid decomposition may assign their offsets differently.
struct GapReport {
  double smallest_relative_gap = 0;   // min (σᵢ − σᵢ₊₁) / σ₀
  int64_t gaps_below_resolution = 0;  // of those, how many are below k · 2⁻⁵²
};

/// A matrix seen with at least as many rows as columns: itself, or its transpose.
class TallMatrix {
 public:
  /// `matrix` must outlive a tall view; a wide one is copied. Errors: those of
  /// require_float_matrix.
  static Result<TallMatrix> of(const TensorView& matrix);
  const TensorView& view() const { return view_; }
  bool transposed() const { return transposed_; }
  int64_t rows() const { return view_.shape[0]; }
  int64_t columns() const { return view_.shape[1]; }

 private:
  TensorView view_;
  std::vector<std::byte> storage_;
  bool transposed_ = false;
};

struct Spectrum {
  backend::SymmetricEigen eigen;        // vectors of the smaller side, by descending value
  std::vector<double> singular_values;  // [k], descending
  GapReport gaps;
  DType source_dtype = DType::f32;
  SvdComputeType compute_type = SvdComputeType::f32;
};

/// Decomposes. The result is checked against the Gram matrix with probe vectors. Errors: those of
/// DenseAlgebra, `decomposition_inaccurate` (the eigenvectors do not reproduce the matrix: the
/// linear algebra library is broken on this machine), `zero_matrix`.
Result<Spectrum> decompose(backend::DenseAlgebra& algebra, const TallMatrix& matrix,
                           SvdComputeType type);

/// Several matrices, whose eigenvectors may be computed side by side. The same results.
Result<std::vector<Spectrum>> decompose_many(backend::DenseAlgebra& algebra,
                                             std::span<const TallMatrix> matrices,
                                             SvdComputeType type);

/// The new singular values as multiples of the old ones.
struct Scaling {
  std::vector<double> multipliers;  // norm · (1 + δ), for each singular value
  std::vector<double> scaled_s;     // S · (1 + δ)
  double normalization = 1;         // ΣS / ΣS(1+δ)
};

/// Offsets [k] in the order of the singular values. Errors: `offset_count_mismatch`,
/// `non_finite_offsets`, `degenerate_normalization` (ΣS(1+δ) is zero or so close to it that the
/// result would be noise).
Result<Scaling> scale_spectrum(const Spectrum& spectrum, std::span<const float> offsets);

/// The scaling of two blocks of offsets, one after the other; the second is matched to the singular
/// values in the order that the first one gave them.
Result<Scaling> scale_spectrum_twice(const Spectrum& spectrum, std::span<const float> first,
                                     std::span<const float> second);

/// P [k, k], symmetric.
Result<std::vector<double>> projector(backend::DenseAlgebra& algebra, const Spectrum& spectrum,
                                      const Scaling& scaling);

/// A finished piece of A·P: whole rows of the tall matrix from `row_begin` on, in its own type. The
/// sink may keep the memory by swapping another vector in.
using RowSink = std::function<Status(int64_t row_begin, std::vector<std::byte>& rows)>;

/// Streams A·P through `sink` in chunks of at most `chunk_rows` rows.
Status project_rows(backend::DenseAlgebra& algebra, const TensorView& rows,
                    const backend::Weight& factor, int64_t chunk_rows, const RowSink& sink);

}  // namespace trinity::adapt
