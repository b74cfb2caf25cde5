// The prefix cache: what it finds, what it drops, what it counts.
#include "model/prefix_cache.h"

#include <gtest/gtest.h>

#include "model/model_support.h"

namespace trinity::testing {
namespace {

/// Keys and values that know only their name and length; ten bytes a token.
class FakeKv final : public backend::KvCache {
 public:
  FakeKv(std::string origin, int64_t length) : origin_(std::move(origin)), length_(length) {}
  int64_t length(int64_t) const override { return length_; }
  size_t bytes() const override { return static_cast<size_t>(length_) * 10; }
  std::unique_ptr<backend::KvCache> fork(int64_t length) const override {
    return std::make_unique<FakeKv>(origin_, length);
  }
  void clear(int64_t) override { length_ = 0; }
  const std::string& origin() const { return origin_; }

 private:
  std::string origin_;
  int64_t length_;
};

/// An entry of n ids takes 10 n bytes of keys and values and 4 n of ids, as long as it shares none.
constexpr size_t kTokenBytes = 14;

Ids ids_of(const std::string& text) { return {text.begin(), text.end()}; }

bool put(model::PrefixCache& cache, const std::string& text) {
  return cache.insert(ids_of(text),
                      std::make_unique<FakeKv>(text, static_cast<int64_t>(text.size())));
}

/// "origin:length" of the best match, "" for none.
std::string found(model::PrefixCache& cache, const std::string& text, int64_t max_length = 1000) {
  const model::PrefixCache::Match match = cache.find(ids_of(text), max_length);
  if (match.kv == nullptr) {
    EXPECT_EQ(match.length, 0);
    return "";
  }
  EXPECT_EQ(match.kv->length(0), match.length);
  return static_cast<const FakeKv&>(*match.kv).origin() + ":" + std::to_string(match.length);
}

TEST(PrefixCache, FindsTheLongestSharedPrefix) {
  model::PrefixCache cache(10000);
  EXPECT_EQ(found(cache, "abc"), "");
  put(cache, "abcdef");
  put(cache, "abxyz");
  put(cache, "q");
  EXPECT_EQ(found(cache, "abcdefgh"), "abcdef:6");  // the input is longer
  EXPECT_EQ(found(cache, "abcd"), "abcdef:4");      // the input is shorter
  EXPECT_EQ(found(cache, "abcdXX"), "abcdef:4");    // they diverge
  EXPECT_EQ(found(cache, "abxyw"), "abxyz:4");
  EXPECT_EQ(found(cache, "abcdef"), "abcdef:6");  // exactly the same
  EXPECT_EQ(found(cache, "zzz"), "");
  EXPECT_EQ(found(cache, ""), "");
}

TEST(PrefixCache, NeverReturnsMoreThanTheCallerCanUse) {
  model::PrefixCache cache(10000);
  put(cache, "abcdef");
  EXPECT_EQ(found(cache, "abcdef", 5), "abcdef:5");
  EXPECT_EQ(found(cache, "abcdef", 1), "abcdef:1");
  EXPECT_EQ(found(cache, "abcdef", 0), "");
}

TEST(PrefixCache, DropsTheLeastRecentlyUsedFirst) {
  model::PrefixCache cache(3 * 4 * kTokenBytes);
  put(cache, "aaaa");
  put(cache, "bbbb");
  put(cache, "cccc");
  EXPECT_EQ(cache.stats().evictions, 0u);
  EXPECT_EQ(found(cache, "aaaa"), "aaaa:4");  // used: b is now the oldest
  put(cache, "dddd");
  EXPECT_EQ(found(cache, "bbbb"), "");
  EXPECT_EQ(found(cache, "cccc"), "cccc:4");
  EXPECT_EQ(found(cache, "aaaa"), "aaaa:4");
  EXPECT_EQ(found(cache, "dddd"), "dddd:4");
  EXPECT_EQ(cache.stats().evictions, 1u);
  put(cache, "eeeeeeee");  // takes the room of two: c and a are the oldest
  EXPECT_EQ(found(cache, "cccc"), "");
  EXPECT_EQ(found(cache, "aaaa"), "");
  EXPECT_EQ(found(cache, "dddd"), "dddd:4");
  EXPECT_EQ(cache.stats().evictions, 3u);
}

TEST(PrefixCache, StaysWithinItsBudgetToTheByte) {
  model::PrefixCache exact(2 * 4 * kTokenBytes);
  EXPECT_TRUE(put(exact, "aaaa"));
  EXPECT_TRUE(put(exact, "bbbb"));
  EXPECT_EQ(exact.stats().entries, 2u);
  EXPECT_EQ(exact.stats().bytes, exact.byte_budget());
  model::PrefixCache short_by_one(2 * 4 * kTokenBytes - 1);
  put(short_by_one, "aaaa");
  put(short_by_one, "bbbb");
  EXPECT_EQ(short_by_one.stats().entries, 1u);
  EXPECT_EQ(found(short_by_one, "bbbb"), "bbbb:4");

  prove::InputStream random(1);
  model::PrefixCache cache(500);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (int64_t n = random.integer(1, 20); n > 0; --n)
      text += static_cast<char>('a' + random.integer(0, 2));
    if (random.integer(0, 1) == 0) {
      put(cache, text);
    } else {
      (void)found(cache, text);
    }
    ASSERT_LE(cache.stats().bytes, 500u);
    ASSERT_EQ(cache.stats().bytes == 0, cache.stats().entries == 0);
  }
}

TEST(PrefixCache, AnEntryLargerThanTheBudgetIsNotKeptAndEvictsNothing) {
  model::PrefixCache cache(100);
  put(cache, "aaaa");
  EXPECT_FALSE(put(cache, "bbbbbbbbbbbbbbbbbbbb"));
  EXPECT_EQ(found(cache, "aaaa"), "aaaa:4");
  EXPECT_EQ(cache.stats().evictions, 0u);
  EXPECT_EQ(cache.stats().entries, 1u);
}

TEST(PrefixCache, BudgetZeroKeepsNothing) {
  model::PrefixCache cache(0);
  EXPECT_FALSE(put(cache, "a"));
  EXPECT_EQ(found(cache, "a"), "");
  EXPECT_EQ(cache.stats().bytes, 0u);
}

TEST(PrefixCache, AnEntryReplacesItsOwnPrefixes) {
  model::PrefixCache cache(10000);
  put(cache, "ab");
  put(cache, "abcd");
  put(cache, "abxx");
  EXPECT_EQ(cache.stats().entries, 2u);
  put(cache, "abcd");  // the same once more
  EXPECT_EQ(cache.stats().entries, 2u);
  EXPECT_EQ(cache.stats().bytes, 2 * 4 * kTokenBytes - 2 * sizeof(int32_t))
      << "shared ids are there once";
  EXPECT_EQ(cache.stats().evictions, 0u) << "being replaced is not being evicted";
}

TEST(PrefixCache, CountsLookupsHitsAndReusedTokens) {
  model::PrefixCache cache(10000);
  put(cache, "abcdef");
  (void)found(cache, "abc");
  (void)found(cache, "abcdef", 5);
  (void)found(cache, "x");
  const model::PrefixCacheStats stats = cache.stats();
  EXPECT_EQ(stats.lookups, 3u);
  EXPECT_EQ(stats.hits, 2u);
  EXPECT_EQ(stats.reused_tokens, 8u);
  EXPECT_EQ(stats.entries, 1u);
  EXPECT_EQ(stats.bytes, 6 * kTokenBytes);
}

TEST(PrefixCache, ClearForgetsEverything) {
  model::PrefixCache cache(10000);
  put(cache, "abc");
  cache.clear();
  EXPECT_EQ(cache.stats().bytes, 0u);
  EXPECT_EQ(cache.stats().entries, 0u);
  EXPECT_EQ(found(cache, "abc"), "");
  EXPECT_TRUE(put(cache, "abc"));
  EXPECT_EQ(found(cache, "abc"), "abc:3");
}

// ---- inside an extractor ----

class ExtractorCache : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { TRINITY_REQUIRE_LANE(GetParam()); }
  size_t model_bytes_per_token() const {
    return take(backend::create_backend(GetParam(), {1}))
        ->kv_bytes_per_token(
            {config.num_hidden_layers, config.num_key_value_heads, config.head_dim});
  }
  model::ModelConfig config = small_shape();
  MemorySource source = random_weights(config, 5);
  prove::InputStream inputs{6};
};

