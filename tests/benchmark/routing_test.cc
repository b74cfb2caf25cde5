// Routing accuracy: what counts, what does not, and what always holds.
#include "benchmark/routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/json.h"
#include "benchmark/run.h"
#include "benchmark/support.h"

namespace trinity::testing {
namespace {

std::vector<Route> routes_for(const benchmark::FeatureMatrix& features, std::uint64_t seed) {
  const route::Head head = take(benchmark::random_head(features.width, 7, 3, {seed, 2, 3}));
  return take(benchmark::route_features(head, features));
}

std::size_t total(const benchmark::Confusion& confusion) {
  std::size_t sum = 0;
  for (const auto& [expected, row] : confusion)
    for (const auto& [predicted, count] : row) sum += count;
  return sum;
}

std::size_t diagonal(const benchmark::Confusion& confusion) {
  std::size_t sum = 0;
  for (const auto& [expected, row] : confusion)
    if (row.contains(expected)) sum += row.at(expected);
  return sum;
}

TEST(BenchmarkRouting, BRT_1_CasesLabelledByTheirOwnRoutesAreAllRight) {
  prove::InputStream stream(1);
  RandomBenchmark data(stream, 3, 8);
  const std::vector<Route> routes = routes_for(data.features, 1);
  for (std::size_t i = 0; i < 3; ++i) {
    data.cases[i].expected_agent = routes[i].agent_id;
    data.cases[i].expected_role = routes[i].role_id;
  }
  const benchmark::RoutingScore score = take(benchmark::score_routing(data.cases, routes));
  EXPECT_EQ(score.considered, 3U);
  EXPECT_EQ(score.skipped, 0U);
  EXPECT_EQ(score.all.agent.accuracy(), 1);
  EXPECT_EQ(score.all.role.accuracy(), 1);
  EXPECT_EQ(score.all.joint.accuracy(), 1);
}

TEST(BenchmarkRouting, BRT_2_OneRouteACaseIsNeeded) {
  prove::InputStream stream(1);
  const RandomBenchmark data(stream, 4, 8);
  std::vector<Route> routes = routes_for(data.features, 1);
  routes.pop_back();
  EXPECT_EQ(benchmark::score_routing(data.cases, routes).error().tag, "feature_count_mismatch");
}

TEST(BenchmarkRouting, CountsAddUpWhateverTheLabels) {
  prove::InputStream stream(2);
  for (int round = 0; round < 60; ++round) {
    const RandomBenchmark data(stream, stream.integer(1, 40), 6);
    const std::vector<Route> routes = routes_for(data.features, 9);
    const auto scored = benchmark::score_routing(data.cases, routes);
    const auto has = [](const auto& label) {
      return [label](const benchmark::BenchmarkCase& one) { return (one.*label).has_value(); };
    };
    const auto agents = static_cast<std::size_t>(std::count_if(
        data.cases.begin(), data.cases.end(), has(&benchmark::BenchmarkCase::expected_agent)));
    const auto roles = static_cast<std::size_t>(std::count_if(
        data.cases.begin(), data.cases.end(), has(&benchmark::BenchmarkCase::expected_role)));
    if (agents + roles == 0) {
      EXPECT_EQ(scored.error().tag, "no_labeled_cases");
      continue;
    }
    const benchmark::RoutingScore& score = *scored;
    EXPECT_EQ(score.considered + score.skipped, data.cases.size());
    EXPECT_EQ(score.predictions.size(), score.considered);
    EXPECT_EQ(score.all.agent.of, agents);
    EXPECT_EQ(score.all.role.of, roles);
    EXPECT_EQ(score.all.joint.of, agents + roles - score.considered);
    EXPECT_LE(score.all.joint.right, std::min(score.all.agent.right, score.all.role.right));
    EXPECT_EQ(total(score.agent_confusion), agents);
    EXPECT_EQ(total(score.role_confusion), roles);
    EXPECT_EQ(diagonal(score.agent_confusion), score.all.agent.right);
    EXPECT_EQ(diagonal(score.role_confusion), score.all.role.right);
    std::size_t by_family = 0;
    for (const auto& [family, tallies] : score.families) by_family += tallies.agent.right;
    EXPECT_EQ(by_family, score.all.agent.right);
    EXPECT_GE(score.margin_mean, 0);
    for (const benchmark::RoutingPrediction& one : score.predictions) {
      EXPECT_EQ(one.agent_correct.has_value(), one.expected_agent.has_value());
      EXPECT_EQ(one.role_correct.has_value(), one.expected_role.has_value());
    }
  }
}

TEST(BenchmarkRouting, TheOrderOfTheCasesDoesNotMatter) {
  prove::InputStream stream(4);
  const RandomBenchmark data(stream, 30, 6);
  const std::vector<Route> routes = routes_for(data.features, 5);
  const std::vector<benchmark::BenchmarkCase> cases_back(data.cases.rbegin(), data.cases.rend());
  const std::vector<Route> routes_back(routes.rbegin(), routes.rend());
  const benchmark::RoutingScore forth = take(benchmark::score_routing(data.cases, routes));
  const benchmark::RoutingScore back = take(benchmark::score_routing(cases_back, routes_back));
  EXPECT_EQ(forth.all.agent.right, back.all.agent.right);
  EXPECT_EQ(forth.all.joint.right, back.all.joint.right);
  EXPECT_EQ(forth.agent_confusion, back.agent_confusion);
  EXPECT_EQ(forth.role_confusion, back.role_confusion);
  EXPECT_NEAR(forth.logits_mean, back.logits_mean, 1e-12);
}

TEST(BenchmarkRouting, AMissingLabelIsNoMistake) {
  const benchmark::FeatureMatrix features = features_of({{1, 0}, {0, 1}, {1, 1}});
  const std::vector<Route> routes = routes_for(features, 1);
  const std::vector<benchmark::BenchmarkCase> cases = {
      labelled("a", "f", routes[0].agent_id, {}),
      labelled("b", "f", {}, (routes[1].role_id + 1) % 3), labelled("c", "f", {}, {})};
  const benchmark::RoutingScore score = take(benchmark::score_routing(cases, routes));
  EXPECT_EQ(score.considered, 2U);
  EXPECT_EQ(score.skipped, 1U);
  EXPECT_EQ(score.all.agent.accuracy(), 1);
  EXPECT_EQ(score.all.role.accuracy(), 0);
  EXPECT_FALSE(score.all.joint.accuracy());
  const auto record = benchmark::routing_record(score);
  EXPECT_TRUE(record["joint_accuracy"].is_null());
  EXPECT_TRUE(record["predictions"][0]["role_correct"].is_null());
  EXPECT_EQ(record["predictions"].size(), 2U);
}

TEST(BenchmarkRouting, MarginsAndLogitsAreThoseOfTheRoutes) {
  const std::vector<benchmark::BenchmarkCase> cases = {labelled("a", "f", 1, 0),
                                                       labelled("b", "f", 2, 2)};
  const std::vector<Route> routes = {
      take(route::select_route(made_logits(1, 0, 3.0F, 1.0F), 7, 3, {})),
      take(route::select_route(made_logits(4, 2, 0.5F, 0.5F), 7, 3, {}))};
  const benchmark::RoutingScore score = take(benchmark::score_routing(cases, routes));
  EXPECT_DOUBLE_EQ(score.margin_mean, ((3.0 + 1.0) / 2 + (0.5 + 0.5) / 2) / 2);
  EXPECT_DOUBLE_EQ(score.logits_mean, (3.0 + 1.0 + 0.5 + 0.5) / 20);
  EXPECT_EQ(score.agent_confusion, (benchmark::Confusion{{1, {{1, 1}}}, {2, {{4, 1}}}}));
  EXPECT_EQ(json_text(benchmark::routing_record(score)["agent_confusion"]),
            R"({"1":{"1":1},"2":{"4":1}})");
  EXPECT_EQ(score.all.joint.accuracy(), 0.5);
}

TEST(BenchmarkRouting, ALabelThatTheHeadDoesNotHaveIsRefused) {
  const benchmark::FeatureMatrix features = features_of({{1, 0}});
  const std::vector<Route> routes = routes_for(features, 1);
  for (const benchmark::BenchmarkCase& one : {labelled("a", "f", 7, 0), labelled("a", "f", 0, 3),
                                              labelled("a", "f", 2'000'000'000, {})}) {
    const std::vector<benchmark::BenchmarkCase> cases = {one};
    EXPECT_EQ(benchmark::score_routing(cases, routes).error().tag, "label_out_of_range");
    EXPECT_EQ(benchmark::baseline_choices(cases, features, 7, 3).error().tag, "label_out_of_range");
  }
  EXPECT_EQ(benchmark::route_features(take(benchmark::random_head(3, 7, 3, {1, 2, 3})), features)
                .error()
                .tag,
            "hidden_size_mismatch");
}

}  // namespace
}  // namespace trinity::testing
