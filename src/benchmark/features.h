// The vectors that a benchmark works on: one hidden vector a case, as the router reads it.
#pragma once

#include <trinity/router.h>

#include <cstddef>
#include <span>
#include <vector>

#include "benchmark/dataset.h"
#include "prove/progress.h"

namespace trinity::benchmark {

/// Row-major [rows, width], f32.
struct FeatureMatrix {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::vector<float> values;

  std::span<const float> row(std::size_t index) const {
    return std::span<const float>(values).subspan(index * width, width);
  }
};

/// Features [cases, hidden_size] of all cases in order. Errors: `invalid_inputs` without cases,
/// those of Router::extract_batch with the case's id.
Result<FeatureMatrix> extract_features(const Router& router, std::span<const BenchmarkCase> cases,
                                       const InputOptions& input = {},
                                       const prove::LabProgress& progress = {});

/// One finite row for each of `cases` cases. Errors: `empty_cases`, `feature_count_mismatch`,
/// `invalid_inputs` (rows of no width, values that are not rows × width or not finite).
Status check_features(std::size_t cases, const FeatureMatrix& features);

}  // namespace trinity::benchmark
