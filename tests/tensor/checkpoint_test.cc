// Model folders: with an index, without one, and with each thing that can be wrong in them.
#include "tensor/checkpoint.h"

#include <gtest/gtest.h>

#include "base/temporary_folder.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::TemporaryFolder;
using testing::text_of;

constexpr const char* index_name = "model.safetensors.index.json";

class CheckpointTest : public ::testing::Test {
 protected:
  /// Writes a file that holds U8 vectors of these names; each holds its own name.
  void shard(const std::string& file, const std::vector<std::string>& names) {
    std::vector<NamedTensor> tensors;
    for (const auto& name : names) {
      tensors.push_back(
          {name, {DType::u8, {static_cast<std::int64_t>(name.size())}, bytes_of(name)}});
    }
    std::filesystem::create_directories((folder_ / file).parent_path());
    ASSERT_TRUE(write_safetensors(folder_ / file, tensors));
  }
  void index(const std::string& text) { folder_.put(index_name, text); }
  std::string refusal() const {
    const auto checkpoint = Checkpoint::open(folder_.path());
    return checkpoint ? "opened" : checkpoint.error().tag;
  }

  TemporaryFolder folder_;
};

TEST_F(CheckpointTest, joins_all_files_without_an_index) {
  shard("one.safetensors", {"b", "dd"});
  shard("two.safetensors", {"a", "ccc"});
  shard("two.safetensors.tmp", {"z"});
  shard("below/three.safetensors", {"y"});
  auto opened = Checkpoint::open(folder_.path());
  ASSERT_TRUE(opened) << opened.error().message;
  const Checkpoint checkpoint = std::move(*opened);
  EXPECT_EQ(checkpoint.names(), (std::vector<std::string>{"a", "b", "ccc", "dd"}));
  EXPECT_EQ(checkpoint.total_bytes(), 7u);
  EXPECT_EQ(checkpoint.files().size(), 2u);
  for (const auto& name : checkpoint.names()) {
    EXPECT_TRUE(checkpoint.has(name));
    EXPECT_EQ(text_of(checkpoint.tensor(name)->bytes), name);
    checkpoint.release(name);
    EXPECT_EQ(text_of(checkpoint.tensor(name)->bytes), name);
  }
  EXPECT_FALSE(checkpoint.has("z"));
  checkpoint.release("z");
  ASSERT_FALSE(checkpoint.tensor("z"));
  EXPECT_EQ(checkpoint.tensor("z").error().tag, "missing_tensor");
}

TEST_F(CheckpointTest, follows_the_index_and_nothing_else) {
  shard("one.safetensors", {"a", "b"});
  shard("below/two.safetensors", {"a", "ccc"});
  folder_.put("broken.safetensors", "junk");
  index(R"({"metadata": {"total_size": 4},
            "weight_map": {"ccc": "below/two.safetensors", "a": "one.safetensors"}})");
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->names(), (std::vector<std::string>{"a", "ccc"}));
  EXPECT_EQ(text_of(checkpoint->tensor("ccc")->bytes), "ccc");
  EXPECT_EQ(checkpoint->total_bytes(), 4u);
  EXPECT_FALSE(checkpoint->has("b"));
}

TEST_F(CheckpointTest, follows_links_as_download_caches_use_them) {
  TemporaryFolder cache;
  shard("one.safetensors", {"a"});
  std::filesystem::rename(folder_ / "one.safetensors", cache / "blob");
  std::filesystem::create_symlink(cache / "blob", folder_ / "one.safetensors");
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(CheckpointTest, refuses_a_tensor_in_two_files) {
  shard("one.safetensors", {"a", "b"});
  shard("two.safetensors", {"b", "c"});
  EXPECT_EQ(refusal(), "duplicate_tensor");
}

TEST_F(CheckpointTest, refuses_folders_without_weights) {
  EXPECT_EQ(refusal(), "missing_weights");
  EXPECT_EQ(Checkpoint::open(folder_ / "absent").error().tag, "missing_file");
  EXPECT_EQ(Checkpoint::open(folder_ / "absent").error().kind, ErrorKind::missing);
  EXPECT_EQ(Checkpoint::open(folder_.put("file", "x")).error().tag, "not_a_model_folder");
}

TEST_F(CheckpointTest, refuses_a_broken_file_by_name) {
  shard("one.safetensors", {"a"});
  folder_.put("two.safetensors", "junk");
  const auto checkpoint = Checkpoint::open(folder_.path());
  ASSERT_FALSE(checkpoint);
  EXPECT_EQ(checkpoint.error().tag, "safetensors_truncated");
  EXPECT_NE(checkpoint.error().message.find("two.safetensors"), std::string::npos);
}

TEST_F(CheckpointTest, refuses_an_index_that_does_not_fit_the_files) {
  shard("one.safetensors", {"a"});
  index(R"({"weight_map": {"a": "one.safetensors", "b": "one.safetensors"}})");
  EXPECT_EQ(refusal(), "missing_tensor");
  index(R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  EXPECT_EQ(refusal(), "missing_file");
}

TEST_F(CheckpointTest, refuses_paths_that_leave_the_folder) {
  shard("inside.safetensors", {"a"});
  shard("../" + folder_.path().filename().string() + "_outside.safetensors", {"a"});
  const auto outside =
      folder_.path().parent_path() / (folder_.path().filename().string() + "_outside.safetensors");
  for (const std::string& name : {outside.string(), "../" + outside.filename().string(),
                                  "below/../../" + outside.filename().string(), std::string(".."),
                                  std::string("."), std::string(""), std::string("/"),
                                  std::string("below/"), std::string("./inside.safetensors")}) {
    index(R"({"weight_map": {"a": ")" + name + "\"}}");
    EXPECT_EQ(refusal(), "path_outside_folder") << name;
  }
  index(R"({"weight_map": {"a": "inside.safetensors\u0000.txt"}})");
  EXPECT_EQ(refusal(), "path_outside_folder");
  std::filesystem::remove(outside);
}

TEST_F(CheckpointTest, refuses_a_malformed_index) {
  shard("one.safetensors", {"a"});
  for (const auto& [text, tag] :
       {std::pair<std::string, std::string>{"", "invalid_json"},
        {"[]", "invalid_weight_index"},
        {"{}", "invalid_weight_index"},
        {R"({"weight_map": []})", "invalid_weight_index"},
        {R"({"weight_map": {}})", "invalid_weight_index"},
        {R"({"weight_map": {"a": 1}})", "invalid_weight_index"},
        {R"({"weight_map": {"a": "one.safetensors", "a": "x"}})", "duplicate_key"}}) {
    index(text);
    EXPECT_EQ(refusal(), tag) << text;
  }
  std::filesystem::remove(folder_ / index_name);
  std::filesystem::create_directory(folder_ / index_name);
  EXPECT_EQ(refusal(), "not_a_regular_file");
}

}  // namespace
}  // namespace trinity
