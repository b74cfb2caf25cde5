// Selection against brute force, the published behaviours of the option sets, and sampling.
#include "route/selection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "route/exsss.h"

namespace trinity {
namespace {

constexpr float kMasked = -std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Route route(const std::vector<float>& logits, std::size_t agents,
            const DecisionRule& options = {}) {
  auto result = route::select_route(logits, agents, logits.size() - agents, options);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : Route{};
}

std::string error_tag(const std::vector<float>& logits, std::size_t agents, std::size_t roles,
                      const DecisionRule& options = {}) {
  const auto result = route::select_route(logits, agents, roles, options);
  return result ? "no error" : result.error().tag;
}

DecisionRule modes(SelectionMode agent, SelectionMode role) {
  DecisionRule options;
  options.agent_selection = agent;
  options.role_selection = role;
  return options;
}

const std::vector<float> kChosenFrom = {0.25f, 1.5f, -0.75f, 0.5f, -2.0f};

TEST(Selection, CH1SplitsTheLogitsAndStaysInRange) {
  const Route selected = route(kChosenFrom, 3);
  EXPECT_EQ(selected.logits, kChosenFrom);
  EXPECT_EQ(selected.num_agents, 3u);
  EXPECT_EQ(selected.agent_id, 1);
  EXPECT_EQ(selected.role_id, 0);
}

TEST(Selection, CRO1DefaultsToArgmaxWithoutProbabilities) {
  const Route selected = route(kChosenFrom, 2);
  EXPECT_EQ(selected.rule.agent_selection, SelectionMode::argmax);
  EXPECT_EQ(selected.rule.role_selection, SelectionMode::argmax);
  EXPECT_EQ(selected.rule.temperature, 1.0);
  EXPECT_FALSE(selected.agent_probabilities || selected.role_probabilities);
  EXPECT_FALSE(selected.agent_seed || selected.role_seed);
}

TEST(Selection, CRO2SoftmaxReturnsProbabilities) {
  const Route selected =
      route(kChosenFrom, 2, modes(SelectionMode::softmax, SelectionMode::softmax));
  ASSERT_TRUE(selected.agent_probabilities && selected.role_probabilities);
  EXPECT_EQ(selected.agent_probabilities->size(), 2u);
  EXPECT_EQ(selected.role_probabilities->size(), 3u);
  for (const auto& p : {*selected.agent_probabilities, *selected.role_probabilities}) {
    EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-15);
  }
  EXPECT_EQ(selected.agent_id, 1);
  EXPECT_EQ(selected.role_id, 1);
}

TEST(Selection, CRO4SampleIsDeterministicForASeed) {
  DecisionRule options = modes(SelectionMode::sample, SelectionMode::sample);
  options.seed = SeedTriple{1, 2, 3};
  const Route first = route(kChosenFrom, 2, options);
  const Route second = route(kChosenFrom, 2, options);
  EXPECT_EQ(first.agent_id, second.agent_id);
  EXPECT_EQ(first.role_id, second.role_id);
  EXPECT_TRUE(first.agent_probabilities && first.role_probabilities);
  EXPECT_EQ(first.agent_seed, (SeedTriple{1, 2, 3}));
  EXPECT_EQ(first.role_seed, (SeedTriple{18, 33, 46}));
}

TEST(Selection, SampleReadsThePublishedDraws) {
  // Agent draw 0.5455..., role draw 0.9289... for the seed (1, 2, 3); equal probabilities of 0.1.
  DecisionRule options = modes(SelectionMode::sample, SelectionMode::sample);
  options.seed = SeedTriple{1, 2, 3};
  const Route selected = route(std::vector<float>(20, 1.0f), 10, options);
  EXPECT_EQ(selected.agent_id, 5);
  EXPECT_EQ(selected.role_id, 9);
}

TEST(Selection, AFreshSeedIsRecordedAndReplaysTheDraw) {
  const DecisionRule options = modes(SelectionMode::sample, SelectionMode::sample);
  std::size_t different = 0;
  for (int i = 0; i < 20; ++i) {
    const Route first = route(kChosenFrom, 2, options);
    ASSERT_TRUE(first.agent_seed && first.role_seed);
    const auto agent = route::select_split(std::span(kChosenFrom).first(2), SelectionMode::sample,
                                           1.0, false, *first.agent_seed);
    const auto role = route::select_split(std::span(kChosenFrom).subspan(2), SelectionMode::sample,
                                          1.0, false, *first.role_seed);
    EXPECT_EQ(static_cast<int>(agent->index), first.agent_id);
    EXPECT_EQ(static_cast<int>(role->index), first.role_id);
    if (first.agent_seed != route(kChosenFrom, 2, options).agent_seed) ++different;
  }
  EXPECT_GT(different, 15u);
}

TEST(Selection, ArgmaxTakesTheLowestIndexAmongEquals) {
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::vector<float> logits(1 + random() % 10);
    for (float& logit : logits) logit = static_cast<float>(random() % 4);  // many ties
    std::size_t best = 0;
    for (std::size_t j = 1; j < logits.size(); ++j) {
      if (logits[j] > logits[best]) best = j;
    }
    for (const SelectionMode mode : {SelectionMode::argmax, SelectionMode::softmax}) {
      const auto selected = route::select_split(logits, mode, 1.0, true, {});
      ASSERT_TRUE(selected);
      EXPECT_EQ(selected->index, best);
      EXPECT_TRUE(selected->probabilities);
    }
  }
}

