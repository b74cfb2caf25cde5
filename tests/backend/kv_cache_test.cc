// Key/value caches: forks share and never change the original; recycled memory does not leak.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/every_lane.h"
#include "backend/forwarding_backend.h"
#include "backend/op_matrix.h"
#include "backend/plugin_lanes.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

constexpr backend::AttentionShape kShape{6, 2, 22};
constexpr int64_t kKvCols = 2 * 22, kQueryCols = 6 * 22;
constexpr int64_t kLayers = 2;

/// The keys and values of one token stream; a fork reads another one from some position on.
struct Stream {
  std::vector<float> k, v;
};

class KvCacheTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto created = backend::create_backend(GetParam(), {1});
    if (!created && created.error().tag == "backend_unavailable")
      GTEST_SKIP() << "SKIPPED: " << created.error().message;
    ASSERT_TRUE(created) << created.error().message;
    backend = std::move(*created);
    query = inputs.normal(kQueryCols);
  }

  Stream stream(int64_t tokens) {
    return {inputs.normal(tokens * kKvCols), inputs.normal(tokens * kKvCols)};
  }

  std::unique_ptr<backend::KvCache> empty() {
    return take(backend->make_kv_cache({kLayers, kShape.kv_heads, kShape.head_dim}));
  }

  Status try_append(backend::KvCache& kv, const Stream& from, int64_t begin, int64_t end,
                    int64_t layer) {
    const backend::SequenceSlice slice{0, end - begin, begin, &kv};
    const auto part = [&](const std::vector<float>& values) {
      return take(
          backend->upload(std::span(values).subspan(static_cast<size_t>(begin * kKvCols),
                                                    static_cast<size_t>((end - begin) * kKvCols)),
                          end - begin, kKvCols));
    };
    return backend->append_kv(part(from.k), part(from.v), {&slice, 1}, layer);
  }
  void append(backend::KvCache& kv, const Stream& from, int64_t begin, int64_t end) {
    for (int64_t layer = 0; layer < kLayers; ++layer)
      require(try_append(kv, from, begin, end, layer));
  }

  /// What a fixed query sees in the whole cache: any change of a stored number changes it.
  std::vector<float> seen(backend::KvCache& kv, int64_t layer = 1) {
    const backend::SequenceSlice slice{0, 1, kv.length(layer) - 1, &kv};
    return values_of(*backend, take(backend->attention(take(backend->upload(query, 1, kQueryCols)),
                                                       {&slice, 1}, layer, kShape)));
  }

  /// A cache that never was forked.
  std::vector<float> seen_fresh(const Stream& first, int64_t cut, const Stream& rest, int64_t end) {
    const auto kv = empty();
    append(*kv, first, 0, cut);
    if (end > cut) append(*kv, rest, cut, end);
    return seen(*kv);
  }

  std::unique_ptr<backend::Backend> backend;
  prove::InputStream inputs{2718};
  std::vector<float> query;
};

TEST_P(KvCacheTest, ForkHoldsExactlyThePrefix) {
  const Stream a = stream(100);
  const auto kv = empty();
  append(*kv, a, 0, 100);
  for (const int64_t cut : {1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 99, 100}) {
    const auto fork = kv->fork(cut);
    for (int64_t layer = 0; layer < kLayers; ++layer) EXPECT_EQ(fork->length(layer), cut);
    EXPECT_EQ(seen(*fork, 0), seen(*fork, 1));
    EXPECT_EQ(seen(*fork), seen_fresh(a, cut, a, cut)) << "cut at " << cut;
    EXPECT_EQ(kv->length(1), 100);
  }
}

TEST_P(KvCacheTest, ForksAndOriginalGrowApart) {
  const Stream a = stream(140), b = stream(140), c = stream(140);
  for (const int64_t cut : {1, 16, 31, 32, 33, 50, 64, 70}) {
    SCOPED_TRACE(cut);
    const auto kv = empty();
    append(*kv, a, 0, 70);
    const auto before = seen(*kv);
    const auto first = kv->fork(cut), second = kv->fork(cut);
    append(*first, b, cut, cut + 1);
    append(*first, b, cut + 1, cut + 60);
    EXPECT_EQ(seen(*kv), before) << "the original changed through a fork";
    append(*second, c, cut, cut + 3);
    EXPECT_EQ(seen(*first), seen_fresh(a, cut, b, cut + 60));
    EXPECT_EQ(seen(*second), seen_fresh(a, cut, c, cut + 3));
    append(*kv, a, 70, 140);
    EXPECT_EQ(seen(*kv), seen_fresh(a, 140, a, 140));
    EXPECT_EQ(seen(*first), seen_fresh(a, cut, b, cut + 60))
        << "a fork changed through the original";
  }
}

