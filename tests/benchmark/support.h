// Cases and features for the tests of the benchmark.
#pragma once

#include <string>
#include <vector>

#include "benchmark/features.h"
#include "prove/lab_support.h"
#include "prove/matrix/op_cases_inputs.h"

namespace trinity::testing {

inline benchmark::BenchmarkCase labelled(const std::string& id, const std::string& family,
                                         std::optional<int> agent, std::optional<int> role) {
  benchmark::BenchmarkCase one;
  one.id = id;
  one.family = family;
  one.messages = {{"user", "question " + id}};
  one.expected_agent = agent;
  one.expected_role = role;
  return one;
}

inline benchmark::FeatureMatrix features_of(const std::vector<std::vector<float>>& rows) {
  benchmark::FeatureMatrix features{rows.size(), rows.empty() ? 0 : rows.front().size(), {}};
  for (const auto& row : rows)
    features.values.insert(features.values.end(), row.begin(), row.end());
  return features;
}

/// Cases of up to six families with any labels or none, and normal features of which some are zero.
struct RandomBenchmark {
  std::vector<benchmark::BenchmarkCase> cases;
  benchmark::FeatureMatrix features;

  RandomBenchmark(prove::InputStream& stream, std::int64_t count, std::int64_t width) {
    const auto label = [&](std::int64_t last) -> std::optional<int> {
      const std::int64_t drawn = stream.integer(-1, last);
      return drawn < 0 ? std::nullopt : std::optional<int>(static_cast<int>(drawn));
    };
    std::vector<std::vector<float>> rows;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::string family(1, static_cast<char>('a' + stream.integer(0, 5)));
      cases.push_back(labelled(fmt::format("c{}", i), family, label(6), label(2)));
      rows.push_back(stream.integer(0, 9) == 0
                         ? std::vector<float>(static_cast<std::size_t>(width), 0.0F)
                         : stream.normal(width));
    }
    features = features_of(rows);
  }
};

}  // namespace trinity::testing
