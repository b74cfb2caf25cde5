// A lane's own pass over all layers: when it is asked, and that nothing shows whether it was.
#include <gtest/gtest.h>

#include "backend/whole_backend.h"
#include "model/model_support.h"

namespace trinity::testing {
namespace {

class WholePasses : public ::testing::TestWithParam<std::string> {
 protected:
  /// The model on a lane with a whole pass; `backend` is the loaded one.
  LoadedModel load(PassMistake mistake = PassMistake::none, bool no_model = false) {
    LoadedModel model;
    model.config = config;
    auto whole =
        std::make_unique<WholeBackend>(take(backend::create_backend(GetParam(), {1})), mistake);
    whole->no_model = no_model;
    backend = whole.get();
    model.backend = std::move(whole);
    model.extractor = take(model::FeatureExtractor::create(*model.backend, source, config, {}));
    return model;
  }

  const model::ModelConfig config = small_shape();
  const MemorySource source = random_weights(config, 21);
  WholeBackend* backend = nullptr;
};

const Ids kFirst = {3, 14, 15, 9, 26, 5, 35, 8, 9, 7};
const Ids kLongerPass = {3, 14, 15, 9, 26, 5, 35, 8, 9, 32, 38, 46, 26, 4};
const Ids kOther = {27, 18, 28};

TEST_P(WholePasses, HasTheBitsOfTheOperationsInEveryMode) {
  LoadedModel plain = load_memory(source, config, GetParam());
  LoadedModel whole = load();
  ASSERT_NE(whole.extractor->whole_pass(), nullptr);
  EXPECT_EQ(plain.extractor->whole_pass(), nullptr);
  for (const model::ExtractMode& mode : {kAllPositions, kUncached, kCached})
    for (const Ids& ids : {kFirst, kLongerPass, kOther, Ids{7}})
      EXPECT_EQ(whole.hidden(ids, mode), plain.hidden(ids, mode)) << ids.size();
  EXPECT_EQ(whole.extractor->cache_stats().reused_tokens,
            plain.extractor->cache_stats().reused_tokens);
  EXPECT_GT(whole.extractor->cache_stats().reused_tokens, 0U);
  EXPECT_EQ(backend->runs, 12);
}

TEST_P(WholePasses, SeveralSequencesAreOnePass) {
  LoadedModel plain = load_memory(source, config, GetParam());
  LoadedModel whole = load();
  const std::vector<Ids> batch = {kFirst, kOther, kLongerPass};
  for (const model::ExtractMode& mode : {kCached, kUncached}) {
    const auto got = whole.extractor->extract(batch, mode);
    for (size_t i = 0; i < batch.size(); ++i)
      EXPECT_EQ(take(got[i]).values, plain.hidden(batch[i], kUncached)) << i;
  }
  EXPECT_EQ(backend->runs, 2);
}

TEST_P(WholePasses, FullComputesByTheOperations) {
  LoadedModel whole = load();
  EXPECT_EQ(whole.hidden(kFirst, kFull), whole.hidden(kFirst, kUncached));
  EXPECT_EQ(backend->runs, 1);
}

TEST_P(WholePasses, WhatItDoesNotWantIsComputedByTheOperations) {
  LoadedModel plain = load_memory(source, config, GetParam());
  LoadedModel whole = load();
  backend->most_rows = 9;  // kFirst has as many rows, kLongerPass more
  EXPECT_EQ(whole.hidden(kFirst), plain.hidden(kFirst));
  EXPECT_EQ(backend->refusals, 0);
  EXPECT_EQ(whole.hidden(kLongerPass, kUncached), plain.hidden(kLongerPass, kUncached));
  EXPECT_EQ(backend->refusals, 1);
  // The operations go on with the keys and values of a pass, and a pass with theirs.
  backend->most_rows = 0;
  EXPECT_EQ(whole.hidden(kLongerPass), plain.hidden(kLongerPass));
  backend->most_rows = 1000;
  Ids more = kLongerPass;
  more.insert(more.end(), {1, 2, 3});
  EXPECT_EQ(whole.hidden(more), plain.hidden(more));
  EXPECT_GT(whole.extract(more).cached_tokens, 0);

  LoadedModel none = load(PassMistake::none, true);
  EXPECT_EQ(none.extractor->whole_pass(), nullptr);
  EXPECT_EQ(none.hidden(kFirst), plain.hidden(kFirst));
}

TEST_P(WholePasses, OverflowIsSeenThere) {
  MemorySource large = source;
  large.put("model.layers.2.mlp.down_proj.weight",
            prove::HostMatrix(
                {config.hidden_size, config.intermediate_size},
                std::vector<float>(
                    static_cast<size_t>(config.hidden_size * config.intermediate_size), 1e30F)));
  const auto tag = [&](LoadedModel model) {
    return tag_of(model.extractor->extract({&kFirst, 1}, kUncached).front());
  };
  LoadedModel whole = load();
  whole.extractor = take(model::FeatureExtractor::create(*whole.backend, large, config, {}));
  const std::string by_operations = tag(load_memory(large, config, GetParam()));
  if (GetParam() != "reference") {  // which sums squares in doubles
    EXPECT_EQ(by_operations, "overflowing_hidden");
  }
  EXPECT_EQ(tag(std::move(whole)), by_operations);
}

TEST_P(WholePasses, RowsThatWereNotAskedForAreAnError) {
  LoadedModel whole = load(PassMistake::all_rows_returned);
  EXPECT_EQ(tag_of(whole.extractor->extract({&kFirst, 1}, kUncached).front()), "backend_failed");
}

TEST_P(WholePasses, IsPreparedAgainFromReplacedWeights) {
  const MemorySource other = random_weights(config, 22);
  const std::vector<std::string> names = source.names();
  LoadedModel whole = load();
  require(whole.extractor->replace(names, other));
  EXPECT_EQ(whole.hidden(kFirst), load_memory(other, config, GetParam()).hidden(kFirst));
  EXPECT_EQ(backend->runs, 1);

  LoadedModel stale = load(PassMistake::stale_weights);
  require(stale.extractor->replace(names, other));
  EXPECT_NE(stale.hidden(kFirst), load_memory(other, config, GetParam()).hidden(kFirst));
}

INSTANTIATE_TEST_SUITE_P(Lanes, WholePasses, ::testing::Values("reference", "cpu_f32", "cpu_int8"),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