TEST_P(KvCacheTest, ForkOutlivesTheOriginal) {
  const Stream a = stream(70), b = stream(90);
  auto kv = empty();
  append(*kv, a, 0, 70);
  const auto fork = kv->fork(45);
  kv.reset();
  const auto other = empty();  // may take the memory that was freed
  append(*other, b, 0, 90);
  append(*fork, b, 45, 80);
  EXPECT_EQ(seen(*fork), seen_fresh(a, 45, b, 80));
}

TEST_P(KvCacheTest, ForkOfAForkAndOfNothing) {
  const Stream a = stream(100), b = stream(100);
  const auto kv = empty();
  EXPECT_EQ(kv->fork(0)->length(0), 0);
  append(*kv, a, 0, 100);
  const auto first = kv->fork(60);
  append(*first, b, 60, 75);
  const auto second = first->fork(67);
  EXPECT_EQ(seen(*second), seen_fresh(a, 60, b, 67));
  const auto none = kv->fork(0);
  EXPECT_EQ(none->length(1), 0);
  append(*none, b, 0, 40);
  EXPECT_EQ(seen(*none), seen_fresh(b, 40, b, 40));
}

TEST_P(KvCacheTest, ClearForgetsOneLayerAndLeavesForksAlone) {
  const Stream a = stream(60), b = stream(60);
  const auto kv = empty();
  append(*kv, a, 0, 60);
  const auto fork = kv->fork(60);
  kv->clear(1);
  EXPECT_EQ(kv->length(1), 0);
  EXPECT_EQ(kv->length(0), 60);
  require(try_append(*kv, b, 0, 33, 1));
  EXPECT_EQ(seen(*kv), seen_fresh(b, 33, b, 33));
  EXPECT_EQ(seen(*fork), seen_fresh(a, 60, a, 60));
}

TEST_P(KvCacheTest, TokensMustArriveInOrder) {
  const Stream a = stream(60);
  const auto kv = empty();
  append(*kv, a, 0, 10);
  for (const int64_t begin : {0, 9, 11, 40}) {
    const Status status = try_append(*kv, a, begin, begin + 2, 0);
    ASSERT_FALSE(status) << "appended at " << begin;
    EXPECT_EQ(status.error().tag, "kv_position_mismatch");
  }
  EXPECT_EQ(kv->length(0), 10);
  EXPECT_EQ(seen(*kv), seen_fresh(a, 10, a, 10));
}

TEST_P(KvCacheTest, BytesGrowWithTokensAsAnnounced) {
  const Stream a = stream(320);
  const auto kv = empty();
  EXPECT_EQ(kv->bytes(), 0u);
  append(*kv, a, 0, 320);
  const size_t per_token = backend->kv_bytes_per_token({kLayers, kShape.kv_heads, kShape.head_dim});
  EXPECT_EQ(kv->bytes(), 320 * per_token);
  // A partly filled page counts whole; never fewer bytes than announced.
  EXPECT_GE(kv->fork(33)->bytes(), 33 * per_token);
  EXPECT_LE(kv->fork(33)->bytes(), 64 * per_token);
}

/// Leaves blocks full of NaN in whatever memory the backend recycles, several of every size.
void poison(backend::Backend& backend) {
  for (int64_t size = 64; size <= int64_t{1} << 19; size = size * 3 / 2) {
    std::vector<backend::Tensor> held;
    const std::vector<float> nan(static_cast<size_t>(size),
                                 std::numeric_limits<float>::quiet_NaN());
    const int copies = size < 16384 ? 40 : 4;
    for (int i = 0; i < copies; ++i) held.push_back(take(backend.upload(nan, 1, size)));
  }
}

TEST_P(KvCacheTest, RecycledMemoryFullOfNaNDoesNotLeak) {
  const Stream a = stream(150);
  const auto run = [&] {
    std::vector<std::vector<float>> results;
    const auto kv = empty();
    int64_t done = 0;
    for (const int64_t count : {1, 2, 13, 1, 14, 1, 1, 31, 5, 80}) {
      append(*kv, a, done, done + count);
      done += count;
      results.push_back(seen(*kv));
      results.push_back(seen(*kv->fork(done / 2 + 1)));
    }
    return results;
  };
  const auto clean = run();
  for (const auto& result : clean)
    for (const float value : result) ASSERT_TRUE(std::isfinite(value));
  poison(*backend);
  EXPECT_EQ(run(), clean);
}

TEST_P(KvCacheTest, EveryOperationWorksInPoisonedMemory) {
  poison(*backend);
  const auto poisoned = [this] { return std::make_unique<backend::ForwardingBackend>(*backend); };
  const prove::OpMatrix matrix =
      matrix_of(lane_with(GetParam(), *backend::lane_tolerances(GetParam()), poisoned), 161803);
  EXPECT_TRUE(matrix.passed()) << report_of(matrix);
}

INSTANTIATE_TEST_SUITE_P(Lanes, KvCacheTest, ::testing::ValuesIn(every_lane()),
                         [](const auto& lane) { return lane.param; });
INSTANTIATE_TEST_SUITE_P(Plugins, KvCacheTest, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
