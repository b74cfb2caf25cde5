// The longest input of the released model, 40,960 tokens, on a small synthetic shape.
#include <gtest/gtest.h>

#include <cmath>

#include "base/temporary_folder.h"
#include "model/model_support.h"
#include "model/synth.h"

namespace trinity::testing {
namespace {

constexpr int64_t kLongest = 40960;

class LongInput : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    TRINITY_REQUIRE_LANE(GetParam());
    const std::string config =
        R"({"model_type":"qwen3","hidden_size":64,"intermediate_size":128,"num_hidden_layers":2,)"
        R"("num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,"vocab_size":500,)"
        R"("max_position_embeddings":40960,"rms_norm_eps":1e-6,"rope_theta":1000000,)"
        R"("tie_word_embeddings":true})";
    take(model::synthesize_model(config, 1, folder / "m"));
    ids = prove::InputStream(1).ids(kLongest, 500);
  }

  TemporaryFolder folder;
  Ids ids;
};

TEST_P(LongInput, FortyThousandTokensAreReadAndOneMoreIsNot) {
  LoadedModel model = load_folder(folder / "m", GetParam(), {size_t{1} << 30, 1024}, 2);
  const model::HiddenStates whole = model.extract(ids, kUncached);
  EXPECT_EQ(whole.token_count, kLongest);
  EXPECT_EQ(whole.hidden_index, kLongest - 2);
  for (const float value : whole.values) ASSERT_TRUE(std::isfinite(value));

  // The same when most of it comes from the cache.
  const Ids beginning(ids.begin(), ids.begin() + 40001);
  (void)model.extract(beginning, kCached);
  const model::HiddenStates extended = model.extract(ids, kCached);
  EXPECT_EQ(extended.cached_tokens, 40000);
  EXPECT_TRUE(same_row(GetParam(), extended.values, whole.values));

  Ids too_long = ids;
  too_long.push_back(1);
  const auto refused = model.extractor->extract({&too_long, 1}, kUncached);
  EXPECT_EQ(tag_of(refused.front()), "input_too_long");
}

TEST_P(LongInput, DistantTokensAreSeen) {
  LoadedModel model = load_folder(folder / "m", GetParam(), {0, 1024}, 2);
  const Ids part(ids.begin(), ids.begin() + 20000);
  const auto want = model.hidden(part, kUncached);
  Ids changed = part;
  changed[0] = (changed[0] + 1) % 500;
  EXPECT_NE(model.hidden(changed, kUncached), want);
}

INSTANTIATE_TEST_SUITE_P(Lanes, LongInput, ::testing::ValuesIn(fast_bit_lanes()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
