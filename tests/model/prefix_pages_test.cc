// The prefix cache over caches with pages: what is shared, counted and given up.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "model/model_support.h"
#include "model/prefix_cache.h"

namespace trinity::testing {
namespace {

constexpr int64_t kPage = 4;  // tokens
constexpr size_t kPageBytes = 100;
constexpr size_t kId = sizeof(int32_t);

/// Pages of four tokens that hold the tokens themselves; `alive` counts them.
class FakePages final : public backend::KvCache {
 public:
  struct Page {
    explicit Page(int& counter) : alive(counter) { ++alive; }
    Page(const Page& other) : ids(other.ids), alive(other.alive) { ++alive; }
    ~Page() { --alive; }
    Ids ids;
    int& alive;
  };

  FakePages(const Ids& ids, int& alive) : alive_(alive) { grow(ids); }

  int64_t length(int64_t) const override { return length_; }
  size_t bytes() const override { return pages_.size() * kPageBytes; }
  std::unique_ptr<backend::KvCache> fork(int64_t length) const override {
    auto copy = std::make_unique<FakePages>(Ids{}, alive_);
    copy->pages_.assign(pages_.begin(), pages_.begin() + (length + kPage - 1) / kPage);
    copy->length_ = length;
    return copy;
  }
  void clear(int64_t) override { length_ = 0; }
  int64_t page_tokens() const override { return kPage; }
  size_t page_bytes() const override { return kPageBytes; }
  void share(const backend::KvCache& other, int64_t length) override {
    const auto& pages = static_cast<const FakePages&>(other).pages_;
    std::copy_n(pages.begin(), length / kPage, pages_.begin());
  }

  void grow(std::span<const int32_t> ids) {
    for (const int32_t id : ids) {
      const int64_t slot = length_++ % kPage;
      if (slot == 0) pages_.resize(static_cast<size_t>((length_ - 1) / kPage));
      if (slot == 0) pages_.push_back(std::make_shared<Page>(alive_));
      if (pages_.back().use_count() > 1) pages_.back() = std::make_shared<Page>(*pages_.back());
      pages_.back()->ids.resize(static_cast<size_t>(slot));
      pages_.back()->ids.push_back(id);
    }
  }
  Ids ids() const {
    Ids all;
    for (const auto& page : pages_) all.insert(all.end(), page->ids.begin(), page->ids.end());
    all.resize(static_cast<size_t>(length_));
    return all;
  }
  std::vector<const Page*> pages() const {
    std::vector<const Page*> all;
    for (const auto& page : pages_) all.push_back(page.get());
    return all;
  }

 private:
  int& alive_;
  int64_t length_ = 0;
  std::vector<std::shared_ptr<Page>> pages_;
};

Ids ids_of_text(const std::string& text) { return {text.begin(), text.end()}; }

/// A cache, and what a plain look at everything in it says.
class PagedCache : public ::testing::Test {
 protected:
  void make(size_t budget, double equal_length = 4096) { cache.emplace(budget, equal_length); }
  /// As an extractor does it: takes what is there, computes the rest, stores all.
  bool put(const Ids& ids) {
    model::PrefixCache::Match match = cache->find(ids, static_cast<int64_t>(ids.size()) - 1);
    if (match.kv == nullptr) match.kv = std::make_unique<FakePages>(Ids{}, alive);
    static_cast<FakePages&>(*match.kv).grow(
        std::span(ids).subspan(static_cast<size_t>(match.length)));
    return cache->insert(ids, std::move(match.kv));
  }
  bool put(const std::string& text) { return put(ids_of_text(text)); }

  std::set<Ids> stored() const {
    std::set<Ids> all;
    cache->visit([&](std::span<const int32_t> ids, const backend::KvCache&) {
      all.insert(Ids(ids.begin(), ids.end()));
    });
    return all;
  }
  std::set<std::string> texts() const {
    std::set<std::string> all;
    for (const Ids& ids : stored()) all.insert(std::string(ids.begin(), ids.end()));
    return all;
  }

