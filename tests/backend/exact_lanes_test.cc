// The exact CPU lanes against the oracle of bits, operation by operation: every instruction set of
// this processor, one thread and three, awkward shapes and values. Nothing here has a tolerance.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "backend/instruction_set_scope.h"
#include "backend/op_inputs.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

struct LanePair {
  const char* lane;
  const char* oracle;
};
constexpr LanePair kPairs[] = {{"cpu_f32", "reference_exact"},
                               {"cpu_int8", "reference_exact_int8"}};

/// Runs `body(backend)` on the oracle and on the lane under every instruction set, with one thread
/// and with three; the values it returns must have the same bits.
class ExactLanes : public ::testing::TestWithParam<LanePair> {
 protected:
  template <class Body>
  void expect_same_bits(const Body& body) {
    const auto oracle = take(backend::create_backend(GetParam().oracle, {1}));
    const std::vector<float> want = body(*oracle);
    for (const std::string& set : cpu::instruction_sets()) {
      const OnlyInstructionSet only(set);
      for (const int threads : {1, 3}) {
        const auto lane = take(backend::create_backend(GetParam().lane, {threads}));
        const std::vector<float> got = body(*lane);
        ASSERT_EQ(got.size(), want.size());
        for (size_t i = 0; i < got.size(); ++i)
          ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(want[i]))
              << GetParam().lane << " with " << set << ", " << threads << " threads, element " << i
              << ": " << got[i] << " instead of " << want[i];
      }
    }
  }

  /// Normal rows, some of them zero, subnormal, huge or with an outlier; signed zeros.
  std::vector<float> awkward(int64_t rows, int64_t cols) {
    std::vector<float> x = inputs.uneven_rows(rows, cols);
    for (int64_t i = 0; i < cols && rows > 2; ++i) x[static_cast<size_t>(2 * cols + i)] *= 1e-41f;
    for (size_t i = 0; i < x.size(); i += 41) x[i] = -0.0f;
    return x;
  }

  prove::InputStream inputs{91};
};

TEST_P(ExactLanes, Linear) {
  for (const auto& shape : std::vector<std::array<int64_t, 3>>{
           {1, 33, 255}, {2, 5, 7}, {25, 70, 257}, {255, 18, 64}, {1025, 3, 40}}) {
    const int64_t rows = shape[0], out = shape[1], in = shape[2];
    const auto x = awkward(rows, in);
    const prove::HostMatrix w({out, in}, inputs.normal(out * in, 0.1f), DType::bf16);
    const TensorView view = w.view();
    expect_same_bits([&](backend::Backend& backend) {
      return take(backend.download(take(backend.linear(take(backend.upload(x, rows, in)),
                                                       take(backend.prepare_linear({&view, 1}))))));
    });
  }
}

TEST_P(ExactLanes, RmsNormOfRowsAndOfHeads) {
  for (const auto& shape : std::vector<std::array<int64_t, 3>>{
           {1, 1, 1}, {25, 1025, 1025}, {7, 140, 14}, {3, 512, 128}, {255, 17, 17}}) {
    const int64_t rows = shape[0], cols = shape[1], size = shape[2];
    const auto x = awkward(rows, cols);
    const prove::HostMatrix w({size}, inputs.normal(size, 0.3f, 1), DType::bf16);
    expect_same_bits([&](backend::Backend& backend) {
      return take(backend.download(take(backend.rms_norm(
          take(backend.upload(x, rows, cols)), take(backend.prepare_norm(w.view())), 1e-6f))));
    });
  }
}

TEST_P(ExactLanes, Rotation) {
  for (const auto& one :
       std::vector<std::pair<int64_t, double>>{{2, 500}, {14, 1e4}, {64, 1e6}, {256, 1e6}}) {
    const int64_t head_dim = one.first;
    const double theta = one.second;
    const std::vector<int64_t> positions = {0, 1, 2, 63, 64, 1000, 40959};
    const auto rows = static_cast<int64_t>(positions.size());
    const auto x = awkward(rows, 3 * head_dim);
    expect_same_bits([&](backend::Backend& backend) {
      return take(backend.download(take(
          backend.rope(take(backend.upload(x, rows, 3 * head_dim)), positions, head_dim, theta))));
    });
  }
}

TEST_P(ExactLanes, RotationStretchedByYarn) {
  backend::Rope rope(1e6);
  rope.scaling = backend::RopeScaling::yarn;
  rope.factor = 4;
  rope.original_positions = 512;
  rope.attention_factor = 1.138629436111989;
  const std::vector<int64_t> positions = {0, 1, 63, 511, 2047};
  const auto rows = static_cast<int64_t>(positions.size());
  const auto x = awkward(rows, 3 * 64);
  expect_same_bits([&](backend::Backend& backend) {
    return take(backend.download(
        take(backend.rope(take(backend.upload(x, rows, 3 * 64)), positions, 64, rope))));
  });
}

