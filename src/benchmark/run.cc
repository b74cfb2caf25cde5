#include "benchmark/run.h"

#include <fmt/format.h>

#include "base/try.h"
#include "base/utf8.h"
#include "route/head_variants.h"

namespace trinity::benchmark {

Result<BenchmarkSuite> parse_benchmark_suite(std::string_view name) {
  if (name == "separability") return BenchmarkSuite::separability;
  if (name == "routing") return BenchmarkSuite::routing;
  if (name == "turn-budget" || name == "turn_budget") return BenchmarkSuite::turn_budget;
  if (name == "all") return BenchmarkSuite::all;
  return fail(ErrorKind::usage, "unknown_benchmark_suite",
              fmt::format("there is no suite \"{}\"; choose separability, routing, turn-budget or "
                          "all",
                          excerpt(name)));
}

const char* benchmark_suite_name(BenchmarkSuite suite) {
  switch (suite) {
    case BenchmarkSuite::separability:
      return "separability";
    case BenchmarkSuite::routing:
      return "routing";
    case BenchmarkSuite::turn_budget:
      return "turn_budget";
    case BenchmarkSuite::all:
      break;
  }
  return "all";
}

Result<BenchmarkResults> run_benchmark(std::span<const BenchmarkCase> cases,
                                       const FeatureMatrix& features, const route::Head* head,
                                       const BenchmarkOptions& options) {
  TRINITY_CHECK(check_features(cases.size(), features));
  const auto asked = [&](BenchmarkSuite suite) {
    return options.suite == suite || options.suite == BenchmarkSuite::all;
  };
  BenchmarkResults results;
  if (asked(BenchmarkSuite::separability)) {
    TRINITY_TRY(results.separability, measure_separability(cases, features));
  }
  if (!needs_head(options.suite)) return results;
  if (head == nullptr)
    return fail(ErrorKind::missing, "missing_router_head",
                "the routing and turn-budget suites need a router head; give --head FILE");
  TRINITY_TRY(const std::vector<Route> routes, route_features(*head, features));
  if (asked(BenchmarkSuite::routing)) {
    TRINITY_TRY(results.routing, score_routing(cases, routes));
    TRINITY_TRY(const std::vector<BaselineChoices> choices,
                baseline_choices(cases, features, head->num_agents(), head->num_roles()));
    results.baselines = compare_with_baselines(cases, routes, choices);
  }
  if (asked(BenchmarkSuite::turn_budget)) {
    TRINITY_TRY(results.turn_budget,
                simulate_turn_budget(cases, routes,
                                     {options.max_turns, {features.width}, options.run_backend}));
  }
  return results;
}

Result<route::Head> random_head(std::size_t hidden_size, std::size_t num_agents,
                                std::size_t num_roles, const SeedTriple& seed) {
  const std::size_t outputs = num_agents + num_roles;
  TRINITY_TRY(const route::TrainableHead drawn,
              route::TrainableHead::create(
                  {hidden_size, num_agents, num_roles, route::HeadVariant::linear, 1, {}}, seed));
  // Its kernel is [hidden, outputs] after the biases, which are zero; a router head is the
  // transpose.
  const auto kernel = drawn.parameters().subspan(outputs);
  std::vector<float> weights(outputs * hidden_size);
  for (std::size_t in = 0; in < hidden_size; ++in)
    for (std::size_t out = 0; out < outputs; ++out)
      weights[out * hidden_size + in] = kernel[in * outputs + out];
  return route::Head::from_weights(weights, outputs, hidden_size, static_cast<int>(num_roles));
}

}  // namespace trinity::benchmark
