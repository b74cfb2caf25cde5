// What is particular to the MLX lanes: laziness, the worker thread, errors of the library, and what
// "fused" means on a processor. That their operations are right is tested with every other lane's.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "backend/op_inputs.h"
#include "backend_mlx/mlx_storage.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

using mlx_backend::ArrayStorage;

std::unique_ptr<backend::Backend> make(const std::string& id) {
  return take(backend::create_backend(id, {1}));
}

bool on_a_processor(const backend::Backend& backend) {
  return backend.info().device.rfind("GPU", 0) != 0;
}

backend::Weight linear_weight(backend::Backend& backend, int64_t out, int64_t in, uint64_t seed) {
  const prove::HostMatrix matrix({out, in}, prove::InputStream(seed).normal(out * in, 0.1f));
  const TensorView view = matrix.view();
  return take(backend.prepare_linear({&view, 1}));
}

class MlxLane : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<backend::Backend> backend = make(GetParam());
  prove::InputStream inputs{55};
};

TEST_P(MlxLane, SaysWhoItIs) {
  EXPECT_EQ(backend->info().label, "trinity.mlx");
  EXPECT_EQ(backend->info().exactness, backend::Exactness::decision_stable);
  EXPECT_EQ(backend->info().fused, GetParam() == "mlx_fast");
  EXPECT_NE(backend->info().device.find("MLX"), std::string::npos);
}

TEST_P(MlxLane, SynchronizeComputesEverythingThatIsHeld) {
  const backend::Weight weight = linear_weight(*backend, 40, 30, 1);
  const backend::Tensor x = take(backend->upload(inputs.normal(90), 3, 30));
  const backend::Tensor y = take(backend->linear(x, weight));
  const backend::Tensor z = take(backend->silu_mul(y, y));
  // Nobody has asked for numbers yet.
  EXPECT_FALSE(y.as<ArrayStorage>().array.is_available());
  EXPECT_FALSE(z.as<ArrayStorage>().array.is_available());
  require(backend->synchronize());
  EXPECT_TRUE(y.as<ArrayStorage>().array.is_available());
  EXPECT_TRUE(z.as<ArrayStorage>().array.is_available());
}

TEST_P(MlxLane, WhatTheLibraryRefusesIsATypedErrorAndTheLaneGoesOn) {
  const backend::Weight weight = linear_weight(*backend, 40, 30, 1);
  const backend::Tensor narrow = take(backend->upload(inputs.normal(29), 1, 29));
  const auto refused = backend->linear(narrow, weight);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "backend_invalid_argument");
  EXPECT_EQ(refused.error().kind, ErrorKind::failed);
  // Inside a fused operation, too.
  const auto inside = backend->mlp(narrow, weight, weight);
  ASSERT_FALSE(inside);
  EXPECT_EQ(inside.error().tag, "backend_invalid_argument");
  const backend::Tensor right = take(backend->upload(inputs.normal(30), 1, 30));
  EXPECT_TRUE(backend->download(take(backend->linear(right, weight))));
}

TEST_P(MlxLane, HandlesOutliveTheBackendAndDieOnAnyThread) {
  backend::Tensor x = take(backend->upload(inputs.normal(60), 2, 30));
  backend::Weight weight = linear_weight(*backend, 40, 30, 1);
  backend::Tensor y = take(backend->linear(x, weight));  // never computed
  auto kv = take(backend->make_kv_cache({1, 1, 40}));
  const backend::SequenceSlice slice{0, 2, 0, kv.get()};
  require(backend->append_kv(y, y, {&slice, 1}, 0));
  auto fork = kv->fork(1);
  backend.reset();
  std::thread([held = std::move(y)]() mutable { held = backend::Tensor(); }).join();
  kv.reset();
  EXPECT_EQ(fork->length(0), 1);
}

