// The generator: published values, range, bias, and the distribution of its normal numbers.
#include "route/exsss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "route/exsss_tables.h"
#include "route/selection.h"

namespace trinity {
namespace {

struct KnownSeed {
  SeedTriple seed;
  double values[3];
};

TEST(Exsss, N3UniformValuesOfKnownSeeds) {
  const KnownSeed known[] = {
      {{1, 2, 3}, {0.5455598952593053, 0.6039309974353404, 0.6684893034823949}},
      {{18, 33, 46}, {0.9289616440143125, 0.6326430768629385, 0.2670433923394101}},
      {{42, 11, 7}, {0.705129330728824, 0.07624630165480928, 0.6970514491118192}},
      {{42, 43, 44}, {0.09939143593297084, 0.2285270795062746, 0.8044651442757361}},
      {{59, 73, 85}, {0.2398883313379928, 0.7672702169411483, 0.5653562851161138}},
  };
  for (const auto& [seed, values] : known) {
    route::Exsss random(seed);
    for (const double value : values) EXPECT_EQ(random.uniform(), value) << seed[0];
  }
}

TEST(Exsss, N3UniformIntegersOfAKnownSeed) {
  route::Exsss random({100, 101, 102});
  EXPECT_EQ(random.uniform(3), 2u);
  EXPECT_EQ(random.uniform(3), 1u);
  EXPECT_EQ(random.uniform(1000), 309u);
}

TEST(Exsss, N3SeedsOfTheTwoSplits) {
  const route::SplitSeeds triple = route::split_seeds(SeedTriple{1, 2, 3});
  EXPECT_EQ(triple.agent, (SeedTriple{1, 2, 3}));
  EXPECT_EQ(triple.role, (SeedTriple{18, 33, 46}));
  const route::SplitSeeds integer = route::split_seeds(std::int64_t{42});
  EXPECT_EQ(integer.agent, (SeedTriple{42, 43, 44}));
  EXPECT_EQ(integer.role, (SeedTriple{59, 73, 85}));
}

TEST(Exsss, WordsKeep58BitsAndUniformStaysBelowOne) {
  route::Exsss random({7, 8, 9});
  std::uint64_t all_bits = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t word = random.next();
    EXPECT_EQ(word >> 58, 0u);
    all_bits |= word;
  }
  EXPECT_EQ(all_bits, (std::uint64_t{1} << 58) - 1);
  for (int i = 0; i < 5000; ++i) {
    const double u = random.uniform();
    EXPECT_GE(u, 0.0);
    EXPECT_LT(u, 1.0);
  }
}

TEST(Exsss, EveryWordOfTheSeedCounts) {
  for (std::size_t position = 0; position < 3; ++position) {
    std::set<std::uint64_t> firsts;
    for (std::uint64_t word = 0; word < 1000; ++word) {
      SeedTriple seed = {0, 0, 0};
      seed[position] = word;
      firsts.insert(route::Exsss(seed).next());
    }
    EXPECT_EQ(firsts.size(), 1000u) << position;
  }
}

TEST(Exsss, UniformIntegersFollowTheWordsAndRejectTheIncompleteRun) {
  const std::uint64_t range = std::uint64_t{1} << 58;
  for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{6}, std::uint64_t{1000},
                                range / 2 + 1, range / 3 * 2, range}) {
    route::Exsss random({n, 2, 3});
    route::Exsss words({n, 2, 3});
    for (int i = 0; i < 200; ++i) {
      std::uint64_t word = words.next();
      while (word >= range / n * n) word = words.next();
      EXPECT_EQ(random.uniform(n), word % n + 1);
    }
  }
  EXPECT_EQ(route::Exsss({1, 2, 3}).uniform(0), 0u);
  EXPECT_EQ(route::Exsss({1, 2, 3}).uniform(range + 1), 0u);
}

TEST(ZigguratTable, LayersHaveEqualArea) {
  const double r = route::kZigguratEdge;
  const double tail = std::sqrt(std::acos(-1.0) / 2) * std::erfc(r / std::sqrt(2.0));
  const double area = r * std::exp(-r * r / 2) + tail;
  EXPECT_NEAR(route::kZigguratLayers[0].width * 0x1p51 * route::kZigguratLayers[255].height, area,
              1e-15);
  for (int i = 1; i < 256; ++i) {
    const double edge = route::kZigguratLayers[i].width * 0x1p51;
    EXPECT_NEAR(edge * (route::kZigguratLayers[i - 1].height - route::kZigguratLayers[i].height),
                area, 1e-14)
        << i;
    EXPECT_NEAR(std::exp(-edge * edge / 2), route::kZigguratLayers[i].height, 1e-15) << i;
    const double inside = i == 1 ? 0.0 : route::kZigguratLayers[i - 1].width * 0x1p51 / edge;
    EXPECT_NEAR(static_cast<double>(route::kZigguratLayers[i].inside) * 0x1p-51, inside, 1e-14)
        << i;
  }
  EXPECT_NEAR(route::kZigguratLayers[255].width * 0x1p51, r, 1e-15);
  EXPECT_NEAR(
      static_cast<double>(route::kZigguratLayers[0].inside) * route::kZigguratLayers[0].width, r,
      1e-14);
}

TEST(Normal, TheFastPathIsTheWordTimesTheWidth) {
  int fast = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const std::uint64_t word = route::Exsss({seed, 5, 6}).next();
    const std::uint64_t draw = word >> 7;
    const auto& layer = route::kZigguratLayers[draw % 256];
    if (draw >= layer.inside) continue;
    ++fast;
    const double magnitude = static_cast<double>(draw) * layer.width;
    EXPECT_EQ(route::Exsss({seed, 5, 6}).normal(), (word & 64) != 0 ? -magnitude : magnitude);
  }
  EXPECT_GT(fast, 1950);
  EXPECT_LT(fast, 2000);
}

TEST(Normal, FollowsTheNormalDistribution) {
  // Counts in 64 bins of [-4, 4] plus both outsides, against the distribution function.
  constexpr int kBins = 66;
  constexpr int kSamples = 1000000;
  std::vector<int> counts(kBins, 0);
  route::Exsss random({42, 11, 7});
  double sum = 0.0;
  double squares = 0.0;
  int tail = 0;
  for (int i = 0; i < kSamples; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    if (std::fabs(x) > route::kZigguratEdge) ++tail;
    const double bin = std::floor((x + 4.0) * 8.0) + 1.0;
    ++counts[static_cast<std::size_t>(std::fmin(std::fmax(bin, 0.0), kBins - 1.0))];
  }
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  double chi_square = 0.0;
  for (int bin = 0; bin < kBins; ++bin) {
    const double low = bin == 0 ? 0.0 : below((bin - 1) / 8.0 - 4.0);
    const double high = bin == kBins - 1 ? 1.0 : below(bin / 8.0 - 4.0);
    const double expected = (high - low) * kSamples;
    chi_square += std::pow(counts[static_cast<std::size_t>(bin)] - expected, 2) / expected;
  }
  EXPECT_LT(chi_square, 113.0);  // 65 degrees of freedom, probability 0.0002
  EXPECT_NEAR(sum / kSamples, 0.0, 0.004);
  EXPECT_NEAR(squares / kSamples, 1.0, 0.006);
  // Beyond the edge lie 2.58e-4 of all samples.
  EXPECT_NEAR(tail, 258, 65);
}

}  // namespace
}  // namespace trinity
