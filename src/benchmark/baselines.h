// What a router has to beat: choices that need no head of its own, judged on the same cases.
//
//   majority        the agent and the role that the labels have most often, always
//   family_majority the most frequent ones among the other cases of the family: it is told the
//                   family, which no router is
//   round_robin     the agents and roles in turn
//   nearest_case    what the case with the nearest hidden vector is labelled with
//   nearest_label   the agent and role whose labelled cases lie nearest on average
//   logistic_head   a linear head trained on the labels of four fifths of the cases, asked about
//                   the rest, in turn
//
// Whatever learns from labels does not see that of the case that it is asked about, except the
// majority, which is granted the best single choice. Each is compared with the router pair by pair
// (benchmark/intervals.h).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "benchmark/intervals.h"
#include "benchmark/routing.h"

namespace trinity::benchmark {

/// One agent and role a case; -1 where the baseline has nothing to say.
struct BaselineChoices {
  std::string name;
  std::vector<int> agents, roles;
};

/// The choices of all baselines. Errors: those of check_features and
/// check_labels. `logistic_head` is left out where
/// fewer than five cases have both labels.
Result<std::vector<BaselineChoices>> baseline_choices(std::span<const BenchmarkCase> cases,
                                                      const FeatureMatrix& features,
                                                      std::size_t num_agents,
                                                      std::size_t num_roles);

/// A baseline against the router, the router first; an axis without labels is absent.
struct BaselineVerdict {
  std::string name;
  std::optional<PairedComparison> agent, role, joint;
};

/// `routes` and the choices hold one entry a case.
std::vector<BaselineVerdict> compare_with_baselines(std::span<const BenchmarkCase> cases,
                                                    std::span<const Route> routes,
                                                    std::span<const BaselineChoices> choices);

/// [{name, agent: {accuracy, router_accuracy, difference, interval, …}, role, joint}].
Json baselines_record(std::span<const BaselineVerdict> verdicts);

}  // namespace trinity::benchmark
