// Safetensors files on disk: round trips, lazy views and the exact bytes of the writer.
#include "tensor/safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/temporary_folder.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::bytes_of;
using testing::OwnedTensor;
using testing::safetensors_text;
using testing::slurp;
using testing::TemporaryFolder;
using testing::text_of;

TEST(Safetensors, ART_1_what_is_written_reads_back) {
  const TemporaryFolder folder;
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    const auto tensors = testing::random_tensors(random);
    ASSERT_TRUE(write_safetensors(folder / "a.safetensors", testing::named(tensors)));
    const auto file = SafetensorsFile::open(folder / "a.safetensors");
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_EQ(file->names().size(), tensors.size());
    EXPECT_TRUE(file->metadata().empty());
    for (const OwnedTensor& tensor : tensors) {
      const auto view = file->tensor(tensor.name);
      ASSERT_TRUE(view) << view.error().message;
      EXPECT_EQ(view->dtype, tensor.dtype);
      EXPECT_EQ(view->shape, tensor.shape);
      EXPECT_EQ(text_of(view->bytes), tensor.bytes);
    }
  }
}

TEST(SafetensorsWriter, gives_the_same_file_for_any_order) {
  const TemporaryFolder folder;
  const std::string content = "0123456789";
  std::vector<NamedTensor> tensors = {{"b", {DType::u8, {2, 2}, bytes_of(content).subspan(0, 4)}},
                                      {"B", {DType::bf16, {}, bytes_of(content).subspan(4, 2)}},
                                      {"a\"", {DType::f32, {1}, bytes_of(content).subspan(6, 4)}}};
  const std::string header = R"({"B":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},)"
                             R"("a\"":{"dtype":"F32","shape":[1],"data_offsets":[2,6]},)"
                             R"("b":{"dtype":"U8","shape":[2,2],"data_offsets":[6,10]}})";
  const std::string expected = safetensors_text(header, "4567890123");
  for (int round = 0; round < 3; ++round) {
    std::rotate(tensors.begin(), tensors.begin() + 1, tensors.end());
    ASSERT_TRUE(write_safetensors(folder / "a", tensors));
    EXPECT_EQ(slurp(folder / "a"), expected);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(SafetensorsWriter, refuses_what_could_not_be_read_back) {
  const TemporaryFolder folder;
  const std::string content = "0123";
  const TensorView view{DType::u8, {4}, bytes_of(content)};
  const auto tag = [&](const std::vector<NamedTensor>& tensors) {
    const auto status = write_safetensors(folder / "a", tensors);
    return status ? "written" : status.error().tag;
  };
  EXPECT_EQ(tag({{"a", view}, {"b", view}, {"a", view}}), "duplicate_tensor");
  EXPECT_EQ(tag({{"", view}}), "invalid_tensor_name");
  EXPECT_EQ(tag({{"\xFF", view}}), "invalid_tensor_name");
  EXPECT_EQ(tag({{"__metadata__", view}}), "invalid_tensor_name");
  EXPECT_EQ(tag({{"a", {DType::u8, {5}, view.bytes}}}), "tensor_size_mismatch");
  EXPECT_EQ(tag({{"a", {DType::u8, {-4}, view.bytes}}}), "shape_overflow");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsFile, finds_tensors_by_name_and_reads_rows) {
  const TemporaryFolder folder;
  const std::string content = "aabbcc";
  ASSERT_TRUE(write_safetensors(folder / "a", {{"m", {DType::u8, {3, 2}, bytes_of(content)}},
                                               {"v", {DType::u8, {6}, bytes_of(content)}}}));
  auto opened = SafetensorsFile::open(folder / "a");
  ASSERT_TRUE(opened);
  const SafetensorsFile file = std::move(*opened);
  EXPECT_EQ(file.path(), folder / "a");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"m", "v"}));
  ASSERT_NE(file.find("v"), nullptr);
  EXPECT_EQ(file.find("v")->offset + file.find("v")->size, file.mapped().size());
  for (const char* absent : {"", "l", "n", "w", "mm"}) {
    EXPECT_EQ(file.find(absent), nullptr);
    EXPECT_EQ(file.tensor(absent).error().tag, "missing_tensor");
    file.release(absent);
  }
  EXPECT_EQ(text_of(file.row_slice("m", 1, 2)->bytes), "bbcc");
  EXPECT_EQ(file.row_slice("m", 1, 3).error().tag, "row_slice_out_of_range");
  EXPECT_EQ(file.row_slice("v", 0, 1).error().tag, "expected_rank_2");
  EXPECT_EQ(file.row_slice("w", 0, 1).error().tag, "missing_tensor");
  file.release("m");
  EXPECT_EQ(text_of(file.tensor("m")->bytes), content) << "released pages come back";
}

TEST(SafetensorsFile, refuses_an_unknown_type_only_when_its_tensor_is_read) {
  const TemporaryFolder folder;
  const auto path = folder.put(
      "a", safetensors_text(R"({"known":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                            R"("new":{"dtype":"F4","shape":[2],"data_offsets":[1,2]}})",
                            "xy"));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->tensor("known"));
  ASSERT_FALSE(file->tensor("new"));
  EXPECT_EQ(file->tensor("new").error().tag, "unknown_dtype");
  EXPECT_NE(file->tensor("new").error().message.find("F4"), std::string::npos);
}

TEST(SafetensorsFile, names_the_file_that_is_wrong) {
  const TemporaryFolder folder;
  const auto file = SafetensorsFile::open(folder.put("broken.safetensors", "junk"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().tag, "safetensors_truncated");
  EXPECT_NE(file.error().message.find("broken.safetensors"), std::string::npos);
  EXPECT_EQ(SafetensorsFile::open(folder / "absent").error().tag, "missing_file");
  EXPECT_EQ(SafetensorsFile::open(folder.put("empty", "")).error().tag, "safetensors_truncated");
}

}  // namespace
}  // namespace trinity
