// Layouts and products of the head variants.
#include "route/head_variants.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "route/selection.h"

namespace trinity {
namespace {

using Partitions = std::vector<route::Partition>;

route::HeadSpec spec(std::size_t input, std::size_t agents, std::size_t roles,
                     route::HeadVariant variant) {
  route::HeadSpec result;
  result.input_dim = input;
  result.num_agents = agents;
  result.num_roles = roles;
  result.variant = variant;
  return result;
}

void expect_route_in_bounds(const route::HeadSpec& head_spec) {
  const auto head = route::TrainableHead::create(head_spec, {1, 2, 3});
  ASSERT_TRUE(head) << head.error().message;
  std::vector<float> input(head_spec.input_dim, 0.5f);
  const auto logits = head->logits(input);
  ASSERT_TRUE(logits);
  const auto route = route::select_route(*logits, head_spec.num_agents, head_spec.num_roles, {});
  ASSERT_TRUE(route);
  EXPECT_LT(static_cast<std::size_t>(route->agent_id), head_spec.num_agents);
  EXPECT_LT(static_cast<std::size_t>(route->role_id), head_spec.num_roles);
}

TEST(HeadVariants, CH4LinearLayout) {
  const auto layout = route::head_layout(spec(10, 4, 3, route::HeadVariant::linear));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->parameter_count, 10u * 7 + 7);
  EXPECT_EQ(layout->input_partitions, (Partitions{{0, 10}}));
  EXPECT_EQ(layout->output_partitions, (Partitions{{0, 7}}));
}

TEST(HeadVariants, CH5AndCH6ReadNamesAndRefuseUnknownOnes) {
  EXPECT_EQ(*route::parse_head_variant("linear"), route::HeadVariant::linear);
  EXPECT_EQ(*route::parse_head_variant("block-diagonal"), route::HeadVariant::block_diagonal);
  EXPECT_EQ(*route::parse_head_variant(" Block_Diagonal "), route::HeadVariant::block_diagonal);
  EXPECT_EQ(*route::parse_head_variant("sparse"), route::HeadVariant::sparse);
  for (const char* name : {"circular", "", " "}) {
    const auto variant = route::parse_head_variant(name);
    ASSERT_FALSE(variant);
    EXPECT_EQ(variant.error().tag, "invalid_head_variant");
    EXPECT_NE(variant.error().message.find("invalid head variant \"" + std::string(name) + "\""),
              std::string::npos);
  }
}

TEST(HeadVariants, CH7BlockDiagonalLayout) {
  route::HeadSpec blocks = spec(7, 3, 2, route::HeadVariant::block_diagonal);
  blocks.blocks = 3;
  const auto layout = route::head_layout(blocks);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->input_partitions, (Partitions{{0, 3}, {3, 2}, {5, 2}}));
  EXPECT_EQ(layout->output_partitions, (Partitions{{0, 2}, {2, 2}, {4, 1}}));
  EXPECT_EQ(layout->parameter_count, 17u);
  EXPECT_EQ(layout->effective_sparse_k, std::nullopt);
  expect_route_in_bounds(blocks);
}

TEST(HeadVariants, CH8SparseLayout) {
  route::HeadSpec sparse = spec(6, 3, 2, route::HeadVariant::sparse);
  sparse.sparse_k = 4;
  const auto layout = route::head_layout(sparse);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->effective_sparse_k, 4u);
  EXPECT_EQ(layout->parameter_count, 4u * 5 + 5);
  EXPECT_EQ(layout->input_partitions, (Partitions{{0, 4}}));
  expect_route_in_bounds(sparse);
  sparse.sparse_k.reset();
  EXPECT_EQ(route::head_layout(sparse)->effective_sparse_k, 6u);
}

TEST(HeadVariants, CH9RefusesSizesThatDoNotFit) {
  const auto tag = [](const route::HeadSpec& bad) {
    const auto layout = route::head_layout(bad);
    return layout ? std::string("no error") : layout.error().tag;
  };
  route::HeadSpec sparse = spec(6, 3, 2, route::HeadVariant::sparse);
  sparse.sparse_k = 8;
  EXPECT_EQ(tag(sparse), "invalid_sparse_k");
  sparse.sparse_k = 0;
  EXPECT_EQ(tag(sparse), "invalid_sparse_k");
  route::HeadSpec blocks = spec(7, 3, 2, route::HeadVariant::block_diagonal);
  blocks.blocks = 6;  // more than the outputs
  EXPECT_EQ(tag(blocks), "invalid_blocks");
  blocks.blocks = 0;
  EXPECT_EQ(tag(blocks), "invalid_blocks");
  EXPECT_EQ(tag(spec(0, 3, 2, route::HeadVariant::linear)), "invalid_head_shape");
  EXPECT_EQ(tag(spec(4, 0, 2, route::HeadVariant::linear)), "invalid_head_shape");
}

