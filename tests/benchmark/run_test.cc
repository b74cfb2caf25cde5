// Features, turn budgets, random heads and reports; the tiny router on its own data set.
#include "benchmark/run.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "benchmark/report.h"
#include "benchmark/support.h"
#include "hash/canonical.h"
#include "route/head_variants.h"
#include "router/model_files.h"

namespace trinity::testing {
namespace {

TEST(BenchmarkFeatures, BFX_1_NoCasesAreNoInput) {
  const auto router = take(Router::load(tiny_options("cpu_f32")));
  EXPECT_EQ(benchmark::extract_features(router, {}).error().tag, "invalid_inputs");
}

TEST(BenchmarkFeatures, BFX_2_AreOneRowACaseAndGiveTheDecisionsOfTheRouter) {
  const auto router = take(Router::load(tiny_options("cpu_f32")));
  std::vector<benchmark::BenchmarkCase> cases = take(benchmark::built_in_benchmark_dataset()).cases;
  cases.resize(40);  // more than one batch
  const benchmark::FeatureMatrix features = take(benchmark::extract_features(router, cases));
  EXPECT_EQ(features.rows, 40U);
  EXPECT_EQ(features.width, static_cast<std::size_t>(router.info().hidden_size));
  EXPECT_EQ(features.values.size(), features.rows * features.width);
  const route::Head head = take(take(router::open_tiny_router())->head());
  const auto routes = take(benchmark::route_features(head, features));
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Decision decision = take(router.route(cases[i].messages));
    EXPECT_EQ(routes[i].agent_id, decision.agent_id) << cases[i].id;
    EXPECT_EQ(routes[i].role_id, decision.role_id) << cases[i].id;
    EXPECT_EQ(routes[i].logits, decision.logits) << cases[i].id;
  }
}

TEST(BenchmarkFeatures, ACaseThatCannotBeReadIsNamed) {
  const auto router = take(Router::load(tiny_options("cpu_f32")));
  std::vector<benchmark::BenchmarkCase> cases = {labelled("good", "f", {}, {}),
                                                 labelled("bad", "f", {}, {})};
  cases[1].messages[0].content = "\xff";
  const auto refused = benchmark::extract_features(router, cases);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("case bad"), std::string::npos);
}

std::vector<Route> routes_with_roles(const std::vector<int>& roles) {
  std::vector<Route> routes;
  for (const int role : roles)
    routes.push_back(take(route::select_route(made_logits(0, role, 1.0F, 1.0F), 7, 3, {})));
  return routes;
}

TEST(BenchmarkTurnBudget, BTB_1_AVerifierEndsAConversationAndNobodyElse) {
  const std::vector<benchmark::BenchmarkCase> cases = {labelled("a", "f", 0, 2),
                                                       labelled("b", "g", 1, {})};
  for (const int first : {0, 1, 2})
    for (const int second : {0, 1, 2}) {
      const benchmark::TurnBudget budget = take(benchmark::simulate_turn_budget(
          cases, routes_with_roles({first, second}), {4, {8}, "cpu_f32"}));
      const auto record = benchmark::turn_budget_record(budget);
      const int accepted = (first == 2 ? 1 : 0) + (second == 2 ? 1 : 0);
      EXPECT_EQ(record["total_cases"], 2);
      EXPECT_EQ(record["accepted"], accepted);
      EXPECT_EQ(record["max_turn_reached"], 2 - accepted);
      EXPECT_EQ(record["accept_rate"].as_double() + record["max_turn_hit_rate"].as_double(), 1);
      EXPECT_GE(record["max_turn_hit_rate"].as_double(), 0);
      EXPECT_EQ(record["provider_calls"], accepted + 4 * (2 - accepted));
      EXPECT_EQ(record["average_turns"].as_double(), record["provider_calls"].as_double() / 2);
      EXPECT_EQ(record["cases"][0]["turns"], first == 2 ? 1 : 4);
      EXPECT_EQ(record["cases"][0]["events"].size(), first == 2 ? 1U : 4U);
      EXPECT_EQ(record["cases"][0]["final_status"], first == 2 ? "accepted" : "max_turns_reached");
      EXPECT_EQ(record["cases"][0]["events"][0]["role_name"], role_name(first));
      EXPECT_EQ(record["cases"][1]["vector_shape"], Json::array({8}));
      EXPECT_EQ(record["cases"][1]["run_backend"], "cpu_f32");
    }
}

