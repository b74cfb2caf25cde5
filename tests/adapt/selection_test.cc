// Which tensors are adapted, in which order, under which names and in which orientation.
#include "adapt/selection.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "adapt/adapt_support.h"
#include "adapt/tie_mode.h"
#include "base/temporary_folder.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

struct Named {
  std::string name;
  std::vector<int64_t> shape;
  DType dtype = DType::bf16;
};

Checkpoint checkpoint_with(const TemporaryFolder& folder, const std::vector<Named>& tensors) {
  std::vector<std::vector<std::byte>> memory;
  std::vector<NamedTensor> named;
  for (const Named& tensor : tensors) {
    memory.emplace_back(static_cast<size_t>(must(byte_count(tensor.dtype, tensor.shape))));
    named.push_back({tensor.name, {tensor.dtype, tensor.shape, memory.back()}});
  }
  must(write_safetensors(folder / "model.safetensors", std::move(named)));
  return must(Checkpoint::open(folder.path()));
}

std::vector<Named> layer(int index, int64_t hidden = 4, int64_t wide = 6) {
  const std::string prefix = "model.layers." + std::to_string(index) + ".";
  return {{prefix + "mlp.down_proj.weight", {hidden, wide}},
          {prefix + "mlp.gate_proj.weight", {wide, hidden}},
          {prefix + "mlp.up_proj.weight", {wide, hidden}},
          {prefix + "self_attn.k_proj.weight", {hidden, hidden}},
          {prefix + "self_attn.v_proj.weight", {hidden, hidden}},
          {prefix + "self_attn.o_proj.weight", {hidden, wide}},
          {prefix + "self_attn.q_proj.weight", {wide, hidden}},
          {prefix + "input_layernorm.weight", {hidden}},
          {prefix + "self_attn.q_norm.weight", {1, hidden}}};
}

std::vector<Named> model(int layers, bool head) {
  std::vector<Named> all = {{"model.embed_tokens.weight", {20, 4}}, {"model.norm.weight", {4}}};
  for (int i = 0; i < layers; ++i)
    for (const Named& tensor : layer(i)) all.push_back(tensor);
  if (head) all.push_back({"lm_head.weight", {20, 4}});
  return all;
}

std::vector<std::string> paths_of(const adapt::Selection& selection) {
  std::vector<std::string> paths;
  for (const adapt::SelectedTensor& tensor : selection.tensors) paths.push_back(tensor.path);
  return paths;
}

TEST(Selection, OneLayerInCanonicalOrderWithoutGaps) {
  const TemporaryFolder folder;
  const Checkpoint checkpoint = checkpoint_with(folder, model(12, false));
  const std::vector<int64_t> layers = {10};
  const adapt::Selection selection = must(adapt::select_tensors(checkpoint, layers, true));
  EXPECT_EQ(paths_of(selection),
            (std::vector<std::string>{
                "embedder.token_embedding.kernel", "decoder.blocks.10.self_attention.query.kernel",
                "decoder.blocks.10.self_attention.key.kernel",
                "decoder.blocks.10.self_attention.value.kernel",
                "decoder.blocks.10.self_attention.output.kernel",
                "decoder.blocks.10.ffn.gate.kernel", "decoder.blocks.10.ffn.intermediate.kernel",
                "decoder.blocks.10.ffn.output.kernel", "language_modeling_head.output.kernel"}));
  int64_t cursor = 0, index = 0;
  for (const adapt::SelectedTensor& tensor : selection.tensors) {
    EXPECT_EQ(tensor.index, ++index);
    EXPECT_EQ(tensor.offset_start, cursor);
    cursor = tensor.offset_end;
    EXPECT_EQ(tensor.singular_values(), 4);
    const bool turned = tensor.source_name.find("layers") != std::string::npos;
    adapt::MatrixShape expected = tensor.source_shape;
    if (turned) std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(tensor.target_shape, expected) << tensor.path;
  }
  EXPECT_EQ(selection.scale_count(), 36);
  EXPECT_EQ(selection.tensors.back().stored_name, "model.embed_tokens.weight");
  EXPECT_EQ(selection.tensors.back().source_name, "lm_head.weight");
}

