// How many turns of a budget the routes of a data set would use.
//
// A simulation without providers: each case is routed once, and that route stands for every turn. A
// Verifier's turn (role 2) accepts where the label is Verifier or missing; everything else asks for
// another turn, until none is left. As the route never changes, a case is accepted in its first
// turn or not at all, no case ends as revised, and nothing costs anything: these fields are kept
// for readers of the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "benchmark/dataset.h"
#include "route/selection.h"

namespace trinity::benchmark {

struct TurnBudgetCase {
  std::string id, family;
  std::optional<int> expected_agent, expected_role;
  int agent_id = 0, role_id = 0;
  bool accepted = false;
  std::int64_t turns = 0;  // also the number of calls that a provider would have had
};

struct TurnBudget {
  std::int64_t max_turns = 0;
  std::vector<std::size_t> vector_shape;  // of a case's hidden vector
  std::string run_backend;                // that computed it
  std::vector<TurnBudgetCase> cases;

  std::size_t accepted() const;
  std::int64_t turns() const;
};

struct TurnBudgetOptions {
  std::int64_t max_turns = 5;
  std::vector<std::size_t> vector_shape;
  std::string run_backend;
};

/// Error `invalid_inputs`: not 1 to 1,000.
Status check_max_turns(std::int64_t max_turns);

/// Errors: that of check_max_turns, `invalid_inputs` without cases, `feature_count_mismatch` when
/// there is not one route a case.
Result<TurnBudget> simulate_turn_budget(std::span<const BenchmarkCase> cases,
                                        std::span<const Route> routes,
                                        const TurnBudgetOptions& options);

/// {total_cases, accepted, …, average_turns, cases: [{id, …, events: [{turn, role_id, role_name,
/// status}]}]}; rates are rounded to 4 decimals.
Json turn_budget_record(const TurnBudget& budget);

}  // namespace trinity::benchmark