TEST(BenchmarkTurnBudget, AVerifierWhereAnotherRoleIsRightAcceptsNothing) {
  const std::vector<benchmark::BenchmarkCase> cases = {
      labelled("a", "f", 0, 0), labelled("b", "f", 0, 1), labelled("c", "f", 0, 2)};
  const benchmark::TurnBudget budget =
      take(benchmark::simulate_turn_budget(cases, routes_with_roles({2, 2, 2}), {3, {8}, ""}));
  EXPECT_EQ(budget.accepted(), 1U);
  EXPECT_EQ(budget.turns(), 3 + 3 + 1);
  EXPECT_EQ(benchmark::turn_budget_record(budget)["accept_rate"], 0.3333);
}

TEST(BenchmarkTurnBudget, WrongBudgetsAndCountsAreRefused) {
  const std::vector<benchmark::BenchmarkCase> cases = {labelled("a", "f", 0, 2)};
  const auto routes = routes_with_roles({2});
  for (const std::int64_t turns : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40})
    EXPECT_EQ(benchmark::simulate_turn_budget(cases, routes, {turns, {}, ""}).error().tag,
              "invalid_inputs");
  EXPECT_EQ(benchmark::simulate_turn_budget({}, {}, {5, {}, ""}).error().tag, "invalid_inputs");
  EXPECT_EQ(benchmark::simulate_turn_budget(cases, {}, {5, {}, ""}).error().tag,
            "feature_count_mismatch");
}

TEST(BenchmarkRun, SuitesAreKnownByNameAndOthersAreNot) {
  for (const benchmark::BenchmarkSuite suite :
       {benchmark::BenchmarkSuite::separability, benchmark::BenchmarkSuite::routing,
        benchmark::BenchmarkSuite::turn_budget, benchmark::BenchmarkSuite::all})
    EXPECT_EQ(take(benchmark::parse_benchmark_suite(benchmark::benchmark_suite_name(suite))),
              suite);
  EXPECT_EQ(take(benchmark::parse_benchmark_suite("turn-budget")),
            benchmark::BenchmarkSuite::turn_budget);
  for (const char* name : {"", "All", "turn budget", "everything"}) {
    EXPECT_EQ(benchmark::parse_benchmark_suite(name).error().tag, "unknown_benchmark_suite");
    EXPECT_EQ(benchmark::parse_benchmark_suite(name).error().kind, ErrorKind::usage);
  }
}

TEST(BenchmarkRun, ASuiteGivesWhatBelongsToItAndAllGivesEverything) {
  prove::InputStream stream(17);
  const RandomBenchmark data(stream, 30, 6);
  const route::Head head = take(benchmark::random_head(6, 7, 3, {4, 5, 6}));
  for (const benchmark::BenchmarkSuite suite :
       {benchmark::BenchmarkSuite::separability, benchmark::BenchmarkSuite::routing,
        benchmark::BenchmarkSuite::turn_budget, benchmark::BenchmarkSuite::all}) {
    const bool all = suite == benchmark::BenchmarkSuite::all;
    const auto results =
        take(benchmark::run_benchmark(data.cases, data.features, &head, {suite, 5, "backend"}));
    EXPECT_EQ(results.separability.has_value(),
              all || suite == benchmark::BenchmarkSuite::separability);
    EXPECT_EQ(results.routing.has_value(), all || suite == benchmark::BenchmarkSuite::routing);
    EXPECT_EQ(results.baselines.empty(), !results.routing.has_value());
    EXPECT_EQ(results.turn_budget.has_value(),
              all || suite == benchmark::BenchmarkSuite::turn_budget);
    const auto headless =
        benchmark::run_benchmark(data.cases, data.features, nullptr, {suite, 5, ""});
    EXPECT_EQ(headless.has_value(), suite == benchmark::BenchmarkSuite::separability);
    if (!headless) {
      EXPECT_EQ(headless.error().tag, "missing_router_head");
    }
  }
  EXPECT_EQ(benchmark::run_benchmark({}, {}, &head, {}).error().tag, "empty_cases");
}

TEST(BenchmarkRun, ARandomHeadIsThatOfItsSeed) {
  const route::Head one = take(benchmark::random_head(16, 7, 3, {1, 2, 3}));
  const route::Head same = take(benchmark::random_head(16, 7, 3, {1, 2, 3}));
  const route::Head other = take(benchmark::random_head(16, 7, 3, {2, 3, 4}));
  const std::vector<float> weights(one.weights().begin(), one.weights().end());
  EXPECT_EQ(weights, std::vector<float>(same.weights().begin(), same.weights().end()));
  EXPECT_NE(weights, std::vector<float>(other.weights().begin(), other.weights().end()));
  EXPECT_EQ(one.outputs(), 10U);
  EXPECT_EQ(one.num_roles(), 3U);
  // Its logits are those of the trainable head that it is the transpose of.
  const auto drawn =
      take(route::TrainableHead::create({16, 7, 3, route::HeadVariant::linear, 1, {}}, {1, 2, 3}));
  prove::InputStream stream(1);
  const std::vector<float> hidden = stream.normal(16);
  const auto left = take(one.logits(hidden)), right = take(drawn.logits(hidden));
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_NEAR(left[i], right[i], 1e-5);
}

