// Gates: which steps are skipped and what the verdict is, over all combinations of outcomes.
// Conformance: D10.
#include "checkout/gates.h"

#include <gtest/gtest.h>

#include "base/json_value.h"

namespace trinity::testing {
namespace {

constexpr int kSteps = 6;

/// Steps of which those in `advisory` are advisory, bit by bit.
std::vector<checkout::GateStep> made_steps(unsigned advisory) {
  std::vector<checkout::GateStep> steps;
  for (int i = 0; i < kSteps; ++i) {
    checkout::GateStep step;
    step.name = std::string(1, static_cast<char>('a' + i));
    step.advisory = (advisory >> i & 1U) != 0;
    steps.push_back(step);
  }
  return steps;
}

TEST(GatesRun, TheFirstBlockingFailureSkipsTheLaterBlockingSteps) {
  for (unsigned advisory = 0; advisory < 1U << kSteps; ++advisory) {
    const std::vector<checkout::GateStep> steps = made_steps(advisory);
    for (unsigned failing = 0; failing < 1U << kSteps; ++failing) {
      std::string ran, told;
      const checkout::GateReport report = checkout::run_gates(
          steps, {},
          [&](const checkout::GateStep& step) -> Result<checkout::StepRun> {
            ran += step.name;
            return checkout::StepRun{(failing >> (step.name[0] - 'a') & 1U) != 0 ? 1 : 0, "said", 1,
                                     false};
          },
          [&](const checkout::StepOutcome& one) { told += one.step.name; });
      const unsigned blocking_failures = failing & ~advisory;
      std::string expected_to_run;
      std::vector<std::string> expected_to_fail;
      for (int i = 0; i < kSteps; ++i) {
        const bool earlier_failure = (blocking_failures & ((1U << i) - 1U)) != 0;
        const bool runs = (advisory >> i & 1U) != 0 || !earlier_failure;
        if (runs) expected_to_run += steps[static_cast<std::size_t>(i)].name;
        if (runs && (blocking_failures >> i & 1U) != 0)
          expected_to_fail.push_back(steps[static_cast<std::size_t>(i)].name);
      }
      ASSERT_EQ(ran, expected_to_run) << advisory << " " << failing;
      ASSERT_EQ(told, "abcdef");
      ASSERT_EQ(report.failed(), expected_to_fail);
      ASSERT_EQ(report.ok(), blocking_failures == 0);
      const auto summary = checkout::gate_summary(report);
      for (int i = 0; i < kSteps; ++i) {
        const auto& step = summary["steps"][static_cast<std::size_t>(i)];
        const bool skipped = expected_to_run.find(static_cast<char>('a' + i)) == std::string::npos;
        ASSERT_EQ(step["skipped"], skipped);
        ASSERT_EQ(step["exit_status"].is_null(), skipped);
        ASSERT_EQ(step["output"].is_null(), skipped);
        ASSERT_NE(step["blocking"], step["advisory"]);
      }
    }
  }
}

TEST(GatesRun, AnInterruptSkipsEverythingLaterAndIsNoPass) {
  const std::vector<checkout::GateStep> steps = made_steps(0b101010);
  const checkout::GateReport report = checkout::run_gates(
      steps, {},
      [](const checkout::GateStep& step) -> Result<checkout::StepRun> {
        return checkout::StepRun{
            0, {}, 1, step.name == "b"};  // an advisory one that ended well all the same
      },
      {});
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(report.interrupted, "b");
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(report.steps[i].run.has_value(), i < 2);
}

TEST(GatesRun, AStepThatCannotStartIsAFailureWithItsRemedy) {
  std::vector<checkout::GateStep> steps = made_steps(0);
  steps[0].remedy = "install it";
  for (const auto& [tag, status] : {std::pair("missing_program", 127), {"child_failed", 126}}) {
    const checkout::GateReport report =
        checkout::run_gates(steps, {},
                            [&](const checkout::GateStep&) -> Result<checkout::StepRun> {
                              return fail(ErrorKind::missing, tag, "it is not there");
                            },
                            {});
    EXPECT_EQ(report.failed(), std::vector<std::string>{"a"});
    EXPECT_EQ(report.steps[0].run->exit_status, status);
    EXPECT_TRUE(report.steps[0].run->output.starts_with("it is not there"));
  }
}

}  // namespace
}  // namespace trinity::testing
