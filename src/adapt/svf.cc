#include "adapt/svf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/try.h"
#include "base/utf8.h"
#include "tensor/float_cast.h"

namespace trinity::adapt {
namespace {

constexpr int kProbes = 1;
constexpr double kProbeTolerance = 1e-10;
/// |ΣS(1+δ)| below this share of ΣS: the rest has cancelled to a few digits and norm explodes.
constexpr double kSmallestSum = 1e-6;

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// A vector of fixed pseudo-random numbers in [-1, 1).
std::vector<double> probe_vector(int64_t k, uint64_t seed) {
  std::vector<double> out;
  uint64_t state = seed;
  for (int64_t i = 0; i < k; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    out.push_back(static_cast<double>(static_cast<int64_t>(state)) * 0x1p-63);
  }
  return out;
}

/// Checks G·x = Vᵀ·Λ·V·x and |V·x| = |x|. A library that is wrong on this processor shows here.
Status verify_eigen(std::span<const double> gram, const backend::SymmetricEigen& eigen) {
  const size_t k = eigen.values.size();
  const double largest = std::abs(eigen.values.front());
  for (int probe = 0; probe < kProbes; ++probe) {
    const std::vector<double> x =
        probe_vector(static_cast<int64_t>(k), 0x9E3779B97F4A7C15ULL + static_cast<uint64_t>(probe));
    std::vector<double> rebuilt(k);
    double squares = 0;
    for (size_t i = 0; i < k; ++i) {
      const std::span<const double> v(eigen.vectors.data() + i * k, k);
      const double along = dot(v, x);
      squares += along * along;
      for (size_t j = 0; j < k; ++j) rebuilt[j] += eigen.values[i] * along * v[j];
    }
    double error = std::abs(squares - dot(x, x)) * largest;
    for (size_t j = 0; j < k; ++j)
      error = std::max(error, std::abs(rebuilt[j] - dot(gram.subspan(j * k, k), x)));
    // Not `>`: a NaN must fail too.
    if (!(error <= kProbeTolerance * largest * static_cast<double>(k)))
      return fail(ErrorKind::failed, "decomposition_inaccurate",
                  "the eigenvectors do not reproduce the matrix: the linear algebra library gives "
                  "wrong results on this processor (for OpenBLAS, set OPENBLAS_CORETYPE=Haswell)");
  }
  return {};
}

GapReport report_gaps(std::span<const double> singular_values) {
  GapReport report;
  const double largest = singular_values.front();
  const double resolution = static_cast<double>(singular_values.size()) * 0x1p-52;
  report.smallest_relative_gap = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i + 1 < singular_values.size(); ++i) {
    const double gap = (singular_values[i] - singular_values[i + 1]) / largest;
    report.smallest_relative_gap = std::min(report.smallest_relative_gap, gap);
    if (gap < resolution) ++report.gaps_below_resolution;
  }
  if (singular_values.size() < 2) report.smallest_relative_gap = 1;
  return report;
}

Status require_offsets(const Spectrum& spectrum, std::span<const float> offsets) {
  if (offsets.size() != spectrum.singular_values.size())
    return fail(ErrorKind::invalid_input, "offset_count_mismatch",
                fmt::format("a matrix with {} singular values needs as many offsets, got {}",
                            spectrum.singular_values.size(), offsets.size()));
  for (size_t i = 0; i < offsets.size(); ++i)
    if (!std::isfinite(offsets[i]))
      return fail(
          ErrorKind::invalid_input, "non_finite_offsets",
          fmt::format("offset {} is NaN or infinite; use a router vector of finite numbers", i));
  return {};
}

/// The scaling of singular values `s` (any order) by offsets `o`.
Result<Scaling> scale_values(std::span<const double> s, std::span<const float> o,
                             const Spectrum& spectrum) {
  const bool rounded = spectrum.compute_type == SvdComputeType::source;
  const auto store = [&](double value) {
    return rounded ? round_to(value, spectrum.source_dtype) : value;
  };
  Scaling scaling;
  double before = 0, after = 0;
  std::vector<double> factors;
  for (size_t i = 0; i < s.size(); ++i) {
    factors.push_back(store(1 + store(double{o[i]})));
    scaling.scaled_s.push_back(store(s[i] * factors.back()));
    before += s[i];
    after += scaling.scaled_s.back();
  }
  if (!(std::abs(after) > kSmallestSum * before))
    return fail(ErrorKind::invalid_input, "degenerate_normalization",
                fmt::format("the scaled singular values sum to {:.3g} of {:.3g}: the sum that the "
                            "adaptation keeps has vanished; use a router vector with smaller "
                            "offsets",
                            after, before));
  scaling.normalization = store(before / after);
  for (const double factor : factors) scaling.multipliers.push_back(factor * scaling.normalization);
  return scaling;
}

Result<Spectrum> spectrum_from(std::span<const double> gram, backend::SymmetricEigen eigen,
                               DType dtype, SvdComputeType type) {
  Spectrum spectrum;
  spectrum.source_dtype = dtype;
  spectrum.compute_type = type;
  spectrum.eigen = std::move(eigen);
  if (!(spectrum.eigen.values.front() > 0))
    return fail(ErrorKind::invalid_input, "zero_matrix",
                "a matrix of zeros has no singular values to scale; check the checkpoint");
  TRINITY_CHECK(verify_eigen(gram, spectrum.eigen));
  for (const double value : spectrum.eigen.values)
    spectrum.singular_values.push_back(std::sqrt(std::max(value, 0.0)));
  spectrum.gaps = report_gaps(spectrum.singular_values);
  if (type == SvdComputeType::source) {
    for (double& value : spectrum.singular_values) value = round_to(value, dtype);
    for (double& value : spectrum.eigen.vectors) value = round_to(value, dtype);
  }
  return spectrum;
}

}  // namespace