TEST(Selection, ProbabilitiesAreTheSoftmaxOfTheScaledLogits) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0.0f, 10.0f);
  for (int i = 0; i < 500; ++i) {
    std::vector<float> logits(1 + random() % 10);
    for (float& logit : logits) logit = normal(random);
    const double temperature = 0.1 + static_cast<double>(random() % 50) / 10.0;
    long double sum = 0.0L;
    for (const float logit : logits) sum += std::exp(static_cast<long double>(logit) / temperature);
    const auto probabilities = route::softmax_probabilities(logits, temperature);
    ASSERT_TRUE(probabilities);
    for (std::size_t j = 0; j < logits.size(); ++j) {
      const long double expected =
          std::exp(static_cast<long double>(logits[j]) / temperature) / sum;
      EXPECT_NEAR(static_cast<double>((*probabilities)[j] / expected), 1.0, 1e-11);
    }
  }
}

TEST(Selection, ExtremeLogitsAndTemperaturesStayFinite) {
  const std::vector<float> logits = {3e38f, -3e38f, 0.0f};
  for (const double temperature : {1e-300, 1.0, 1e300}) {
    const auto probabilities = route::softmax_probabilities(logits, temperature);
    ASSERT_TRUE(probabilities);
    double sum = 0.0;
    for (const double p : *probabilities) {
      EXPECT_TRUE(p >= 0.0 && p <= 1.0) << p;
      sum += p;
    }
    EXPECT_NEAR(sum, 1.0, 1e-15);
  }
}

TEST(Selection, SamplingTakesTheFirstIndexWhoseCumulativeProbabilityReachesTheDraw) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0f, 2.0f);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    std::vector<float> logits(1 + random() % 10);
    for (float& logit : logits) logit = normal(random);
    const SeedTriple triple = {seed, seed * 3, 7};
    const auto selected = route::select_split(logits, SelectionMode::sample, 1.5, false, triple);
    const double u = route::Exsss(triple).uniform();
    const auto& p = *selected->probabilities;
    std::size_t expected = 0;
    while (expected + 1 < p.size() &&
           std::accumulate(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(expected) + 1, 0.0) <
               u) {
      ++expected;
    }
    EXPECT_EQ(selected->index, expected);
  }
}

TEST(Selection, SampleFrequenciesFollowTheProbabilities) {
  const std::vector<float> logits = {0.0f, 1.0f, -1.0f, 2.0f, 0.5f};
  constexpr int kDraws = 20000;
  std::vector<int> counts(logits.size(), 0);
  std::vector<double> probabilities;
  for (int seed = 1; seed <= kDraws; ++seed) {
    const auto word = static_cast<std::uint64_t>(seed);
    const auto selected =
        route::select_split(logits, SelectionMode::sample, 1.0, false, {word, word + 1, word + 2});
    ++counts[selected->index];
    probabilities = *selected->probabilities;
  }
  double chi_square = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * kDraws;
    chi_square += std::pow(counts[i] - expected, 2) / expected;
  }
  EXPECT_LT(chi_square, 22.0);  // 4 degrees of freedom, probability 0.0002
}

TEST(Selection, ModesAreIndependentPerSplit) {
  DecisionRule options = modes(SelectionMode::argmax, SelectionMode::sample);
  options.seed = std::int64_t{42};
  const Route selected = route(kChosenFrom, 3, options);
  EXPECT_FALSE(selected.agent_seed || selected.agent_probabilities);
  EXPECT_EQ(selected.role_seed, (SeedTriple{59, 73, 85}));
  EXPECT_TRUE(selected.role_probabilities);
}

