// Fused operations equal the composition of plain ones.
//
// The default bodies in backend.cc define what a fused operation must give; they are called by name
// here, so that a lane's override is compared with its own plain operations. The CPU lanes promise
// the same bits (their fused kernels do the same arithmetic in the same order); against the
// reference the limits of the lane hold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "backend/every_lane.h"
#include "backend/op_inputs.h"
#include "backend/plugin_lanes.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

class FusedOps : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto created = backend::create_backend(GetParam(), {1});
    if (!created && created.error().tag == "backend_unavailable")
      GTEST_SKIP() << "SKIPPED: " << created.error().message;
    ASSERT_TRUE(created) << created.error().message;
    backend = std::move(*created);
  }

  backend::Tensor uploaded(const std::vector<float>& values, int64_t rows) {
    return take(backend->upload(values, rows, static_cast<int64_t>(values.size()) / rows));
  }
  backend::Weight norm(const prove::HostMatrix& weight) {
    return take(backend->prepare_norm(weight.view()));
  }

  std::unique_ptr<backend::Backend> backend;
  prove::InputStream inputs{31};
};

TEST_P(FusedOps, AddRmsNormHasTheBitsOfAddThenNorm) {
  for (const int64_t rows : {1, 2, 5, 33, 130})
    for (const int64_t cols : {1, 64, 75, 141}) {
      SCOPED_TRACE(fmt::format("[{}, {}]", rows, cols));
      const auto h = inputs.uneven_rows(rows, cols), d = inputs.uneven_rows(rows, cols);
      const prove::HostMatrix w({cols}, inputs.normal(cols, 0.3f, 1));
      for (const bool with_delta : {true, false}) {
        backend::Tensor fused_h = uploaded(h, rows), plain_h = uploaded(h, rows);
        const backend::Tensor delta = uploaded(d, rows);
        const backend::Tensor* added = with_delta ? &delta : nullptr;
        const backend::Tensor fused = take(backend->add_rms_norm(fused_h, added, norm(w), 1e-6f));
        const backend::Tensor plain =
            take(backend->Backend::add_rms_norm(plain_h, added, norm(w), 1e-6f));
        EXPECT_EQ(values_of(*backend, fused_h), values_of(*backend, plain_h));
        // Both go through a product, which is what the result is for.
        const prove::HostMatrix matrix({7, cols}, inputs.normal(7 * cols));
        const TensorView view = matrix.view();
        const backend::Weight weight = take(backend->prepare_linear({&view, 1}));
        EXPECT_EQ(values_of(*backend, take(backend->linear(fused, weight))),
                  values_of(*backend, take(backend->linear(plain, weight))));
        EXPECT_EQ(values_of(*backend, fused),
                  values_of(*backend, take(backend->product_input(plain))));
      }
    }
}

TEST_P(FusedOps, AddRmsNormReadsTheFreshResultOfAProduct) {
  const int64_t rows = 19, in = 75, cols = 66;
  const prove::HostMatrix matrix({cols, in}, inputs.normal(cols * in));
  const TensorView view = matrix.view();
  const backend::Weight weight = take(backend->prepare_linear({&view, 1}));
  const backend::Tensor product =
      take(backend->linear(uploaded(inputs.normal(rows * in), rows), weight));
  const backend::Tensor copied = uploaded(values_of(*backend, product), rows);
  const prove::HostMatrix w({cols}, inputs.normal(cols, 0.3f, 1));
  const auto h = inputs.normal(rows * cols);
  backend::Tensor first = uploaded(h, rows), second = uploaded(h, rows);
  const backend::Tensor a = take(backend->add_rms_norm(first, &product, norm(w), 1e-6f));
  const backend::Tensor b = take(backend->add_rms_norm(second, &copied, norm(w), 1e-6f));
  EXPECT_EQ(values_of(*backend, first), values_of(*backend, second));
  EXPECT_EQ(values_of(*backend, a), values_of(*backend, b));
}

