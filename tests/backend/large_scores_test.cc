// Attention with scores far beyond the range of the exponential: the largest score takes all the
// weight and nothing becomes NaN.
//
// A softmax subtracts the largest score before the exponential. If that maximum was rounded and the
// scores were not, a difference of a rounding step remains, and for scores above 2^32 such a step
// alone overflows the exponential or empties the sum.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "backend/every_lane.h"
#include "backend/op_inputs.h"
#include "backend/plugin_lanes.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

class LargeScores : public ::testing::TestWithParam<std::string> {};

TEST_P(LargeScores, TheLargestTakesAllTheWeight) {
  auto created = backend::create_backend(GetParam(), {1});
  if (!created && created.error().tag == "backend_unavailable")
    GTEST_SKIP() << "SKIPPED: " << created.error().message;
  ASSERT_TRUE(created) << created.error().message;
  backend::Backend& backend = **created;
  prove::InputStream inputs{47};
  const backend::AttentionShape shape{4, 2, 32};
  const int64_t kv_cols = shape.kv_heads * shape.head_dim, q_cols = shape.heads * shape.head_dim;
  for (const float size : {1e3F, 1e5F, 1.7e6F, 3.3e8F, 1e12F})
    for (const int64_t tokens : {2, 17, 130}) {
      SCOPED_TRACE(fmt::format("factors of {}, {} tokens", size, tokens));
      // One key points where the query does; the others are half as long.
      const int64_t best = tokens / 2;
      const std::vector<float> direction = inputs.normal(shape.head_dim);
      std::vector<float> q, k;
      const std::vector<float> v = inputs.normal(tokens * kv_cols);
      for (int64_t i = 0; i < q_cols; ++i)
        q.push_back(size * direction[static_cast<size_t>(i % shape.head_dim)]);
      for (int64_t i = 0; i < tokens * kv_cols; ++i)
        k.push_back((i / kv_cols == best ? size : size / 2) *
                    direction[static_cast<size_t>(i % shape.head_dim)]);
      const auto cache = take(backend.make_kv_cache({1, shape.kv_heads, shape.head_dim}));
      backend::SequenceSlice stored{0, tokens, 0, cache.get()},
          asked{0, 1, tokens - 1, cache.get()};
      require(backend.append_kv(take(backend.upload(k, tokens, kv_cols)),
                                take(backend.upload(v, tokens, kv_cols)), {&stored, 1}, 0));
      const auto got = values_of(backend, take(backend.attention(take(backend.upload(q, 1, q_cols)),
                                                                 {&asked, 1}, 0, shape)));
      ASSERT_EQ(static_cast<int64_t>(got.size()), q_cols);
      for (int64_t i = 0; i < q_cols; ++i) {
        const int64_t kv_head = i / shape.head_dim / (shape.heads / shape.kv_heads);
        const float want =
            v[static_cast<size_t>(best * kv_cols + kv_head * shape.head_dim + i % shape.head_dim)];
        ASSERT_NEAR(got[static_cast<size_t>(i)], want, 0.02F * (1 + std::abs(want))) << i;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Lanes, LargeScores, ::testing::ValuesIn(every_lane()),
                         [](const auto& lane) { return lane.param; });
INSTANTIATE_TEST_SUITE_P(Plugins, LargeScores, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