  /// Counts what is there by looking at every page and every prefix.
  void expect_counted() const {
    std::set<const FakePages::Page*> pages;
    std::set<Ids> prefixes;
    size_t entries = 0;
    cache->visit([&](std::span<const int32_t> ids, const backend::KvCache& kv) {
      const auto& fake = static_cast<const FakePages&>(kv);
      ASSERT_EQ(fake.ids(), Ids(ids.begin(), ids.end()));
      for (const FakePages::Page* page : fake.pages()) pages.insert(page);
      for (size_t n = 1; n <= ids.size(); ++n)
        prefixes.insert(Ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n)));
      ++entries;
    });
    const model::PrefixCacheStats stats = cache->stats();
    ASSERT_EQ(stats.pages, pages.size());
    ASSERT_EQ(static_cast<size_t>(alive), pages.size()) << "a page is held by nobody";
    ASSERT_EQ(stats.bytes, pages.size() * kPageBytes + prefixes.size() * kId);
    ASSERT_EQ(stats.entries, entries);
    ASSERT_LE(stats.bytes, cache->byte_budget());
  }

  /// The longest prefix of ids in any stored sequence.
  int64_t naive_longest(const Ids& ids) const {
    int64_t best = 0;
    for (const Ids& other : stored()) {
      const size_t limit = std::min(ids.size(), other.size());
      size_t n = 0;
      while (n < limit && ids[n] == other[n]) ++n;
      best = std::max(best, static_cast<int64_t>(n));
    }
    return best;
  }

  int alive = 0;
  std::optional<model::PrefixCache> cache;
};

TEST_F(PagedCache, ConversationsShareTheFullPagesOfTheirBeginning) {
  make(10000);
  put("systemsystemA1");  // 14 tokens: 4 pages
  put("systemsystemB");   // 12 shared: 3 pages; one more
  expect_counted();
  EXPECT_EQ(cache->stats().pages, 5u);
  put("systemsysX");  // 9 shared: 2 pages; the third is a copy
  expect_counted();
  EXPECT_EQ(cache->stats().pages, 6u);
  EXPECT_EQ(cache->stats().entries, 3u);
}

TEST_F(PagedCache, AContinuationTakesItsOwnNewPagesOnly) {
  make(10000);
  put("abcdef");
  EXPECT_EQ(cache->stats().pages, 2u);
  put("abcdefghi");
  expect_counted();
  EXPECT_EQ(cache->stats().pages, 3u);
  EXPECT_EQ(cache->stats().entries, 1u);
  put("abcd");  // covered
  expect_counted();
  EXPECT_EQ(texts(), std::set<std::string>{"abcdefghi"});
}

TEST_F(PagedCache, WhatWasComputedSideBySideIsSharedWhenItIsStored) {
  make(10000);
  for (const std::string text : {"systemsystemA", "systemsystemB", "systemsystemBC"})
    cache->insert(ids_of_text(text), std::make_unique<FakePages>(ids_of_text(text), alive));
  expect_counted();
  EXPECT_EQ(cache->stats().pages, 5u);
}

TEST_F(PagedCache, GivesUpThePagesOfTheColdestConversationFromItsEnd) {
  make(6 * kPageBytes + 100);
  put("aaaaAAAA");
  put("bbbbBBBB");
  put("ccccCCCC");
  put("aaaaAAAAa");  // seven pages: b loses one
  expect_counted();
  EXPECT_EQ(texts(), (std::set<std::string>{"aaaaAAAAa", "bbbb", "ccccCCCC"}));
  EXPECT_EQ(cache->stats().evictions, 1u);
  EXPECT_EQ(cache->stats().evicted_tokens, 4u);
  put("ddddD");  // two more: the rest of b, then c, which was used before a
  expect_counted();
  EXPECT_EQ(texts(), (std::set<std::string>{"aaaaAAAAa", "cccc", "ddddD"}));
}

TEST_F(PagedCache, ASharedBeginningStaysAsLongAsWhatFollowsIt) {
  make(5 * kPageBytes + 20 * kId, 1e18);  // all tokens cost the same
  put("systAAAA");
  put("systBBBB");
  put("ccccCCCC");
  put("ddddDDDD");  // both tails of syst are the oldest
  expect_counted();
  EXPECT_EQ(texts(), (std::set<std::string>{"syst", "ccccCCCC", "ddddDDDD"}));
}