/// One row after another through product, norm and rotation, as its bits.
std::vector<float> chain(backend::Backend& backend, const backend::Weight& weight,
                         const backend::Weight& norm, int64_t seed) {
  prove::InputStream own(static_cast<uint64_t>(seed));
  backend::Tensor x = take(backend.upload(own.normal(5 * 32), 5, 32));
  const std::vector<int64_t> positions = {seed, seed + 1, seed + 2, seed + 3, seed + 4};
  for (int step = 0; step < 4; ++step) {
    x = take(backend.linear(x, weight));
    x = take(backend.rms_norm(x, norm, 1e-6f));
    x = take(backend.rope(x, positions, 16, 1e6));
  }
  return take(backend.download(x));
}

TEST_P(MlxLane, AnyThreadMayCallAndTwoAtOnceDisturbNobody) {
  const backend::Weight weight = linear_weight(*backend, 32, 32, 3);
  const prove::HostMatrix values({32}, inputs.normal(32, 0.3f, 1));
  const backend::Weight norm = take(backend->prepare_norm(values.view()));
  std::vector<std::vector<float>> alone;
  for (int64_t seed = 0; seed < 8; ++seed) alone.push_back(chain(*backend, weight, norm, seed));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      for (int64_t call = 0; call < 40; ++call) {
        const int64_t seed = (t * 3 + call) % 8;
        if (chain(*backend, weight, norm, seed) != alone[static_cast<size_t>(seed)]) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

/// Chunks hold slices of several sequences; equally long ones take another way through rotation.
TEST_P(MlxLane, SlicesRotateFromTheirOwnPositions) {
  const auto oracle = make("reference");
  for (const std::vector<int64_t>& positions :
       {std::vector<int64_t>{5, 6, 7, 100, 101, 102, 0, 1, 2}, {9, 3, 250, 1}, {0, 1, 7, 8, 9}}) {
    const auto rows = static_cast<int64_t>(positions.size());
    const auto x = inputs.normal(rows * 3 * 16);
    const auto rotated = [&](backend::Backend& lane) {
      return take(
          lane.download(take(lane.rope(take(lane.upload(x, rows, 48)), positions, 16, 1e4))));
    };
    const auto want = rotated(*oracle), got = rotated(*backend);
    for (size_t i = 0; i < want.size(); ++i)
      ASSERT_NEAR(got[i], want[i], 2e-4) << "row " << i / 48 << " column " << i % 48;
  }
}

/// The scores of a long slice do not fit one block; rows must not notice where blocks end.
TEST_P(MlxLane, AttentionOfALongSliceEqualsThatOfItsRows) {
  const backend::AttentionShape shape{8, 2, 8};
  const int64_t tokens = 2200;  // 8 · 2200² scores are more than a block holds
  const auto kv = take(backend->make_kv_cache({1, shape.kv_heads, shape.head_dim}));
  const auto k = take(backend->upload(inputs.normal(tokens * 16), tokens, 16));
  const auto v = take(backend->upload(inputs.normal(tokens * 16), tokens, 16));
  const auto q_values = inputs.normal(tokens * 64);
  const backend::SequenceSlice whole{0, tokens, 0, kv.get()};
  require(backend->append_kv(k, v, {&whole, 1}, 0));
  const auto all = take(backend->download(take(
      backend->attention(take(backend->upload(q_values, tokens, 64)), {&whole, 1}, 0, shape))));
  for (const int64_t row : {0, 1, 700, 1905, 1906, 1907, 2198, 2199}) {
    const backend::SequenceSlice one{0, 1, row, kv.get()};
    const auto q = std::span(q_values).subspan(static_cast<size_t>(row * 64), 64);
    const auto alone = take(backend->download(
        take(backend->attention(take(backend->upload(q, 1, 64)), {&one, 1}, 0, shape))));
    for (size_t i = 0; i < 64; ++i)
      ASSERT_NEAR(alone[i], all[static_cast<size_t>(row) * 64 + i], 2e-5) << "row " << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, MlxLane, ::testing::Values("mlx", "mlx_fast"),
                         [](const auto& lane) { return lane.param; });

/// Largest difference of two results; 0 means the same bits.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

class MlxFusedAndComposed : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!on_a_processor(*fused)) limit = 1e-5;
  }
  std::unique_ptr<backend::Backend> composed = make("mlx"), fused = make("mlx_fast");
  double limit = 0;  // on a processor: the same bits
  prove::InputStream inputs{91};
};

