// The oracle of adaptation: nothing here is fast, everything is in f64 and written to be read.
//
// Eigenvectors by the cyclic Jacobi method: rotate every pair (p, q) so that the element between
// them vanishes, sweep after sweep, until nothing is left off the diagonal. It is slow and as
// accurate as the input allows, also for small eigenvalues.
#include "backend/reference/dense_algebra.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backend/exact_arithmetic.h"
#include "base/try.h"
#include "tensor/float_cast.h"

namespace trinity::backend {
namespace {

constexpr int kMaxSweeps = 100;

struct Factor final : BackendStorage {
  std::vector<double> values;
};

size_t at(int64_t row, int64_t col, int64_t cols) { return static_cast<size_t>(row * cols + col); }

/// One row as f64, exact.
Result<std::vector<double>> row_of(const TensorView& matrix, int64_t row) {
  const auto cols = static_cast<size_t>(matrix.shape[1]);
  std::vector<double> out(cols);
  if (matrix.dtype == DType::f64) {
    std::memcpy(out.data(), matrix.bytes.data() + static_cast<size_t>(row) * cols * sizeof(double),
                cols * sizeof(double));
    return out;
  }
  std::vector<float> values(cols);
  TRINITY_CHECK(copy_row_f32(matrix, row, values));
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

/// Makes element (p, q) of the symmetric matrix vanish and turns the vectors (rows) along.
void rotate(std::vector<double>& a, std::vector<double>& vectors, int64_t k, int64_t p, int64_t q) {
  const double off = a[at(p, q, k)];
  const double theta = (a[at(q, q, k)] - a[at(p, p, k)]) / (2 * off);
  const double t = (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double cosine = 1 / std::hypot(t, 1.0), sine = t * cosine;
  for (int64_t i = 0; i < k; ++i) {  // columns p and q
    const double ip = a[at(i, p, k)], iq = a[at(i, q, k)];
    a[at(i, p, k)] = cosine * ip - sine * iq;
    a[at(i, q, k)] = sine * ip + cosine * iq;
  }
  for (int64_t i = 0; i < k; ++i) {  // rows p and q
    const double pi = a[at(p, i, k)], qi = a[at(q, i, k)];
    a[at(p, i, k)] = cosine * pi - sine * qi;
    a[at(q, i, k)] = sine * pi + cosine * qi;
    const double vp = vectors[at(p, i, k)], vq = vectors[at(q, i, k)];
    vectors[at(p, i, k)] = cosine * vp - sine * vq;
    vectors[at(q, i, k)] = sine * vp + cosine * vq;
  }
  a[at(p, q, k)] = a[at(q, p, k)] = 0;
}

class ReferenceDenseAlgebra : public DenseAlgebra {
 public:
  Result<std::vector<double>> gram(const TensorView& rows) override {
    TRINITY_CHECK(require_float_matrix(rows));
    TRINITY_CHECK(require_finite(rows, "the matrix"));
    const int64_t k = rows.shape[1];
    std::vector<double> out(static_cast<size_t>(k * k));
    for (int64_t r = 0; r < rows.shape[0]; ++r) {
      TRINITY_TRY(const std::vector<double> x, row_of(rows, r));
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = i; j < k; ++j)
          out[at(i, j, k)] += x[static_cast<size_t>(i)] * x[static_cast<size_t>(j)];
    }
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < i; ++j) out[at(i, j, k)] = out[at(j, i, k)];
    return out;
  }

  Result<SymmetricEigen> symmetric_eigen(std::vector<double> a, int64_t k) override {
    double largest = 0;
    for (const double value : a) {
      if (!std::isfinite(value))
        return fail(ErrorKind::invalid_input, "non_finite_values",
                    "the matrix to decompose holds NaN or infinity; check the weights");
      largest = std::max(largest, std::abs(value));
    }
    std::vector<double> vectors(static_cast<size_t>(k * k));
    for (int64_t i = 0; i < k; ++i) vectors[at(i, i, k)] = 1;
    bool rotated = true;
    for (int sweep = 0; rotated; ++sweep) {
      if (sweep == kMaxSweeps)
        return fail(ErrorKind::failed, "eigen_not_converged",
                    "the eigenvalue iteration did not converge; check the weights for extreme "
                    "values");
      rotated = false;
      for (int64_t p = 0; p < k; ++p)
        for (int64_t q = p + 1; q < k; ++q) {
          const double off = std::abs(a[at(p, q, k)]);
          const double beside = std::sqrt(std::abs(a[at(p, p, k)] * a[at(q, q, k)]));
          if (off <= std::max(1e-16 * beside, 1e-18 * largest)) continue;
          rotate(a, vectors, k, p, q);
          rotated = true;
        }
    }
    std::vector<int64_t> order(static_cast<size_t>(k));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t i, int64_t j) { return a[at(i, i, k)] > a[at(j, j, k)]; });
    SymmetricEigen eigen;
    for (const int64_t i : order) {
      eigen.values.push_back(a[at(i, i, k)]);
      const auto row = vectors.begin() + static_cast<std::ptrdiff_t>(i * k);
      eigen.vectors.insert(eigen.vectors.end(), row, row + static_cast<std::ptrdiff_t>(k));
    }
    return eigen;
  }

