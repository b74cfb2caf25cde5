// N-8: a conversation's vector does not depend on who is computed beside it, nor on threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "model/model_support.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

/// Token ids of the 37 evaluation conversations.
std::vector<Ids> evaluation_ids() {
  std::vector<Ids> all;
  std::ifstream file(conformance_path("hf_oracle/route/plain.jsonl"));
  for (std::string line; std::getline(file, line);)
    all.push_back(nlohmann::json::parse(line).at("ids").get<Ids>());
  return all;
}

/// Ids of any length, for machines without the conformance data and for lengths beyond its own.
std::vector<Ids> random_ids(prove::InputStream& inputs, int64_t count, int64_t vocab) {
  std::vector<Ids> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(inputs.ids(inputs.integer(1, 70), vocab));
  return all;
}

using Alone = std::vector<std::vector<float>>;

Alone one_by_one(LoadedModel& model, const std::vector<Ids>& inputs) {
  Alone rows;
  for (const Ids& ids : inputs) rows.push_back(model.hidden(ids, kUncached));
  return rows;
}

/// Batches of every size from 1 to all, each a fresh shuffle.
void expect_same_in_any_company(const std::string& lane, LoadedModel& model,
                                const std::vector<Ids>& inputs, const Alone& alone,
                                const model::ExtractMode& mode, uint64_t seed) {
  const bool bits = held_to_bits(lane);
  std::mt19937_64 random(seed);
  std::vector<size_t> order(inputs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t size = 1; size <= inputs.size(); ++size) {
    std::shuffle(order.begin(), order.end(), random);
    std::vector<Ids> batch;
    for (size_t i = 0; i < size; ++i) batch.push_back(inputs[order[i]]);
    const auto got = model.extractor->extract(batch, mode);
    ASSERT_EQ(got.size(), size);
    for (size_t i = 0; i < size; ++i) {
      ASSERT_TRUE(got[i]) << got[i].error().message;
      ASSERT_TRUE(same_row(bits, lane, got[i]->values, alone[order[i]]))
          << "input " << order[i] << " at place " << i << " of a batch of " << size;
    }
  }
}

class BatchInvariance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { TRINITY_REQUIRE_LANE(GetParam()); }
};

TEST_P(BatchInvariance, N8_EvaluationCasesInAnyBatchOnAnyNumberOfThreads) {
  TRINITY_REQUIRE_CONFORMANCE("hf_oracle/route/plain.jsonl");
  const auto folder = conformance_path("hf_oracle/models/realvocab_bf16");
  auto inputs = evaluation_ids();
  ASSERT_EQ(inputs.size(), 37u);
  if (GetParam().starts_with("reference")) inputs.resize(6);  // slow
  LoadedModel single = load_folder(folder, GetParam(), {0, 1024}, 1);
  const Alone alone = one_by_one(single, inputs);
  for (const int threads : {1, 2, 4}) {
    LoadedModel model = load_folder(folder, GetParam(), {0, 1024}, threads);
    expect_same_in_any_company(GetParam(), model, inputs, alone, kUncached, 5);
  }
}

TEST_P(BatchInvariance, N8_WithAPrefixCacheThatFillsAndEvicts) {
  const model::ModelConfig config = small_shape();
  const MemorySource source = random_weights(config, 4);
  prove::InputStream random(6);
  auto inputs = random_ids(random, 20, config.vocab_size);
  for (size_t i = 0; i < 10; ++i) {  // some share beginnings
    Ids longer = inputs[i];
    const Ids more = random.ids(12, config.vocab_size);
    longer.insert(longer.end(), more.begin(), more.end());
    inputs.push_back(longer);
  }
  LoadedModel single = load_memory(source, config, GetParam());
  const Alone alone = one_by_one(single, inputs);
  for (const size_t budget : {size_t{20000}, size_t{200000}, size_t{1} << 24})
    for (const int threads : {1, 2}) {
      LoadedModel model = load_memory(source, config, GetParam(), {budget, 1024}, threads);
      expect_same_in_any_company(GetParam(), model, inputs, alone, kCached, budget);
      EXPECT_LE(model.extractor->cache_stats().bytes, budget);
    }
}

TEST_P(BatchInvariance, ABatchLargerThanOneForwardPass) {
  // Thousands of rows are computed in several groups; results keep the order of the inputs.
  const model::ModelConfig config = small_shape();
  const MemorySource source = random_weights(config, 4);
  prove::InputStream random(7);
  std::vector<Ids> inputs;
  for (int i = 0; i < 150; ++i)
    inputs.push_back(random.ids(random.integer(1, 120), config.vocab_size));
  LoadedModel model = load_memory(source, config, GetParam(), {size_t{1} << 22, 512});
  const Alone alone = one_by_one(model, inputs);
  for (const model::ExtractMode& mode : {kUncached, kCached, kFull}) {
    const auto got = model.extractor->extract(inputs, mode);
    for (size_t i = 0; i < inputs.size(); ++i)
      ASSERT_TRUE(same_row(GetParam(), got[i]->values, alone[i])) << "input " << i;
  }
}

TEST_P(BatchInvariance, ABadInputDoesNotDisturbTheOthers) {
  const model::ModelConfig config = small_shape();
  const MemorySource source = random_weights(config, 4);
  LoadedModel model = load_memory(source, config, GetParam());
  prove::InputStream random(9);
  const Ids good = random.ids(30, config.vocab_size), other = random.ids(7, config.vocab_size);
  const auto want = model.hidden(good, kUncached), other_want = model.hidden(other, kUncached);
  const std::vector<Ids> batch = {{},
                                  good,
                                  {1, 2, static_cast<int32_t>(config.vocab_size), 3},
                                  other,
                                  random.ids(config.max_position_embeddings + 1, 50),
                                  {-1},
                                  good};
  for (const model::ExtractMode& mode : {kUncached, kCached, kFull}) {
    const auto got = model.extractor->extract(batch, mode);
    ASSERT_EQ(got.size(), batch.size());
    EXPECT_EQ(tag_of(got[0]), "empty_transcript");
    EXPECT_EQ(tag_of(got[2]), "token_out_of_range");
    EXPECT_EQ(tag_of(got[4]), "input_too_long");
    EXPECT_EQ(tag_of(got[5]), "token_out_of_range");
    EXPECT_TRUE(same_row(GetParam(), got[1]->values, want));
    EXPECT_TRUE(same_row(GetParam(), got[3]->values, other_want));
    EXPECT_TRUE(same_row(GetParam(), got[6]->values, want));
  }
}

TEST_P(BatchInvariance, AnEmptyBatchGivesNothing) {
  const model::ModelConfig config = small_shape();
  const MemorySource source = random_weights(config, 4);
  LoadedModel model = load_memory(source, config, GetParam());
  EXPECT_TRUE(model.extractor->extract({}, kCached).empty());
}

INSTANTIATE_TEST_SUITE_P(Lanes, BatchInvariance, ::testing::ValuesIn(fast_bit_lanes()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
