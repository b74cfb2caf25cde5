// The head: loading, refusals, and logits whose bits depend on nothing but their inputs.
#include "route/head.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "route/head_shape.h"
#include "tensor/safetensors.h"

namespace trinity {
namespace {

std::vector<float> random_values(std::size_t count, std::uint32_t seed, float scale = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

TensorView view_of(const std::vector<float>& values, std::vector<std::int64_t> shape) {
  return {DType::f32, std::move(shape), std::as_bytes(std::span(values))};
}

std::string error_tag(const Result<route::Head>& head) {
  return head ? "no error" : head.error().tag;
}

TEST(Head, HD1SplitsFourOutputsIntoAnAgentAndThreeRoles) {
  const auto weights = random_values(4 * 8, 1);
  const auto head = route::Head::from_tensor(view_of(weights, {4, 8}));
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->hidden_size(), 8u);
  EXPECT_EQ(head->outputs(), 4u);
  EXPECT_EQ(head->num_agents(), 1u);
  EXPECT_EQ(head->num_roles(), 3u);
  EXPECT_TRUE(std::equal(weights.begin(), weights.end(), head->weights().begin()));
  const auto logits = head->logits(random_values(8, 2));
  ASSERT_TRUE(logits);
  EXPECT_EQ(logits->size(), 4u);
}

TEST(Head, RowsAreOutputsAndColumnsTheHiddenVector) {
  // Unit vectors pick out columns.
  const auto weights = random_values(5 * 3, 3);
  const auto head = route::Head::from_weights(weights, 5, 3, 2);
  for (std::size_t column = 0; column < 3; ++column) {
    std::vector<float> unit(3, 0.0f);
    unit[column] = 1.0f;
    const auto logits = head->logits(unit);
    for (std::size_t row = 0; row < 5; ++row) EXPECT_EQ((*logits)[row], weights[row * 3 + column]);
  }
}

TEST(Head, RefusesShapesAndRoleCountsThatMakeNoHead) {
  const auto weights = random_values(24, 4);
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {24}))), "invalid_head_weights");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {2, 3, 4}))),
            "invalid_head_weights");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {3, 8}))), "invalid_head_shape");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {4, 6}), 4)), "invalid_head_shape");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {4, 6}), 0)), "invalid_num_roles");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {4, 6}), -3)), "invalid_num_roles");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of({}, {4, 0}))), "invalid_head_weights");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of({}, {0, 4}))), "invalid_head_weights");
  EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {4, 7}))), "invalid_head_weights");
  EXPECT_EQ(error_tag(route::Head::from_weights(weights, 5, 6)), "invalid_head_weights");
  EXPECT_EQ(error_tag(route::Head::from_weights(weights, 4, 6)), "no error");
}

TEST(Head, RefusesIntegerWeights) {
  const std::vector<std::int32_t> integers(24, 1);
  const TensorView view{DType::i32, {4, 6}, std::as_bytes(std::span(integers))};
  EXPECT_EQ(error_tag(route::Head::from_tensor(view)), "invalid_head_weights");
}

TEST(Head, RefusesNonFiniteWeights) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (std::size_t position = 0; position < 24; ++position) {
      auto weights = random_values(24, 5);
      weights[position] = bad;
      EXPECT_EQ(error_tag(route::Head::from_tensor(view_of(weights, {4, 6}))),
                "invalid_head_weights");
    }
  }
}

TEST(Head, RefusesHiddenVectorsOfAnotherSizeOrNonFiniteOnes) {
  const auto head = route::Head::from_weights(random_values(40, 6), 5, 8);
  ASSERT_TRUE(head);
  for (const std::size_t size : {0u, 7u, 9u, 16u}) {
    const auto logits = head->logits(random_values(size, 7));
    ASSERT_FALSE(logits);
    EXPECT_EQ(logits.error().tag, "hidden_size_mismatch");
  }
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::max()}) {
    const auto logits = head->logits(std::vector<float>(8, bad));
    ASSERT_FALSE(logits) << bad;
    EXPECT_EQ(logits.error().tag, "non_finite_logits");
  }
}

// The documented order: one chain.
float logit_in_documented_order(std::span<const float> weights, std::span<const float> hidden) {
  double sum = 0;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    sum = sum + static_cast<double>(weights[i]) * static_cast<double>(hidden[i]);
  }
  return static_cast<float>(sum);
}

