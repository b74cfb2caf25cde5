// The reference's bf16 lane rounds exactly where PyTorch's eager path does.
#include "backend/bf16_order.h"

#include <gtest/gtest.h>

#include "backend/op_inputs.h"
#include "backend/reference/reference_backend.h"
#include "backend/wrong_backends.h"

namespace trinity::testing {
namespace {

using bf16_order::Row;

constexpr float kEps = 1e-6f;

Row row_of(const std::vector<float>& values, int64_t index, int64_t cols, int64_t begin = 0,
           int64_t count = -1) {
  const auto first = values.begin() + index * cols + begin;
  return {first, first + (count < 0 ? cols : count)};
}

/// How many of the values differ.
size_t differences(const std::vector<float>& got, const std::vector<double>& want) {
  EXPECT_EQ(got.size(), want.size());
  size_t count = 0;
  for (size_t i = 0; i < got.size(); ++i) count += static_cast<double>(got[i]) != want[i];
  return count;
}

size_t norm_differences(backend::Backend& backend, uint64_t seed) {
  prove::InputStream inputs(seed);
  const int64_t rows = 40, size = 22, heads = 3, cols = size * heads;
  const auto x = rounded_to_bf16(inputs.uneven_rows(rows, cols));
  const auto w = rounded_to_bf16(inputs.normal(size, 0.3f, 1.4f));
  const prove::HostMatrix weight({size}, w);
  const auto got = take(backend.download(take(backend.rms_norm(
      take(backend.upload(x, rows, cols)), take(backend.prepare_norm(weight.view())), kEps))));
  std::vector<double> want;
  for (int64_t r = 0; r < rows * heads; ++r) {
    const Row normed = bf16_order::rms_norm(row_of(x, r, size), {w.begin(), w.end()}, double{kEps});
    want.insert(want.end(), normed.begin(), normed.end());
  }
  return differences(got, want);
}

class Bf16Order : public ::testing::Test {
 protected:
  std::unique_ptr<backend::Backend> backend =
      backend::make_reference_backend(backend::ReferenceRounding::bf16_order);
  prove::InputStream inputs{99};
};

TEST_F(Bf16Order, NormRoundsBeforeAndAfterTheWeight) {
  EXPECT_EQ(norm_differences(*backend, 5), 0u);
}

TEST_F(Bf16Order, NormThatMultipliesTooEarlyIsCaught) {
  const auto wrong = make_early_norm_weight_backend();
  EXPECT_GT(norm_differences(*wrong, 5), 100u);
}

TEST_F(Bf16Order, LinearRoundsOnce) {
  const int64_t rows = 9, in = 75, out = 31;
  const auto x = rounded_to_bf16(inputs.normal(rows * in));
  const prove::HostMatrix matrix({out, in},
                                 inputs.normal(out * in));  // F32 weights are rounded first
  const auto w = rounded_to_bf16(matrix.values());
  const TensorView view = matrix.view();
  const auto got = take(backend->download(take(backend->linear(
      take(backend->upload(x, rows, in)), take(backend->prepare_linear({&view, 1}))))));
  std::vector<double> want;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < out; ++c)
      want.push_back(bf16_order::round(bf16_order::dot(row_of(x, r, in), row_of(w, c, in))));
  EXPECT_EQ(differences(got, want), 0u);
}

TEST_F(Bf16Order, RopeRoundsBothProductsAndTheirSum) {
  const int64_t dim = 22, heads = 3, cols = dim * heads;
  const std::vector<int64_t> positions = {0, 1, 2, 31, 32, 65, 1000, 39999};
  const auto rows = static_cast<int64_t>(positions.size());
  const auto x = rounded_to_bf16(inputs.normal(rows * cols));
  const auto got = take(backend->download(
      take(backend->rope(take(backend->upload(x, rows, cols)), positions, dim, 1e6))));
  std::vector<double> want;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t h = 0; h < heads; ++h) {
      const Row turned = bf16_order::rope(row_of(x, r, cols, h * dim, dim),
                                          positions[static_cast<size_t>(r)], 1e6);
      want.insert(want.end(), turned.begin(), turned.end());
    }
  EXPECT_EQ(differences(got, want), 0u);
}

TEST_F(Bf16Order, AddAndSiluRoundEachStep) {
  const int64_t rows = 7, cols = 75;
  const auto a = rounded_to_bf16(inputs.normal(rows * cols, 3));
  const auto b = rounded_to_bf16(inputs.normal(rows * cols, 3));
  const backend::Tensor x = take(backend->upload(a, rows, cols)),
                        y = take(backend->upload(b, rows, cols));
  std::vector<double> sums, products;
  for (size_t i = 0; i < a.size(); ++i) {
    sums.push_back(bf16_order::round(double{a[i]} + double{b[i]}));
    products.push_back(bf16_order::round(bf16_order::silu(a[i]) * double{b[i]}));
  }
  EXPECT_EQ(differences(take(backend->download(take(backend->add(x, y)))), sums), 0u);
  EXPECT_EQ(differences(take(backend->download(take(backend->silu_mul(x, y)))), products), 0u);
}

TEST_F(Bf16Order, AttentionRoundsScoresScaledScoresProbabilitiesAndSums) {
  const backend::AttentionShape shape{6, 2, 22};
  const int64_t tokens = 37, kv_cols = shape.kv_heads * shape.head_dim;
  const int64_t q_cols = shape.heads * shape.head_dim;
  const auto k = rounded_to_bf16(inputs.normal(tokens * kv_cols));
  const auto v = rounded_to_bf16(inputs.normal(tokens * kv_cols));
  const auto q = rounded_to_bf16(inputs.normal(tokens * q_cols));
  const auto kv = take(backend->make_kv_cache({1, shape.kv_heads, shape.head_dim}));
  const backend::SequenceSlice slice{0, tokens, 0, kv.get()};
  require(backend->append_kv(take(backend->upload(k, tokens, kv_cols)),
                             take(backend->upload(v, tokens, kv_cols)), {&slice, 1}, 0));
  const auto got = take(backend->download(
      take(backend->attention(take(backend->upload(q, tokens, q_cols)), {&slice, 1}, 0, shape))));
  std::vector<double> want;
  for (int64_t r = 0; r < tokens; ++r)
    for (int64_t head = 0; head < shape.heads; ++head) {
      std::vector<Row> keys, values;
      for (int64_t t = 0; t <= r; ++t) {
        keys.push_back(row_of(k, t, kv_cols, head / 3 * shape.head_dim, shape.head_dim));
        values.push_back(row_of(v, t, kv_cols, head / 3 * shape.head_dim, shape.head_dim));
      }
      const Row mixed = bf16_order::attention(
          row_of(q, r, q_cols, head * shape.head_dim, shape.head_dim), keys, values);
      want.insert(want.end(), mixed.begin(), mixed.end());
    }
  EXPECT_EQ(differences(got, want), 0u);
}

}  // namespace
}  // namespace trinity::testing
