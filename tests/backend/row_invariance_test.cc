// In a lane that promises bits a row's bits depend on that row alone (small shapes; real ones are
// in the slow binary).
#include "backend/row_invariance.h"

#include <algorithm>
#include <utility>

#include "backend/plugin_lanes.h"

namespace trinity::testing {
namespace {

class RowInvariance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    backends = backends_with_threads(GetParam());
    if (backends.empty()) GTEST_SKIP() << "SKIPPED: backend " << GetParam() << " cannot run here";
  }

  /// Rows of a fixed matrix as a tensor.
  static backend::Tensor part(backend::Backend& backend, const std::vector<float>& values,
                              const Batch& batch, int64_t cols) {
    return take(backend.upload(
        std::span(values.data() + batch.begin * cols, static_cast<size_t>(batch.rows * cols)),
        batch.rows, cols));
  }

  std::vector<std::unique_ptr<backend::Backend>> backends;
  prove::InputStream inputs{13};
  const std::vector<int64_t> sizes = {2, 3, 5, 8, 17, 33, 64, 128, 129, 131, 144, 150};
  static constexpr int64_t rows = 150;
};

TEST_P(RowInvariance, Linear) {
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{75, 132}, {141, 75}, {64, 64}})
    expect_linear_rows_are_independent(GetParam(), in, out, rows, sizes);
}

TEST_P(RowInvariance, NormsOfHiddenStatesAndHeads) {
  for (const auto& [size, heads] : {std::pair<int64_t, int64_t>{75, 1}, {22, 6}}) {
    const int64_t cols = size * heads;
    const auto x = inputs.uneven_rows(rows, cols);
    const prove::HostMatrix w({size}, inputs.normal(size));
    expect_same_rows(GetParam(), backends, rows, cols, batches_of(sizes, rows),
                     [&](backend::Backend& backend, const Batch& batch) {
                       return values_of(backend, take(backend.rms_norm(
                                                     part(backend, x, batch, cols),
                                                     take(backend.prepare_norm(w.view())), 1e-6f)));
                     });
  }
}

TEST_P(RowInvariance, FusedNormOfASum) {
  const int64_t cols = 75;
  const auto h = inputs.uneven_rows(rows, cols), d = inputs.uneven_rows(rows, cols);
  const prove::HostMatrix w({cols}, inputs.normal(cols));
  expect_same_rows(GetParam(), backends, rows, cols, batches_of(sizes, rows),
                   [&](backend::Backend& backend, const Batch& batch) {
                     backend::Tensor residual = part(backend, h, batch, cols);
                     const backend::Tensor delta = part(backend, d, batch, cols);
                     return values_of(backend, take(backend.add_rms_norm(
                                                   residual, &delta,
                                                   take(backend.prepare_norm(w.view())), 1e-6f)));
                   });
}

TEST_P(RowInvariance, SumsAndActivations) {
  const int64_t cols = 141;
  const auto a = inputs.uneven_rows(rows, cols), b = inputs.uneven_rows(rows, cols);
  for (const auto operation : {&backend::Backend::add, &backend::Backend::silu_mul})
    expect_same_rows(GetParam(), backends, rows, cols, batches_of(sizes, rows),
                     [&](backend::Backend& backend, const Batch& batch) {
                       return values_of(backend,
                                        take((backend.*operation)(part(backend, a, batch, cols),
                                                                  part(backend, b, batch, cols))));
                     });
}

TEST_P(RowInvariance, Rotation) {
  const int64_t head_dim = 22, cols = 3 * head_dim;
  const auto x = inputs.uneven_rows(rows, cols);
  std::vector<int64_t> positions(rows);
  for (int64_t& position : positions) position = inputs.integer(0, 2000);
  expect_same_rows(
      GetParam(), backends, rows, cols, batches_of(sizes, rows),
      [&](backend::Backend& backend, const Batch& batch) {
        const std::span own(positions.data() + batch.begin, static_cast<size_t>(batch.rows));
        return values_of(backend,
                         take(backend.rope(part(backend, x, batch, cols), own, head_dim, 1e6)));
      });
}

