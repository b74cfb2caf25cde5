#include "benchmark/turn_budget.h"

#include <fmt/format.h>
#include <trinity/decision.h>

#include <algorithm>

#include "base/json_value.h"
#include "base/try.h"
#include "hash/rounding.h"

namespace trinity::benchmark {
namespace {

constexpr int kVerifier = 2;
constexpr std::int64_t kMostTurns = 1000;  // a record has one event a turn

Json case_record(const TurnBudget& budget, const TurnBudgetCase& one) {
  Json events = Json::array();
  for (std::int64_t turn = 1; turn <= one.turns; ++turn)
    events.push_back({{"turn", turn},
                      {"role_id", one.role_id},
                      {"role_name", role_name(one.role_id)},
                      {"status", one.accepted ? "accepted" : "revised"}});
  return {{"id", one.id},
          {"family", one.family},
          {"expected_agent", Json(one.expected_agent)},
          {"expected_role", Json(one.expected_role)},
          {"selected_agent", one.agent_id},
          {"selected_role", one.role_id},
          {"turns", one.turns},
          {"final_status", one.accepted ? "accepted" : "max_turns_reached"},
          {"provider_calls", one.turns},
          {"vector_shape", budget.vector_shape},
          {"run_backend", budget.run_backend},
          {"events", std::move(events)}};
}

}  // namespace

std::size_t TurnBudget::accepted() const {
  return static_cast<std::size_t>(std::count_if(
      cases.begin(), cases.end(), [](const TurnBudgetCase& one) { return one.accepted; }));
}

std::int64_t TurnBudget::turns() const {
  std::int64_t sum = 0;
  for (const TurnBudgetCase& one : cases) sum += one.turns;
  return sum;
}

Status check_max_turns(std::int64_t max_turns) {
  if (max_turns >= 1 && max_turns <= kMostTurns) return {};
  return fail(ErrorKind::usage, "invalid_inputs",
              fmt::format("the turn budget must be a whole number from 1 to {}, not {}", kMostTurns,
                          max_turns));
}

Result<TurnBudget> simulate_turn_budget(std::span<const BenchmarkCase> cases,
                                        std::span<const Route> routes,
                                        const TurnBudgetOptions& options) {
  TRINITY_CHECK(check_max_turns(options.max_turns));
  if (cases.empty())
    return fail(ErrorKind::invalid_input, "invalid_inputs",
                "a turn budget needs at least one case; the data set holds none");
  if (routes.size() != cases.size())
    return fail(ErrorKind::invalid_input, "feature_count_mismatch",
                fmt::format("there are {} cases and {} routes; give one a case", cases.size(),
                            routes.size()));
  TurnBudget budget{options.max_turns, options.vector_shape, options.run_backend, {}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const BenchmarkCase& one = cases[i];
    const bool accepted =
        routes[i].role_id == kVerifier && one.expected_role.value_or(kVerifier) == kVerifier;
    budget.cases.push_back({one.id, one.family, one.expected_agent, one.expected_role,
                            routes[i].agent_id, routes[i].role_id, accepted,
                            accepted ? 1 : options.max_turns});
  }
  return budget;
}

Json turn_budget_record(const TurnBudget& budget) {
  const std::size_t total = budget.cases.size(), accepted = budget.accepted();
  const auto share = [total](auto count) {
    return total == 0
               ? 0.0
               : hash::round_decimal(static_cast<double>(count) / static_cast<double>(total), 4);
  };
  Json cases = Json::array();
  for (const TurnBudgetCase& one : budget.cases) cases.push_back(case_record(budget, one));
  return {{"max_turns", budget.max_turns},
          {"total_cases", total},
          {"accepted", accepted},
          {"revised", 0},
          {"max_turn_reached", total - accepted},
          {"accept_rate", share(accepted)},
          {"revise_rate", 0.0},
          {"max_turn_hit_rate", share(total - accepted)},
          {"average_turns", share(budget.turns())},
          {"provider_calls", budget.turns()},
          {"avg_cost_estimate_usd", 0.0},
          {"simulated", true},
          {"cases", std::move(cases)}};
}

}  // namespace trinity::benchmark