benchmark::BenchmarkContext made_context() {
  benchmark::BenchmarkContext context;
  context.generated_at = "2026-01-02T03:04:05Z";
  context.profile = "cpu_f32";
  context.model = "a model";
  context.head = "random head (seed 4)";
  context.random_head = true;
  context.head_seed = 4;
  context.num_agents = 7;
  context.num_roles = 3;
  context.dataset_id = "set.jsonl";
  context.dataset_hash = "abc";
  context.dataset_cases = 5;
  context.dependencies = {{"trinity", "1"}};
  return context;
}

TEST(BenchmarkReport, NamesTheHeadTheDataAndWhatRan) {
  prove::InputStream stream(19);
  const RandomBenchmark data(stream, 12, 6);
  const route::Head head = take(benchmark::random_head(6, 7, 3, {4, 5, 6}));
  const auto results = take(benchmark::run_benchmark(data.cases, data.features, &head, {}));
  const auto record = take(benchmark::benchmark_record(made_context(), results));
  EXPECT_EQ(record["schema_version"], 1);
  EXPECT_EQ(record["suite"], "all");
  EXPECT_EQ(record["git_commit"], "unknown");
  EXPECT_EQ(record["head_opts"]["random"], true);
  EXPECT_EQ(record["head_opts"]["seed"], 4);
  EXPECT_TRUE(record["xla_target"].is_null());
  EXPECT_EQ(record["dependencies"]["trinity"], "1");
  EXPECT_FALSE(record["platform"].as_string().empty());
  // The count hash of five cases, as older reports give it.
  EXPECT_EQ(record["dataset_count_hash"],
            "d9cbc9ca189e046d068afb309cd711dfb0ee09b4a4175a88cf869367e1c967dd");
  const auto& payload = record["payload"];
  EXPECT_EQ(payload["separability"]["dataset_size"], 12);
  EXPECT_TRUE(payload["routing"].contains("joint_accuracy"));
  EXPECT_EQ(payload["routing"]["baselines"].size(), results.baselines.size());
  EXPECT_EQ(payload["turn_budget"]["total_cases"], 12);
  // Logits restore the f32 exactly.
  const auto again = take(parse_json(json_text(record)));
  std::vector<float> logits;
  for (const Json& logit : again["payload"]["routing"]["predictions"][0]["logits"])
    logits.push_back(static_cast<float>(logit.as_double()));
  EXPECT_EQ(logits, results.routing->predictions[0].route.logits);

  const std::string page = benchmark::benchmark_markdown(record);
  for (const char* heading :
       {"## Generated", "## Suite", "## Profile", "## Head", "## XLA Target", "## Summary"})
    EXPECT_NE(page.find(heading), std::string::npos) << heading;
  EXPECT_NE(page.find("random head (seed 4)"), std::string::npos);
  EXPECT_EQ(page.find("predictions"), std::string::npos);
  const std::size_t begin = page.find("```json\n") + 8;
  const auto summary = take(parse_json(page.substr(begin, page.rfind("```") - begin)));
  EXPECT_EQ(summary["separability"]["dataset_size"], 12);
}

TEST(BenchmarkRun, TheTinyRouterBeatsWhatLooksAtNothingOnTheBuiltInSet) {
  const auto router = take(Router::load(tiny_options("cpu_f32")));
  const benchmark::BenchmarkDataset set = take(benchmark::built_in_benchmark_dataset());
  const benchmark::FeatureMatrix features = take(benchmark::extract_features(router, set.cases));
  const route::Head head = take(take(router::open_tiny_router())->head());
  const auto results = take(benchmark::run_benchmark(set.cases, features, &head, {}));
  EXPECT_EQ(results.routing->considered, set.cases.size());
  EXPECT_LT(results.separability->within_distance, results.separability->between_distance);
  for (const benchmark::BaselineVerdict& one : results.baselines) {
    if (one.name != "majority" && one.name != "round_robin") continue;
    EXPECT_GT(one.joint->low, 0) << one.name;
    EXPECT_LT(one.joint->p_value, 0.001) << one.name;
  }
  EXPECT_EQ(benchmark::routing_record(*results.routing),
            benchmark::routing_record(
                *take(benchmark::run_benchmark(set.cases, features, &head, {})).routing));
}

}  // namespace
}  // namespace trinity::testing
