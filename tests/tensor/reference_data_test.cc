// Files that other programs wrote: published router vectors with known hashes, and checkpoints with
// known hidden states.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/temporary_folder.h"
#include "support/conformance.h"
#include "tensor/bf16.h"
#include "tensor/checkpoint.h"
#include "tensor/npy.h"
#include "tensor/tensor_bytes.h"

namespace trinity {
namespace {

using testing::conformance_path;
using testing::text_of;

constexpr const char* router_npy = "sakana/sakana_model_iter_60.npy";
constexpr const char* router_safetensors = "sakana/trinity_router_es_vector.safetensors";
constexpr std::size_t scale_count = 9216;

std::string hash_of(std::span<const float> values) { return sha256_hex(std::as_bytes(values)); }

TEST(ReferenceData, router_vector_npy_gives_the_known_f32_bytes) {
  TRINITY_REQUIRE_CONFORMANCE(router_npy);
  EXPECT_EQ(sha256_file(conformance_path(router_npy)).value(),
            "769f64ee4e01080ff67e64a677ed3ce5268da69cdf7a44810accb096ef64ab10");
  const auto file = NpyFile::open(conformance_path(router_npy));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->view().dtype, DType::f64);
  ASSERT_EQ(file->view().shape, (std::vector<std::int64_t>{19456}));
  const auto values = to_f32(file->view()).value();
  const std::span<const float> span(values);
  EXPECT_EQ(hash_of(span.first(scale_count)),
            "e11b4bc8b7e378d995b12b342c9527eacf45bb673022bd06524b51b36fc83f7a");
  EXPECT_EQ(hash_of(span.subspan(scale_count)),
            "1897dfc218680a0bbdbd095c25857931f1c4842de81611574ea8bcc6a20342c3");
  // Writing it again restores the file: same header, same doubles.
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(write_npy(folder / "again.npy", file->view()));
  EXPECT_EQ(testing::slurp(folder / "again.npy"), testing::slurp(conformance_path(router_npy)));
}

TEST(ReferenceData, router_vector_safetensors_equals_the_npy_cast_to_f32) {
  TRINITY_REQUIRE_CONFORMANCE(router_npy);
  TRINITY_REQUIRE_CONFORMANCE(router_safetensors);
  EXPECT_EQ(sha256_file(conformance_path(router_safetensors)).value(),
            "b9bf105b818cc32f3a25877b75adce1ec65e5201d524b929d217eb045a6ffa05");
  const auto file = SafetensorsFile::open(conformance_path(router_safetensors));
  ASSERT_TRUE(file) << file.error().message;
  const auto view = file->tensor("trinity_router_es_vector");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(file->find("trinity_router_es_vector")->offset, 8u + 88u);
  const auto npy = NpyFile::open(conformance_path(router_npy));
  ASSERT_TRUE(npy);
  EXPECT_EQ(to_f32(*view).value(), to_f32(npy->view()).value());
  EXPECT_TRUE(require_finite(*view, "router vector"));
}

TEST(ReferenceData, router_head_is_written_byte_for_byte) {
  TRINITY_REQUIRE_CONFORMANCE(router_safetensors);
  const auto file = SafetensorsFile::open(conformance_path(router_safetensors));
  ASSERT_TRUE(file);
  const auto vector = file->tensor("trinity_router_es_vector").value();
  const TensorView head{DType::f32, {10, 1024}, vector.bytes.subspan(scale_count * sizeof(float))};
  const testing::TemporaryFolder folder;
  const auto path = folder / "router_head.safetensors";
  ASSERT_TRUE(write_safetensors(path, {{"trinity_router_head", head}}));
  EXPECT_EQ(SafetensorsFile::open(path)->find("trinity_router_head")->offset, 8u + 82u);
  EXPECT_EQ(sha256_file(path).value(),
            "7ff2db0e6659cac4dd68c5fff47a112768042b31321127aeb1412a6d8e6c09be");
}

class ReferenceModel : public ::testing::TestWithParam<std::string> {
 protected:
  std::string folder() const { return "hf_oracle/models/" + GetParam(); }
  std::string golden() const { return "hf_oracle/models/goldens/" + GetParam() + ".safetensors"; }
};

TEST_P(ReferenceModel, is_read_whole_and_finite) {
  TRINITY_REQUIRE_CONFORMANCE(folder());
  const auto checkpoint = Checkpoint::open(conformance_path(folder()));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_TRUE(checkpoint->has("model.embed_tokens.weight"));
  std::uint64_t bytes = 0;
  for (const auto& name : checkpoint->names()) {
    const auto view = checkpoint->tensor(name);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_TRUE(require_finite(*view, name));
    const auto values = to_f32(*view);
    ASSERT_TRUE(values) << values.error().message;
    bytes += view->bytes.size();
    // Narrowing what was widened restores the stored bits.
    if (view->dtype == DType::bf16) {
      std::vector<std::uint16_t> narrow;
      for (const float value : *values) narrow.push_back(bf16_from_f32(value));
      EXPECT_EQ(testing::packed(narrow), text_of(view->bytes)) << name;
    }
  }
  EXPECT_EQ(bytes, checkpoint->total_bytes());
}

TEST_P(ReferenceModel, has_the_embedding_rows_of_the_residual_trace) {
  TRINITY_REQUIRE_CONFORMANCE(golden());
  const auto checkpoint = Checkpoint::open(conformance_path(folder()));
  const auto goldens = SafetensorsFile::open(conformance_path(golden()));
  ASSERT_TRUE(checkpoint && goldens);
  const auto expected = goldens->tensor("debug.f32.embeddings");
  ASSERT_TRUE(expected) << expected.error().message;
  const std::int64_t length = expected->shape.at(0);
  const auto hidden_size = static_cast<std::size_t>(expected->shape.at(1));
  const auto ids = goldens->tensor("len" + std::to_string(length) + ".ids");
  ASSERT_TRUE(ids) << ids.error().message;
  ASSERT_EQ(ids->dtype, DType::i64);
  const auto embedding = checkpoint->tensor("model.embed_tokens.weight");
  ASSERT_TRUE(embedding);
  std::vector<float> row(hidden_size);
  std::vector<float> expected_row(hidden_size);
  for (std::int64_t position = 0; position < length; ++position) {
    std::int64_t id = 0;
    std::memcpy(&id, ids->bytes.data() + static_cast<std::size_t>(position) * sizeof(id),
                sizeof(id));
    ASSERT_TRUE(copy_row_f32(*embedding, id, row));
    ASSERT_TRUE(copy_row_f32(*expected, position, expected_row));
    ASSERT_EQ(row, expected_row) << "token " << id << " at position " << position;
  }
}

INSTANTIATE_TEST_SUITE_P(models, ReferenceModel,
                         ::testing::Values("basic_bf16", "untied_f32", "sharded_bf16",
                                           "realvocab_bf16"),
                         [](const auto& test) { return test.param; });

TEST(ReferenceData, sharded_checkpoint_has_three_files_and_tensors_off_word_borders) {
  const std::string folder = "hf_oracle/models/sharded_bf16";
  TRINITY_REQUIRE_CONFORMANCE(folder);
  const auto checkpoint = Checkpoint::open(conformance_path(folder));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->files().size(), 3u);
  EXPECT_FALSE(checkpoint->has("lm_head.weight"));
  const auto names = checkpoint->names();
  EXPECT_TRUE(std::any_of(names.begin(), names.end(), [&](const auto& name) {
    return reinterpret_cast<std::uintptr_t>(checkpoint->tensor(name).value().bytes.data()) % 4 != 0;
  })) << "some tensor must start off a 4-byte border, or the test shows nothing";
}