TEST(Selection, SVD_5_LayersAreOrderedByNumberAndVectorsLeftOut) {
  const TemporaryFolder folder;
  const Checkpoint checkpoint = checkpoint_with(folder, model(12, true));
  const adapt::Selection all = must(adapt::select_tensors(checkpoint, {}, false));
  EXPECT_EQ(all.tensors.size(), 2U + 12 * 7);
  std::vector<int64_t> blocks;
  for (const adapt::SelectedTensor& tensor : all.tensors)
    if (const auto block = adapt::block_index(tensor.path)) blocks.push_back(*block);
  EXPECT_TRUE(std::is_sorted(blocks.begin(), blocks.end()));
  const std::vector<int64_t> unordered = {11, 2};
  const adapt::Selection two = must(adapt::select_tensors(checkpoint, unordered, false));
  EXPECT_EQ(two.tensors.size(), 2U + 14);
  EXPECT_EQ(adapt::block_index(two.tensors[1].path), 2);
  EXPECT_EQ(two.tensors.back().stored_name, "lm_head.weight");
}

TEST(Selection, SmallAndForeignTensorsAreSkipped) {
  const TemporaryFolder folder;
  auto tensors = model(1, false);
  tensors.push_back({"model.layers.1.self_attn.q_proj.weight", {1, 4}});
  tensors.push_back({"model.layers.1.self_attn.k_proj.weight", {4, 1}});
  tensors.push_back({"visual.proj.weight", {4, 4}});
  const Checkpoint checkpoint = checkpoint_with(folder, tensors);
  EXPECT_EQ(must(adapt::select_tensors(checkpoint, {}, true)).tensors.size(), 9U);
}

TEST(Selection, WhatCannotBeAdaptedIsSaid) {
  const TemporaryFolder folder;
  const Checkpoint checkpoint = checkpoint_with(folder, model(2, false));
  const std::vector<int64_t> absent = {2}, negative = {-1};
  EXPECT_EQ(tag_of(adapt::select_tensors(checkpoint, absent, true)), "invalid_layers");
  EXPECT_EQ(tag_of(adapt::select_tensors(checkpoint, negative, true)), "invalid_layers");
  const TemporaryFolder other;
  EXPECT_EQ(
      tag_of(adapt::select_tensors(checkpoint_with(other, {{"model.norm.weight", {4}}}), {}, true)),
      "no_selected_tensors");
  const TemporaryFolder whole;
  EXPECT_EQ(
      tag_of(adapt::select_tensors(
          checkpoint_with(whole, {{"model.embed_tokens.weight", {8, 4}, DType::i32}}), {}, true)),
      "unsupported_dtype");
}

TEST(Selection, SVD_17_TheReleasedLayoutIsReproduced) {
  TRINITY_REQUIRE_CONFORMANCE("sakana/reference_manifest.json");
  const auto manifest =
      nlohmann::json::parse(slurp(conformance_path("sakana/reference_manifest.json")));
  const auto& tensors = manifest["selected_tensors"];
  ASSERT_EQ(tensors.size(), 9U);
  int64_t cursor = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string source = tensors[i]["source_name"], path = tensors[i]["elixir_name"];
    EXPECT_EQ(adapt::bundle_path(source), path);
    EXPECT_EQ(adapt::source_name(path), source);
    EXPECT_EQ(tensors[i]["offset_start"], cursor);
    cursor = tensors[i]["offset_end"];
    if (i > 0) {
      EXPECT_TRUE(adapt::canonical_before(tensors[i - 1]["elixir_name"].get<std::string>(), path));
    }
  }
  EXPECT_EQ(cursor, 9216);
}

