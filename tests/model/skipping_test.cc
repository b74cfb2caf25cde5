// What is skipped, cached or cut into chunks changes no bit in a lane with stable bits, and nothing
// that matters in the others.
#include <gtest/gtest.h>

#include "model/model_support.h"

namespace trinity::testing {
namespace {

class Skipping : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { TRINITY_REQUIRE_LANE(GetParam()); }

  LoadedModel load(const model::ExtractorOptions& options = {}) {
    return load_memory(source, config, GetParam(), options);
  }

  /// Row T−2 of a pass that computes everything at once.
  std::vector<float> expected(LoadedModel& model, const Ids& ids) {
    const auto all = model.hidden(ids, kAllPositions);
    const auto width = static_cast<size_t>(config.hidden_size);
    const size_t index = ids.size() < 2 ? 0 : ids.size() - 2;
    EXPECT_EQ(all.size(), ids.size() * width);
    return {all.begin() + static_cast<std::ptrdiff_t>(index * width),
            all.begin() + static_cast<std::ptrdiff_t>((index + 1) * width)};
  }

  model::ModelConfig config = small_shape();
  MemorySource source = random_weights(config, 1);
  prove::InputStream inputs{8};
};

TEST_P(Skipping, FullSkippingAndCachedAgree) {
  LoadedModel model = load();
  for (const int64_t length : {1, 2, 3, 16, 17, 33, 34, 65, 66, 130}) {
    const Ids ids = inputs.ids(length, config.vocab_size);
    const auto want = expected(model, ids);
    EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kFull), want)) << "full, " << length;
    EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kUncached), want)) << "skipping, " << length;
    EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kCached), want))
        << "filling the cache, " << length;
    const model::HiddenStates again = model.extract(ids, kCached);
    EXPECT_TRUE(same_row(GetParam(), again.values, want)) << "from the cache, " << length;
    EXPECT_EQ(again.cached_tokens, std::max<int64_t>(0, length - 2));
    EXPECT_EQ(again.hidden_index, std::max<int64_t>(0, length - 2));
    EXPECT_EQ(again.token_count, length);
  }
}

TEST_P(Skipping, TheLastTokenCannotMatter) {
  LoadedModel model = load();
  Ids ids = inputs.ids(20, config.vocab_size);
  const auto want = model.hidden(ids, kFull);
  for (const int32_t last : {0, 7, 49}) {
    ids.back() = last;
    EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kFull), want));
    EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kUncached), want));
  }
  ids[ids.size() - 2] = (ids[ids.size() - 2] + 1) % 50;
  EXPECT_NE(model.hidden(ids, kUncached), want) << "but the token before it does";
}

TEST_P(Skipping, AConversationThatGrowsReusesWhatItShares) {
  LoadedModel model = load();
  Ids ids;
  int64_t computed_before = 0;
  for (const int64_t more : {5, 1, 26, 1, 31, 2, 64, 3}) {
    const Ids turn = inputs.ids(more, config.vocab_size);
    ids.insert(ids.end(), turn.begin(), turn.end());
    const model::HiddenStates got = model.extract(ids, kCached);
    EXPECT_TRUE(same_row(GetParam(), got.values, expected(model, ids))) << ids.size() << " tokens";
    // All but the last token of the turn before are stored; the row that is read is always
    // computed.
    EXPECT_EQ(got.cached_tokens, std::min(computed_before, static_cast<int64_t>(ids.size()) - 2));
    computed_before = static_cast<int64_t>(ids.size()) - 1;
  }
}

TEST_P(Skipping, ConversationsThatBranchDoNotDisturbEachOther) {
  LoadedModel model = load();
  const Ids stem = inputs.ids(50, config.vocab_size);
  std::vector<Ids> branches;
  for (const int64_t keep : {50, 49, 33, 32, 31, 17, 16, 15, 1, 0}) {
    Ids branch(stem.begin(), stem.begin() + keep);
    const Ids rest = inputs.ids(23, config.vocab_size);
    branch.insert(branch.end(), rest.begin(), rest.end());
    branches.push_back(branch);
  }
  const auto stem_want = expected(model, stem);
  (void)model.extract(stem, kCached);
  for (const Ids& branch : branches)
    EXPECT_TRUE(same_row(GetParam(), model.hidden(branch, kCached), expected(model, branch)));
  EXPECT_TRUE(same_row(GetParam(), model.hidden(stem, kCached), stem_want));
  // All of them once more, now together and all partly stored.
  const auto together = model.extractor->extract(branches, kCached);
  for (size_t i = 0; i < branches.size(); ++i) {
    EXPECT_TRUE(same_row(GetParam(), together[i]->values, expected(model, branches[i])));
    EXPECT_GT(together[i]->cached_tokens, 0);
  }
}

TEST_P(Skipping, ChunkSizeDoesNotMatter) {
  std::vector<Ids> batch;
  for (const int64_t length : {1, 2, 9, 40, 66, 129})
    batch.push_back(inputs.ids(length, config.vocab_size));
  LoadedModel plain = load({0, 1024});
  std::vector<std::vector<float>> want;
  for (const Ids& ids : batch) want.push_back(expected(plain, ids));
  for (const int64_t chunk_rows : {1, 2, 7, 31, 64, 1024})
    for (const model::ExtractMode& mode : {kFull, kUncached, kCached}) {
      LoadedModel model = load({size_t{1} << 20, chunk_rows});
      const auto got = model.extractor->extract(batch, mode);
      for (size_t i = 0; i < batch.size(); ++i)
        EXPECT_TRUE(same_row(GetParam(), got[i]->values, want[i]))
            << "chunks of " << chunk_rows << ", input " << i;
    }
}

TEST_P(Skipping, AllPositionsReturnsEveryRow) {
  LoadedModel model = load();
  const Ids ids = inputs.ids(40, config.vocab_size);
  const model::HiddenStates all = model.extract(ids, kAllPositions);
  EXPECT_EQ(all.token_count, 40);
  EXPECT_EQ(all.cached_tokens, 0);
  const auto width = static_cast<size_t>(config.hidden_size);
  for (size_t length = 2; length <= 40; length += 3) {
    const Ids prefix(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(length));
    const auto row = model.hidden(prefix, kUncached);
    EXPECT_TRUE(
        same_row(GetParam(), row, std::span(all.values).subspan((length - 2) * width, width)))
        << "causality: row " << length - 2;
  }
}

TEST_P(Skipping, OneLayerAndManyLayers) {
  for (const int64_t layers : {1, 2, 30}) {
    model::ModelConfig shape = config;
    shape.num_hidden_layers = layers;
    const MemorySource weights = random_weights(shape, 3);
    LoadedModel model = load_memory(weights, shape, GetParam());
    for (const int64_t length : {1, 2, 35}) {
      const Ids ids = inputs.ids(length, config.vocab_size);
      const auto want = expected(model, ids);
      EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kFull), want));
      EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kCached), want));
      EXPECT_TRUE(same_row(GetParam(), model.hidden(ids, kCached), want));
      for (const float value : want) EXPECT_TRUE(std::isfinite(value));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, Skipping, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
