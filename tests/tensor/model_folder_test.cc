// What people give in the place of a model folder is named for what it is.
#include "tensor/model_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/temporary_folder.h"
#include "tensor/checkpoint.h"

namespace trinity {
namespace {

using testing::TemporaryFolder;

struct Case {
  std::vector<std::string> files;  // a name that ends in / is a folder
  std::string tag;
  std::string named;  // a part of the sentence
};

TEST(ModelFolder, SaysWhatAFolderHoldsInsteadOfWeights) {
  const std::vector<Case> cases = {
      {{}, "missing_weights", "no weights as safetensors"},
      {{"config.json", "tokenizer.json"}, "missing_weights", "no weights as safetensors"},
      {{"config.json", "router_head.safetensors"}, "missing_weights", "no weights as safetensors"},
      {{"config.json", "model-q4.gguf"}, "missing_weights", "model-q4.gguf is a GGUF file"},
      {{"config.json", "pytorch_model.bin"}, "missing_weights", "Python pickle"},
      {{"config.json", "pytorch_model-00001-of-00002.bin"}, "missing_weights", "Python pickle"},
      {{"consolidated.00.pth"}, "missing_weights", "Python pickle"},
      {{"config.json", "tf_model.h5"}, "missing_weights", "HDF5"},
      {{"config.json", "model.onnx"}, "missing_weights", "ONNX"},
      {{"adapter_config.json", "adapter_model.safetensors"},
       "adapter_without_base",
       "LoRA adapter without its base model"},
      {{"config.json", "adapter_config.json", "adapter_model.safetensors"},
       "adapter_without_base",
       "LoRA adapter without its base model"},
      {{"manifest.json", "router_head.safetensors", "adapted_tensors.safetensors"},
       "not_a_model_folder",
       "give it as --bundle"},
      {{"blobs/", "refs/", "snapshots/"}, "not_a_model_folder", "snapshots/"},
      {{"config.json", "model.safetensors"}, "ok", ""},
      {{"model-00001-of-00002.safetensors"}, "ok", ""},
      {{"config.json", "manifest.json", "model.safetensors"}, "ok", ""}};
  for (const Case& c : cases) {
    const TemporaryFolder folder;
    std::string all;
    for (const std::string& name : c.files) {
      all += name + " ";
      if (name.back() == '/')
        std::filesystem::create_directory(folder / name);
      else
        folder.put(name, "{}");
    }
    const Status status = require_model_folder(folder.path());
    EXPECT_EQ(status ? "ok" : status.error().tag, c.tag) << all;
    if (!status) {
      EXPECT_NE(status.error().message.find(c.named), std::string::npos) << status.error().message;
      EXPECT_NE(status.error().message.find(folder.path().string()), std::string::npos);
      EXPECT_EQ(status.error().kind, ErrorKind::missing);
    }
  }
}

TEST(ModelFolder, SaysWhatAFileIs) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::filesystem::path, std::string>> cases = {
      {folder.put("model.safetensors", ""), "give the folder that it lies in: "},
      {folder.put("model.gguf", "GGUF\x03"), "is a GGUF file of llama.cpp"},
      {folder.put("model.zip", "PK\x03\x04"), "is a zip archive"},
      {folder.put("notes.txt", "hello"), "is a file, not a model's folder"}};
  for (const auto& [path, named] : cases) {
    const Status status = require_model_folder(path);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().tag, "not_a_model_folder");
    EXPECT_NE(status.error().message.find(named), std::string::npos) << status.error().message;
  }
}

TEST(ModelFolder, ANameOfAHubIsKnownAsOne) {
  const auto message = [](const std::string& path) {
    const Status status = require_model_folder(path);
    EXPECT_EQ(status.error().tag, "missing_file");
    return status.error().message;
  };
  EXPECT_NE(message("Qwen/Qwen3-0.6B-absent").find("trinity pull Qwen/Qwen3-0.6B-absent@main"),
            std::string::npos);
  for (const char* path : {"/absent/model", "./absent/model", "a/b/c", "absent", "../absent", "a/"})
    EXPECT_EQ(message(path).find("trinity pull"), std::string::npos) << path;
}

TEST(ModelFolder, AFolderThatCannotBeListedIsNotAnEmptyOne) {
  if (::geteuid() == 0) GTEST_SKIP() << "SKIPPED: root reads every folder";
  const TemporaryFolder folder;
  folder.put("model.safetensors", "");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
  const Status status = require_model_folder(folder.path());
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "unreadable_file");
}

TEST(ModelFolder, WeightsThatAreSomethingElseAreNamed) {
  for (const auto& [bytes, named] : std::vector<std::pair<std::string, std::string>>{
           {"version https://git-lfs.github.com/spec/v1\noid sha256:4665\n", "Git LFS pointer"},
           {"<!DOCTYPE html><html>", "web page"},
           {"GGUF\x03\x01\x01\x01\x05\x01\x01\x01\x01", "GGUF"},
           {"PK\x03\x04\x14\x01\x08\x08\x01\x01", "zip archive"},
           {"\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", "pickle"},
           {"Entry not found", "\"Entry not found\""}}) {
    const TemporaryFolder folder;
    folder.put("model.safetensors", bytes);
    const auto checkpoint = Checkpoint::open(folder.path());
    ASSERT_FALSE(checkpoint) << named;
    EXPECT_EQ(checkpoint.error().tag, "foreign_file") << checkpoint.error().message;
    EXPECT_NE(checkpoint.error().message.find(named), std::string::npos)
        << checkpoint.error().message;
    EXPECT_NE(checkpoint.error().message.find("model.safetensors"), std::string::npos);
  }
}

}  // namespace
}  // namespace trinity
