// A whole benchmark: the suites that were asked for, on one model and one head.
#pragma once

#include <trinity/decision.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "benchmark/baselines.h"
#include "benchmark/routing.h"
#include "benchmark/separability.h"
#include "benchmark/turn_budget.h"

namespace trinity::benchmark {

enum class BenchmarkSuite { separability, routing, turn_budget, all };

/// "separability", "routing", "turn-budget" (also "turn_budget"), "all". Error
/// `unknown_benchmark_suite`.
Result<BenchmarkSuite> parse_benchmark_suite(std::string_view name);
/// "separability", "routing", "turn_budget" or "all".
const char* benchmark_suite_name(BenchmarkSuite suite);
/// Separability looks at the vectors alone.
inline bool needs_head(BenchmarkSuite suite) { return suite != BenchmarkSuite::separability; }

struct BenchmarkResults {
  std::optional<Separability> separability;
  std::optional<RoutingScore> routing;
  std::vector<BaselineVerdict> baselines;  // with routing
  std::optional<TurnBudget> turn_budget;
};

struct BenchmarkOptions {
  BenchmarkSuite suite = BenchmarkSuite::all;
  std::int64_t max_turns = 5;
  std::string run_backend;
};

/// `head` may be null for separability alone. Errors: those of the suites, `missing_router_head`.
Result<BenchmarkResults> run_benchmark(std::span<const BenchmarkCase> cases,
                                       const FeatureMatrix& features, const route::Head* head,
                                       const BenchmarkOptions& options);

/// A linear head that was never trained: Glorot-uniform weights drawn with the seed, no bias.
/// Errors: those of TrainableHead::create.
Result<route::Head> random_head(std::size_t hidden_size, std::size_t num_agents,
                                std::size_t num_roles, const SeedTriple& seed);

}  // namespace trinity::benchmark
