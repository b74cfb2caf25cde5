// The numbers of the plugin lanes: op by op against the formulas, and what the host composes.
#include <gtest/gtest.h>

#include "backend/op_matrix.h"
#include "backend/plugin_lanes.h"
#include "backend/row_invariance.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

class PluginOps : public ::testing::TestWithParam<std::string> {};

TEST_P(PluginOps, EveryOperationAgreesWithItsFormula) {
  const prove::OpMatrix matrix = matrix_of(lane_of(GetParam()), 20240917, true);
  EXPECT_TRUE(matrix.passed()) << report_of(matrix);
}

/// The example takes rows in blocks of one size, so that its rows do not feel each other.
TEST_P(PluginOps, RowsOfAProductDoNotDependOnTheirBatch) {
  for (const auto& [in, out] :
       {std::pair<int64_t, int64_t>{75, 132}, {141, 75}, {64, 64}, {1024, 96}})
    expect_linear_rows_are_independent(GetParam(), in, out, 67, {2, 3, 5, 8, 9, 17, 33, 64, 67});
}

/// Where a plugin does not split products, matrices are prepared apart; as one weight they must
/// still behave as one.
TEST_P(PluginOps, StackedMatricesAreOneWeight) {
  const auto backend = take(backend::create_backend(GetParam(), {1}));
  prove::InputStream inputs(3);
  const prove::HostMatrix a({5, 7}, inputs.normal(35)), b({9, 7}, inputs.normal(63), DType::bf16);
  const prove::HostMatrix c({2, 7}, inputs.normal(14), DType::f16);
  const std::vector<TensorView> views = {a.view(), b.view(), c.view()};
  const backend::Weight stacked = take(backend->prepare_linear(views));
  EXPECT_EQ(stacked.rows(), 16);
  EXPECT_EQ(stacked.cols(), 7);
  EXPECT_EQ(backend->weight_bytes(), 16 * 7 * sizeof(float));
  const backend::Tensor x = take(backend->upload(inputs.normal(4 * 7), 4, 7));
  const auto whole = take(backend->download(take(backend->linear(x, stacked))));
  const auto parts = take(backend->linear_split(x, stacked));
  ASSERT_EQ(parts.size(), 3u);
  for (int64_t r = 0; r < 4; ++r) {
    std::vector<float> row;
    for (const backend::Tensor& part : parts) {
      const auto values = take(backend->download(part));
      row.insert(row.end(), values.begin() + r * part.cols(),
                 values.begin() + (r + 1) * part.cols());
    }
    EXPECT_EQ(row, std::vector<float>(whole.begin() + r * 16, whole.begin() + (r + 1) * 16));
  }
}

INSTANTIATE_TEST_SUITE_P(Plugins, PluginOps, ::testing::ValuesIn(plugin_lanes()),
                         [](const auto& lane) { return plugin_lane_name(lane.param); });

}  // namespace
}  // namespace trinity::testing
