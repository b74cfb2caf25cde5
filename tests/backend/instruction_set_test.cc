// The vectorised kernels on every instruction set that this processor has, not only its best: the
// exact lanes give the same bits on all of them, the others keep their limits.
#include <gtest/gtest.h>

#include "backend/instruction_set_scope.h"
#include "backend/op_checks.h"
#include "backend_cpu/instruction_sets.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

class InstructionSet : public ::testing::TestWithParam<std::string> {};

TEST_P(InstructionSet, EveryOperationAgreesWithTheReference) {
  const OnlyInstructionSet only(GetParam());
  const auto oracle = take(create_backend("reference", {1}));
  for (const std::string lane : {"cpu_f32", "cpu_bf16", "cpu_int8"}) {
    auto candidate = create_backend(lane, {1});
    if (!candidate) continue;  // the other lanes still count
    const auto deviations =
        compare_operations(**candidate, *oracle, *lane_tolerances(lane), Effort::quick, 55);
    EXPECT_TRUE(deviations.empty()) << lane << "\n" << report_of(deviations);
  }
}

INSTANTIATE_TEST_SUITE_P(Sets, InstructionSet, ::testing::ValuesIn(cpu::instruction_sets()),
                         [](const auto& set) { return set.param; });

TEST(InstructionSets, BeginWithThePlainOneAndAreNarrowedByName) {
  const std::vector<std::string> sets = cpu::instruction_sets();
  ASSERT_FALSE(sets.empty());
  EXPECT_EQ(sets.front(), "plain");
  EXPECT_EQ(cpu::instruction_set_in_use(), sets.back());
  for (const std::string& set : sets) {
    const OnlyInstructionSet only(set);
    EXPECT_EQ(cpu::instruction_set_in_use(), set);
  }
  EXPECT_EQ(cpu::instruction_set_in_use(), sets.back());
}

TEST(InstructionSets, AnUnknownNameIsRefusedWithTheKnownOnes) {
  const Status status = cpu::use_instruction_set("avx9000");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "unknown_instruction_set");
  for (const std::string& set : cpu::instruction_sets())
    EXPECT_NE(status.error().message.find(set), std::string::npos) << status.error().message;
}

}  // namespace
}  // namespace trinity::testing
