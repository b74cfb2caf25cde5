// A whole model against tensors that another program adapted in double precision: selection,
// offsets, factors, products and rounding, in both readings of a tied embedding.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "adapt/adapt_support.h"
#include "adapt/adapted_source.h"
#include "adapt/adapter.h"
#include "adapt/router_vector.h"
#include "base/sha256.h"
#include "base/temporary_folder.h"
#include "model/checkpoint_source.h"
#include "support/conformance.h"
#include "tensor/bf16.h"

namespace trinity::testing {
namespace {

constexpr const char* kFolder = "hf_oracle/svf";

/// bf16 values as integers in the order of the values, so that neighbours differ by one.
int32_t ordered(const std::byte* at) {
  uint16_t bits = 0;
  std::memcpy(&bits, at, 2);
  return (bits & 0x8000U) != 0 ? -static_cast<int32_t>(bits & 0x7FFFU) : static_cast<int32_t>(bits);
}

struct Bf16Difference {
  double share = 0;       // of elements
  int32_t most_ulps = 0;  // neighbouring values are one apart
};

Bf16Difference compare_bf16(std::span<const std::byte> a, std::span<const std::byte> b) {
  Bf16Difference out;
  if (a.size() != b.size()) return {1, INT32_MAX};
  for (size_t i = 0; i < a.size(); i += 2) {
    const int32_t distance = std::abs(ordered(a.data() + i) - ordered(b.data() + i));
    out.most_ulps = std::max(out.most_ulps, distance);
    out.share += distance != 0 ? 1 : 0;
  }
  out.share /= static_cast<double>(a.size()) / 2;
  return out;
}

class AdaptedModel : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    TRINITY_REQUIRE_CONFORMANCE("hf_oracle/svf/model_adapted.safetensors");
    checkpoint_ = std::make_unique<Checkpoint>(
        must(Checkpoint::open(conformance_path("hf_oracle/models/realvocab_bf16"))));
    source_ = std::make_unique<model::CheckpointSource>(*checkpoint_);
    golden_ = std::make_unique<SafetensorsFile>(
        must(SafetensorsFile::open(conformance_path("hf_oracle/svf/model_adapted.safetensors"))));
    const std::vector<int64_t> layers = {2};
    selection_ = must(adapt::select_tensors(*checkpoint_, layers, true));
    const adapt::RouterVector vector =
        must(adapt::RouterVector::load(conformance_path("hf_oracle/svf/router_es_vector.npy")));
    parts_ = must(adapt::split_router_vector(vector.values, selection_.scale_count(), 64, 10));
  }

  bool reference() const { return GetParam() == "reference"; }
  backend::DenseAlgebra& algebra() const { return algebra_of(GetParam()); }

  adapt::TensorFactor factor(size_t place, TieMode mode = TieMode::embed_offsets) {
    adapt::AdaptationOptions options;
    options.tie_mode = mode;
    adapt::Adapter adapter(algebra(), *source_, selection_, parts_.offsets, options);
    return must(adapter.factor(place));
  }

  /// Rounded once, as close as the lane can come: all of it in the oracle, else all but a few
  /// elements that lie next to the middle between two values.
  void expect_same_bf16(std::span<const std::byte> got, std::span<const std::byte> want) {
    const Bf16Difference difference = compare_bf16(got, want);
    if (reference()) {
      EXPECT_EQ(difference.share, 0);
    } else {
      EXPECT_LE(difference.share, 2e-4);
      EXPECT_LE(difference.most_ulps, 1);
    }
  }

  std::vector<std::byte> sampled_rows(std::span<const std::byte> matrix) {
    const TensorView rows = must(golden_->tensor("sampled_rows"));
    std::vector<std::byte> out;
    for (size_t i = 0; i < rows.bytes.size() / 8; ++i) {
      int64_t row = 0;
      std::memcpy(&row, rows.bytes.data() + i * 8, 8);
      const auto begin = matrix.begin() + static_cast<std::ptrdiff_t>(row * 64 * 2);
      out.insert(out.end(), begin, begin + 64 * 2);
    }
    return out;
  }

  std::unique_ptr<Checkpoint> checkpoint_;
  std::unique_ptr<model::CheckpointSource> source_;
  std::unique_ptr<SafetensorsFile> golden_;
  adapt::Selection selection_;
  adapt::RouterVectorParts parts_;
};

INSTANTIATE_TEST_SUITE_P(Lanes, AdaptedModel, ::testing::Values("reference", "cpu_f32"),
                         [](const auto& lane) { return lane.param; });

TEST_P(AdaptedModel, TheSelectionAndTheVectorAreTheRecordedOnes) {
  const auto manifest =
      nlohmann::json::parse(slurp(conformance_path("hf_oracle/svf/manifest.json")));
  ASSERT_EQ(selection_.tensors.size(), manifest["tensors"].size());
  for (size_t i = 0; i < selection_.tensors.size(); ++i) {
    const adapt::SelectedTensor& tensor = selection_.tensors[i];
    const auto& want = manifest["tensors"][i];
    EXPECT_EQ(tensor.source_name, want["name"]);
    EXPECT_EQ(tensor.source_shape, want["shape"].get<adapt::MatrixShape>());
    EXPECT_EQ(tensor.offset_start, want["offset_start"]);
    EXPECT_EQ(tensor.singular_values(), want["offset_count"]);
    EXPECT_EQ(sha256_hex(must(adapt::base_matrix(*source_, tensor)).bytes), want["source_sha256"]);
  }
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(parts_.offsets))), manifest["offsets_f32_sha256"]);
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(parts_.head))), manifest["head_f32_sha256"]);
}

