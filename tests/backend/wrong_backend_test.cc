// The checks of the backend lab catch wrong backends, and blame the right operation.
#include <gtest/gtest.h>

#include "backend/bf16_order.h"
#include "backend/op_checks.h"
#include "backend/reference/reference_backend.h"
#include "backend/wrong_backends.h"

namespace trinity::testing {
namespace {

constexpr uint64_t kSeed = 4711;

std::vector<Deviation> deviations_of(Backend& candidate, const std::string& limits) {
  const auto oracle = make_reference_backend(ReferenceRounding::f32);
  return compare_operations(candidate, *oracle, *lane_tolerances(limits), Effort::quick, kSeed);
}

class WrongBackend : public ::testing::TestWithParam<Mistake> {};

/// Even with the generous limits of int8 and bf16 a mistake must show, or such a lane could hide
/// it.
TEST_P(WrongBackend, IsCaughtByNameWithTheLimitsOfEveryLane) {
  for (const std::string lane :
       {"cpu_f32", "cpu_bf16", "cpu_int8", "reference_bf16", "reference_exact_int8"}) {
    // Two mistakes are smaller than the rounding of a product in these lanes.
    const bool subtle = GetParam().name == "imprecise_scale";
    if (subtle && lane != "cpu_f32") continue;
    const auto candidate = GetParam().make();
    const auto deviations = deviations_of(*candidate, lane);
    EXPECT_EQ(operations_of(deviations), std::set<std::string>{GetParam().op})
        << "limits of " << lane << "\n"
        << report_of(deviations);
  }
}

INSTANTIATE_TEST_SUITE_P(Mistakes, WrongBackend, ::testing::ValuesIn(gross_mistakes()),
                         [](const auto& mistake) { return mistake.param.name; });

TEST(WrongBackend, TheRetypedOperationsAreRightWithoutTheirMistake) {
  for (const std::string op : {"rope", "attention"}) {
    const auto candidate = make_retyped_backend(op);
    const auto deviations = deviations_of(*candidate, "cpu_f32");
    EXPECT_TRUE(deviations.empty()) << report_of(deviations);
  }
}

TEST(WrongBackend, TheReferencePassesWithoutAnyTolerance) {
  const auto candidate = make_reference_backend(ReferenceRounding::f32);
  const auto oracle = make_reference_backend(ReferenceRounding::f32);
  const auto deviations =
      compare_operations(*candidate, *oracle, LaneTolerances{}, Effort::quick, kSeed);
  EXPECT_EQ(operations_of(deviations), (std::set<std::string>{})) << report_of(deviations);
}

}  // namespace
}  // namespace trinity::testing
