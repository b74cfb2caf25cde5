// Singular-value fine-tuning on matrices whose decomposition is known because it was chosen.
#include "adapt/svf.h"

#include <algorithm>
#include <numeric>

#include "adapt/adapt_support.h"

namespace trinity::testing {
namespace {

class Svf : public ::testing::TestWithParam<std::string> {
 protected:
  backend::DenseAlgebra& algebra() const { return algebra_of(GetParam()); }
  /// Of the largest element: f64 products, or f32 ones.
  double tolerance() const { return GetParam() == "reference" ? 2e-7 : 4e-6; }
};

INSTANTIATE_TEST_SUITE_P(Lanes, Svf, ::testing::Values("reference", "cpu_f32"),
                         [](const auto& lane) { return lane.param; });

/// Random orthonormal columns [rows, k], by Gram and Schmidt, twice.
std::vector<double> orthonormal(int64_t rows, int64_t k, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> out(static_cast<size_t>(rows * k));
  const auto at = [&](int64_t r, int64_t c) -> double& {
    return out[static_cast<size_t>(r * k + c)];
  };
  for (int64_t c = 0; c < k; ++c) {
    for (int64_t r = 0; r < rows; ++r) at(r, c) = normal(generator);
    for (int pass = 0; pass < 2; ++pass)
      for (int64_t other = 0; other < c; ++other) {
        double along = 0;
        for (int64_t r = 0; r < rows; ++r) along += at(r, c) * at(r, other);
        for (int64_t r = 0; r < rows; ++r) at(r, c) -= along * at(r, other);
      }
    double squares = 0;
    for (int64_t r = 0; r < rows; ++r) squares += at(r, c) * at(r, c);
    for (int64_t r = 0; r < rows; ++r) at(r, c) /= std::sqrt(squares);
  }
  return out;
}

struct Made {
  std::vector<double> u, s, v;
  std::vector<double> values;  // [m, n]
  int64_t m = 0, n = 0;
  TensorView view() const { return {DType::f64, {m, n}, std::as_bytes(std::span(values))}; }
};

Made make_matrix(int64_t m, int64_t n, std::vector<double> s, uint32_t seed) {
  const auto k = static_cast<int64_t>(s.size());
  Made made{orthonormal(m, k, seed), std::move(s), orthonormal(n, k, seed + 1), {}, m, n};
  made.values = rebuild(made.u, made.s, made.v, std::vector<float>(static_cast<size_t>(k)), m, n);
  return made;
}

std::vector<double> descending(int64_t k) {
  std::vector<double> s;
  for (int64_t i = 0; i < k; ++i) s.push_back(3.0 * static_cast<double>(k - i) + 0.5);
  return s;
}

TEST_P(Svf, N6_TheFactorGivesWhatTheDecompositionGives) {
  uint32_t seed = 1;
  for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{
           {2, 2}, {9, 4}, {4, 9}, {33, 33}, {150, 31}, {31, 150}, {65, 64}, {64, 65}}) {
    SCOPED_TRACE(std::to_string(m) + "x" + std::to_string(n));
    const int64_t k = std::min(m, n);
    const Made made = make_matrix(m, n, descending(k), ++seed);
    for (const float deviation : {0.0F, 0.1F, 0.6F}) {
      const auto offsets = random_offsets(k, seed, deviation);
      const auto expected = rebuild(made.u, made.s, made.v, offsets, m, n);
      EXPECT_LE(largest_difference(adapt(algebra(), made.view(), offsets), expected),
                tolerance() * std::max(largest_of(expected), largest_of(made.values)) *
                    std::max(1.0, std::abs(largest_of(expected) / largest_of(made.values))));
    }
  }
}

TEST_P(Svf, N6_MissingRankIsHarmless) {
  for (const auto& [m, n] :
       std::vector<std::pair<int64_t, int64_t>>{{40, 24}, {24, 40}, {24, 24}}) {
    const int64_t k = std::min(m, n);
    std::vector<double> s = descending(k);
    for (size_t i = 7; i < s.size(); ++i) s[i] = 0;
    const Made made = make_matrix(m, n, s, static_cast<uint32_t>(m + 100));
    const auto offsets = random_offsets(k, 5);
    const auto expected = rebuild(made.u, made.s, made.v, offsets, m, n);
    EXPECT_LE(largest_difference(adapt(algebra(), made.view(), offsets), expected),
              10 * tolerance() * largest_of(expected));
  }
}

TEST_P(Svf, N6_RepeatedValuesWithEqualOffsetsAreUnambiguous) {
  const int64_t m = 50, n = 20;
  std::vector<double> s = {9, 9, 9, 7, 7, 5};
  s.resize(static_cast<size_t>(n), 2);
  auto offsets = random_offsets(n, 3);
  offsets[1] = offsets[2] = offsets[0];
  offsets[4] = offsets[3];
  std::fill(offsets.begin() + 6, offsets.end(), offsets[6]);
  const Made made = make_matrix(m, n, s, 77);
  const auto expected = rebuild(made.u, made.s, made.v, offsets, m, n);
  EXPECT_LE(largest_difference(adapt(algebra(), made.view(), offsets), expected),
            tolerance() * largest_of(expected));
  const adapt::Spectrum spectrum = must(adapt::decompose(
      algebra(), must(adapt::TallMatrix::of(made.view())), adapt::SvdComputeType::f32));
  EXPECT_GE(spectrum.gaps.gaps_below_resolution, 10);
  EXPECT_LT(spectrum.gaps.smallest_relative_gap, 1e-12);
}

TEST_P(Svf, TheGapsOfASeparatedSpectrumAreReported) {
  const Made made = make_matrix(30, 4, {8, 6, 5.5, 1}, 5);
  const adapt::Spectrum spectrum = must(adapt::decompose(
      algebra(), must(adapt::TallMatrix::of(made.view())), adapt::SvdComputeType::f32));
  EXPECT_NEAR(spectrum.gaps.smallest_relative_gap, 0.5 / 8, 1e-12);
  EXPECT_EQ(spectrum.gaps.gaps_below_resolution, 0);
}

TEST_P(Svf, SVD_1_ASmallMatrixIsReproducedByZeroOffsets) {
  const Matrix matrix{3, 3, {1, 2, 3, 4, 5, 6, 7, 8, 10}};
  const adapt::Spectrum spectrum = must(adapt::decompose(
      algebra(), must(adapt::TallMatrix::of(matrix.view())), adapt::SvdComputeType::f32));
  EXPECT_EQ(spectrum.singular_values.size(), 3U);
  EXPECT_EQ(spectrum.eigen.vectors.size(), 9U);
  EXPECT_LT(
      largest_difference(adapt(algebra(), matrix.view(), std::vector<float>(3)), matrix.values),
      1e-5);
}

TEST_P(Svf, SVD_4_OffsetsAreNotRoundedToTheWeightsType) {
  const std::vector<float> values = {1, 0, 0, 2};
  std::vector<std::byte> narrow(8);
  cast_from_f32(values, DType::bf16, narrow.data());
  const TensorView view{DType::bf16, {2, 2}, narrow};
  const std::vector<float> offsets = {0.001F, -0.67F};
  // By hand: S = [2, 1] in descending order.
  const double s0 = 2 * (1 + double{offsets[0]}), s1 = 1 * (1 + double{offsets[1]});
  const double norm = 3 / (s0 + s1);
  const std::vector<double> by_hand = {s1 * norm, 0, 0, s0 * norm};
  EXPECT_LE(largest_difference(adapt(algebra(), view, offsets), by_hand), 1e-6);
  const adapt::Spectrum spectrum = must(
      adapt::decompose(algebra(), must(adapt::TallMatrix::of(view)), adapt::SvdComputeType::f32));
  const auto factor =
      must(adapt::projector(algebra(), spectrum, must(adapt::scale_spectrum(spectrum, offsets))));
  std::vector<std::byte> expected(8);
  cast_from_f32(std::vector<float>(by_hand.begin(), by_hand.end()), DType::bf16, expected.data());
  EXPECT_EQ(product_bytes(algebra(), view, factor, DType::bf16), expected);
  // With offsets that were rounded to bf16 first the result is another.
  std::vector<float> rounded;
  for (const float offset : offsets)
    rounded.push_back(static_cast<float>(round_to(double{offset}, DType::bf16)));
  EXPECT_NE(adapt(algebra(), view, rounded), adapt(algebra(), view, offsets));
}

TEST_P(Svf, SourceTypeRoundsTheDecomposition) {
  const Matrix matrix = random_matrix(40, 8, 12);
  std::vector<std::byte> narrow(matrix.values.size() * 2);
  cast_from_f32(matrix.values, DType::bf16, narrow.data());
  const TensorView view{DType::bf16, {40, 8}, narrow};
  const adapt::Spectrum spectrum = must(adapt::decompose(
      algebra(), must(adapt::TallMatrix::of(view)), adapt::SvdComputeType::source));
  for (const double s : spectrum.singular_values) EXPECT_EQ(s, round_to(s, DType::bf16));
  for (const double v : spectrum.eigen.vectors) EXPECT_EQ(v, round_to(v, DType::bf16));
  const adapt::Scaling scaling = must(adapt::scale_spectrum(spectrum, random_offsets(8, 4)));
  for (const double s : scaling.scaled_s) EXPECT_EQ(s, round_to(s, DType::bf16));
  EXPECT_EQ(scaling.normalization, round_to(scaling.normalization, DType::bf16));
  // Still the same matrix to the accuracy of bf16.
  const auto exact = adapt(algebra(), view, random_offsets(8, 4));
  EXPECT_LE(largest_difference(
                adapt(algebra(), view, random_offsets(8, 4), adapt::SvdComputeType::source), exact),
            0.05 * largest_of(exact));
}

TEST_P(Svf, ATransposedMatrixGivesTheTransposedResult) {
  const Matrix matrix = random_matrix(70, 30, 9);
  Matrix turned{30, 70, std::vector<float>(matrix.values.size())};
  transpose_elements(reinterpret_cast<const std::byte*>(matrix.values.data()), 70, 30, 4,
                     reinterpret_cast<std::byte*>(turned.values.data()));
  const auto offsets = random_offsets(30, 2);
  const auto a = adapt(algebra(), matrix.view(), offsets);
  std::vector<float> a_turned(a.size());
  transpose_elements(reinterpret_cast<const std::byte*>(a.data()), 70, 30, 4,
                     reinterpret_cast<std::byte*>(a_turned.data()));
  EXPECT_EQ(adapt(algebra(), turned.view(), offsets), a_turned);
}

TEST_P(Svf, HostileOffsetsAndMatricesAreTyped) {
  const Matrix matrix = random_matrix(12, 5, 3);
  const adapt::TallMatrix tall = must(adapt::TallMatrix::of(matrix.view()));
  const adapt::Spectrum spectrum =
      must(adapt::decompose(algebra(), tall, adapt::SvdComputeType::f32));
  EXPECT_EQ(tag_of(adapt::scale_spectrum(spectrum, std::vector<float>(4))),
            "offset_count_mismatch");
  EXPECT_EQ(tag_of(adapt::scale_spectrum(spectrum, std::vector<float>(6))),
            "offset_count_mismatch");
  for (const float bad : {NAN, INFINITY, -INFINITY})
    EXPECT_EQ(tag_of(adapt::scale_spectrum(spectrum, std::vector<float>{0, 0, bad, 0, 0})),
              "non_finite_offsets");
  EXPECT_EQ(tag_of(adapt::scale_spectrum(spectrum, std::vector<float>(5, -1))),
            "degenerate_normalization");
  // A sum that cancels almost: S₀(1+δ) = −Σ of the rest.
  const double rest =
      std::accumulate(spectrum.singular_values.begin() + 1, spectrum.singular_values.end(), 0.0);
  std::vector<float> cancelling(5);
  cancelling[0] = static_cast<float>(-rest / spectrum.singular_values[0] - 1);
  EXPECT_EQ(tag_of(adapt::scale_spectrum(spectrum, cancelling)), "degenerate_normalization");
  EXPECT_EQ(tag_of(adapt::scale_spectrum_twice(spectrum, std::vector<float>(5), cancelling)),
            "degenerate_normalization");
  // A negative sum is a valid one.
  EXPECT_EQ(tag_of(adapt::scale_spectrum(spectrum, std::vector<float>(5, -3))), "ok");

  const auto refused = [&](const Matrix& bad) {
    return tag_of(adapt::decompose(algebra(), must(adapt::TallMatrix::of(bad.view())),
                                   adapt::SvdComputeType::f32));
  };
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    Matrix damaged = matrix;
    damaged.at(11, 4) = bad;
    EXPECT_EQ(refused(damaged), "non_finite_values");
  }
  EXPECT_EQ(refused({4, 2, std::vector<float>(8)}), "zero_matrix");
  EXPECT_EQ(tag_of(adapt::TallMatrix::of(
                {DType::f32, {10}, std::as_bytes(std::span(matrix.values).first(10))})),
            "expected_rank_2");
  const std::vector<int32_t> whole(4);
  EXPECT_EQ(tag_of(adapt::TallMatrix::of({DType::i32, {2, 2}, std::as_bytes(std::span(whole))})),
            "unsupported_dtype");
}

