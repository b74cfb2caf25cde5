// Model folders as people have them, through the whole router: other names, adapters, heads that
// decide nothing.
#include <gtest/gtest.h>
#include <trinity/router.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "route/head.h"
#include "router/router_support.h"
#include "tensor/safetensors.h"

namespace trinity::testing {
namespace {

const RouterQuery kQuestion = Conversation{{"user", "Is 1009 prime?"}};

/// A copy of the small model whose weights are written anew under other names or with other values.
class ModelSources : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder / "m");
    for (const char* name : {"config.json", "tokenizer.json", "router_head.safetensors"})
      std::filesystem::copy_file(small_model() / name, folder / "m" / name);
    options = small_options();
    options.model = folder / "m";
    const auto file = take(SafetensorsFile::open(small_model() / "model.safetensors"));
    for (const TensorInfo& tensor : file.tensors()) {
      shapes[tensor.name] = tensor.shape;
      values[tensor.name] = take(to_f32(take(file.tensor(tensor.name))));
    }
  }

  /// The weights as F32, each under what `name` makes of its name.
  template <typename Name>
  void write_weights(const Name& name) {
    std::vector<NamedTensor> tensors;
    for (const auto& [key, content] : values)
      tensors.push_back({name(key), {DType::f32, shapes[key], std::as_bytes(std::span(content))}});
    ASSERT_TRUE(write_safetensors(folder / "m/model.safetensors", tensors));
  }
  void write_weights() {
    write_weights([](const std::string& name) { return name; });
  }
  std::string decided() const { return fingerprint(load(options)->route(kQuestion)); }

  TemporaryFolder folder;
  RouterOptions options;
  std::map<std::string, std::vector<int64_t>> shapes;
  std::map<std::string, std::vector<float>> values;
};

TEST_F(ModelSources, NamesOfABareOrCompiledModelDecideTheSame) {
  write_weights();
  const std::string expected = decided();
  const std::vector<std::function<std::string(const std::string&)>> ways = {
      [](const std::string& name) { return name.substr(std::strlen("model.")); },
      [](const std::string& name) { return "_orig_mod." + name; },
      [](const std::string& name) { return "_orig_mod." + name.substr(std::strlen("model.")); },
      [](const std::string& name) { return "module." + name; }};
  for (const auto& way : ways) {
    write_weights(way);
    const auto router = load(options);
    EXPECT_EQ(fingerprint(router->route(kQuestion)), expected);
    EXPECT_TRUE(router->info().warnings.empty());
  }
}

TEST_F(ModelSources, AnAdapterBesideTheWeightsDecidesAsTheMergedModel) {
  write_weights();
  const std::string base = decided();
  // Small whole numbers: the merged weights are exact, so the two ways must have equal bits.
  const std::string target = "model.layers.1.mlp.up_proj.weight";
  const int64_t out = shapes[target][0], in = shapes[target][1], rank = 2;
  std::vector<float> a(static_cast<size_t>(rank * in)), b(static_cast<size_t>(out * rank));
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 5) - 2;
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 3) - 1;
  for (float& value : values[target]) value = std::round(value * 16) / 16;
  write_weights();
  folder.put("m/adapter_config.json", R"({"peft_type":"LORA","r":2,"lora_alpha":1,"bias":"none"})");
  const std::string module = "base_model.model.model.layers.1.mlp.up_proj";
  ASSERT_TRUE(write_safetensors(
      folder / "m/adapter_model.safetensors",
      {{module + ".lora_A.weight", {DType::f32, {rank, in}, std::as_bytes(std::span(a))}},
       {module + ".lora_B.weight", {DType::f32, {out, rank}, std::as_bytes(std::span(b))}}}));
  const auto adapted = load(options);
  const std::string with_adapter = fingerprint(adapted->route(kQuestion));
  EXPECT_NE(with_adapter, base);
  ASSERT_EQ(adapted->info().warnings.size(), 1u);
  EXPECT_NE(adapted->info().warnings[0].find("LoRA adapter"), std::string::npos);

  std::filesystem::remove(folder / "m/adapter_config.json");
  std::filesystem::remove(folder / "m/adapter_model.safetensors");
  std::vector<float>& weights = values[target];
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      for (int64_t r = 0; r < rank; ++r)
        weights[static_cast<size_t>(o * in + i)] +=
            0.5f * b[static_cast<size_t>(o * rank + r)] * a[static_cast<size_t>(r * in + i)];
  write_weights();
  EXPECT_EQ(decided(), with_adapter);
}

