// Which files are a model's weights, and under which names their tensors go.
#include <gtest/gtest.h>

#include <map>

#include "base/temporary_folder.h"
#include "tensor/checkpoint.h"
#include "tensor/tensor_bytes.h"
#include "tensor/tensor_names.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::TemporaryFolder;
using testing::text_of;

constexpr const char* kIndex = "model.safetensors.index.json";

/// Tensors of bytes: name -> content.
using Content = std::map<std::string, std::string>;

class WeightSets : public ::testing::Test {
 protected:
  void write(const std::string& file, const Content& content) {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, bytes] : content)
      tensors.push_back(
          {name, {DType::u8, {static_cast<std::int64_t>(bytes.size())}, bytes_of(bytes)}});
    ASSERT_TRUE(write_safetensors(folder_ / file, tensors));
  }
  void index(const std::map<std::string, std::string>& file_of) {
    std::string map;
    for (const auto& [tensor, file] : file_of)
      map += (map.empty() ? "\"" : ",\"") + tensor + "\":\"" + file + "\"";
    folder_.put(kIndex, "{\"weight_map\":{" + map + "}}");
  }
  Result<Checkpoint> open() const { return Checkpoint::open(folder_.path()); }
  /// The tensors that are read; empty with a failure.
  Content read() const {
    Content content;
    const auto checkpoint = open();
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    if (checkpoint)
      for (const std::string& name : checkpoint->names())
        content[name] = text_of(checkpoint->tensor(name)->bytes);
    return content;
  }
  std::string note() const {
    const auto checkpoint = open();
    return checkpoint && checkpoint->notes().size() == 1 ? checkpoint->notes().front() : "";
  }
  void expect_refused(const std::string& tag, const std::vector<std::string>& named) const {
    const auto checkpoint = open();
    ASSERT_FALSE(checkpoint);
    EXPECT_EQ(checkpoint.error().tag, tag) << checkpoint.error().message;
    for (const std::string& part : named)
      EXPECT_NE(checkpoint.error().message.find(part), std::string::npos)
          << part << " in " << checkpoint.error().message;
  }

  TemporaryFolder folder_;
};

