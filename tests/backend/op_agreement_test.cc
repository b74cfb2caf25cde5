// Every lane's operations against the formulas.
#include <gtest/gtest.h>

#include "backend/every_lane.h"
#include "backend/op_matrix.h"

namespace trinity::testing {
namespace {

class OpAgreement : public ::testing::TestWithParam<std::string> {};

TEST_P(OpAgreement, EveryOperationAgreesWithItsFormula) {
  const auto candidate = backend::create_backend(GetParam(), {1});
  if (!candidate && candidate.error().tag == "backend_unavailable")
    GTEST_SKIP() << "SKIPPED: " << candidate.error().message;
  ASSERT_TRUE(candidate) << candidate.error().message;
  const prove::OpMatrix matrix = matrix_of(lane_of(GetParam()), 20240917, true);
  EXPECT_TRUE(matrix.passed()) << report_of(matrix);
}

INSTANTIATE_TEST_SUITE_P(Lanes, OpAgreement, ::testing::ValuesIn(every_lane()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
