// LoRA adapters beside the weights of their base model: merged, or refused by name.
#include "tensor/lora.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/temporary_folder.h"
#include "tensor/checkpoint.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::packed;
using testing::TemporaryFolder;

const std::string kQuery = "model.layers.0.self_attn.q_proj.weight";
const std::string kPlain =
    R"({"peft_type":"LORA","r":2,"lora_alpha":3,"bias":"none","fan_in_fan_out":false,)"
    R"("use_rslora":false,"use_dora":false,"modules_to_save":null,"rank_pattern":{},)"
    R"("alpha_pattern":{},"init_lora_weights":true,"target_modules":["q_proj"],)"
    R"("base_model_name_or_path":"org/base","loftq_config":{},"megatron_core":"megatron.core"})";

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

void write(const std::filesystem::path& path, const std::vector<Tensor>& tensors) {
  std::vector<std::string> bytes;
  for (const Tensor& tensor : tensors) bytes.push_back(packed(tensor.values));
  std::vector<NamedTensor> views;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    views.push_back({tensors[i].name, {DType::f32, tensors[i].shape, bytes_of(bytes[i])}});
  ASSERT_TRUE(write_safetensors(path, views));
}

/// W [2, 3], A [2, 3], B [2, 2].
const std::vector<Tensor> kBase = {{kQuery, {2, 3}, {1, 2, 3, 4, 5, 6}},
                                   {"model.norm.weight", {3}, {7, 8, 9}}};
const std::vector<float> kA = {1, 0, 2, 0, 1, 1}, kB = {2, 4, 1, 0};
/// W + 1.5 · B·A, by hand: B·A = [2 4 8; 1 0 2].
const std::vector<float> kMerged = {4, 8, 15, 5.5, 5, 9};

class Lora : public ::testing::Test {
 protected:
  void adapter(const std::string& config, const std::vector<Tensor>& tensors) {
    write(folder_ / "model.safetensors", kBase);
    folder_.put("adapter_config.json", config);
    write(folder_ / "adapter_model.safetensors", tensors);
  }
  static std::vector<Tensor> parts(const std::string& module) {
    return {{module + ".lora_A.weight", {2, 3}, kA}, {module + ".lora_B.weight", {2, 2}, kB}};
  }
  void expect_refused(const std::string& tag, const std::string& named) const {
    const auto checkpoint = Checkpoint::open(folder_.path());
    ASSERT_FALSE(checkpoint) << named;
    EXPECT_EQ(checkpoint.error().tag, tag) << checkpoint.error().message;
    EXPECT_NE(checkpoint.error().message.find(named), std::string::npos)
        << named << " in " << checkpoint.error().message;
  }

  TemporaryFolder folder_;
  const std::string module_ = "base_model.model.model.layers.0.self_attn.q_proj";
};

TEST_F(Lora, IsAddedToTheMatricesItNames) {
  for (const std::string& module : {module_, std::string("base_model.model.layers.0.self_attn."
                                                         "q_proj")}) {
    adapter(kPlain, parts(module));
    const auto checkpoint = Checkpoint::open(folder_.path());
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    EXPECT_EQ(checkpoint->names(), (std::vector<std::string>{kQuery, "model.norm.weight"}));
    for (int time = 0; time < 2; ++time) {
      const auto view = checkpoint->tensor(kQuery);
      ASSERT_TRUE(view) << view.error().message;
      EXPECT_EQ(view->dtype, DType::f32);
      EXPECT_EQ(*to_f32(*view), kMerged);
      checkpoint->release(kQuery);  // and it is merged anew
    }
    EXPECT_EQ(*to_f32(*checkpoint->tensor("model.norm.weight")), (std::vector<float>{7, 8, 9}));
    ASSERT_EQ(checkpoint->notes().size(), 1u);
    EXPECT_NE(checkpoint->notes().front().find("org/base"), std::string::npos);
  }
}

TEST_F(Lora, AMergedMatrixIsF32WhateverItsBaseIs) {
  adapter(kPlain, parts(module_));
  const std::vector<std::uint16_t> bf16 = {0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0, 0x40C0};
  const std::string bytes = packed(bf16);
  ASSERT_TRUE(write_safetensors(folder_ / "model.safetensors",
                                {{kQuery, {DType::bf16, {2, 3}, bytes_of(bytes)}}}));
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->find(kQuery)->dtype, DType::f32);
  EXPECT_EQ(checkpoint->find(kQuery)->size, 24u);
  EXPECT_EQ(checkpoint->total_bytes(), 24u);
  EXPECT_EQ(*to_f32(*checkpoint->tensor(kQuery)), kMerged);
}

