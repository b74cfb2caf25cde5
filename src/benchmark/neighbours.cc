#include "benchmark/neighbours.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trinity::benchmark {
namespace {

std::size_t group_count(const Groups& groups) {
  int count = 0;
  for (const int group : groups) count = std::max(count, group + 1);
  return static_cast<std::size_t>(count);
}

std::vector<double> widened(std::span<const float> row) { return {row.begin(), row.end()}; }

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

double cosine(std::span<const double> a, std::span<const double> b) {
  const double norms = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  return norms > 0 ? dot(a, b) / norms : 0;
}

std::vector<std::vector<double>> unit_rows(const FeatureMatrix& features) {
  std::vector<std::vector<double>> units;
  units.reserve(features.rows);
  for (std::size_t i = 0; i < features.rows; ++i) {
    std::vector<double>& unit = units.emplace_back(widened(features.row(i)));
    const double norm = std::sqrt(dot(unit, unit));
    if (norm > 0)
      for (double& value : unit) value /= norm;
  }
  return units;
}

std::vector<std::vector<double>> group_sums(const FeatureMatrix& features, const Groups& groups) {
  std::vector<std::vector<double>> sums(group_count(groups),
                                        std::vector<double>(features.width, 0));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] < 0) continue;
    std::vector<double>& sum = sums[static_cast<std::size_t>(groups[i])];
    const auto row = features.row(i);
    for (std::size_t d = 0; d < features.width; ++d) sum[d] += static_cast<double>(row[d]);
  }
  return sums;
}

Groups nearest_centroids(const FeatureMatrix& features, const Groups& groups, bool leave_one_out) {
  const auto sums = group_sums(features, groups);
  std::vector<std::size_t> sizes(sums.size(), 0);
  for (const int group : groups)
    if (group >= 0) ++sizes[static_cast<std::size_t>(group)];
  Groups nearest(groups.size(), -1);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] < 0) continue;
    const std::vector<double> row = widened(features.row(i));
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t g = 0; g < sums.size(); ++g) {
      const bool without_row = leave_one_out && static_cast<int>(g) == groups[i];
      if (sizes[g] == (without_row ? 1U : 0U)) continue;  // nobody else is in it
      double near = 0;
      if (without_row) {
        std::vector<double> others = sums[g];
        for (std::size_t d = 0; d < others.size(); ++d) others[d] -= row[d];
        near = cosine(row, others);
      } else {
        near = cosine(row, sums[g]);
      }
      if (near > best) {
        best = near;
        nearest[i] = static_cast<int>(g);
      }
    }
  }
  return nearest;
}

std::vector<std::optional<std::size_t>> nearest_neighbours(const FeatureMatrix& features,
                                                           const Groups& groups) {
  // The cosine of two unit rows is their product.
  const std::vector<std::vector<double>> units = unit_rows(features);
  std::vector<std::optional<std::size_t>> nearest(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] < 0) continue;
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < groups.size(); ++j) {
      if (j == i || groups[j] < 0) continue;
      const double near = dot(units[i], units[j]);
      if (near > best) {
        best = near;
        nearest[i] = j;
      }
    }
  }
  return nearest;
}

}  // namespace trinity::benchmark