/// Sequences of several lengths: each alone and in one go, then in steps of any size beside others.
TEST_P(RowInvariance, AttentionHowEverTheRowsArrive) {
  const backend::AttentionShape shape{6, 2, 22};
  const int64_t kv_cols = 2 * 22, q_cols = 6 * 22;
  const std::vector<int64_t> lengths = {1, 31, 32, 33, 64, 65, 97, 130};
  struct Tokens {
    std::vector<float> q, k, v;
  };
  std::vector<Tokens> tokens;
  for (const int64_t length : lengths)
    tokens.push_back({inputs.normal(length * q_cols), inputs.normal(length * kv_cols),
                      inputs.normal(length * kv_cols)});
  const prove::HostMatrix norm({22}, inputs.normal(22, 0.3f, 1.4f));

  /// Walks over all sequences at once; `step(s, done)` says how many tokens of s come next.
  const auto walk = [&](backend::Backend& backend, const std::vector<size_t>& order,
                        const auto& step) {
    const backend::Weight weight = take(backend.prepare_norm(norm.view()));
    std::vector<std::unique_ptr<backend::KvCache>> caches;
    for (size_t i = 0; i < lengths.size(); ++i)
      caches.push_back(take(backend.make_kv_cache({1, 2, 22})));
    std::vector<int64_t> done(lengths.size(), 0);
    std::vector<std::vector<float>> results(lengths.size());
    for (;;) {
      std::vector<backend::SequenceSlice> slices;
      Tokens chunk;
      int64_t chunk_rows = 0;
      for (const size_t s : order) {
        const int64_t count = std::min(step(s, done[s]), lengths[s] - done[s]);
        if (count <= 0) continue;
        const auto add = [&](std::vector<float>& to, const std::vector<float>& from, int64_t cols) {
          to.insert(to.end(), from.begin() + done[s] * cols,
                    from.begin() + (done[s] + count) * cols);
        };
        add(chunk.q, tokens[s].q, q_cols);
        add(chunk.k, tokens[s].k, kv_cols);
        add(chunk.v, tokens[s].v, kv_cols);
        slices.push_back({chunk_rows, count, done[s], caches[s].get()});
        chunk_rows += count;
      }
      if (slices.empty()) return results;
      const backend::Qkv qkv{take(backend.upload(chunk.q, chunk_rows, q_cols)),
                             take(backend.upload(chunk.k, chunk_rows, kv_cols)),
                             take(backend.upload(chunk.v, chunk_rows, kv_cols))};
      const backend::Tensor q =
          take(backend.qk_norm_rope_append(qkv, weight, weight, 1e-6f, 1e6, slices, 0, shape));
      const auto mixed = values_of(backend, take(backend.attention(q, slices, 0, shape)));
      for (const backend::SequenceSlice& slice : slices)
        for (size_t s = 0; s < caches.size(); ++s)
          if (caches[s].get() == slice.kv) {
            results[s].insert(results[s].end(), mixed.begin() + slice.row_begin * q_cols,
                              mixed.begin() + (slice.row_begin + slice.row_count) * q_cols);
            done[s] += slice.row_count;
          }
    }
  };

  std::vector<std::vector<float>> alone;
  for (size_t s = 0; s < lengths.size(); ++s)
    alone.push_back(walk(*backends.front(), {s}, [&](size_t, int64_t) { return lengths[s]; })[s]);
  const bool bits = held_to_bits(GetParam());
  const auto expect_same = [&](const std::vector<std::vector<float>>& got) {
    for (size_t s = 0; s < lengths.size(); ++s)
      EXPECT_TRUE(same_row(bits, GetParam(), got[s], alone[s])) << "sequence " << s;
  };
  std::vector<size_t> order(lengths.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (const auto& backend : backends) {
    expect_same(walk(*backend, order, [&](size_t s, int64_t) { return lengths[s]; }));
    for (int round = 0; round < 4; ++round) {
      for (size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1],
                  order[static_cast<size_t>(inputs.integer(0, static_cast<int64_t>(i) - 1))]);
      const int64_t longest = round == 0 ? 1 : 40;
      expect_same(walk(*backend, order, [&](size_t, int64_t) {
        return inputs.integer(round == 0 ? 1 : 0, longest) + (longest > 1 ? 1 : 0);
      }));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, RowInvariance, ::testing::ValuesIn(bit_lanes()),
                         [](const auto& lane) { return lane.param; });
INSTANTIATE_TEST_SUITE_P(Plugins, RowInvariance, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