TEST_P(AdaptedModel, N6_EveryTensorAgrees) {
  const auto manifest =
      nlohmann::json::parse(slurp(conformance_path("hf_oracle/svf/manifest.json")));
  for (size_t place = 0; place < selection_.tensors.size(); ++place) {
    const adapt::SelectedTensor& tensor = selection_.tensors[place];
    SCOPED_TRACE(tensor.source_name);
    const adapt::TensorFactor made = factor(place);
    EXPECT_NEAR(made.scaling.normalization,
                doubles_of(*golden_, tensor.source_name + ".normalization")[0], 1e-12);
    const auto s = doubles_of(*golden_, tensor.source_name + ".S");
    EXPECT_LE(largest_difference(made.singular_values, s), 1e-11 * s[0]);
    EXPECT_LE(largest_difference(made.scaling.scaled_s,
                                 doubles_of(*golden_, tensor.source_name + ".scaled_S")),
              2e-11 * s[0]);
    double gap = 1;
    for (size_t i = 0; i + 1 < s.size(); ++i) gap = std::min(gap, (s[i] - s[i + 1]) / s[0]);
    EXPECT_NEAR(made.gaps.smallest_relative_gap, gap, 1e-10);
    EXPECT_EQ(made.gaps.gaps_below_resolution, 0);

    const TensorView matrix = must(adapt::base_matrix(*source_, tensor));
    const std::vector<std::byte> rounded =
        must(adapt::project_matrix(algebra(), matrix, made.projector));
    const auto unrounded = product_bytes(algebra(), matrix, made.projector, DType::f32);
    const double f32_tolerance = reference() ? 2e-7 : 4e-6;
    if (adapt::block_index(tensor.source_name)) {
      expect_same_bf16(rounded, must(golden_->tensor(tensor.source_name + ".adapted_bf16")).bytes);
      const auto want = floats_of(*golden_, tensor.source_name + ".adapted_f32");
      EXPECT_LE(largest_difference(must(to_f32({DType::f32, matrix.shape, unrounded})), want),
                f32_tolerance * largest_of(want));
    } else {
      expect_same_bf16(sampled_rows(rounded),
                       must(golden_->tensor(tensor.source_name + ".rows_adapted_bf16")).bytes);
      // Every row, by way of the Gram matrix of the result.
      const auto want = doubles_of(*golden_, tensor.source_name + ".adapted_gram_f64");
      const auto gram = must(algebra().gram({DType::f32, matrix.shape, unrounded}));
      EXPECT_LE(largest_difference(gram, want), 4 * f32_tolerance * largest_of(want));
      std::vector<double> sums(64);
      const auto values = must(to_f32({DType::bf16, matrix.shape, rounded}));
      for (size_t i = 0; i < values.size(); ++i) sums[i % 64] += double{values[i]};
      const auto want_sums =
          doubles_of(*golden_, tensor.source_name + ".adapted_bf16_column_sums_f64");
      EXPECT_LE(largest_difference(sums, want_sums), reference() ? 1e-6 : 0.05);
    }
    if (reference()) {
      EXPECT_EQ(sha256_hex(rounded), manifest["tensors"][place]["adapted_bf16_sha256"]);
    }
  }
}

TEST_P(AdaptedModel, N7_EachTieModeGivesItsEmbedding) {
  const size_t last = selection_.tensors.size() - 1;
  const auto embedding = factor(0).projector, head = factor(last).projector;
  EXPECT_GT(largest_difference(embedding, head), 0.01);
  EXPECT_EQ(factor(0, TieMode::last_write).projector, head);
  EXPECT_EQ(factor(last, TieMode::last_write).projector, head);
  EXPECT_EQ(factor(0, TieMode::lm_head_offsets).projector, head);
  const auto compound = factor(0, TieMode::compound).projector;
  EXPECT_GT(largest_difference(compound, embedding), 0.01);
  EXPECT_GT(largest_difference(compound, head), 0.01);
  EXPECT_EQ(factor(last, TieMode::compound).projector, compound);
  for (const TieMode mode : {TieMode::last_write, TieMode::compound})
    EXPECT_EQ(factor(3, mode).projector, factor(3).projector);
}

TEST_P(AdaptedModel, GatheredRowsAreTheRowsOfTheWholeProduct) {
  const adapt::TensorFactor made = factor(0);
  const TensorView table = must(adapt::base_matrix(*source_, selection_.tensors[0]));
  const auto whole = must(adapt::project_matrix(algebra(), table, made.projector));
  adapt::AdaptedSource source(*source_);
  must(source.project(algebra(), selection_.tensors[0].source_name, made.projector));
  const auto rows = source.embedding_rows();
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->vocab_size(), 151936);
  std::mt19937 generator(5);
  for (const int count : {1, 2, 7, 255, 256, 257, 1000}) {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    for (int32_t& id : ids) id = static_cast<int32_t>(generator() % 151936U);
    if (count > 1) ids[1] = ids[0];
    std::vector<float> got(ids.size() * 64);
    must(rows->gather(ids, got));
    const auto all = TensorView{DType::bf16, {151936, 64}, whole};
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto want = must(to_f32(must(row_slice(all, ids[i], 1))));
      ASSERT_TRUE(std::equal(want.begin(), want.end(), got.begin() + static_cast<long>(i) * 64))
          << ids[i];
    }
  }
  std::vector<float> one(64);
  for (const int32_t bad : {-1, 151936}) {
    const std::vector<int32_t> ids = {bad};
    EXPECT_EQ(tag_of(rows->gather(ids, one)), "token_out_of_range");
  }
}

}  // namespace
}  // namespace trinity::testing
