// How well the hidden vectors of task families lie apart, whatever a head makes of them.
//
// Distances are 1 − cosine: `within` is the mean over all pairs of two cases of one family,
// `between` the mean over all pairs of family centroids (means of rows). The nearest-centroid
// accuracy counts cases whose own family's centroid is the nearest; that centroid holds the case
// itself, which flatters small families, so the leave-one-out accuracy takes it out first.
//
// The cosines of all pairs of a family add up to (|Σu|² − Σ|u|²) / 2 over its unit vectors u: one
// pass over the cases instead of one over the pairs.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/json_value.h"
#include "benchmark/features.h"

namespace trinity::benchmark {

/// Figures are rounded to 6 decimals; a mean over no pairs is 0.
struct Separability {
  std::size_t dataset_size = 0;
  std::size_t family_count = 0;
  std::size_t centroid_count = 0;
  std::map<std::string, std::size_t> family_sizes;
  double within_distance = 0;
  double between_distance = 0;
  double nearest_centroid_accuracy = 0;
  double leave_one_out_accuracy = 0;  // a family of one case counts as missed
};

/// Errors: those of check_features.
Result<Separability> measure_separability(std::span<const BenchmarkCase> cases,
                                          const FeatureMatrix& features);

Json separability_record(const Separability& separability);

}  // namespace trinity::benchmark