/// Appends the same tokens fused and composed, in steps that cross page borders, and compares
/// queries and what attention reads back.
TEST_P(FusedOps, QkNormRopeAppendHasTheBitsOfItsParts) {
  for (const backend::AttentionShape shape :
       {backend::AttentionShape{4, 2, 32}, {6, 2, 22}, {3, 3, 16}, {8, 1, 64}}) {
    SCOPED_TRACE(fmt::format("{}/{} heads of {}", shape.heads, shape.kv_heads, shape.head_dim));
    const int64_t in = 48, q_cols = shape.heads * shape.head_dim;
    const int64_t kv_cols = shape.kv_heads * shape.head_dim;
    const prove::HostMatrix q_norm({shape.head_dim}, inputs.normal(shape.head_dim, 0.3f, 1.4f));
    const prove::HostMatrix k_norm({shape.head_dim}, inputs.normal(shape.head_dim, 0.3f, 1.4f));
    std::vector<prove::HostMatrix> matrices;
    for (const int64_t out : {q_cols, kv_cols, kv_cols})
      matrices.emplace_back(std::vector<int64_t>{out, in}, inputs.normal(out * in, 0.2f));
    const std::vector<TensorView> views = {matrices[0].view(), matrices[1].view(),
                                           matrices[2].view()};
    const backend::Weight qkv_weight = take(backend->prepare_linear(views));

    struct Side {
      std::unique_ptr<backend::KvCache> first, second;
    };
    Side fused, plain;
    const backend::KvShape kv_shape{2, shape.kv_heads, shape.head_dim};
    for (Side* side : {&fused, &plain}) {
      side->first = take(backend->make_kv_cache(kv_shape));
      side->second = take(backend->make_kv_cache(kv_shape));
    }
    int64_t first_length = 0, second_length = 0;
    for (const auto& step :
         std::vector<std::pair<int64_t, int64_t>>{{1, 31}, {30, 1}, {1, 1}, {1, 33}, {67, 2}}) {
      const int64_t first_rows = step.first, second_rows = step.second;
      const int64_t rows = first_rows + second_rows;
      const auto parts =
          take(backend->linear_split(uploaded(inputs.normal(rows * in), rows), qkv_weight));
      const backend::Qkv qkv{parts[0], parts[1], parts[2]};
      const auto slices_of = [&](Side& side) {
        return std::vector<backend::SequenceSlice>{
            {0, first_rows, first_length, side.first.get()},
            {first_rows, second_rows, second_length, side.second.get()}};
      };
      const auto fused_slices = slices_of(fused), plain_slices = slices_of(plain);
      const backend::Tensor fused_q = take(backend->qk_norm_rope_append(
          qkv, norm(q_norm), norm(k_norm), 1e-6f, 1e6, fused_slices, 1, shape));
      const backend::Tensor plain_q = take(backend->Backend::qk_norm_rope_append(
          qkv, norm(q_norm), norm(k_norm), 1e-6f, 1e6, plain_slices, 1, shape));
      EXPECT_EQ(values_of(*backend, take(backend->attention(fused_q, fused_slices, 1, shape))),
                values_of(*backend, take(backend->attention(plain_q, plain_slices, 1, shape))));
      // Keys and values alone, as the last layer stores them.
      const backend::Tensor none =
          take(backend->qk_norm_rope_append({backend::Tensor(), parts[1], parts[2]}, norm(q_norm),
                                            norm(k_norm), 1e-6f, 1e6, fused_slices, 0, shape));
      EXPECT_TRUE(none.empty());
      EXPECT_EQ(values_of(*backend, take(backend->attention(fused_q, fused_slices, 0, shape))),
                values_of(*backend, take(backend->attention(plain_q, plain_slices, 1, shape))));
      first_length += first_rows;
      second_length += second_rows;
      EXPECT_EQ(fused.first->length(0), first_length);
      EXPECT_EQ(fused.second->length(1), second_length);
    }
  }
}

/// One product over stacked matrices gives the parts' own products. A library may sum in another
/// order when the product is wider.
TEST_P(FusedOps, LinearSplitGivesTheProductsOfItsParts) {
  for (const int64_t rows : {1, 2, 3, 5, 17, 33, 64, 66, 130, 257}) {
    const int64_t in = inputs.integer(1, 90);
    const auto x = inputs.normal(rows * in);
    std::vector<prove::HostMatrix> matrices;
    for (const int64_t out : {inputs.integer(1, 70), int64_t{64}, inputs.integer(1, 70)})
      matrices.emplace_back(std::vector<int64_t>{out, in}, inputs.normal(out * in));
    const std::vector<TensorView> views = {matrices[0].view(), matrices[1].view(),
                                           matrices[2].view()};
    const backend::Tensor input = uploaded(x, rows);
    const backend::Weight stacked = take(backend->prepare_linear(views));
    const auto parts = take(backend->linear_split(input, stacked));
    ASSERT_EQ(parts.size(), views.size());
    for (size_t i = 0; i < views.size(); ++i) {
      const backend::Weight alone = take(backend->prepare_linear({&views[i], 1}));
      const auto want = values_of(*backend, take(backend->linear(input, alone)));
      const auto got = values_of(*backend, parts[i]);
      ASSERT_EQ(got.size(), want.size());
      const auto width = static_cast<size_t>(in);
      const auto outs = static_cast<size_t>(views[i].shape[0]);
      for (size_t at = 0; at < got.size(); ++at) {
        double scale = 0;
        for (size_t k = 0; k < width; ++k)
          scale += std::abs(double{x[at / outs * width + k]} *
                            double{matrices[i].values()[at % outs * width + k]});
        ASSERT_LE(std::abs(double{got[at]} - double{want[at]}), 1e-6 * scale)
            << rows << " rows of " << in << ", part " << i << ", value " << at;
      }
    }
  }
}