TEST_F(Lora, EveryElementIsTheSumInTheOrderOfTheRank) {
  // More rows than a thread takes at a time, and columns that no register's width divides.
  constexpr std::int64_t rows = 203, columns = 29, rank = 5;
  std::mt19937 random(8);
  std::normal_distribution<float> normal;
  const auto numbers = [&](std::int64_t count) {
    std::vector<float> out(static_cast<std::size_t>(count));
    for (float& value : out) value = normal(random);
    return out;
  };
  const std::vector<float> w = numbers(rows * columns), a = numbers(rank * columns),
                           b = numbers(rows * rank);
  write(folder_ / "model.safetensors", {{kQuery, {rows, columns}, w}});
  folder_.put("adapter_config.json", R"({"peft_type":"LORA","r":5,"lora_alpha":3})");
  write(folder_ / "adapter_model.safetensors", {{module_ + ".lora_A.weight", {rank, columns}, a},
                                                {module_ + ".lora_B.weight", {rows, rank}, b}});
  std::vector<float> expected;
  for (std::size_t at = 0; at < w.size(); ++at) {
    const std::size_t row = at / columns, column = at % columns;
    double sum = 0;
    for (std::size_t k = 0; k < rank; ++k)
      sum += double{b[row * rank + k]} * double{a[k * columns + column]};
    expected.push_back(static_cast<float>(double{w[at]} + 3.0 / 5 * sum));
  }
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*to_f32(*checkpoint->tensor(kQuery)), expected);
}

TEST_F(Lora, VariantsAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> changes = {
      {R"("use_rslora":false)", R"("use_rslora":true)"},
      {R"("use_dora":false)", R"("use_dora":true)"},
      {R"("bias":"none")", R"("bias":"lora_only")"},
      {R"("bias":"none")", R"("bias":"all")"},
      {R"("fan_in_fan_out":false)", R"("fan_in_fan_out":true)"},
      {R"("modules_to_save":null)", R"("modules_to_save":["lm_head"])"},
      {R"("rank_pattern":{})", R"("rank_pattern":{"q_proj":4})"},
      {R"("alpha_pattern":{})", R"("alpha_pattern":{"q_proj":4})"},
      {R"("init_lora_weights":true)", R"("init_lora_weights":"pissa_niter_4")"},
      {R"("loftq_config":{})", R"("lora_bias":true)"},
      {R"("loftq_config":{})", R"("layer_replication":[[0,2]])"},
      {R"("loftq_config":{})", R"("trainable_token_indices":[1])"},
      {R"("loftq_config":{})", R"("use_something_new":true)"},
      {R"("peft_type":"LORA")", R"("peft_type":"LOHA")"},
      {R"("peft_type":"LORA")", R"("lora_parameters":{"rank":8})"}};
  for (const auto& [from, to] : changes) {
    std::string config = kPlain;
    config.replace(config.find(from), from.size(), to);
    const auto parsed = parse_lora_config(config);
    ASSERT_FALSE(parsed) << to;
    EXPECT_EQ(parsed.error().tag, "unsupported_adapter") << to;
    const std::string key = to.substr(1, to.find('"', 1) - 1);
    if (key != "peft_type" && key != "lora_parameters") {
      EXPECT_NE(parsed.error().message.find(key), std::string::npos) << parsed.error().message;
    }
    EXPECT_NE(parsed.error().message.find("merge"), std::string::npos);
  }
}

TEST_F(Lora, TensorsOfModulesThatAreNoTargetsAreRefused) {
  const auto targets = [](const std::string& value) {
    std::string config = kPlain;
    const std::string from = R"("target_modules":["q_proj"])";
    return config.replace(config.find(from), from.size(), "\"target_modules\":" + value);
  };
  adapter(targets(R"(["v_proj","proj"])"), parts(module_));
  expect_refused("invalid_adapter", "target_modules");
  for (const char* value : {R"(["v_proj","self_attn.q_proj"])", R"("all-linear")", "[]", "null"}) {
    adapter(targets(value), parts(module_));
    EXPECT_TRUE(Checkpoint::open(folder_.path())) << value;
  }
}