TEST_P(Svf, TwoBlocksInARowAreTwoAdaptations) {
  const int64_t m = 60, n = 16;
  const Made made = make_matrix(m, n, descending(n), 31);
  const auto first = random_offsets(n, 1, 0.3F), second = random_offsets(n, 2, 0.3F);
  const adapt::Spectrum spectrum = must(adapt::decompose(
      algebra(), must(adapt::TallMatrix::of(made.view())), adapt::SvdComputeType::f32));
  const auto both =
      product(algebra(), made.view(),
              must(adapt::projector(algebra(), spectrum,
                                    must(adapt::scale_spectrum_twice(spectrum, first, second)))));
  // The long way: the adapted matrix is decomposed again.
  const auto once = rebuild(made.u, made.s, made.v, first, m, n);
  const TensorView again{DType::f64, {m, n}, std::as_bytes(std::span(once))};
  EXPECT_LE(largest_difference(both, adapt(algebra(), again, second)),
            3 * tolerance() * largest_of(both));
}

TEST(SvfNames, ComputeTypes) {
  for (const adapt::SvdComputeType type :
       {adapt::SvdComputeType::f32, adapt::SvdComputeType::source})
    EXPECT_EQ(must(adapt::parse_svd_compute_type(adapt::svd_compute_type_name(type))), type);
  EXPECT_EQ(tag_of(adapt::parse_svd_compute_type("f16")), "invalid_svd_compute_type");
}

}  // namespace
}  // namespace trinity::testing
