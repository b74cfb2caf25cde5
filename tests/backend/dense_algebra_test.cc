// The algebra of adaptation: one lane against the oracle, and the same bits however work is split.
#include "backend/dense_algebra.h"

#include <algorithm>

#include "adapt/adapt_support.h"

namespace trinity::testing {
namespace {

std::vector<std::byte> as_type(const Matrix& matrix, DType dtype) {
  std::vector<std::byte> out(matrix.values.size() * static_cast<size_t>(dtype_size(dtype)));
  cast_from_f32(matrix.values, dtype, out.data());
  return out;
}

/// The lanes that have an algebra, without the oracle.
std::vector<std::string> lanes() {
  std::vector<std::string> out;
  for (const char* id : {"cpu_f32", "cpu_bf16", "cpu_int8", "mlx"})
    if (auto backend = backend::create_backend(id, {1});
        backend && (*backend)->dense_algebra() != nullptr)
      out.push_back(id);
  return out;
}

constexpr DType kFloatTypes[] = {DType::bf16, DType::f16, DType::f32, DType::f64};

TEST(DenseAlgebra, TheCpuLanesHaveOne) {
  const auto found = lanes();
  EXPECT_NE(std::find(found.begin(), found.end(), "cpu_f32"), found.end());
}

TEST(DenseAlgebra, GramAgreesWithTheOracleInEveryType) {
  for (const std::string& id : lanes())
    for (const DType dtype : kFloatTypes)
      for (const auto& [rows, k] : std::vector<std::pair<int64_t, int64_t>>{
               {1, 1}, {3, 2}, {7, 130}, {200, 64}, {1025, 129}, {2300, 33}}) {
        SCOPED_TRACE(id + " " + std::string(dtype_name(dtype)) + " " + std::to_string(rows) + "x" +
                     std::to_string(k));
        const auto bytes = as_type(random_matrix(rows, k, static_cast<uint32_t>(rows)), dtype);
        const TensorView view{dtype, {rows, k}, bytes};
        const auto got = must(algebra_of(id).gram(view));
        const auto want = must(algebra_of("reference").gram(view));
        EXPECT_LE(largest_difference(got, want), 1e-13 * largest_of(want) * 10);
        for (int64_t i = 0; i < k; ++i)
          for (int64_t j = 0; j < i; ++j)
            ASSERT_EQ(got[static_cast<size_t>(i * k + j)], got[static_cast<size_t>(j * k + i)]);
      }
}

TEST(DenseAlgebra, EigenvectorsDiagonaliseTheMatrix) {
  std::vector<std::string> ids = lanes();
  ids.push_back("reference");
  for (const std::string& id : ids)
    for (const int64_t k : {1, 2, 17, 100}) {
      SCOPED_TRACE(id + " " + std::to_string(k));
      const Matrix matrix = random_matrix(2 * k, k, 9);
      const auto gram = must(algebra_of("reference").gram(matrix.view()));
      const backend::SymmetricEigen eigen = must(algebra_of(id).symmetric_eigen(gram, k));
      EXPECT_TRUE(std::is_sorted(eigen.values.rbegin(), eigen.values.rend()));
      const std::vector<double> ones(static_cast<size_t>(k), 1.0);
      const auto rebuilt = must(algebra_of(id).spectral_matrix(eigen, eigen.values));
      const auto identity = must(algebra_of(id).spectral_matrix(eigen, ones));
      EXPECT_LE(largest_difference(rebuilt, gram), 1e-13 * 10 * largest_of(gram));
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < k; ++j) {
          EXPECT_NEAR(identity[static_cast<size_t>(i * k + j)], i == j ? 1 : 0, 1e-12);
          EXPECT_EQ(rebuilt[static_cast<size_t>(i * k + j)],
                    rebuilt[static_cast<size_t>(j * k + i)]);
        }
    }
}

TEST(DenseAlgebra, RowProductsAgreeWithTheOracleInEveryType) {
  std::vector<std::string> ids = lanes();
  ids.push_back("reference_exact");
  for (const std::string& id : ids)
    for (const DType in : kFloatTypes)
      for (const DType out : kFloatTypes) {
        SCOPED_TRACE(id + " " + std::string(dtype_name(in)) + " to " +
                     std::string(dtype_name(out)));
        const int64_t rows = 300, k = 48;
        const auto bytes = as_type(random_matrix(rows, k, 4), in);
        const TensorView view{in, {rows, k}, bytes};
        auto factor = must(algebra_of("reference").gram(random_matrix(k, k, 6).view()));
        for (double& value : factor) value /= static_cast<double>(k);
        const auto multiply = [&](backend::DenseAlgebra& algebra) {
          const backend::Weight prepared = must(algebra.prepare_factor(factor, k));
          std::vector<std::byte> result(static_cast<size_t>(rows * k * dtype_size(out)));
          must(algebra.multiply_rows(view, prepared, out, result));
          return must(to_f32({out, {rows, k}, result}));
        };
        const auto want = multiply(algebra_of("reference"));
        const double step = out == DType::bf16 ? 0x1p-8 : out == DType::f16 ? 0x1p-11 : 1e-6;
        EXPECT_LE(largest_difference(multiply(algebra_of(id)), want), step * largest_of(want));
      }
}

TEST(DenseAlgebra, ARowsBitsDependOnTheRowAlone) {
  std::vector<std::string> ids = lanes();
  ids.insert(ids.end(), {"reference", "reference_exact"});
  const int64_t rows = 700, k = 72;
  const Matrix matrix = random_matrix(rows, k, 21);
  const auto factor = must(algebra_of("reference").gram(random_matrix(k, k, 2).view()));
  for (const std::string& id : ids) {
    SCOPED_TRACE(id);
    backend::DenseAlgebra& algebra = algebra_of(id);
    const backend::Weight prepared = must(algebra.prepare_factor(factor, k));
    const auto multiply = [&](int64_t begin, int64_t count) {
      std::vector<std::byte> out(static_cast<size_t>(count * k) * 2);
      must(algebra.multiply_rows(must(row_slice(matrix.view(), begin, count)), prepared,
                                 DType::bf16, out));
      return out;
    };
    const auto all = multiply(0, rows);
    for (const auto& [begin, count] : std::vector<std::pair<int64_t, int64_t>>{
             {0, 1}, {5, 1}, {255, 2}, {100, 256}, {1, 257}, {433, 267}, {699, 1}, {300, 7}}) {
      const auto part = multiply(begin, count);
      EXPECT_TRUE(std::equal(part.begin(), part.end(),
                             all.begin() + static_cast<std::ptrdiff_t>(begin * k * 2)))
          << begin << " " << count;
    }
  }
}

TEST(DenseAlgebra, TheNumberOfThreadsChangesNoBit) {
  const int64_t rows = 1500, k = 300;
  const Matrix matrix = random_matrix(rows, k, 8);
  for (const std::string& id : lanes()) {
    SCOPED_TRACE(id);
    std::vector<double> gram, factor;
    std::vector<std::byte> products;
    for (const int threads : {1, 2, 5}) {
      const auto backend = must(backend::create_backend(id, {threads}));
      backend::DenseAlgebra& algebra = *backend->dense_algebra();
      const auto g = must(algebra.gram(matrix.view()));
      const backend::SymmetricEigen eigen = must(algebra.symmetric_eigen(g, k));
      const auto f = must(algebra.spectral_matrix(eigen, eigen.values));
      const backend::Weight prepared = must(algebra.prepare_factor(f, k));
      std::vector<std::byte> p(static_cast<size_t>(rows * k) * 2);
      must(algebra.multiply_rows(matrix.view(), prepared, DType::bf16, p));
      if (threads == 1) {
        gram = g;
        factor = f;
        products = p;
      }
      EXPECT_EQ(g, gram) << threads;
      EXPECT_EQ(f, factor) << threads;
      EXPECT_EQ(p, products) << threads;
    }
  }
}

TEST(DenseAlgebra, BadMatricesAreTyped) {
  std::vector<std::string> ids = lanes();
  ids.push_back("reference");
  for (const std::string& id : ids) {
    SCOPED_TRACE(id);
    backend::DenseAlgebra& algebra = algebra_of(id);
    Matrix matrix = random_matrix(5, 3, 1);
    EXPECT_EQ(tag_of(algebra.gram({DType::f32, {15}, matrix.view().bytes})), "expected_rank_2");
    EXPECT_EQ(tag_of(algebra.gram({DType::i32, {5, 3}, matrix.view().bytes})), "unsupported_dtype");
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
      matrix.at(4, 2) = bad;
      EXPECT_EQ(tag_of(algebra.gram(matrix.view())), "non_finite_values");
      std::vector<double> square(9, 1.0);
      square[5] = square[7] = static_cast<double>(bad);
      EXPECT_EQ(tag_of(algebra.symmetric_eigen(square, 3)), "non_finite_values");
    }
  }
}

}  // namespace
}  // namespace trinity::testing
