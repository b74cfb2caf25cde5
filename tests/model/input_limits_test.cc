// Inputs that are refused, and the longest that is not.
#include <gtest/gtest.h>

#include "model/model_support.h"

namespace trinity::testing {
namespace {

class InputLimits : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    TRINITY_REQUIRE_LANE(GetParam());
    model = load_memory(source, config, GetParam());
  }

  Result<model::HiddenStates> extract(const Ids& ids, const model::ExtractMode& mode) {
    return std::move(model.extractor->extract({&ids, 1}, mode).front());
  }

  model::ModelConfig config = small_shape();
  MemorySource source = random_weights(config, 2);
  LoadedModel model;
  prove::InputStream inputs{3};
  const std::vector<model::ExtractMode> modes = {kFull, kUncached, kCached, kAllPositions};
};

TEST_P(InputLimits, EmptyInputIsRefused) {
  for (const model::ExtractMode& mode : modes)
    EXPECT_EQ(tag_of(extract({}, mode)), "empty_transcript");
}

TEST_P(InputLimits, TheLongestInputIsReadAndOneMoreTokenIsNot) {
  const Ids longest = inputs.ids(config.max_position_embeddings, config.vocab_size);
  Ids too_long = longest;
  too_long.push_back(0);
  const auto want = take(extract(longest, kFull)).values;
  for (const model::ExtractMode& mode : {kFull, kUncached, kCached})
    EXPECT_TRUE(same_row(GetParam(), take(extract(longest, mode)).values, want));
  for (const model::ExtractMode& mode : modes) {
    const auto refused = extract(too_long, mode);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().tag, "input_too_long");
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid_input);
    // The sentence names both numbers.
    EXPECT_NE(refused.error().message.find("201"), std::string::npos) << refused.error().message;
    EXPECT_NE(refused.error().message.find("200"), std::string::npos);
  }
}

TEST_P(InputLimits, TokensOutsideTheVocabularyAreRefusedEvenWhereTheyAreNotComputed) {
  for (const int32_t bad : {-1, 50, 51, INT32_MAX, INT32_MIN})
    for (const size_t place : {size_t{0}, size_t{3}, size_t{5}}) {
      Ids ids = inputs.ids(6, config.vocab_size);
      ids[place] = bad;
      for (const model::ExtractMode& mode : modes) {
        const auto refused = extract(ids, mode);
        ASSERT_FALSE(refused) << bad << " at " << place;
        EXPECT_EQ(refused.error().tag, "token_out_of_range");
        EXPECT_NE(refused.error().message.find(std::to_string(bad)), std::string::npos);
        EXPECT_NE(refused.error().message.find("50"), std::string::npos);
      }
    }
  EXPECT_TRUE(extract({0, 49, 0}, kFull));
}

TEST_P(InputLimits, EveryVocabularyEntryCanBeRead) {
  Ids all(static_cast<size_t>(config.vocab_size));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int32_t>(i);
  for (const float value : take(extract(all, kAllPositions)).values)
    ASSERT_TRUE(std::isfinite(value));
}

INSTANTIATE_TEST_SUITE_P(Lanes, InputLimits, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