TEST(Head, LogitsHaveTheBitsOfTheDocumentedOrderAtEveryWidth) {
  int other_order_shows = 0;
  for (std::size_t hidden_size = 1; hidden_size <= 70; ++hidden_size) {
    const std::size_t outputs = 4 + hidden_size % 9;
    const auto seed = static_cast<std::uint32_t>(hidden_size);
    auto weights = random_values(outputs * hidden_size, seed, 3.0f);
    auto hidden = random_values(hidden_size, seed + 1000, 5.0f);
    // Large terms that cancel later take digits of what was added before them.
    for (std::size_t i = 0; i < hidden_size / 2; i += 3) {
      const std::size_t mirrored = hidden_size - 1 - i;
      hidden[i] *= 1e12f;
      hidden[mirrored] = hidden[i];
      for (std::size_t row = 0; row < outputs; ++row)
        weights[row * hidden_size + mirrored] = -weights[row * hidden_size + i];
    }
    const auto logits = route::Head::from_weights(weights, outputs, hidden_size)->logits(hidden);
    ASSERT_TRUE(logits);
    for (std::size_t row = 0; row < outputs; ++row) {
      const auto own = std::span(weights).subspan(row * hidden_size, hidden_size);
      const float expected = logit_in_documented_order(own, hidden);
      EXPECT_EQ(std::bit_cast<std::uint32_t>((*logits)[row]),
                std::bit_cast<std::uint32_t>(expected))
          << hidden_size;
      const std::vector<float> own_backwards(own.rbegin(), own.rend());
      const std::vector<float> hidden_backwards(hidden.rbegin(), hidden.rend());
      other_order_shows += logit_in_documented_order(own_backwards, hidden_backwards) != expected;
    }
  }
  EXPECT_GT(other_order_shows, 300);
}

TEST(Head, LogitsDoNotDependOnAlignmentOrNeighbours) {
  const auto weights = random_values(10 * 1024, 8, 0.5f);
  const auto hidden = random_values(1024, 9, 2.0f);
  const auto expected = *route::Head::from_weights(weights, 10, 1024)->logits(hidden);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    std::vector<float> shifted(1024 + 16, -7.0f);
    std::copy(hidden.begin(), hidden.end(), shifted.begin() + static_cast<std::ptrdiff_t>(offset));
    const auto head = route::Head::from_weights(weights, 10, 1024);
    EXPECT_EQ(*head->logits(std::span(shifted).subspan(offset, 1024)), expected);
  }
  // A row's logit is the same whichever rows stand around it.
  for (std::size_t row = 0; row < 10; ++row) {
    std::vector<float> other = random_values(10 * 1024, 10);
    std::copy_n(weights.begin() + static_cast<std::ptrdiff_t>(row * 1024), 1024,
                other.begin() + static_cast<std::ptrdiff_t>((9 - row) * 1024));
    EXPECT_EQ((*route::Head::from_weights(other, 10, 1024)->logits(hidden))[9 - row],
              expected[row]);
  }
}

TEST(Head, LogitsAreTheExactSumsRoundedOnce) {
  const auto weights = random_values(10 * 1024, 11);
  const auto hidden = random_values(1024, 12);
  const auto logits = *route::Head::from_weights(weights, 10, 1024)->logits(hidden);
  for (std::size_t row = 0; row < 10; ++row) {
    long double exact = 0.0L;
    for (std::size_t i = 0; i < 1024; ++i) {
      exact +=
          static_cast<long double>(weights[row * 1024 + i]) * static_cast<long double>(hidden[i]);
    }
    const auto nearest = static_cast<float>(exact);
    EXPECT_LE(
        std::abs(std::bit_cast<std::int32_t>(logits[row]) - std::bit_cast<std::int32_t>(nearest)),
        1);
  }
}

class HeadFile : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("trinity_head_") + test->name() + "_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(std::vector<NamedTensor> tensors) {
    const auto path = folder_ / "head.safetensors";
    const auto status = write_safetensors(path, std::move(tensors));
    EXPECT_TRUE(status) << status.error().message;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(HeadFile, LoadsTheNamedTensor) {
  const auto weights = random_values(5 * 6, 13);
  const auto path = write({{"trinity_router_head", view_of(weights, {5, 6})}});
  const auto head = route::Head::load(path);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->num_agents(), 2u);
  EXPECT_TRUE(std::equal(weights.begin(), weights.end(), head->weights().begin()));
}