TEST_P(ExactLanes, SiluOfAnyGateAndSums) {
  std::vector<float> gate, up;
  for (uint32_t bits = 0; bits < 0x7F800000u; bits += 1000003u)
    for (const uint32_t sign : {0u, 0x80000000u}) {
      gate.push_back(std::bit_cast<float>(bits | sign));
      up.push_back(std::bit_cast<float>((bits * 2654435761u) % 0x7F000000u));
    }
  const auto cols = static_cast<int64_t>(gate.size());
  expect_same_bits([&](backend::Backend& backend) {
    return take(backend.download(take(
        backend.silu_mul(take(backend.upload(gate, 1, cols)), take(backend.upload(up, 1, cols))))));
  });
  expect_same_bits([&](backend::Backend& backend) {
    return take(backend.download(
        take(backend.add(take(backend.upload(gate, 1, cols)), take(backend.upload(up, 1, cols))))));
  });
}

struct AttentionCase {
  backend::AttentionShape shape;
  std::vector<int64_t> steps;  // rows appended and attended one after the other
  float spread;                // of queries and keys: how extreme scores are
};

TEST_P(ExactLanes, AttentionOverOneAndManySteps) {
  for (const AttentionCase& one : std::vector<AttentionCase>{{{2, 1, 14}, {1, 1, 5, 60, 3}, 1},
                                                             {{4, 2, 64}, {130}, 1},
                                                             {{4, 2, 64}, {25, 105}, 1},
                                                             {{3, 3, 22}, {64, 64, 1}, 6},
                                                             {{8, 1, 128}, {33}, 0.3f},
                                                             {{6, 2, 80}, {70}, 30},
                                                             {{2, 2, 256}, {67}, 1}}) {
    const backend::AttentionShape& shape = one.shape;
    const int64_t q_cols = shape.heads * shape.head_dim, kv_cols = shape.kv_heads * shape.head_dim;
    std::vector<std::vector<float>> q, k, v;
    for (const int64_t rows : one.steps) {
      q.push_back(inputs.normal(rows * q_cols, one.spread));
      k.push_back(inputs.normal(rows * kv_cols, one.spread));
      v.push_back(awkward(rows, kv_cols));
    }
    SCOPED_TRACE(fmt::format("{}/{} heads of {}", shape.heads, shape.kv_heads, shape.head_dim));
    expect_same_bits([&](backend::Backend& backend) {
      const auto kv = take(backend.make_kv_cache({1, shape.kv_heads, shape.head_dim}));
      std::vector<float> all;
      int64_t position = 0;
      for (size_t step = 0; step < one.steps.size(); ++step) {
        const int64_t rows = one.steps[step];
        const backend::SequenceSlice slice{0, rows, position, kv.get()};
        require(backend.append_kv(take(backend.upload(k[step], rows, kv_cols)),
                                  take(backend.upload(v[step], rows, kv_cols)), {&slice, 1}, 0));
        const auto y = take(backend.download(take(backend.attention(
            take(backend.upload(q[step], rows, q_cols)), {&slice, 1}, 0, shape))));
        all.insert(all.end(), y.begin(), y.end());
        position += rows;
      }
      return all;
    });
  }
}

TEST_P(ExactLanes, AttentionOverLongContexts) {
  const backend::AttentionShape shape{2, 1, 16};
  const int64_t before = 2300, rows = 30;  // beyond the border where work is cut otherwise
  const auto k = inputs.normal((before + rows) * 16), v = inputs.normal((before + rows) * 16);
  const auto q = inputs.normal(rows * 32);
  expect_same_bits([&](backend::Backend& backend) {
    const auto kv = take(backend.make_kv_cache({1, 1, 16}));
    const backend::SequenceSlice all{0, before + rows, 0, kv.get()};
    require(backend.append_kv(take(backend.upload(k, before + rows, 16)),
                              take(backend.upload(v, before + rows, 16)), {&all, 1}, 0));
    const backend::SequenceSlice last{0, rows, before, kv.get()};
    return take(backend.download(
        take(backend.attention(take(backend.upload(q, rows, 32)), {&last, 1}, 0, shape))));
  });
}

INSTANTIATE_TEST_SUITE_P(Lanes, ExactLanes, ::testing::ValuesIn(kPairs),
                         [](const auto& pair) { return std::string(pair.param.lane); });

}  // namespace
}  // namespace trinity::testing