TEST(HeadVariants, PartitionsCoverInputAndOutputsInOrder) {
  for (std::size_t input = 1; input <= 12; ++input) {
    for (std::size_t outputs = 2; outputs <= 10; ++outputs) {
      for (std::size_t count = 1; count <= std::min(input, outputs); ++count) {
        route::HeadSpec blocks = spec(input, outputs - 1, 1, route::HeadVariant::block_diagonal);
        blocks.blocks = count;
        const auto layout = route::head_layout(blocks);
        ASSERT_TRUE(layout);
        std::size_t parameters = 0;
        std::size_t in = 0;
        std::size_t out = 0;
        for (std::size_t i = 0; i < count; ++i) {
          EXPECT_EQ(layout->input_partitions[i].start, in);
          EXPECT_EQ(layout->output_partitions[i].start, out);
          in += layout->input_partitions[i].length;
          out += layout->output_partitions[i].length;
          parameters +=
              (layout->input_partitions[i].length + 1) * layout->output_partitions[i].length;
        }
        EXPECT_EQ(in, input);
        EXPECT_EQ(out, outputs);
        EXPECT_EQ(layout->parameter_count, parameters);
        EXPECT_EQ(route::TrainableHead::create(blocks, {1, 1, 1})->parameters().size(), parameters);
      }
    }
  }
}

TEST(HeadVariants, OutputsSeeOnlyTheirInputs) {
  route::HeadSpec blocks = spec(7, 3, 2, route::HeadVariant::block_diagonal);
  blocks.blocks = 3;
  route::HeadSpec sparse = spec(7, 3, 2, route::HeadVariant::sparse);
  sparse.sparse_k = 4;
  for (const route::HeadSpec& head_spec :
       {blocks, sparse, spec(7, 3, 2, route::HeadVariant::linear)}) {
    const auto head = route::TrainableHead::create(head_spec, {4, 5, 6});
    const route::HeadLayout& layout = head->layout();
    const std::vector<float> zero(7, 0.0f);
    EXPECT_EQ(*head->logits(zero), std::vector<float>(5, 0.0f));
    for (std::size_t input = 0; input < 7; ++input) {
      std::vector<float> unit = zero;
      unit[input] = 1.0f;
      const auto logits = *head->logits(unit);
      for (std::size_t output = 0; output < 5; ++output) {
        bool connected = false;
        for (std::size_t i = 0; i < layout.blocks; ++i) {
          const auto& in = layout.input_partitions[i];
          const auto& out = layout.output_partitions[i];
          connected = connected || (input >= in.start && input < in.start + in.length &&
                                    output >= out.start && output < out.start + out.length);
        }
        EXPECT_EQ(logits[output] != 0.0f, connected) << input << " " << output;
      }
    }
  }
}

TEST(HeadVariants, BiasesComeBeforeTheKernelOfEachLayer) {
  auto head = route::TrainableHead::create(spec(2, 1, 1, route::HeadVariant::linear), {1, 2, 3});
  const std::vector<float> values = {10.0f, 20.0f, 1.0f, 2.0f, 3.0f, 4.0f};
  std::copy(values.begin(), values.end(), head->parameters().begin());
  EXPECT_EQ(*head->logits(std::vector<float>{1.0f, 0.0f}), (std::vector<float>{11.0f, 22.0f}));
  EXPECT_EQ(*head->logits(std::vector<float>{0.0f, 1.0f}), (std::vector<float>{13.0f, 24.0f}));
}

TEST(HeadVariants, InitialKernelsAreSeededAndBounded) {
  const route::HeadSpec linear = spec(20, 7, 3, route::HeadVariant::linear);
  const auto first = route::TrainableHead::create(linear, {1, 2, 3});
  const auto same = route::TrainableHead::create(linear, {1, 2, 3});
  const auto other = route::TrainableHead::create(linear, {1, 2, 4});
  const auto equal = [](const route::TrainableHead& a, const route::TrainableHead& b) {
    return std::equal(a.parameters().begin(), a.parameters().end(), b.parameters().begin());
  };
  EXPECT_TRUE(equal(*first, *same));
  EXPECT_FALSE(equal(*first, *other));
  for (const float parameter : first->parameters())
    EXPECT_LE(std::fabs(parameter), std::sqrt(6.0f / 30));
}

TEST(HeadVariants, RefusesInputsOfAnotherSize) {
  const auto head =
      route::TrainableHead::create(spec(4, 2, 2, route::HeadVariant::linear), {1, 2, 3});
  const auto logits = head->logits(std::vector<float>(5, 0.0f));
  ASSERT_FALSE(logits);
  EXPECT_EQ(logits.error().tag, "hidden_size_mismatch");
}

}  // namespace
}  // namespace trinity
