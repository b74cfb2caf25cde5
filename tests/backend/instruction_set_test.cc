// The vectorised kernels on every instruction set that this processor has, not only its best: the
// exact lanes give the same bits on all of them, the others keep their limits.
#include <gtest/gtest.h>

#include "backend/instruction_set_scope.h"
#include "backend/op_matrix.h"
#include "backend_cpu/instruction_sets.h"
#include "backend_registry/registry.h"

namespace trinity::testing {
namespace {

class InstructionSet : public ::testing::TestWithParam<std::string> {};

TEST_P(InstructionSet, EveryOperationAgreesWithItsFormula) {
  const OnlyInstructionSet only(GetParam());
  for (const std::string lane : {"cpu_f32", "cpu_bf16", "cpu_int8"}) {
    if (!backend::create_backend(lane, {1})) continue;  // the other lanes still count
    const prove::OpMatrix matrix = matrix_of(lane_of(lane), 55);
    EXPECT_TRUE(matrix.passed()) << report_of(matrix);
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
