// Determinism in three rungs, each a claim of its own:
//   process  the same process computes every case again
//   restart  a new process computes every case
//   batch    other batch sizes, numbers of threads, orders and cache states
// Each is measured twice: equal bits (route hashes) and equal decisions (agent and role). A lane is
// held to what it promises; one that is only decision-stable is held to the decisions, and its bits
// are reported. Every repeat is computed in full; the prefix cache takes part only where a variant
// says so.
#pragma once

#include <trinity/router.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace trinity::prove {

/// What is compared of a case; all empty and -1 for a case that could not be routed.
struct RoutePrint {
  std::string hash;  // of ids and rounded logits
  int agent_id = -1;
  int role_id = -1;
};
using RoutePrints = std::vector<RoutePrint>;
RoutePrints route_prints(std::span<const Result<Decision>> decisions);

struct Rung {
  std::size_t equal = 0;               // cases whose hash is the same in every repeat
  std::size_t of = 0;                  // cases
  std::vector<std::string> repeats;    // what was compared, for people: "batches of 5, ..."
  std::vector<std::string> different;  // ids of the other cases
  std::vector<std::string> flipped;    // those of them whose agent or role is another one
  std::size_t equal_decisions() const { return of - flipped.size(); }
};

struct DeterminismReport {
  backend::Exactness exactness = backend::Exactness::decision_stable;  // what the lane is held to
  std::optional<Rung> process;
  std::optional<Rung> restart;
  std::optional<Rung> batch;

  bool claims_bits() const { return backend::promises_bits(exactness); }
  /// Ids that break the lane's promise in any rung that ran, each once.
  std::vector<std::string> broken() const;
};

/// What is repeated: the cases, how they are read, and the prints of the first run.
struct DeterminismSubject {
  std::span<const std::string> ids;
  std::span<const QueryView> queries;
  InputOptions input;
  DecisionRule rule;
  RoutePrints first;
};

/// Runs 2..runs in this process on the same router, as the first run was made.
Rung repeat_in_process(const Router& router, const DeterminismSubject& subject, int runs);

/// Compares with what a new process computed. `new_process` starts it and returns one print a
/// case. Errors: its own.
Result<Rung> repeat_in_new_process(const DeterminismSubject& subject,
                                   const std::function<Result<RoutePrints>()>& new_process);

/// Other batch sizes, thread counts 1 and 2, reversed order, cold and warm prefix cache. `load`
/// makes a router with a number of threads. Errors: its own.
Result<Rung> repeat_in_other_batches(const DeterminismSubject& subject,
                                     const std::function<Result<Router>(int threads)>& load);

}  // namespace trinity::prove
