// Every lane's operations against the oracle's.
#include <gtest/gtest.h>

#include "backend/op_checks.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

class OpAgreement : public ::testing::TestWithParam<std::string> {};

TEST_P(OpAgreement, EveryOperationAgreesWithTheReference) {
  const auto tolerances = lane_tolerances(GetParam());
  ASSERT_TRUE(tolerances) << "state the tolerances of " << GetParam() << " in lane_tolerances.h";
  auto oracle = take(create_backend("reference", {1}));
  auto candidate = create_backend(GetParam(), {1});
  if (!candidate && candidate.error().tag == "backend_unavailable")
    GTEST_SKIP() << "SKIPPED: " << candidate.error().message;
  ASSERT_TRUE(candidate) << candidate.error().message;
  const auto deviations =
      compare_operations(**candidate, *oracle, *tolerances, Effort::thorough, 20240917);
  EXPECT_TRUE(deviations.empty()) << report_of(deviations);
}

std::vector<std::string> every_lane_but_the_reference() {
  std::vector<std::string> ids;
  for (const BackendEntry& entry : backend_registry())
    if (entry.id != "reference") ids.push_back(entry.id);
  return ids;
}

INSTANTIATE_TEST_SUITE_P(Lanes, OpAgreement, ::testing::ValuesIn(every_lane_but_the_reference()),
                         [](const auto& lane) { return lane.param; });

}  // namespace
}  // namespace trinity::testing