  Result<std::vector<double>> spectral_matrix(const SymmetricEigen& eigen,
                                              std::span<const double> diagonal) override {
    const auto k = static_cast<int64_t>(eigen.values.size());
    std::vector<double> out(static_cast<size_t>(k * k));
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = i; j < k; ++j) {
        double sum = 0;
        for (int64_t n = 0; n < k; ++n)
          sum += eigen.vectors[at(n, i, k)] * diagonal[static_cast<size_t>(n)] *
                 eigen.vectors[at(n, j, k)];
        out[at(i, j, k)] = out[at(j, i, k)] = sum;
      }
    return out;
  }

  Result<Weight> prepare_factor(std::span<const double> factor, int64_t k) override {
    auto storage = std::make_shared<Factor>();
    storage->values.assign(factor.begin(), factor.end());
    return Weight(std::move(storage), k, k);
  }

  Status multiply_rows(const TensorView& rows, const Weight& factor, DType dtype,
                       std::span<std::byte> out) override {
    TRINITY_CHECK(require_float_matrix(rows));
    const int64_t k = rows.shape[1];
    const auto& p = factor.as<Factor>().values;
    const auto row_bytes = static_cast<size_t>(k * dtype_size(dtype));
    std::vector<double> sums(static_cast<size_t>(k));
    std::vector<float> rounded(sums.size());
    for (int64_t r = 0; r < rows.shape[0]; ++r) {
      TRINITY_TRY(const std::vector<double> x, row_of(rows, r));
      std::fill(sums.begin(), sums.end(), 0.0);
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < k; ++j)
          sums[static_cast<size_t>(j)] += x[static_cast<size_t>(i)] * p[at(i, j, k)];
      for (size_t j = 0; j < sums.size(); ++j) rounded[j] = static_cast<float>(sums[j]);
      cast_from_f32(rounded, dtype, out.data() + static_cast<size_t>(r) * row_bytes);
    }
    return {};
  }
};

struct SingleFactor final : BackendStorage {
  std::vector<float> values;
};

class ExactDenseAlgebra final : public ReferenceDenseAlgebra {
 public:
  Result<Weight> prepare_factor(std::span<const double> factor, int64_t k) override {
    auto storage = std::make_shared<SingleFactor>();
    for (const double value : factor) storage->values.push_back(static_cast<float>(value));
    return Weight(std::move(storage), k, k);
  }

  Status multiply_rows(const TensorView& rows, const Weight& factor, DType dtype,
                       std::span<std::byte> out) override {
    TRINITY_CHECK(require_float_matrix(rows));
    const int64_t k = rows.shape[1];
    const float* p = factor.as<SingleFactor>().values.data();
    const auto row_bytes = static_cast<size_t>(k * dtype_size(dtype));
    std::vector<float> x(static_cast<size_t>(k)), products(x.size());
    for (int64_t r = 0; r < rows.shape[0]; ++r) {
      TRINITY_CHECK(copy_row_f32(rows, r, x));
      // The factor is symmetric: row j is column j.
      for (int64_t j = 0; j < k; ++j)
        products[static_cast<size_t>(j)] = exact::product(x.data(), p + j * k, k);
      cast_from_f32(products, dtype, out.data() + static_cast<size_t>(r) * row_bytes);
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<DenseAlgebra> make_exact_dense_algebra() {
  return std::make_unique<ExactDenseAlgebra>();
}

std::unique_ptr<DenseAlgebra> make_reference_dense_algebra() {
  return std::make_unique<ReferenceDenseAlgebra>();
}

}  // namespace trinity::backend
