#include "benchmark/separability.h"

#include "base/json_value.h"
#include "base/try.h"
#include "benchmark/neighbours.h"
#include "hash/rounding.h"

namespace trinity::benchmark {
namespace {

constexpr int kRatioPlaces = 6;

/// The share of rows whose group was found.
double accuracy(const Groups& found, const Groups& groups) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) right += found[i] == groups[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(groups.size());
}

double squared_norm(std::span<const double> vector) {
  double sum = 0;
  for (const double value : vector) sum += value * value;
  return sum;
}

double mean_within_distance(const FeatureMatrix& features, const Groups& families,
                            std::size_t family_count) {
  const std::vector<std::vector<double>> units = unit_rows(features);
  std::vector<std::vector<double>> unit_sums(family_count, std::vector<double>(features.width, 0));
  std::vector<double> unit_norms(family_count, 0);  // Σ|u|²: rows that are not zero
  std::vector<std::size_t> sizes(family_count, 0);
  for (std::size_t i = 0; i < families.size(); ++i) {
    const auto family = static_cast<std::size_t>(families[i]);
    ++sizes[family];
    const std::vector<double>& unit = units[i];
    unit_norms[family] += squared_norm(unit);
    for (std::size_t d = 0; d < unit.size(); ++d) unit_sums[family][d] += unit[d];
  }
  double cosines = 0, pairs = 0;
  for (std::size_t family = 0; family < family_count; ++family) {
    const auto size = static_cast<double>(sizes[family]);
    cosines += (squared_norm(unit_sums[family]) - unit_norms[family]) / 2;
    pairs += size * (size - 1) / 2;
  }
  return pairs > 0 ? 1 - cosines / pairs : 0;
}

double mean_centroid_distance(const std::vector<std::vector<double>>& centroids) {
  double distances = 0, pairs = 0;
  for (std::size_t a = 0; a < centroids.size(); ++a)
    for (std::size_t b = a + 1; b < centroids.size(); ++b) {
      distances += 1 - cosine(centroids[a], centroids[b]);
      ++pairs;
    }
  return pairs > 0 ? distances / pairs : 0;
}

}  // namespace

Result<Separability> measure_separability(std::span<const BenchmarkCase> cases,
                                          const FeatureMatrix& features) {
  TRINITY_CHECK(check_features(cases.size(), features));
  Separability out;
  for (const BenchmarkCase& one : cases) ++out.family_sizes[one.family];
  std::map<std::string, int> numbers;  // families in the order of their names
  for (const auto& [family, size] : out.family_sizes)
    numbers.emplace(family, static_cast<int>(numbers.size()));
  Groups families;
  for (const BenchmarkCase& one : cases) families.push_back(numbers[one.family]);

  out.dataset_size = cases.size();
  out.family_count = numbers.size();
  out.centroid_count = numbers.size();
  // + 0.0: equal vectors are at distance 0, not -0.
  const auto rounded = [](double value) { return hash::round_decimal(value, kRatioPlaces) + 0.0; };
  out.within_distance = rounded(mean_within_distance(features, families, numbers.size()));
  out.between_distance = rounded(mean_centroid_distance(group_sums(features, families)));
  out.nearest_centroid_accuracy =
      rounded(accuracy(nearest_centroids(features, families, false), families));
  out.leave_one_out_accuracy =
      rounded(accuracy(nearest_centroids(features, families, true), families));
  return out;
}

Json separability_record(const Separability& separability) {
  return {{"dataset_size", separability.dataset_size},
          {"family_count", separability.family_count},
          {"centroid_count", separability.centroid_count},
          {"family_sizes", separability.family_sizes},
          {"within_distance", separability.within_distance},
          {"between_distance", separability.between_distance},
          {"nearest_centroid_accuracy", separability.nearest_centroid_accuracy},
          {"leave_one_out_accuracy", separability.leave_one_out_accuracy}};
}

}  // namespace trinity::benchmark