TEST_F(MlxFusedAndComposed, NormsHaveTheSameBitsOnAProcessor) {
  for (const auto& [size, heads] : {std::pair<int64_t, int64_t>{75, 1}, {1024, 1}, {128, 8}})
    for (const int64_t rows : {1, 2, 33}) {
      const auto x = inputs.uneven_rows(rows, size * heads);
      const prove::HostMatrix w({size}, inputs.normal(size, 0.3f, 1.4f));
      const auto normed = [&, heads = heads, size = size](backend::Backend& lane) {
        const backend::Tensor in = take(lane.upload(x, rows, size * heads));
        return take(
            lane.download(take(lane.rms_norm(in, take(lane.prepare_norm(w.view())), 1e-6f))));
      };
      EXPECT_LE(largest_difference(normed(*fused), normed(*composed)), limit * 50);
    }
}

TEST_F(MlxFusedAndComposed, AttentionHasTheSameBitsOnAProcessor) {
  for (const backend::AttentionShape shape :
       {backend::AttentionShape{4, 2, 32}, {6, 2, 22}, {3, 3, 16}, {16, 8, 128}})
    for (const auto& [tokens, queries] :
         {std::pair<int64_t, int64_t>{1, 1}, {2, 2}, {33, 33}, {70, 5}, {129, 1}}) {
      const int64_t kv_cols = shape.kv_heads * shape.head_dim;
      const int64_t q_cols = shape.heads * shape.head_dim;
      const auto k = inputs.normal(tokens * kv_cols), v = inputs.normal(tokens * kv_cols);
      const auto q = inputs.normal(queries * q_cols);
      const auto mixed = [&, tokens = tokens, queries = queries](backend::Backend& lane) {
        const auto kv = take(lane.make_kv_cache({1, shape.kv_heads, shape.head_dim}));
        const backend::SequenceSlice stored{0, tokens, 0, kv.get()};
        require(lane.append_kv(take(lane.upload(k, tokens, kv_cols)),
                               take(lane.upload(v, tokens, kv_cols)), {&stored, 1}, 0));
        const backend::SequenceSlice asked{0, queries, tokens - queries, kv.get()};
        return take(lane.download(
            take(lane.attention(take(lane.upload(q, queries, q_cols)), {&asked, 1}, 0, shape))));
      };
      EXPECT_LE(largest_difference(mixed(*fused), mixed(*composed)), limit)
          << fmt::format("{}/{} heads of {}, {} of {} tokens", shape.heads, shape.kv_heads,
                         shape.head_dim, queries, tokens);
    }
}

/// The one fused operation that gives other bits on a processor: see fused_backend.h.
TEST_F(MlxFusedAndComposed, RotationsDifferByTheRoundingOfAnglesOnly) {
  double largest = 0;
  for (const int64_t begin : {0, 1, 60, 900}) {
    std::vector<int64_t> positions;
    for (int64_t p = begin; p < begin + 40; ++p) positions.push_back(p);
    const auto x = inputs.normal(40 * 256);
    const auto rotated = [&](backend::Backend& lane) {
      return take(
          lane.download(take(lane.rope(take(lane.upload(x, 40, 256)), positions, 128, 1e6))));
    };
    const auto difference = largest_difference(rotated(*fused), rotated(*composed));
    EXPECT_LE(difference, 8 * (3e-7 + 2e-7 * static_cast<double>(begin + 40)));
    largest = std::max(largest, difference);
  }
  RecordProperty("largest", fmt::format("{:.1e}", largest));
}

}  // namespace
}  // namespace trinity::testing