TEST_F(Lora, ImpossibleSettingsAreRefused) {
  for (const char* config :
       {"[]", "{}", R"({"r":2})", R"({"r":0,"lora_alpha":1})", R"({"r":2.5,"lora_alpha":1})",
        R"({"r":"2","lora_alpha":1})", R"({"r":100000000000,"lora_alpha":1})",
        R"({"r":2,"lora_alpha":"3"})", R"({"r":2,"lora_alpha":null})"}) {
    const auto parsed = parse_lora_config(config);
    ASSERT_FALSE(parsed) << config;
    EXPECT_EQ(parsed.error().tag, "invalid_adapter") << config;
  }
  EXPECT_EQ(parse_lora_config("{").error().tag, "invalid_json");
  EXPECT_DOUBLE_EQ(parse_lora_config(R"({"r":16,"lora_alpha":8})")->scale, 0.5);
}

TEST_F(Lora, TensorsThatAreNoPlainLoraAreRefused) {
  const Tensor a{module_ + ".lora_A.weight", {2, 3}, kA};
  const Tensor b{module_ + ".lora_B.weight", {2, 2}, kB};
  const std::vector<std::tuple<std::vector<Tensor>, std::string, std::string>> cases = {
      {{}, "invalid_adapter", "no tensors"},
      {{a}, "invalid_adapter", "only one of lora_A and lora_B"},
      {{b}, "invalid_adapter", "only one of lora_A and lora_B"},
      {{a, {b.name, {2, 3}, kA}}, "invalid_adapter", "rank 2"},
      {{{a.name, {3, 2}, kA}, b}, "invalid_adapter", "rank 2"},
      {{{a.name, {2, 1, 3}, kA}, b}, "invalid_adapter", "rank 2"},
      {{a, b, {module_ + ".lora_magnitude_vector", {2}, {1, 2}}},
       "unsupported_adapter",
       "lora_magnitude_vector"},
      {{a, b, {"base_model.model.model.embed_tokens.lora_embedding_A", {2, 3}, kA}},
       "unsupported_adapter",
       "lora_embedding_A"},
      {{a, b, {"base_model.model.lm_head.weight", {2, 3}, kA}}, "unsupported_adapter", "lm_head"},
      {{{"base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", {2, 3}, kA},
        {"base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight", {2, 2}, kB}},
       "invalid_adapter",
       "layers.7"}};
  for (const auto& [tensors, tag, named] : cases) {
    adapter(kPlain, tensors);
    expect_refused(tag, named);
  }
}

TEST_F(Lora, AnAdapterOfAnotherShapeIsRefusedWhenItIsMerged) {
  adapter(kPlain, {{module_ + ".lora_A.weight", {2, 2}, {1, 2, 3, 4}},
                   {module_ + ".lora_B.weight", {2, 2}, kB}});
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint);
  const auto view = checkpoint->tensor(kQuery);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().tag, "invalid_adapter");
  EXPECT_NE(view.error().message.find("another model"), std::string::npos);
}

TEST_F(Lora, AnAdapterOfTheLmHeadAloneChangesNothingThatIsRead) {
  adapter(R"({"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["lm_head"]})",
          parts("base_model.model.lm_head"));
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(*to_f32(*checkpoint->tensor(kQuery)), kBase[0].values);
}

TEST_F(Lora, FilesThatLackTheirOtherHalfAreTold) {
  adapter(kPlain, parts(module_));
  std::filesystem::remove(folder_ / "adapter_model.safetensors");
  expect_refused("missing_file", "no adapter_model.safetensors");
  folder_.put("adapter_model.bin", "PK\x03\x04");
  expect_refused("missing_file", "adapter_model.bin is a Python pickle");
  std::filesystem::remove(folder_ / "adapter_config.json");
  write(folder_ / "adapter_model.safetensors", parts(module_));
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->names().size(), 2u) << "the adapter's tensors are no weights";
  ASSERT_EQ(checkpoint->notes().size(), 1u);
  EXPECT_NE(checkpoint->notes().front().find("is not read"), std::string::npos);
}

TEST_F(Lora, PointersInThePlaceOfItsFilesAreNamed) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:46\nsize 1\n";
  adapter(kPlain, parts(module_));
  folder_.put("adapter_model.safetensors", pointer);
  expect_refused("foreign_file", "adapter_model.safetensors is a Git LFS pointer");
  folder_.put("adapter_config.json", pointer);
  expect_refused("foreign_file", "adapter_config.json is a Git LFS pointer");
}

}  // namespace
}  // namespace trinity
