// Routing accuracy: what a head makes of the hidden vectors, against the labels of the cases.
//
// Every case is routed (f32 logits, argmax) and judged on the axes that it has a label for. A case
// without any label is skipped; a missing label is never counted as a mistake.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "benchmark/features.h"
#include "route/head.h"
#include "route/selection.h"

namespace trinity::benchmark {

/// One route a row. Errors: `hidden_size_mismatch`, `non_finite_logits`.
Result<std::vector<Route>> route_features(const route::Head& head, const FeatureMatrix& features);

/// Right answers out of those that were judged.
struct Tally {
  std::size_t right = 0, of = 0;
  void add(bool correct) {
    ++of;
    right += correct ? 1 : 0;
  }
  /// Rounded to 6 decimals; nothing when nothing was judged.
  std::optional<double> accuracy() const;
};

/// Agent, role, and both at once (cases with both labels).
struct AxisTallies {
  Tally agent, role, joint;
};

struct RoutingPrediction {
  std::string id;
  std::optional<int> expected_agent, expected_role;
  Route route;
  std::optional<bool> agent_correct, role_correct;  // absent without that label
  double route_margin = 0;                          // (agent margin + role margin) / 2
};

/// expected → predicted → cases.
using Confusion = std::map<int, std::map<int, std::size_t>>;

struct RoutingScore {
  std::size_t considered = 0, skipped = 0;
  AxisTallies all;
  std::map<std::string, AxisTallies> families;
  double margin_mean = 0;  // of route_margin
  double logits_mean = 0;  // of |logit|, over all logits of all considered cases
  Confusion agent_confusion, role_confusion;
  std::vector<RoutingPrediction> predictions;  // of the considered cases, in order
};

/// Error `label_out_of_range` for an expected agent or role that the head does not have.
Status check_labels(std::span<const BenchmarkCase> cases, std::size_t num_agents,
                    std::size_t num_roles);

/// Errors: `feature_count_mismatch` when there is not one route a case, `no_labeled_cases`,
/// those of check_labels for the shape of the case's route.
Result<RoutingScore> score_routing(std::span<const BenchmarkCase> cases,
                                   std::span<const Route> routes);

/// Means are rounded to 6 decimals, logits are exact.
Json routing_record(const RoutingScore& score);

}  // namespace trinity::benchmark