TEST_F(PagedCache, LateTokensStayLongerThanEarlyOnes) {
  make(4 * kPageBytes + 150, 8);  // from the eighth token on attention dominates
  put("longlonglong");
  put("xxxx");
  (void)cache->find(ids_of_text("longlonglong"), 12);
  (void)cache->find(ids_of_text("xxxx"), 4);
  put("yyyy");
  expect_counted();
  EXPECT_EQ(texts(), (std::set<std::string>{"longlonglong", "yyyy"}))
      << "x was used last but costs little";
}

TEST_F(PagedCache, TokensThatFillLittleOfAPageGoBeforeOthers) {
  make(3 * kPageBytes + 100);
  put("a");
  put("bbbb");
  (void)cache->find(ids_of_text("a"), 1);
  put("ccccCCCC");
  expect_counted();
  EXPECT_EQ(texts(), (std::set<std::string>{"bbbb", "ccccCCCC"}));
}

TEST_F(PagedCache, NothingLeaks) {
  make(1000);
  put("abcdefgh");
  put("abcdxyz");
  cache->clear();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cache->stats().bytes, 0u);
  EXPECT_EQ(cache->stats().pages, 0u);
  put("abcdxyz");
  expect_counted();
  cache.reset();
  EXPECT_EQ(alive, 0);
}

/// Conversations that begin alike, branch, go on and come back, in budgets of every size.
TEST_F(PagedCache, AgreesWithAPlainLookAtEverythingWhateverHappens) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    prove::InputStream random(seed);
    const auto budget = static_cast<size_t>(random.integer(150, 6000));
    make(budget, static_cast<double>(random.integer(1, 100)));
    std::vector<Ids> known = {{}};
    uint64_t evicted = 0;
    for (int step = 0; step < 150; ++step) {
      // A known conversation, cut somewhere, and some more of an alphabet of two or three.
      Ids ids =
          known[static_cast<size_t>(random.integer(0, static_cast<int64_t>(known.size()) - 1))];
      if (random.integer(0, 2) == 0)
        ids.resize(static_cast<size_t>(random.integer(0, static_cast<int64_t>(ids.size()))));
      for (int64_t n = random.integer(0, 12); n > 0; --n)
        ids.push_back(static_cast<int32_t>(random.integer(0, 2)));
      const int64_t most = random.integer(0, static_cast<int64_t>(ids.size()));
      ASSERT_EQ(cache->longest(ids), naive_longest(ids));
      {
        const model::PrefixCache::Match match = cache->find(ids, most);
        ASSERT_EQ(match.length, std::min(most, naive_longest(ids)));
        if (match.kv != nullptr) {
          ASSERT_EQ(static_cast<const FakePages&>(*match.kv).ids(),
                    Ids(ids.begin(), ids.begin() + match.length));
        }
      }
      if (ids.empty()) continue;
      const std::set<Ids> before = stored();
      const size_t bytes_before = cache->stats().bytes;
      const int64_t shared = naive_longest(ids);
      const bool kept = put(ids);
      ASSERT_NO_FATAL_FAILURE(expect_counted());
      const auto length = static_cast<int64_t>(ids.size());
      const size_t alone =
          static_cast<size_t>((length + kPage - 1) / kPage) * kPageBytes + ids.size() * kId;
      ASSERT_EQ(kept, alone <= budget);
      const std::set<Ids> after = stored();
      if (!kept) {
        ASSERT_EQ(after, before) << "what is too large changes nothing";
        continue;
      }
      ASSERT_EQ(naive_longest(ids), length) << "what was stored last is there";
      // Whatever is there was there before or is part of what was stored.
      for (const Ids& path : after) {
        const auto begins_with_path = [&](const Ids& whole) {
          return path.size() <= whole.size() && std::equal(path.begin(), path.end(), whole.begin());
        };
        ASSERT_TRUE(begins_with_path(ids) ||
                    std::any_of(before.begin(), before.end(), begins_with_path));
      }
      // Nothing goes without need: at most this much was to be added.
      const size_t added =
          static_cast<size_t>((length + kPage - 1) / kPage - shared / kPage) * kPageBytes +
          static_cast<size_t>(length - shared) * kId;
      if (bytes_before + added <= budget) {
        ASSERT_EQ(cache->stats().evictions, evicted);
        for (const Ids& path : before)
          ASSERT_EQ(naive_longest(path), static_cast<int64_t>(path.size()));
      }
      evicted = cache->stats().evictions;
      known.push_back(ids);
    }
    cache.reset();
    ASSERT_EQ(alive, 0);
  }
}