const char* svd_compute_type_name(SvdComputeType type) {
  return type == SvdComputeType::f32 ? "f32" : "source";
}

Result<SvdComputeType> parse_svd_compute_type(std::string_view name) {
  if (name == "f32") return SvdComputeType::f32;
  if (name == "source") return SvdComputeType::source;
  return fail(
      ErrorKind::usage, "invalid_svd_compute_type",
      fmt::format("there is no SVD compute type \"{}\"; known are f32, source", excerpt(name)));
}

Result<TallMatrix> TallMatrix::of(const TensorView& matrix) {
  TRINITY_CHECK(backend::require_float_matrix(matrix));
  TallMatrix tall;
  const int64_t rows = matrix.shape[0], cols = matrix.shape[1];
  if (rows >= cols) {
    tall.view_ = matrix;
    return tall;
  }
  const auto size = static_cast<size_t>(dtype_size(matrix.dtype));
  tall.storage_.resize(matrix.bytes.size());
  transpose_elements(matrix.bytes.data(), rows, cols, size, tall.storage_.data());
  tall.view_ = {matrix.dtype, {cols, rows}, tall.storage_};
  tall.transposed_ = true;
  return tall;
}

Result<Spectrum> decompose(backend::DenseAlgebra& algebra, const TallMatrix& matrix,
                           SvdComputeType type) {
  TRINITY_TRY(std::vector<Spectrum> one, decompose_many(algebra, std::span(&matrix, 1), type));
  return std::move(one.front());
}

Result<std::vector<Spectrum>> decompose_many(backend::DenseAlgebra& algebra,
                                             std::span<const TallMatrix> matrices,
                                             SvdComputeType type) {
  std::vector<std::vector<double>> grams;
  std::vector<int64_t> sizes;
  for (const TallMatrix& matrix : matrices) {
    TRINITY_TRY(grams.emplace_back(), algebra.gram(matrix.view()));
    sizes.push_back(matrix.columns());
  }
  TRINITY_TRY(std::vector<backend::SymmetricEigen> eigens,
              algebra.symmetric_eigen_many(grams, sizes));
  std::vector<Spectrum> spectra;
  for (size_t i = 0; i < eigens.size(); ++i) {
    TRINITY_TRY(spectra.emplace_back(),
                spectrum_from(grams[i], std::move(eigens[i]), matrices[i].view().dtype, type));
  }
  return spectra;
}

Result<Scaling> scale_spectrum(const Spectrum& spectrum, std::span<const float> offsets) {
  TRINITY_CHECK(require_offsets(spectrum, offsets));
  return scale_values(spectrum.singular_values, offsets, spectrum);
}

Result<Scaling> scale_spectrum_twice(const Spectrum& spectrum, std::span<const float> first,
                                     std::span<const float> second) {
  TRINITY_CHECK(require_offsets(spectrum, first));
  TRINITY_CHECK(require_offsets(spectrum, second));
  TRINITY_TRY(const Scaling once, scale_values(spectrum.singular_values, first, spectrum));
  // The adapted matrix has the same vectors and the singular values |S·multiplier|, which a second
  // decomposition would sort anew.
  const size_t k = spectrum.singular_values.size();
  std::vector<size_t> order(k);
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<double> magnitudes(k);
  for (size_t i = 0; i < k; ++i)
    magnitudes[i] = std::abs(spectrum.singular_values[i] * once.multipliers[i]);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return magnitudes[a] > magnitudes[b]; });
  std::vector<double> sorted(k);
  for (size_t rank = 0; rank < k; ++rank) sorted[rank] = magnitudes[order[rank]];
  TRINITY_TRY(const Scaling again, scale_values(sorted, second, spectrum));
  Scaling both;
  both.normalization = once.normalization * again.normalization;
  both.multipliers.resize(k);
  both.scaled_s.resize(k);
  for (size_t rank = 0; rank < k; ++rank) {
    const size_t i = order[rank];
    both.multipliers[i] = once.multipliers[i] * again.multipliers[rank];
    both.scaled_s[i] = spectrum.singular_values[i] * both.multipliers[i] / both.normalization;
  }
  return both;
}

Result<std::vector<double>> projector(backend::DenseAlgebra& algebra, const Spectrum& spectrum,
                                      const Scaling& scaling) {
  return algebra.spectral_matrix(spectrum.eigen, scaling.multipliers);
}

Status project_rows(backend::DenseAlgebra& algebra, const TensorView& rows,
                    const backend::Weight& factor, int64_t chunk_rows, const RowSink& sink) {
  const int64_t total = rows.shape.at(0), k = rows.shape.at(1);
  std::vector<std::byte> out;
  for (int64_t begin = 0; begin < total; begin += chunk_rows) {
    const int64_t count = std::min(chunk_rows, total - begin);
    TRINITY_TRY(const TensorView chunk, row_slice(rows, begin, count));
    out.resize(static_cast<size_t>(count * k * dtype_size(rows.dtype)));
    TRINITY_CHECK(algebra.multiply_rows(chunk, factor, rows.dtype, out));
    TRINITY_CHECK(sink(begin, out));
  }
  return {};
}

}  // namespace trinity::adapt
