// Weights replaced on a loaded model: every bit afterwards is that of a fresh load.
#include <gtest/gtest.h>

#include "adapt/adapted_source.h"
#include "model/model_support.h"

namespace trinity::testing {
namespace {

const std::string kAdaptedMatrix = "model.layers.1.self_attn.o_proj.weight";
const Ids kIds = {3, 14, 15, 9, 26, 5, 35, 8, 9, 7};
const Ids kLonger = {3, 14, 15, 9, 26, 5, 35, 8, 9, 32, 38, 46, 26, 4};

/// Some tensors of one source, all others of another.
MemorySource mixed(const MemorySource& base, const MemorySource& other,
                   const std::vector<std::string>& names) {
  MemorySource out = base;
  for (const std::string& name : names) out.put(name, other.at(name));
  return out;
}

class Replace : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { TRINITY_REQUIRE_LANE(GetParam()); }

  std::vector<float> fresh(const MemorySource& source, const Ids& ids) {
    return load_memory(source, config, GetParam()).hidden(ids, kUncached);
  }
  /// Every mode gives what a fresh load gives that is asked the same in the same order; the second
  /// input goes by way of what the first left in the prefix cache.
  void expect_fresh(LoadedModel& model, const MemorySource& source) {
    EXPECT_EQ(model.extractor->cache_stats().entries, 0U) << "keys of other weights";
    LoadedModel twin = load_memory(source, config, GetParam());
    for (const model::ExtractMode& mode : {kCached, kUncached, kFull})
      for (const Ids& ids : {kIds, kLonger})
        EXPECT_EQ(model.hidden(ids, mode), twin.hidden(ids, mode));
    EXPECT_GT(twin.extractor->cache_stats().reused_tokens, 0U);
    EXPECT_EQ(model.extractor->cache_stats().entries, twin.extractor->cache_stats().entries);
  }