TEST_F(PagedCache, ManyBranchesOfOnePathAreNoTrouble) {
  make(size_t{1} << 30);
  Ids path;
  for (int32_t i = 0; i < 3000; ++i) {  // leaves its path at every token
    path.push_back(i);
    Ids branch = path;
    branch.push_back(-1);
    cache->insert(branch, std::make_unique<FakePages>(branch, alive));
  }
  EXPECT_EQ(cache->stats().entries, 3000u);
  EXPECT_EQ(cache->longest(path), 3000);
  cache->clear();
  EXPECT_EQ(alive, 0);
}

// ---- inside an extractor ----

class ExtractorPages : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { TRINITY_REQUIRE_LANE(GetParam()); }
  Ids joined(const Ids& a, const Ids& b) {
    Ids both = a;
    both.insert(both.end(), b.begin(), b.end());
    return both;
  }
  model::ModelConfig config = small_shape();
  MemorySource source = random_weights(config, 5);
  prove::InputStream inputs{6};
};

TEST_P(ExtractorPages, ABeginningThatACallSharesIsComputedOnce) {
  LoadedModel model = load_memory(source, config, GetParam());
  const Ids system = inputs.ids(100, config.vocab_size);
  std::vector<Ids> batch;
  std::vector<std::vector<float>> want;
  for (int32_t i = 0; i < 5; ++i) {
    Ids ids = system;
    ids.push_back(i);
    batch.push_back(joined(ids, inputs.ids(3 + 7 * i, config.vocab_size)));
    want.push_back(model.hidden(batch.back(), kUncached));
  }
  batch.push_back(batch.front());
  want.push_back(want.front());
  const auto got = model.extractor->extract(batch, kCached);
  for (size_t i = 0; i < batch.size(); ++i) {
    ASSERT_TRUE(got[i]) << got[i].error().message;
    EXPECT_TRUE(same_row(GetParam(), got[i]->values, want[i])) << i;
    const int64_t cached = i == 0 ? 0 : i == 5 ? static_cast<int64_t>(batch[5].size()) - 2 : 100;
    EXPECT_EQ(got[i]->cached_tokens, cached) << i;
  }
}

TEST_P(ExtractorPages, PagesAreCountedOnce) {
  LoadedModel model = load_memory(source, config, GetParam());
  const auto shape =
      backend::KvShape{config.num_hidden_layers, config.num_key_value_heads, config.head_dim};
  const auto kv = take(model.backend->make_kv_cache(shape));
  if (kv->page_tokens() == 0) GTEST_SKIP() << "caches of this lane have no pages";
  ASSERT_EQ(kv->page_tokens(), 32);
  const Ids system = inputs.ids(70, config.vocab_size);
  for (int32_t i = 0; i < 4; ++i) {  // 70 shared, 91 stored
    Ids ids = system;
    ids.push_back(i);
    (void)model.extract(joined(ids, inputs.ids(21, config.vocab_size)), kCached);
  }
  const model::PrefixCacheStats stats = model.extractor->cache_stats();
  EXPECT_EQ(stats.pages, 2u + 4u);
  EXPECT_EQ(stats.bytes, stats.pages * kv->page_bytes() + (70 + 4 * 21) * kId);
  EXPECT_EQ(kv->page_bytes(), 32 * model.backend->kv_bytes_per_token(shape));
  EXPECT_EQ(stats.hits, 3u);
  EXPECT_EQ(stats.reused_tokens, 3u * 70u);
}

INSTANTIATE_TEST_SUITE_P(Lanes, ExtractorPages, ::testing::ValuesIn(lane_names()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
