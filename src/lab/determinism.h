// Determinism in three rungs, each a claim of its own:
//   process  the same process computes every case again: equal route hashes
//   restart  a new process computes every case: equal route hashes
//   batch    other batch sizes, numbers of threads, orders and cache states: equal route hashes
// Every repeat is computed in full; the prefix cache takes part only where a variant says so.
// A lane that is only decision-stable makes none of these claims. It is measured all the same, and
// the report says so.
#pragma once

#include <trinity/router.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace trinity {

/// One route hash a case; empty for a case that could not be routed.
using RouteHashes = std::vector<std::string>;
RouteHashes route_hashes(std::span<const Result<Decision>> decisions);

struct Rung {
  std::size_t equal = 0;               // cases that are the same in every repeat
  std::size_t of = 0;                  // cases
  std::vector<std::string> repeats;    // what was compared, for people: "batches of 5, ..."
  std::vector<std::string> different;  // ids of the other cases
};

struct DeterminismReport {
  Exactness exactness = Exactness::decision_stable;  // what the lane claims
  std::optional<Rung> process;
  std::optional<Rung> restart;
  std::optional<Rung> batch;

  bool claims_bits() const { return exactness != Exactness::decision_stable; }
  /// Ids that differ in any rung that ran, each once.
  std::vector<std::string> different() const;
};

/// What is repeated: the cases, how they are read, and the hashes of the first run.
struct DeterminismSubject {
  std::span<const std::string> ids;
  std::span<const RouterQuery> queries;
  InputOptions input;
  DecisionRule rule;
  RouteHashes first;
};

/// Runs 2..runs in this process on the same router, as the first run was made.
Rung repeat_in_process(Router& router, const DeterminismSubject& subject, int runs);

/// Compares with the hashes that a new process computed. `new_process` starts it and returns one
/// hash a case. Errors: its own.
Result<Rung> repeat_in_new_process(const DeterminismSubject& subject,
                                   const std::function<Result<RouteHashes>()>& new_process);

/// Other batch sizes, thread counts 1 and 2, reversed order, cold and warm prefix cache. `load`
/// makes a router with a number of threads. Errors: its own.
Result<Rung> repeat_in_other_batches(
    const DeterminismSubject& subject,
    const std::function<Result<std::unique_ptr<Router>>(int threads)>& load);

}  // namespace trinity