TEST_F(HeadFile, WidensBf16Weights) {
  const std::vector<std::uint16_t> bits = {0x3f80, 0x4000, 0xbf80, 0x3f00,
                                           0x0000, 0x4040, 0x3f80, 0x3f80};
  const auto path =
      write({{"trinity_router_head", {DType::bf16, {4, 2}, std::as_bytes(std::span(bits))}}});
  const auto head = route::Head::load(path);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(*head->logits(std::vector<float>{1.0f, 1.0f}),
            (std::vector<float>{3.0f, -0.5f, 3.0f, 2.0f}));
}

TEST_F(HeadFile, NamesTheOnlyMatrixWithoutTakingIt) {
  const auto weights = random_values(30, 14);
  const auto path =
      write({{"head.weight", view_of(weights, {5, 6})}, {"bias", view_of(weights, {30})}});
  const auto head = route::Head::load(path);
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().tag, "missing_router_head_tensor");
  EXPECT_NE(head.error().message.find("'head.weight'"), std::string::npos) << head.error().message;
  EXPECT_TRUE(route::Head::load(path, "head.weight"));
}

TEST_F(HeadFile, DoesNotGuessAmongSeveralMatrices) {
  const auto weights = random_values(30, 15);
  const auto path = write({{"a", view_of(weights, {5, 6})}, {"b", view_of(weights, {6, 5})}});
  const auto head = route::Head::load(path);
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().tag, "missing_router_head_tensor");
  EXPECT_EQ(head.error().message.find("'a'"), std::string::npos) << head.error().message;
}

TEST_F(HeadFile, SaysWhichFileIsWrong) {
  const auto weights = random_values(30, 16);
  const auto path = write({{"trinity_router_head", view_of(weights, {30})}});
  const auto head = route::Head::load(path);
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().tag, "invalid_head_weights");
  EXPECT_NE(head.error().message.find(path.string()), std::string::npos);
  EXPECT_EQ(error_tag(route::Head::load(folder_ / "absent.safetensors")), "missing_file");
}

std::string invariant_message(std::size_t agents, std::size_t roles, std::size_t hidden,
                              const Json& manifest) {
  const auto status = route::check_head_invariant(agents, roles, hidden, manifest);
  return status ? "ok" : status.error().message;
}

TEST(HeadShape, HSI1AcceptsTheReleasedShape) {
  EXPECT_EQ(invariant_message(7, 3, 1024, {{"router_head_shape", {10, 1024}}}), "ok");
}

TEST(HeadShape, HSI2NamesBothOutputCounts) {
  const std::string message = invariant_message(6, 3, 1024, {{"router_head_shape", {10, 1024}}});
  EXPECT_NE(message.find("output_count=10"), std::string::npos) << message;
  EXPECT_NE(message.find("= 9"), std::string::npos) << message;
}

TEST(HeadShape, HSI3NamesTheHiddenSize) {
  const std::string message = invariant_message(7, 3, 512, {{"router_head_shape", {10, 1024}}});
  EXPECT_NE(message.find("hidden-size"), std::string::npos) << message;
  EXPECT_NE(message.find("1024"), std::string::npos) << message;
}

TEST(HeadShape, HSI4FallsBackToThePythonManifest) {
  const Json fallback = {{"python_semantic_manifest", {{"routing", {{"head_shape", {10, 1024}}}}}}};
  EXPECT_EQ(invariant_message(7, 3, 1024, fallback), "ok");
  Json both = fallback;
  both["router_head_shape"] = {4, 8};
  EXPECT_EQ(invariant_message(1, 3, 8, both), "ok");
}

TEST(HeadShape, HSI5CallsAManifestWithoutShapeMalformed) {
  for (const Json& manifest :
       {Json::object(), Json::array(), Json(nullptr), Json({{"router_head_shape", {10}}}),
        Json({{"router_head_shape", {10, -4}}}), Json({{"router_head_shape", {10, 0}}}),
        Json({{"router_head_shape", {"10", "1024"}}}),
        Json({{"router_head_shape", {10.0, 1024.0}}}), Json({{"python_semantic_manifest", "x"}}),
        Json({{"python_semantic_manifest", {{"routing", Json::array()}}}})}) {
    const auto status = route::check_head_invariant(7, 3, 1024, manifest);
    ASSERT_FALSE(status) << json_text(manifest);
    EXPECT_EQ(status.error().tag, "malformed_manifest");
    EXPECT_NE(status.error().message.find("malformed"), std::string::npos);
  }
}

}  // namespace
}  // namespace trinity