TEST_F(WeightSets, OneSetNeedsNoNote) {
  write("model.safetensors", {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(read(), (Content{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(open()->notes().empty());
  index({{"a", "model.safetensors"}, {"b", "model.safetensors"}});
  EXPECT_EQ(read(), (Content{{"a", "1"}, {"b", "2"}}));
  EXPECT_TRUE(open()->notes().empty()) << "an index of the one file";
}

TEST_F(WeightSets, TwoSetsThatDifferAreRefusedByTensorAndFile) {
  write("model.safetensors", {{"a", "1"}, {"b", "new"}});
  write("model-1.safetensors", {{"a", "1"}});
  write("model-2.safetensors", {{"b", "old"}});
  index({{"a", "model-1.safetensors"}, {"b", "model-2.safetensors"}});
  expect_refused("contradicting_weights",
                 {"b", "model.safetensors", "model-2.safetensors", kIndex});
}

TEST_F(WeightSets, AnotherShapeOrTypeIsAnotherContent) {
  write("model-1.safetensors", {{"a", "1234"}});
  index({{"a", "model-1.safetensors"}});
  const std::string bytes = "1234";
  for (const TensorView& view : {TensorView{DType::u8, {2, 2}, bytes_of(bytes)},
                                 TensorView{DType::i8, {4}, bytes_of(bytes)}}) {
    ASSERT_TRUE(write_safetensors(folder_ / "model.safetensors", {{"a", view}}));
    expect_refused("contradicting_weights", {"a"});
  }
}

TEST_F(WeightSets, TwoSetsThatAgreeAreOneAndTheChoiceIsTold) {
  write("model.safetensors", {{"layers.0.a", "1"}, {"b", "2"}});
  write("model-1.safetensors", {{"model.layers.0.a", "1"}});
  write("model-2.safetensors", {{"b", "2"}});
  index({{"model.layers.0.a", "model-1.safetensors"}, {"b", "model-2.safetensors"}});
  EXPECT_EQ(read(), (Content{{"model.layers.0.a", "1"}, {"b", "2"}}));
  EXPECT_NE(note().find("twice"), std::string::npos) << note();
  EXPECT_NE(note().find("model.safetensors is read"), std::string::npos) << note();
  ASSERT_EQ(open()->files().size(), 1u);
  EXPECT_EQ(open()->files().front().path().filename(), "model.safetensors");
}

TEST_F(WeightSets, TheSetThatHoldsMoreIsRead) {
  write("model.safetensors", {{"a", "1"}});
  write("model-1.safetensors", {{"a", "1"}, {"b", "2"}});
  index({{"a", "model-1.safetensors"}, {"b", "model-1.safetensors"}});
  EXPECT_EQ(read(), (Content{{"a", "1"}, {"b", "2"}}));
  EXPECT_NE(note().find("the files of the index are read"), std::string::npos) << note();
}

TEST_F(WeightSets, AWholeFileStandsInForMissingShards) {
  write("model.safetensors", {{"a", "new"}, {"b", "2"}});
  write("model-1.safetensors", {{"a", "old"}});
  index({{"a", "model-1.safetensors"}, {"b", "model-2.safetensors"}});
  EXPECT_EQ(read(), (Content{{"a", "new"}, {"b", "2"}}));
  EXPECT_NE(note().find("model-2.safetensors"), std::string::npos) << note();
  EXPECT_NE(note().find("read from model.safetensors"), std::string::npos) << note();
  std::filesystem::create_symlink("/absent/blob", folder_ / "model-2.safetensors");
  EXPECT_EQ(read()["b"], "2") << "a link that leads nowhere is missing too";
}

TEST_F(WeightSets, MissingShardsAreCountedAndNamed) {
  write("model-1.safetensors", {{"a", "1"}});
  index({{"a", "model-1.safetensors"}, {"b", "model-2.safetensors"}, {"c", "model-3.safetensors"}});
  expect_refused("missing_file", {"2 of 3 files", "model-2.safetensors"});
}

TEST_F(WeightSets, AnIndexThatIsAPointerIsNamed) {
  write("model.safetensors", {{"a", "1"}});
  folder_.put(kIndex, "version https://git-lfs.github.com/spec/v1\noid sha256:46\nsize 1\n");
  expect_refused("foreign_file", {kIndex, "Git LFS pointer"});
}

TEST(TensorNames, GoByTheNameOfTheForwardPass) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.weight"},
      {"layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.weight"},
      {"embed_tokens.weight", "model.embed_tokens.weight"},
      {"norm.weight", "model.norm.weight"},
      {"lm_head.weight", "lm_head.weight"},
      {"_orig_mod.model.norm.weight", "model.norm.weight"},
      {"_orig_mod.layers.3.mlp.up_proj.weight", "model.layers.3.mlp.up_proj.weight"},
      {"model._orig_mod.layers.3.mlp.up_proj.weight", "model.layers.3.mlp.up_proj.weight"},
      {"model.layers.3._orig_mod.mlp.up_proj.weight", "model.layers.3.mlp.up_proj.weight"},
      {"module.model.norm.weight", "model.norm.weight"},
      {"module._orig_mod.model.norm.weight", "model.norm.weight"},
      {"_orig_mod.module.lm_head.weight", "lm_head.weight"},
      {"my_module.weight", "my_module.weight"},
      {"model.normal.weight", "model.normal.weight"},
      {"layernorm.weight", "layernorm.weight"},
      {"_orig_mod.", "_orig_mod."},
      {"", ""}};
  for (const auto& [stored, canonical] : cases) EXPECT_EQ(canonical_tensor_name(stored), canonical);
}

TEST_F(WeightSets, NamesOfOtherWrappingsAreFound) {
  write("model.safetensors",
        {{"embed_tokens.weight", "e"}, {"_orig_mod.layers.0.mlp.up_proj.weight", "u"}});
  const auto checkpoint = open();
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE(checkpoint->has("model.embed_tokens.weight"));
  const TensorInfo* info = checkpoint->find("model.layers.0.mlp.up_proj.weight");
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->name, "model.layers.0.mlp.up_proj.weight");
  EXPECT_EQ(text_of(checkpoint->tensor(info->name)->bytes), "u");
  checkpoint->release(info->name);
  EXPECT_EQ(text_of(checkpoint->tensor(info->name)->bytes), "u");
}

TEST_F(WeightSets, AVariantBesideTheWeightsIsRefusedUnlessAnIndexLeavesItOut) {
  write("model.safetensors", {{"a", "1"}});
  write("model.fp16.safetensors", {{"a", "1"}});
  expect_refused("duplicate_tensor",
                 {"model.fp16.safetensors", "model.safetensors", "keep one of the files"});
  index({{"a", "model.safetensors"}});
  EXPECT_EQ(read(), (Content{{"a", "1"}}));
  ASSERT_EQ(open()->files().size(), 1u);
  EXPECT_EQ(open()->files().front().path().filename(), "model.safetensors");
}

TEST_F(WeightSets, OneWeightUnderTwoNamesIsRefused) {
  write("model.safetensors", {{"norm.weight", "1"}, {"model.norm.weight", "2"}});
  expect_refused("duplicate_tensor", {"norm.weight", "model.norm.weight", "one weight"});
}

}  // namespace
}  // namespace trinity