  const model::ModelConfig config = small_shape();
  const MemorySource a = random_weights(config, 31), b = random_weights(config, 32);
};

TEST_P(Replace, ThereAndBackHasTheBitsOfFreshLoads) {
  LoadedModel model = load_memory(a, config, GetParam());
  const size_t bytes = model.backend->weight_bytes();
  expect_fresh(model, a);
  require(model.extractor->replace(a.names(), b));
  expect_fresh(model, b);
  EXPECT_NE(fresh(a, kIds), fresh(b, kIds));
  require(model.extractor->replace(a.names(), a));
  expect_fresh(model, a);
  EXPECT_EQ(model.backend->weight_bytes(), bytes) << "what was replaced is gone";
}

/// Parts of stacks, of the last layer, norms, the embedding: each alone.
TEST_P(Replace, OneTensorAloneIsReplaced) {
  LoadedModel model = load_memory(a, config, GetParam());
  for (const std::string& name : a.names()) {
    SCOPED_TRACE(name);
    const std::vector<std::string> names = {name};
    const MemorySource source = mixed(a, b, names);  // rows of the embedding are read from it
    require(model.extractor->replace(names, source));
    EXPECT_EQ(model.hidden(kIds, kUncached), fresh(source, kIds));
    require(model.extractor->replace(names, a));
  }
  expect_fresh(model, a);
}

TEST_P(Replace, OnlyWhatIsNamedIsRead) {
  LoadedModel model = load_memory(a, config, GetParam());
  const MemorySource other = b;
  const std::vector<std::string> names = {"model.layers.1.self_attn.k_proj.weight",
                                          "model.layers.2.self_attn.q_proj.weight"};
  require(model.extractor->replace(names, other));
  // A stack is packed as one, from all of its matrices.
  EXPECT_EQ(other.requested(), (std::set<std::string>{"model.layers.1.self_attn.k_proj.weight",
                                                      "model.layers.1.self_attn.q_proj.weight",
                                                      "model.layers.1.self_attn.v_proj.weight",
                                                      "model.layers.2.self_attn.q_proj.weight"}));
}

TEST_P(Replace, NothingNamedChangesNothing) {
  LoadedModel model = load_memory(a, config, GetParam());
  require(model.extractor->replace({}, b));
  expect_fresh(model, a);
}

TEST_P(Replace, AnErrorLeavesTheModelAsItWas) {
  LoadedModel model = load_memory(a, config, GetParam());
  const size_t bytes = model.backend->weight_bytes();
  const std::string down = "model.layers.2.mlp.down_proj.weight", norm = "model.norm.weight";
  MemorySource narrow = b, without = b;
  narrow.put(down, prove::HostMatrix({3, 5}, std::vector<float>(15, 1.0F)));
  without.remove(norm);
  const auto tag = [&](const std::vector<std::string>& names, const model::TensorSource& source) {
    const Status status = model.extractor->replace(names, source);
    return status ? "no error" : status.error().tag;
  };
  EXPECT_EQ(tag({"model.embed_tokens.weight", down}, narrow), "tensor_shape_mismatch");
  EXPECT_EQ(tag({"model.layers.0.mlp.up_proj.weight", norm}, without), "missing_tensor");
  EXPECT_EQ(tag({down, "lm_head.weight"}, b), "unknown_tensor");
  EXPECT_EQ(tag({"model.layers.3.mlp.up_proj.weight"}, b), "unknown_tensor");
  EXPECT_EQ(model.backend->weight_bytes(), bytes);
  expect_fresh(model, a);
}

/// Base weights with the embedding and a matrix of a layer multiplied by factors: rows of the first
/// are computed when they are asked for.
adapt::AdaptedSource adapted(const model::TensorSource& base, backend::Backend& backend,
                             const model::ModelConfig& config, uint64_t seed) {
  prove::InputStream inputs(seed);
  const int64_t k = config.hidden_size;
  adapt::AdaptedSource out(base);
  for (const std::string& name : {std::string("model.embed_tokens.weight"), kAdaptedMatrix}) {
    const std::vector<float> noise = inputs.normal(k * k, 0.05);
    std::vector<double> factor(noise.begin(), noise.end());
    for (int64_t i = 0; i < k; ++i) factor[static_cast<size_t>(i * k + i)] += 1;
    require(out.project(*backend.dense_algebra(), name, factor));
  }
  return out;
}

TEST_P(Replace, AdaptedCandidatesHaveTheBitsOfFreshLoads) {
  LoadedModel model = load_memory(a, config, GetParam());
  if (model.backend->dense_algebra() == nullptr)
    GTEST_SKIP() << "SKIPPED: " << GetParam() << " has no dense algebra";
  const std::vector<std::string> names = {"model.embed_tokens.weight", kAdaptedMatrix};
  const size_t bytes = model.backend->weight_bytes();
  std::vector<std::vector<float>> seen = {fresh(a, kIds)};
  for (const uint64_t candidate : {1, 2, 1}) {
    const adapt::AdaptedSource source = adapted(a, *model.backend, config, candidate);
    require(model.extractor->replace(names, source));

    LoadedModel other;
    other.backend = take(backend::create_backend(GetParam(), {1}));
    const adapt::AdaptedSource again = adapted(a, *other.backend, config, candidate);
    other.extractor = take(model::FeatureExtractor::create(*other.backend, again, config, {}));
    seen.push_back(other.hidden(kIds, kUncached));
    EXPECT_EQ(model.hidden(kIds, kUncached), seen.back());
    for (const Ids& ids : {kIds, kLonger}) EXPECT_EQ(model.hidden(ids), other.hidden(ids));
    require(model.extractor->replace(names, a));
  }
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[1], seen[2]);
  EXPECT_EQ(seen[1], seen[3]);
  EXPECT_EQ(model.backend->weight_bytes(), bytes);
  expect_fresh(model, a);
}

INSTANTIATE_TEST_SUITE_P(Lanes, Replace, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

// ---- rows of the embedding ----------------------------------------------------------------------

TEST(TableRows, AreThoseOfTheTableInEveryType) {
  constexpr int64_t kVocab = 41;
  prove::InputStream inputs(7);
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
    for (const int64_t hidden : {1, 64, 75}) {
      const prove::HostMatrix table({kVocab, hidden}, inputs.normal(kVocab * hidden), dtype);
      std::vector<int32_t> ids = inputs.ids(19, kVocab);
      ids.insert(ids.end(), {0, kVocab - 1, 5, 5});
      const model::TableRows rows(table.view());
      EXPECT_EQ(rows.vocab_size(), kVocab);
      const auto width = static_cast<size_t>(hidden);
      std::vector<float> got(ids.size() * width), want;
      require(rows.gather(ids, got));
      const std::vector<float> all = table.values();
      for (const int32_t id : ids)
        want.insert(want.end(), all.begin() + id * hidden, all.begin() + (id + 1) * hidden);
      EXPECT_EQ(got, want);
      for (const int32_t outside : {static_cast<int32_t>(kVocab), -1}) {
        std::vector<float> one(width);
        const Status status = rows.gather(std::vector<int32_t>{outside}, one);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().tag, "token_out_of_range");
      }
    }
}

}  // namespace
}  // namespace trinity::testing
