// Separability against the definition, pair by pair.
#include "benchmark/separability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/json_value.h"
#include "benchmark/neighbours.h"
#include "benchmark/support.h"

namespace trinity::testing {
namespace {

double slow_cosine(const std::vector<double>& a, const std::vector<double>& b) {
  double product = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    left += a[i] * a[i];
    right += b[i] * b[i];
  }
  return left == 0 || right == 0 ? 0 : product / std::sqrt(left * right);
}

std::vector<double> row_of(const benchmark::FeatureMatrix& features, std::size_t i) {
  return {features.row(i).begin(), features.row(i).end()};
}

/// The mean of the rows of a family but for one of them; nothing where none is left.
std::optional<std::vector<double>> mean_of(const RandomBenchmark& data, const std::string& family,
                                           std::optional<std::size_t> without) {
  std::vector<double> mean(data.features.width, 0);
  std::size_t count = 0;
  for (std::size_t i = 0; i < data.cases.size(); ++i) {
    if (data.cases[i].family != family || i == without) continue;
    ++count;
    for (std::size_t d = 0; d < mean.size(); ++d)
      mean[d] += static_cast<double>(data.features.row(i)[d]);
  }
  if (count == 0) return std::nullopt;
  for (double& value : mean) value /= static_cast<double>(count);
  return mean;
}

double slow_accuracy(const RandomBenchmark& data, const benchmark::Separability& measured,
                     bool leave_out) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < data.cases.size(); ++i) {
    std::string best;
    double best_cosine = -2;
    for (const auto& [family, size] : measured.family_sizes) {
      const auto mean = mean_of(data, family, leave_out ? std::optional(i) : std::nullopt);
      if (!mean) continue;
      const double near = slow_cosine(row_of(data.features, i), *mean);
      if (near > best_cosine) {
        best_cosine = near;
        best = family;
      }
    }
    right += best == data.cases[i].family ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(data.cases.size());
}

TEST(BenchmarkSeparability, IsWhatTheDefinitionGivesPairByPair) {
  prove::InputStream stream(11);
  for (int round = 0; round < 60; ++round) {
    const RandomBenchmark data(stream, stream.integer(1, 40), stream.integer(1, 12));
    const benchmark::Separability measured =
        take(benchmark::measure_separability(data.cases, data.features));
    double within = 0, within_pairs = 0, between = 0, between_pairs = 0;
    for (std::size_t a = 0; a < data.cases.size(); ++a)
      for (std::size_t b = a + 1; b < data.cases.size(); ++b) {
        if (data.cases[a].family != data.cases[b].family) continue;
        within += 1 - slow_cosine(row_of(data.features, a), row_of(data.features, b));
        ++within_pairs;
      }
    for (auto a = measured.family_sizes.begin(); a != measured.family_sizes.end(); ++a)
      for (auto b = std::next(a); b != measured.family_sizes.end(); ++b) {
        between += 1 - slow_cosine(*mean_of(data, a->first, {}), *mean_of(data, b->first, {}));
        ++between_pairs;
      }
    EXPECT_NEAR(measured.within_distance, within_pairs > 0 ? within / within_pairs : 0, 1e-6);
    EXPECT_NEAR(measured.between_distance, between_pairs > 0 ? between / between_pairs : 0, 1e-6);
    // One dimension has cosines of ±1 alone: ties that rounding decides.
    if (data.features.width > 1) {
      EXPECT_NEAR(measured.nearest_centroid_accuracy, slow_accuracy(data, measured, false), 1e-6);
      EXPECT_NEAR(measured.leave_one_out_accuracy, slow_accuracy(data, measured, true), 1e-6);
    }
    EXPECT_EQ(measured.dataset_size, data.cases.size());
    EXPECT_EQ(measured.family_count, measured.family_sizes.size());
  }
}