TEST_P(ExtractorCache, BudgetZeroDisablesIt) {
  LoadedModel model = load_memory(source, config, GetParam(), {0, 1024});
  const Ids ids = inputs.ids(40, config.vocab_size);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(model.extract(ids, kCached).cached_tokens, 0);
  EXPECT_EQ(model.extractor->cache_stats().lookups, 0u);
}

TEST_P(ExtractorCache, AnInputTooLargeForTheBudgetIsComputedWithoutIt) {
  const size_t per_token = model_bytes_per_token();
  LoadedModel model = load_memory(source, config, GetParam(), {40 * per_token, 1024});
  const Ids large = inputs.ids(120, config.vocab_size), small = inputs.ids(20, config.vocab_size);
  const auto want = model.hidden(large, kUncached);
  (void)model.extract(small, kCached);
  for (int i = 0; i < 2; ++i) {
    const model::HiddenStates got = model.extract(large, kCached);
    EXPECT_EQ(got.cached_tokens, 0);
    EXPECT_TRUE(same_row(GetParam(), got.values, want));
  }
  EXPECT_EQ(model.extract(small, kCached).cached_tokens, 18) << "the small one was not evicted";
}

TEST_P(ExtractorCache, ModesThatMustNotUseItDoNot) {
  LoadedModel model = load_memory(source, config, GetParam());
  const Ids ids = inputs.ids(40, config.vocab_size);
  (void)model.extract(ids, kCached);
  for (const model::ExtractMode& mode : {kUncached, kFull, kAllPositions})
    EXPECT_EQ(model.extract(ids, mode).cached_tokens, 0);
  EXPECT_EQ(model.extractor->cache_stats().lookups, 1u);
  model.extractor->clear_cache();
  EXPECT_EQ(model.extractor->cache_stats().bytes, 0u);
  EXPECT_EQ(model.extract(ids, kCached).cached_tokens, 0);
}

TEST_P(ExtractorCache, MemoryReturnsToItsBaselineOverManyConversations) {
  const size_t budget = 60 * model_bytes_per_token() * 4;
  LoadedModel model = load_memory(source, config, GetParam(), {budget, 1024});
  for (int i = 0; i < 300; ++i) {
    (void)model.extract(inputs.ids(inputs.integer(1, 60), config.vocab_size), kCached);
    ASSERT_LE(model.extractor->cache_stats().bytes, budget);
  }
  const model::PrefixCacheStats stats = model.extractor->cache_stats();
  EXPECT_EQ(stats.lookups, 300u);
  EXPECT_GT(stats.evictions, 100u);
}

INSTANTIATE_TEST_SUITE_P(Lanes, ExtractorCache, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