TEST(TensorNaming, N5_SquareMatricesOfLayersAreTurnedBothWays) {
  const std::string key = "model.layers.26.self_attn.k_proj.weight";
  const std::string path = "decoder.blocks.26.self_attention.key.kernel";
  const adapt::MatrixShape square = {8, 8}, tall = {8, 4}, wide = {4, 8}, other = {8, 5};
  EXPECT_EQ(must(adapt::transposed_in_bundle(key, path, square, square)), true);
  EXPECT_EQ(must(adapt::transposed_in_checkpoint(key, square, square)), true);
  EXPECT_EQ(must(adapt::transposed_in_bundle(key, path, tall, wide)), true);
  EXPECT_EQ(must(adapt::transposed_in_bundle(key, path, tall, tall)), false);
  EXPECT_EQ(must(adapt::transposed_in_bundle("model.embed_tokens.weight",
                                             "embedder.token_embedding.kernel", square, square)),
            false);
  EXPECT_EQ(must(adapt::transposed_in_checkpoint("lm_head.weight", square, square)), false);
  EXPECT_EQ(must(adapt::transposed_in_checkpoint("lm_head.weight", tall, wide)), true);
  EXPECT_EQ(must(adapt::transposed_in_bundle(key, "some.other.bias", square, square)), false);
  EXPECT_EQ(tag_of(adapt::transposed_in_bundle(key, path, tall, other)), "orientation_mismatch");
  EXPECT_EQ(tag_of(adapt::transposed_in_checkpoint(key, tall, other)), "shape_mismatch");
}

TEST(TensorNaming, SVD_8_NamesThatAreNoneOfOurs) {
  for (const char* name :
       {"", "model.layers..self_attn.k_proj.weight", "model.layers.x.self_attn.k_proj.weight",
        "model.layers.-1.self_attn.k_proj.weight", "model.layers.1.self_attn.k_proj.bias",
        "model.layers.99999999999999999999.self_attn.k_proj.weight", "model.norm.weight",
        "model.layers.26", "model.layers."})
    EXPECT_FALSE(adapt::bundle_path(name)) << name;
  EXPECT_FALSE(adapt::source_name("decoder.blocks.1.unknown.kernel"));
  EXPECT_EQ(adapt::path_segments("decoder.blocks.26.ffn.gate.kernel"),
            (std::vector<std::string>{"decoder.blocks.26.ffn.gate", "kernel"}));
  EXPECT_EQ(adapt::path_segments("plain"), (std::vector<std::string>{"plain"}));
}

TEST(TieModes, NamesAndBlocks) {
  for (const TieMode mode :
       {TieMode::embed_offsets, TieMode::last_write, TieMode::lm_head_offsets, TieMode::compound})
    EXPECT_EQ(must(parse_tie_mode(tie_mode_name(mode))), mode);
  EXPECT_EQ(tag_of(parse_tie_mode("both")), "invalid_tie_mode");
  const TemporaryFolder folder;
  const Checkpoint checkpoint = checkpoint_with(folder, model(1, true));
  const adapt::Selection tied = must(adapt::select_tensors(checkpoint, {}, true));
  const adapt::Selection apart = must(adapt::select_tensors(checkpoint, {}, false));
  using Places = std::vector<size_t>;
  EXPECT_EQ(adapt::offset_blocks(tied, 0, TieMode::last_write), (Places{8}));
  EXPECT_EQ(adapt::offset_blocks(apart, 0, TieMode::last_write), (Places{0}));
  EXPECT_EQ(adapt::offset_blocks(apart, 0, TieMode::lm_head_offsets), (Places{8}));
  EXPECT_EQ(adapt::offset_blocks(tied, 0, TieMode::compound), (Places{0, 8}));
  EXPECT_EQ(adapt::offset_blocks(tied, 3, TieMode::compound), (Places{3}));
}

}  // namespace
}  // namespace trinity::testing
