#include "benchmark/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"

namespace trinity::benchmark {
namespace {

/// Conversations that are computed together; the bits of a row do not depend on it.
constexpr std::size_t kBatch = 32;

}  // namespace

Result<FeatureMatrix> extract_features(const Router& router, std::span<const BenchmarkCase> cases,
                                       const InputOptions& input,
                                       const prove::LabProgress& progress) {
  if (cases.empty())
    return fail(ErrorKind::invalid_input, "invalid_inputs",
                "a benchmark needs at least one case; the data set holds none");
  FeatureMatrix features;
  features.rows = cases.size();
  for (std::size_t begin = 0; begin < cases.size(); begin += kBatch) {
    const auto part = cases.subspan(begin, std::min(kBatch, cases.size() - begin));
    if (progress) progress(begin, cases.size());
    std::vector<QueryView> queries;
    for (const BenchmarkCase& one : part) queries.emplace_back(one.messages);
    const auto read = router.extract_batch(queries, input);
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!read[i]) return fail_in("case " + excerpt(part[i].id), read[i].error());
      features.width = read[i]->hidden.size();
      features.values.insert(features.values.end(), read[i]->hidden.begin(), read[i]->hidden.end());
    }
  }
  return features;
}

Status check_features(std::size_t cases, const FeatureMatrix& features) {
  if (cases == 0)
    return fail(ErrorKind::invalid_input, "empty_cases",
                "there are no cases to judge; give a data set with at least one");
  if (features.rows != cases)
    return fail(ErrorKind::invalid_input, "feature_count_mismatch",
                fmt::format("there are {} cases and {} feature rows; give one a case", cases,
                            features.rows));
  if (features.width == 0 || features.values.size() != features.rows * features.width)
    return fail(ErrorKind::invalid_input, "invalid_inputs",
                fmt::format("{} values are not {} feature rows of width {}", features.values.size(),
                            features.rows, features.width));
  if (!std::all_of(features.values.begin(), features.values.end(),
                   [](float value) { return std::isfinite(value); }))
    return fail(ErrorKind::invalid_input, "invalid_inputs",
                "a feature is NaN or infinite; extract the features again");
  return {};
}

}  // namespace trinity::benchmark