TEST_P(FusedOps, MlpHasTheBitsOfItsParts) {
  const int64_t rows = 21, hidden = 75, ffn = 141;
  const prove::HostMatrix gate({ffn, hidden}, inputs.normal(ffn * hidden, 0.15f));
  const prove::HostMatrix up({ffn, hidden}, inputs.normal(ffn * hidden, 0.15f));
  const prove::HostMatrix down({hidden, ffn}, inputs.normal(hidden * ffn, 0.15f));
  const std::vector<TensorView> both = {gate.view(), up.view()};
  const TensorView last = down.view();
  const backend::Weight gate_up = take(backend->prepare_linear(both));
  const backend::Weight down_weight = take(backend->prepare_linear({&last, 1}));
  const backend::Tensor x = uploaded(inputs.normal(rows * hidden), rows);
  EXPECT_EQ(values_of(*backend, take(backend->mlp(x, gate_up, down_weight))),
            values_of(*backend, take(backend->Backend::mlp(x, gate_up, down_weight))));
}

/// All three in the order of a layer, against the oracle.
TEST_P(FusedOps, AgreeWithTheReference) {
  const auto limits = backend::lane_tolerances(GetParam());
  ASSERT_TRUE(limits);
  const auto oracle = take(backend::create_backend("reference", {1}));
  const int64_t rows = 33, hidden = 75, ffn = 141;
  const backend::AttentionShape shape{6, 2, 22};
  const prove::HostMatrix w({hidden}, inputs.normal(hidden, 0.3f, 1));
  const prove::HostMatrix head_norm({shape.head_dim}, inputs.normal(shape.head_dim, 0.3f, 1.4f));
  const auto spread = [](int64_t in) { return 1 / std::sqrt(static_cast<float>(in)); };
  const auto matrix = [&](int64_t out, int64_t in) {
    return prove::HostMatrix({out, in}, inputs.normal(out * in, spread(in)), DType::bf16);
  };
  const prove::HostMatrix q = matrix(132, hidden), k = matrix(44, hidden), v = matrix(44, hidden);
  const prove::HostMatrix o = matrix(hidden, 132), gate = matrix(ffn, hidden),
                          up = matrix(ffn, hidden);
  const prove::HostMatrix down = matrix(hidden, ffn);
  const auto h = inputs.normal(rows * hidden), d = inputs.normal(rows * hidden);

  const auto layer = [&](backend::Backend& lane) {
    const auto linear = [&](std::initializer_list<const prove::HostMatrix*> list) {
      std::vector<TensorView> views;
      for (const prove::HostMatrix* tensor : list) views.push_back(tensor->view());
      return take(lane.prepare_linear(views));
    };
    const backend::Weight norm_weight = take(lane.prepare_norm(w.view()));
    const backend::Weight head_weight = take(lane.prepare_norm(head_norm.view()));
    const backend::Weight qkv = linear({&q, &k, &v}), out = linear({&o});
    const backend::Weight gate_up = linear({&gate, &up}), last = linear({&down});
    backend::Tensor residual = take(lane.upload(h, rows, hidden));
    backend::Tensor delta = take(lane.upload(d, rows, hidden));
    const auto kv = take(lane.make_kv_cache({1, shape.kv_heads, shape.head_dim}));
    const backend::SequenceSlice slice{0, rows, 0, kv.get()};
    const backend::Tensor x = take(lane.add_rms_norm(residual, &delta, norm_weight, 1e-6f));
    const auto parts = take(lane.linear_split(x, qkv));
    const backend::Tensor queries =
        take(lane.qk_norm_rope_append({parts[0], parts[1], parts[2]}, head_weight, head_weight,
                                      1e-6f, 1e6, {&slice, 1}, 0, shape));
    delta = take(lane.linear(take(lane.attention(queries, {&slice, 1}, 0, shape)), out));
    const backend::Tensor y = take(lane.add_rms_norm(residual, &delta, norm_weight, 1e-6f));
    delta = take(lane.mlp(y, gate_up, last));
    return take(lane.download(take(lane.add(residual, delta))));
  };
  const auto want = layer(*oracle), got = layer(*backend);
  // Five products one after the other: a few times the error of one.
  const double limit = 4 * std::max(limits->linear.row, 1e-6);
  for (int64_t r = 0; r < rows; ++r) {
    double error = 0, length = 0;
    for (int64_t i = r * hidden; i < (r + 1) * hidden; ++i) {
      const auto at = static_cast<size_t>(i);
      error += std::pow(double{got[at]} - double{want[at]}, 2);
      length += std::pow(double{want[at]}, 2);
    }
    EXPECT_LE(std::sqrt(error / length), limit) << "row " << r;
  }
}

INSTANTIATE_TEST_SUITE_P(Lanes, FusedOps, ::testing::ValuesIn(every_lane()),
                         [](const auto& lane) { return lane.param; });
INSTANTIATE_TEST_SUITE_P(Plugins, FusedOps, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