TEST(BenchmarkSeparability, BSP_1_CountsFamiliesAndGivesNoNegativeFigures) {
  const std::vector<benchmark::BenchmarkCase> cases = {
      labelled("a", "math", {}, {}), labelled("b", "code", {}, {}), labelled("c", "math", {}, {}),
      labelled("d", "code", {}, {}), labelled("e", "math", {}, {})};
  const benchmark::FeatureMatrix features =
      features_of({{1, 0}, {0, 1}, {1, 0.1F}, {0.1F, 1}, {1, 0.2F}});
  const benchmark::Separability measured = take(benchmark::measure_separability(cases, features));
  EXPECT_EQ(measured.family_sizes, (std::map<std::string, std::size_t>{{"code", 2}, {"math", 3}}));
  EXPECT_EQ(measured.centroid_count, 2U);
  EXPECT_GE(measured.within_distance, 0);
  EXPECT_GT(measured.between_distance, measured.within_distance);
  EXPECT_EQ(measured.nearest_centroid_accuracy, 1);
  EXPECT_EQ(measured.leave_one_out_accuracy, 1);
  const auto record = benchmark::separability_record(measured);
  EXPECT_EQ(record["family_sizes"]["math"], 3);
}

TEST(BenchmarkSeparability, DegenerateSetsGiveZeroesNotNumbersOutOfRange) {
  const std::vector<benchmark::BenchmarkCase> one = {labelled("a", "f", {}, {})};
  const benchmark::Separability alone =
      take(benchmark::measure_separability(one, features_of({{3, 4}})));
  EXPECT_EQ(alone.within_distance, 0);
  EXPECT_EQ(alone.between_distance, 0);
  EXPECT_EQ(alone.nearest_centroid_accuracy, 1);
  EXPECT_EQ(alone.leave_one_out_accuracy, 0) << "nothing is left of its family";
  const std::vector<benchmark::BenchmarkCase> two = {one[0], one[0]};
  EXPECT_EQ(
      take(benchmark::measure_separability(two, features_of({{0, 0}, {0, 0}}))).within_distance, 1)
      << "a zero vector has the cosine 0";
  EXPECT_FALSE(std::signbit(
      take(benchmark::measure_separability(two, features_of({{3, 4}, {3, 4}}))).within_distance));
}

TEST(BenchmarkSeparability, BSP_2_WhatDoesNotBelongTogetherIsRefused) {
  const std::vector<benchmark::BenchmarkCase> cases = {labelled("a", "f", {}, {}),
                                                       labelled("b", "f", {}, {})};
  const auto tag = [&](const std::vector<benchmark::BenchmarkCase>& some,
                       const benchmark::FeatureMatrix& features) {
    const auto measured = benchmark::measure_separability(some, features);
    return measured ? "ok" : measured.error().tag;
  };
  EXPECT_EQ(tag(cases, features_of({{1, 2}, {2, 1}})), "ok");
  EXPECT_EQ(tag(cases, features_of({{1, 2}})), "feature_count_mismatch");
  EXPECT_EQ(tag({}, {}), "empty_cases");
  EXPECT_EQ(tag(cases, {2, 0, {}}), "invalid_inputs");
  EXPECT_EQ(tag(cases, {2, 2, {1, 2, 3}}), "invalid_inputs");
  EXPECT_EQ(tag(cases, features_of({{1, 2}, {NAN, 1}})), "invalid_inputs");
  EXPECT_EQ(tag(cases, features_of({{1, 2}, {INFINITY, 1}})), "invalid_inputs");
}

TEST(BenchmarkNeighbours, TheNearestRowIsTheOneOfTheLargestCosine) {
  prove::InputStream stream(3);
  for (int round = 0; round < 40; ++round) {
    const RandomBenchmark data(stream, stream.integer(1, 30), 5);
    benchmark::Groups groups;
    for (std::size_t i = 0; i < data.cases.size(); ++i)
      groups.push_back(static_cast<int>(stream.integer(-1, 3)));
    const auto nearest = benchmark::nearest_neighbours(data.features, groups);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const bool others = std::any_of(groups.begin(), groups.end(), [&](const int& group) {
        return group >= 0 && static_cast<std::size_t>(&group - groups.data()) != i;
      });
      ASSERT_EQ(nearest[i].has_value(), groups[i] >= 0 && others);
      if (!nearest[i]) continue;
      EXPECT_NE(*nearest[i], i);
      EXPECT_GE(groups[*nearest[i]], 0);
      const std::vector<double> row = row_of(data.features, i);
      const double best = slow_cosine(row, row_of(data.features, *nearest[i]));
      for (std::size_t j = 0; j < groups.size(); ++j) {
        if (j == i || groups[j] < 0) continue;
        EXPECT_LE(slow_cosine(row, row_of(data.features, j)), best + 1e-12);
      }
    }
  }
}

}  // namespace
}  // namespace trinity::testing