TEST_F(ModelSources, TheChoiceBetweenTwoSetsOfWeightsIsAWarning) {
  write_weights();
  folder.put("m/model.safetensors.index.json",
             R"({"weight_map":{"model.norm.weight":"model-00001-of-00002.safetensors"}})");
  const auto router = load(options);
  ASSERT_EQ(router->info().warnings.size(), 1u);
  EXPECT_NE(router->info().warnings[0].find("model-00001-of-00002.safetensors"), std::string::npos);
}

TEST_F(ModelSources, WeightsThatTheConfigDoesNotAskForAreAWarning) {
  const auto warned_of = [this](const std::string& text) {
    write_weights();
    const auto warnings = load(options)->info().warnings;
    return warnings.size() == 1 && warnings[0].find(text) != std::string::npos;
  };
  const auto with = [this](const std::string& name) {
    values[name] = values["model.norm.weight"];
    shapes[name] = shapes["model.norm.weight"];
  };
  with("score.weight");  // a head of another task
  with("model.layers.0.self_attn.rotary_emb.inv_freq");
  write_weights();
  EXPECT_TRUE(load(options)->info().warnings.empty());
  with("model.layers.0.self_attn.q_proj.bias");
  EXPECT_TRUE(warned_of("model.layers.0.self_attn.q_proj.bias"));
  values.erase("model.layers.0.self_attn.q_proj.bias");
  with("model.layers.70.input_layernorm.weight");  // more layers than config.json sets
  EXPECT_TRUE(warned_of("num_hidden_layers"));
}

TEST_F(ModelSources, AHeadOfEqualRowsIsAWarning) {
  write_weights();
  const std::vector<float> zeros(10 * 64, 0.0F);
  ASSERT_TRUE(write_safetensors(
      folder / "m/router_head.safetensors",
      {{route::Head::kTensorName, {DType::f32, {10, 64}, std::as_bytes(std::span(zeros))}}}));
  const auto router = load(options);
  ASSERT_EQ(router->info().warnings.size(), 1u);
  EXPECT_NE(router->info().warnings[0].find("rows of the router head are equal"),
            std::string::npos);
  EXPECT_TRUE(router->route(kQuestion));
}

TEST_F(ModelSources, EqualLogitsOfAHeadThatCouldDecideAreNoDecision) {
  auto& table = values["model.embed_tokens.weight"];
  std::fill_n(table.begin() + 5 * 64, 64, 0.0F);
  write_weights();
  const auto router = load(options);
  const auto decision = router->route(Ids{5});
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().tag, "equal_logits");
  EXPECT_TRUE(router->route(Ids{6}));
}

TEST_F(ModelSources, WhatIsNoModelFolderIsNamed) {
  const auto tag = [&](const std::filesystem::path& model) {
    RouterOptions wrong = options;
    wrong.model = model;
    const auto router = Router::load(wrong);
    return router ? "ok" : router.error().tag;
  };
  EXPECT_EQ(tag("Qwen/Qwen3-0.6B-absent"), "missing_file");
  EXPECT_EQ(tag(folder.put("model.gguf", "GGUF\x03")), "not_a_model_folder");
  folder.put("bundle/manifest.json", "{}");
  EXPECT_EQ(tag(folder / "bundle"), "not_a_model_folder");
  folder.put("pickles/pytorch_model.bin", "PK\x03\x04");
  EXPECT_EQ(tag(folder / "pickles"), "missing_weights");
  folder.put("adapter/adapter_config.json", "{}");
  EXPECT_EQ(tag(folder / "adapter"), "adapter_without_base");
}

TEST_F(ModelSources, ATokenizerThatIsAPointerIsNamed) {
  write_weights();
  folder.put("m/tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:46\n");
  const auto router = Router::load(options);
  ASSERT_FALSE(router);
  EXPECT_EQ(router.error().tag, "foreign_file");
  EXPECT_NE(router.error().message.find("tokenizer.json is a Git LFS pointer"), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
