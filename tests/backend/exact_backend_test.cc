// The oracle of bits as a backend: int8 products are what their scales say, and refusals are typed.
// (The other operations are compared with the oracle of accuracy, and rows and fused operations
// with themselves, in the tests that take every lane.)
#include "backend/reference/exact_backend.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/dense_algebra.h"
#include "backend/exact_arithmetic.h"
#include "backend/op_inputs.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

backend::Weight weight_of(backend::Backend& backend, const prove::HostMatrix& matrix) {
  const TensorView view = matrix.view();
  return take(backend.prepare_linear({&view, 1}));
}

TEST(ExactBackend, ProductsAreTheDefinedOnes) {
  const auto backend = backend::make_exact_backend(backend::ExactProducts::f32);
  prove::InputStream inputs(1);
  const int64_t rows = 3, in = 600, out = 5;
  const auto x = inputs.normal(rows * in);
  const prove::HostMatrix w({out, in}, inputs.normal(out * in), DType::bf16);
  const auto values = w.values();
  const auto got = take(backend->download(
      take(backend->linear(take(backend->upload(x, rows, in)), weight_of(*backend, w)))));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < out; ++c)
      EXPECT_EQ(got[static_cast<size_t>(r * out + c)],
                backend::exact::product(x.data() + r * in, values.data() + c * in, in));
}

/// Numbers that int8 holds exactly give exact products, with scales that differ from row to row.
TEST(ExactBackend, Int8ProductsOfNumbersThatInt8HoldsAreExact) {
  const auto backend = backend::make_exact_backend(backend::ExactProducts::int8);
  prove::InputStream inputs(2);
  const int64_t rows = 4, in = 300, out = 7;
  auto x = inputs.exact_rows(rows, in), w = inputs.exact_rows(out, in);
  std::vector<float> want;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < out; ++c) {
      double sum = 0;
      for (int64_t k = 0; k < in; ++k)
        sum +=
            double{x[static_cast<size_t>(r * in + k)]} * double{w[static_cast<size_t>(c * in + k)]};
      want.push_back(static_cast<float>(std::ldexp(sum, static_cast<int>(2 * c - 3 * r))));
    }
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = std::ldexp(x[i], -3 * static_cast<int>(i / static_cast<size_t>(in)));
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = std::ldexp(w[i], 2 * static_cast<int>(i / static_cast<size_t>(in)));
  const auto got = take(backend->download(take(backend->linear(
      take(backend->upload(x, rows, in)), weight_of(*backend, prove::HostMatrix({out, in}, w))))));
  EXPECT_EQ(got, want);
}

TEST(ExactBackend, Int8WeightsTakeAByteAndAScaleARow) {
  const auto backend = backend::make_exact_backend(backend::ExactProducts::int8);
  const backend::Weight weight =
      weight_of(*backend, prove::HostMatrix({5, 30}, std::vector<float>(150, 1.0f)));
  EXPECT_EQ(backend->weight_bytes(), 150 + 5 * sizeof(float));
}

TEST(ExactBackend, Int8RefusesWeightsWhoseSumsCouldOverflow) {
  const auto backend = backend::make_exact_backend(backend::ExactProducts::int8);
  const std::vector<float> wide(static_cast<size_t>(backend::exact::kInt8MaxTerms + 1), 1.0f);
  const TensorView refused{
      DType::f32, {1, backend::exact::kInt8MaxTerms + 1}, std::as_bytes(std::span(wide))};
  const auto weight = backend->prepare_linear({&refused, 1});
  ASSERT_FALSE(weight);
  EXPECT_EQ(weight.error().tag, "int8_sum_overflow");
  EXPECT_EQ(weight.error().kind, ErrorKind::unsupported);
  EXPECT_TRUE(
      backend::make_exact_backend(backend::ExactProducts::f32)->prepare_linear({&refused, 1}));

  // The widest that is taken, with the largest sum.
  const auto row = std::span(wide).first(static_cast<size_t>(backend::exact::kInt8MaxTerms));
  const TensorView widest{DType::f32, {1, backend::exact::kInt8MaxTerms}, std::as_bytes(row)};
  const backend::Weight taken = take(backend->prepare_linear({&widest, 1}));
  const auto sum = take(backend->download(
      take(backend->linear(take(backend->upload(row, 1, backend::exact::kInt8MaxTerms)), taken))));
  EXPECT_NEAR(sum.front() / static_cast<float>(backend::exact::kInt8MaxTerms), 1, 1e-6);
}

TEST(ExactBackend, DamagedWeightsAreRefused) {
  for (const backend::ExactProducts products :
       {backend::ExactProducts::f32, backend::ExactProducts::int8})
    for (const float bad : {NAN, INFINITY}) {
      const prove::HostMatrix matrix({2, 2}, std::vector<float>{1, 2, bad, 4});
      const TensorView view = matrix.view();
      const auto weight = backend::make_exact_backend(products)->prepare_linear({&view, 1});
      ASSERT_FALSE(weight);
      EXPECT_EQ(weight.error().tag, "non_finite_values");
    }
}

TEST(ExactBackend, AdaptationMultipliesAsTheForwardPassDoes) {
  const auto backend = backend::make_exact_backend(backend::ExactProducts::f32);
  prove::InputStream inputs(4);
  const int64_t rows = 6, k = 300;
  const prove::HostMatrix matrix({rows, k}, inputs.normal(rows * k), DType::bf16);
  std::vector<double> factor(static_cast<size_t>(k * k));
  for (int64_t i = 0; i < k; ++i)
    for (int64_t j = 0; j <= i; ++j)
      factor[static_cast<size_t>(i * k + j)] = factor[static_cast<size_t>(j * k + i)] =
          double{inputs.normal(1).front()} / 3;
  const std::vector<float> single(factor.begin(), factor.end());
  backend::DenseAlgebra& algebra = *backend->dense_algebra();
  std::vector<float> got(static_cast<size_t>(rows * k));
  require(algebra.multiply_rows(matrix.view(), take(algebra.prepare_factor(factor, k)), DType::f32,
                                std::as_writable_bytes(std::span(got))));
  const auto product =
      take(backend->linear(take(backend->upload(matrix.values(), rows, k)),
                           weight_of(*backend, prove::HostMatrix({k, k}, single))));
  EXPECT_EQ(got, take(backend->download(product)));
}

}  // namespace
}  // namespace trinity::testing
