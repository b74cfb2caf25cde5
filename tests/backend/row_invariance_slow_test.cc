// The same rows in the weight shapes of Qwen3-0.6B, where libraries are tempted to split the inner
// dimension over threads or to pick a kernel by the number of rows.
#include "backend/row_invariance.h"

namespace trinity::testing {
namespace {

class RealShapeRowInvariance : public ::testing::TestWithParam<std::string> {};

TEST_P(RealShapeRowInvariance, Linear) {
  if (!backend::create_backend(GetParam(), {1}))
    GTEST_SKIP() << "SKIPPED: backend " << GetParam() << " cannot run here";
  std::vector<int64_t> sizes;
  for (int64_t size = 2; size <= 40; ++size) sizes.push_back(size);
  sizes.insert(sizes.end(), {63, 64, 65, 100, 127, 128, 129, 136, 137, 200});
  // [out, in] of qkv, o, gate and up, down; a narrow and deep one.
  for (const auto& [out, in] : {std::pair<int64_t, int64_t>{4096, 1024},
                                {1024, 2048},
                                {6144, 1024},
                                {1024, 3072},
                                {64, 4096}})
    expect_linear_rows_are_independent(GetParam(), in, out, 200, sizes);
}

INSTANTIATE_TEST_SUITE_P(Lanes, RealShapeRowInvariance, ::testing::ValuesIn(fast_bit_lanes()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