TEST(Selection, ReturnProbabilitiesDoesNotChangeTheDecision) {
  DecisionRule options;
  options.return_probabilities = true;
  options.temperature = 3.0;
  const Route selected = route(kChosenFrom, 3, options);
  EXPECT_EQ(selected.agent_id, 1);
  EXPECT_TRUE(selected.agent_probabilities && selected.role_probabilities);
}

TEST(Selection, RefusesNonFiniteLogits) {
  for (const float bad : {kNaN, kMasked, -kMasked}) {
    for (std::size_t position = 0; position < 5; ++position) {
      auto logits = kChosenFrom;
      logits[position] = bad;
      for (const auto mode :
           {SelectionMode::argmax, SelectionMode::softmax, SelectionMode::sample}) {
        EXPECT_EQ(error_tag(logits, 3, 2, modes(mode, mode)), "non_finite_logits");
      }
    }
  }
}

TEST(Selection, MaskedChoicesOfASplitAreNeverSelected) {
  const std::vector<float> logits = {kMasked, 1.0f, kMasked, 0.0f, kMasked};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    for (const auto mode : {SelectionMode::argmax, SelectionMode::softmax, SelectionMode::sample}) {
      const auto selected = route::select_split(logits, mode, 1.0, true, {seed, 1, 2});
      ASSERT_TRUE(selected);
      EXPECT_TRUE(selected->index == 1 || selected->index == 3);
      EXPECT_EQ((*selected->probabilities)[0], 0.0);
      EXPECT_EQ((*selected->probabilities)[4], 0.0);
    }
  }
  const auto none = route::select_split(std::vector<float>{kMasked, kMasked}, SelectionMode::argmax,
                                        1.0, false, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().tag, "invalid_logits");
}

TEST(Selection, RefusesWrongWidthsAndEmptySplits) {
  const auto batch = route::select_route(std::vector<float>(10, 0.0f), 3, 2, {});
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().tag, "invalid_logits");
  EXPECT_NE(batch.error().message.find("expects a single example"), std::string::npos);
  const auto wrong = route::select_route(std::vector<float>(9, 0.0f), 7, 3, {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().tag, "invalid_logits");
  EXPECT_NE(wrong.error().message.find("must output 10 logits"), std::string::npos);
  EXPECT_EQ(error_tag({}, 0, 0), "invalid_logits");
  EXPECT_EQ(error_tag({1.0f}, 1, 0), "invalid_logits");
  EXPECT_EQ(error_tag({1.0f}, 0, 1), "invalid_logits");
}

TEST(Selection, AMaskedRoleIsNotChosenAndItsLogitIsKept) {
  const std::vector<float> logits = {1, 2, 0, 1, 9};
  for (const SelectionMode mode :
       {SelectionMode::argmax, SelectionMode::softmax, SelectionMode::sample}) {
    DecisionRule options = modes(SelectionMode::argmax, mode);
    options.masked_roles = {2};
    options.return_probabilities = true;
    for (std::int64_t seed = 0; seed < 20; ++seed) {
      options.seed = seed;
      const Route chosen = route(logits, 2, options);
      EXPECT_NE(chosen.role_id, 2);
      if (mode != SelectionMode::sample) {
        EXPECT_EQ(chosen.role_id, 1);
      }
      EXPECT_EQ(chosen.agent_id, 1);
      EXPECT_EQ(chosen.logits, logits);
      EXPECT_EQ(chosen.role_probabilities->at(2), 0.0);
      EXPECT_EQ(chosen.rule.masked_roles, std::vector<int>{2});
    }
  }
}

TEST(Selection, OneRoleMustBeLeftAndAnIdThatThereIsNotMasksNothing) {
  DecisionRule options;
  options.masked_roles = {0, 1, 2};
  EXPECT_EQ(error_tag({1, 2, 0, 1, 9}, 2, 3, options), "invalid_logits");
  options.masked_roles = {-1, 3, 99};
  EXPECT_EQ(route({1, 2, 0, 1, 9}, 2, options).role_id, 2);
}

TEST(Selection, RefusesTemperaturesThatAreNotPositive) {
  for (const double temperature :
       {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    DecisionRule options;
    options.temperature = temperature;
    EXPECT_EQ(error_tag(kChosenFrom, 3, 2, options), "invalid_temperature") << temperature;
  }
}

}  // namespace
}  // namespace trinity
