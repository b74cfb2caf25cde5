// What stands beside a router: intervals, tests of significance, and choices without a router.
#include "benchmark/baselines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "benchmark/run.h"
#include "benchmark/support.h"

namespace trinity::testing {
namespace {

const benchmark::BaselineChoices& named(const std::vector<benchmark::BaselineChoices>& all,
                                        const std::string& name) {
  for (const benchmark::BaselineChoices& one : all)
    if (one.name == name) return one;
  throw std::runtime_error("no baseline " + name);
}

TEST(BenchmarkIntervals, McNemarIsTheBinomialTest) {
  EXPECT_EQ(benchmark::mcnemar_p_value(0, 0), 1);
  EXPECT_NEAR(benchmark::mcnemar_p_value(5, 0), 2.0 / 32, 1e-12);
  EXPECT_NEAR(benchmark::mcnemar_p_value(1, 9), 2.0 * (1 + 10) / 1024, 1e-12);
  EXPECT_NEAR(benchmark::mcnemar_p_value(2, 3), 1, 1e-12);
  EXPECT_NEAR(benchmark::mcnemar_p_value(5000, 5000), 1, 1e-9);
  EXPECT_LT(benchmark::mcnemar_p_value(0, 5000), 1e-300);
  for (std::size_t a = 0; a < 30; ++a)
    for (std::size_t b = 0; b < 30; ++b) {
      EXPECT_EQ(benchmark::mcnemar_p_value(a, b), benchmark::mcnemar_p_value(b, a));
      if (a + 1 < b) {
        EXPECT_LE(benchmark::mcnemar_p_value(a, b),
                  benchmark::mcnemar_p_value(a + 1, b - 1) + 1e-12);
      }
    }
}

TEST(BenchmarkIntervals, ArePairedSymmetricAndRepeatable) {
  prove::InputStream stream(8);
  for (int round = 0; round < 20; ++round) {
    std::vector<bool> first, second;
    for (std::int64_t i = stream.integer(1, 200); i > 0; --i) {
      first.push_back(stream.integer(0, 3) > 0);
      second.push_back(stream.integer(0, 1) > 0);
    }
    const benchmark::PairedComparison one = benchmark::compare_paired(first, second, 7);
    const benchmark::PairedComparison again = benchmark::compare_paired(first, second, 7);
    const benchmark::PairedComparison turned = benchmark::compare_paired(second, first, 7);
    EXPECT_EQ(one.low, again.low);
    EXPECT_EQ(one.high, again.high);
    EXPECT_LE(one.low, one.difference);
    EXPECT_GE(one.high, one.difference);
    EXPECT_EQ(turned.difference, -one.difference);
    EXPECT_EQ(turned.p_value, one.p_value);
    EXPECT_NEAR(turned.low, -one.high, 0.05);
    EXPECT_EQ(one.only_first + one.second_right, one.only_second + one.first_right);
    EXPECT_NEAR(one.difference,
                (static_cast<double>(one.first_right) - static_cast<double>(one.second_right)) /
                    static_cast<double>(one.cases),
                1e-12);
  }
  const benchmark::PairedComparison same =
      benchmark::compare_paired({true, false, true}, {true, false, true}, 1);
  EXPECT_EQ(same.low, 0);
  EXPECT_EQ(same.high, 0);
  EXPECT_EQ(same.p_value, 1);
  EXPECT_EQ(benchmark::compare_paired({}, {}, 1).cases, 0U);
}

TEST(BenchmarkIntervals, TheWidthIsThatOfTheNormalApproximation) {
  // 400 cases, of which one way alone has 100 right and the other 60: the standard error of the
  // difference is known, and the bootstrap must come near it.
  std::vector<bool> first(400, false), second(400, false);
  std::fill(first.begin(), first.begin() + 100, true);
  std::fill(second.begin() + 100, second.begin() + 160, true);
  const benchmark::PairedComparison one = benchmark::compare_paired(first, second, 3);
  const double mean = 40.0 / 400, variance = (160.0 / 400 - mean * mean) / 400;
  EXPECT_NEAR(one.low, mean - 1.96 * std::sqrt(variance), 0.01);
  EXPECT_NEAR(one.high, mean + 1.96 * std::sqrt(variance), 0.01);
}

/// Agent and role are planted in the features; three quarters of the cases have agent 1.
RandomBenchmark planted() {
  prove::InputStream stream(6);
  RandomBenchmark data(stream, 80, 10);
  std::vector<std::vector<float>> rows;
  for (std::size_t i = 0; i < data.cases.size(); ++i) {
    const int agent = i % 4 == 0 ? 5 : 1, role = static_cast<int>(i % 3);
    data.cases[i].expected_agent = agent;
    data.cases[i].expected_role = role;
    std::vector<float> row = stream.normal(10, 0.05);
    row[static_cast<std::size_t>(agent)] += 1;
    row[static_cast<std::size_t>(7 + role)] += 1;
    rows.push_back(row);
  }
  data.features = features_of(rows);
  return data;
}

TEST(BenchmarkBaselines, FindWhatIsPlantedAndNothingMore) {
  const RandomBenchmark data = planted();
  const auto choices = take(benchmark::baseline_choices(data.cases, data.features, 7, 3));
  ASSERT_EQ(choices.size(), 6U);
  for (std::size_t i = 0; i < data.cases.size(); ++i) {
    EXPECT_EQ(named(choices, "majority").agents[i], 1);
    EXPECT_EQ(named(choices, "majority").roles[i], 0) << "27, 27 and 26 cases: the smaller wins";
    EXPECT_EQ(named(choices, "round_robin").agents[i], static_cast<int>(i % 7));
    EXPECT_EQ(named(choices, "round_robin").roles[i], static_cast<int>(i % 3));
    for (const char* name : {"nearest_case", "nearest_label", "logistic_head"}) {
      EXPECT_EQ(named(choices, name).agents[i], data.cases[i].expected_agent) << name << i;
      EXPECT_EQ(named(choices, name).roles[i], data.cases[i].expected_role) << name << i;
    }
  }
}

TEST(BenchmarkBaselines, LearnNothingFromLabelsThatMeanNothing) {
  prove::InputStream stream(21);
  RandomBenchmark data(stream, 300, 16);
  for (benchmark::BenchmarkCase& one : data.cases) {
    one.expected_agent = static_cast<int>(stream.integer(0, 6));
    one.expected_role = static_cast<int>(stream.integer(0, 2));
  }
  for (const benchmark::BaselineChoices& one :
       take(benchmark::baseline_choices(data.cases, data.features, 7, 3))) {
    if (one.name == "round_robin" || one.name == "majority") continue;
    std::size_t right = 0;
    for (std::size_t i = 0; i < data.cases.size(); ++i)
      right += one.agents[i] == data.cases[i].expected_agent ? 1 : 0;
    EXPECT_LT(right, 75U) << one.name
                          << ": a seventh of 300 is 43; more means that a case's own "
                             "label was seen";
  }
}

TEST(BenchmarkBaselines, CasesWithoutLabelsAreNeitherJudgedNorLearntFrom) {
  prove::InputStream stream(13);
  for (int round = 0; round < 20; ++round) {
    const RandomBenchmark data(stream, stream.integer(1, 30), 4);
    const auto choices = take(benchmark::baseline_choices(data.cases, data.features, 7, 3));
    const auto routes = take(
        benchmark::route_features(take(benchmark::random_head(4, 7, 3, {1, 2, 3})), data.features));
    const auto verdicts = benchmark::compare_with_baselines(data.cases, routes, choices);
    ASSERT_EQ(verdicts.size(), choices.size());
    const auto scored = benchmark::score_routing(data.cases, routes);
    for (const benchmark::BaselineVerdict& one : verdicts) {
      EXPECT_EQ(one.agent.has_value(), scored && scored->all.agent.of > 0);
      EXPECT_EQ(one.joint.has_value(), scored && scored->all.joint.of > 0);
      if (one.agent) {
        EXPECT_EQ(one.agent->cases, scored->all.agent.of);
        EXPECT_EQ(one.agent->first_right, scored->all.agent.right);
      }
      if (one.role) {
        EXPECT_EQ(one.role->first_right, scored->all.role.right);
      }
      if (one.joint) {
        EXPECT_EQ(one.joint->first_right, scored->all.joint.right);
      }
    }
    EXPECT_EQ(benchmark::baselines_record(verdicts).size(), verdicts.size());
  }
}

TEST(BenchmarkBaselines, NoOtherChoiceThatIsAlwaysTheSameBeatsTheMajority) {
  const RandomBenchmark data = planted();
  const auto choices = take(benchmark::baseline_choices(data.cases, data.features, 7, 3));
  const auto right = [&](int agent) {
    return std::count_if(
        data.cases.begin(), data.cases.end(),
        [&](const benchmark::BenchmarkCase& one) { return one.expected_agent == agent; });
  };
  for (int agent = 0; agent < 7; ++agent)
    EXPECT_LE(right(agent), right(named(choices, "majority").agents[0]));
}

}  // namespace
}  // namespace trinity::testing
