// The vectorised kernels on every instruction set that this processor has, not only its best.
//
// The program picks at run time; a machine without AVX-512 takes code that never runs on one with
// it. Bits may differ between instruction sets (vector lengths differ, and so do sums); limits may
// not.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "backend/op_checks.h"
#include "backend/registry.h"

namespace trinity::testing {
namespace {

/// Restricts the run-time choice to one instruction set until the end of the scope.
class OnlyTarget {
 public:
  explicit OnlyTarget(int64_t target) { choose(target); }
  ~OnlyTarget() { choose(0); }

 private:
  static void choose(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

std::vector<int64_t> targets_of_this_processor() {
  std::vector<int64_t> targets;
  for (int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1)
    targets.push_back(rest & -rest);
  return targets;
}

class InstructionSet : public ::testing::TestWithParam<int64_t> {};

TEST_P(InstructionSet, EveryOperationAgreesWithTheReference) {
  const OnlyTarget only(GetParam());
  const auto oracle = take(create_backend("reference", {1}));
  for (const std::string lane : {"cpu_f32", "cpu_bf16", "cpu_int8"}) {
    auto candidate = create_backend(lane, {1});
    if (!candidate) continue;  // the other lanes still count
    const auto deviations =
        compare_operations(**candidate, *oracle, *lane_tolerances(lane), Effort::quick, 55);
    EXPECT_TRUE(deviations.empty()) << lane << "\n" << report_of(deviations);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, InstructionSet, ::testing::ValuesIn(targets_of_this_processor()),
                         [](const auto& target) {
                           return std::string(hwy::TargetName(target.param));
                         });

}  // namespace
}  // namespace trinity::testing