TEST(ReferenceData, output_weights_of_the_basic_checkpoint_copy_the_embedding) {
  const std::string folder = "hf_oracle/models/basic_bf16";
  TRINITY_REQUIRE_CONFORMANCE(folder);
  const auto checkpoint = Checkpoint::open(conformance_path(folder));
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(text_of(checkpoint->tensor("lm_head.weight")->bytes),
            text_of(checkpoint->tensor("model.embed_tokens.weight")->bytes));
}

TEST(ReferenceData, every_safetensors_file_is_read_and_survives_rewriting) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle");
  const testing::TemporaryFolder folder;
  std::size_t count = 0;
  std::size_t odd_payloads = 0;  // our headers are not padded, so about half start at an odd byte
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(conformance_path("hf_oracle"))) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto file = SafetensorsFile::open(entry.path());
    ASSERT_TRUE(file) << file.error().message;
    std::vector<NamedTensor> tensors;
    for (const auto& name : file->names()) tensors.push_back({name, file->tensor(name).value()});
    ASSERT_TRUE(write_safetensors(folder / "again", tensors));
    const auto again = SafetensorsFile::open(folder / "again");
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_EQ(again->names(), file->names());
    for (const NamedTensor& tensor : tensors) {
      const auto view = again->tensor(tensor.name).value();
      ASSERT_EQ(view.shape, tensor.view.shape);
      ASSERT_TRUE(std::ranges::equal(view.bytes, tensor.view.bytes)) << tensor.name;
      const auto values = to_f32(view);
      if (values) {
        ASSERT_EQ(*values, to_f32(tensor.view).value()) << tensor.name;
      }
      odd_payloads += again->find(tensor.name)->offset % 2;
    }
    ++count;
  }
  EXPECT_GT(count, 20u);
  EXPECT_GT(odd_payloads, 0u);
}

TEST(ReferenceData, synthetic_router_vector_is_the_same_in_both_formats) {
  const std::string folder = "hf_oracle/svf";
  TRINITY_REQUIRE_CONFORMANCE(folder);
  const auto npy = NpyFile::open(conformance_path(folder + "/router_es_vector.npy"));
  const auto file =
      SafetensorsFile::open(conformance_path(folder + "/router_es_vector.safetensors"));
  ASSERT_TRUE(npy && file);
  ASSERT_EQ(file->names().size(), 1u);
  EXPECT_EQ(to_f32(npy->view()).value(), to_f32(file->tensor(file->names()[0]).value()).value());
}

}  // namespace
}  // namespace trinity
