// Judging decisions: expectations, floors, snapshots, summaries.
#include "prove/eval/prompt_eval.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "prove/lab_support.h"

namespace trinity::testing {
namespace {

/// One case judged with everything as expected, except for what `change` does.
class Judged {
 public:
  prove::EvalCase one = made_case("a", 2, 1);
  std::vector<float> logits = made_logits(2, 1, 3.0F, 2.5F);
  prove::JudgeOptions options{{0.24, 1.06}, nullptr, true, false};
  std::optional<prove::SnapshotCase> recorded;

  /// The run itself as the snapshot.
  void record() {
    const std::vector<prove::EvalCase> cases = {one};
    recorded = prove::snapshot_of(prove::judge_cases(cases, {made_decision(one, logits)}, options))
                   .cases.front();
  }

  prove::CaseOutcome outcome() {
    cases_ = {one};
    snapshot_.cases.clear();
    if (recorded) snapshot_.cases.push_back(*recorded);
    options.snapshot = recorded ? &snapshot_ : nullptr;
    return prove::judge_cases(cases_, {made_decision(one, logits)}, options).front();
  }

 private:
  std::vector<prove::EvalCase> cases_;
  prove::EvalSnapshot snapshot_;
};

TEST(PromptEval, AnExpectedDecisionAboveItsFloorsIsOk) {
  Judged judged;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::ok);
  EXPECT_FALSE(judged.outcome().low_margin);
  judged.record();
  judged.options.assert_route_hash = true;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::ok);
}

TEST(PromptEval, AnotherAgentOrRoleFails) {
  for (const auto& [agent, role] : {std::pair{3, 1}, {2, 0}}) {
    Judged judged;
    judged.one.expected_agent = agent;
    judged.one.expected_role = role;
    EXPECT_EQ(judged.outcome().status, prove::CaseStatus::fail);
    EXPECT_EQ(judged.outcome().findings.size(), 1u);
  }
}

TEST(PromptEval, AMarginUnderItsFloorFailsAndOneAtItDoesNot) {
  Judged judged;
  judged.options.floors = {3.0, 2.5};
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::ok);
  EXPECT_TRUE(judged.outcome().low_margin) << "under twice the floor";
  judged.options.floors = {3.0001, 0};
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::fail);
  judged.options.floors = {0, 2.5001};
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::fail);
  judged.options.floors = {0, 0};
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::ok);
}

TEST(PromptEval, TheSnapshotIsComparedInFourFieldsAndTheRouteHashOnRequest) {
  const std::vector<std::pair<const char*, std::function<void(prove::SnapshotCase&)>>> changes = {
      {"agent", [](prove::SnapshotCase& one) { one.agent_id = 6; }},
      {"role", [](prove::SnapshotCase& one) { one.role_id = 0; }},
      {"tokens", [](prove::SnapshotCase& one) { ++one.token_count; }},
      {"transcript", [](prove::SnapshotCase& one) { one.transcript_hash = "0"; }}};
  for (const auto& [name, change] : changes) {
    Judged judged;
    judged.record();
    change(*judged.recorded);
    EXPECT_EQ(judged.outcome().status, prove::CaseStatus::fail) << name;
  }
  Judged judged;
  judged.record();
  judged.recorded->route_hash = "0";
  judged.recorded->agent_logits[0] += 5;
  judged.recorded->agent_margin = 0;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::ok)
      << "logits and route hash are not asserted";
  judged.options.assert_route_hash = true;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::fail);
}

TEST(PromptEval, ACaseThatTheSnapshotDoesNotKnowIsJudgedWithoutIt) {
  Judged judged;
  judged.record();
  judged.recorded->id = "other";
  judged.recorded->agent_id = 6;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::ok);
  EXPECT_EQ(judged.outcome().recorded, nullptr);
}

TEST(PromptEval, WithoutAssertionsFindingsAreReportedOnly) {
  Judged judged;
  judged.options.assert_findings = false;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::report_only);
  judged.one.expected_agent = 0;
  EXPECT_EQ(judged.outcome().status, prove::CaseStatus::report_only);
  EXPECT_EQ(judged.outcome().findings.size(), 1u);
}

TEST(PromptEval, ACaseThatCannotBeRoutedIsAnErrorEvenWithoutAssertions) {
  const std::vector<prove::EvalCase> cases = {made_case("a", 0, 0)};
  for (const bool asserted : {true, false}) {
    const auto outcomes =
        prove::judge_cases(cases, {fail(ErrorKind::invalid_input, "input_too_long", "too long")},
                           {{}, nullptr, asserted, false});
    EXPECT_EQ(outcomes[0].status, prove::CaseStatus::error);
    EXPECT_EQ(prove::summarize(outcomes).failed_ids, std::vector<std::string>{"a"});
    EXPECT_TRUE(prove::snapshot_of(outcomes).cases.empty());
    EXPECT_FALSE(prove::worst_margins(outcomes));
  }
}

TEST(PromptEval, TheSummaryCountsEveryCaseOnce) {
  std::mt19937 random(5);
  std::vector<prove::EvalCase> cases;
  std::vector<Result<Decision>> decisions;
  for (int i = 0; i < 200; ++i) {
    cases.push_back(made_case(fmt::format("c{}", i), static_cast<int>(random() % 7),
                              static_cast<int>(random() % 3)));
    decisions.push_back(made_decision(
        cases.back(), made_logits(static_cast<int>(random() % 7), static_cast<int>(random() % 3),
                                  static_cast<float>(random() % 100) / 50,
                                  static_cast<float>(random() % 100) / 25)));
  }
  const auto outcomes =
      prove::judge_cases(cases, std::move(decisions), {{0.3, 0.5}, nullptr, true, false});
  const prove::EvalSummary summary = prove::summarize(outcomes);
  EXPECT_EQ(summary.passed + summary.failed, cases.size());
  EXPECT_EQ(summary.failed, summary.failed_ids.size());
  std::size_t agents = 0;
  for (const auto& [agent, count] : summary.agents) agents += count;
  EXPECT_EQ(agents, cases.size());
  const prove::WorstMargins worst = *prove::worst_margins(outcomes);
  for (const prove::CaseOutcome& outcome : outcomes) {
    EXPECT_LE(worst.agent, *outcome.decision->margins.agent + 1e-6);
    EXPECT_LE(worst.role, *outcome.decision->margins.role + 1e-6);
  }
}

TEST(PromptEval, FloorsAreFourFifthsRoundedDown) {
  EXPECT_EQ(prove::floors_from({0.301497, 1.335177, {}, {}}).agent, 0.24);
  EXPECT_EQ(prove::floors_from({0.301497, 1.335177, {}, {}}).role, 1.06);
  EXPECT_EQ(prove::floors_from({0.417, 1.029, {}, {}}).agent, 0.33);
  EXPECT_EQ(prove::floors_from({0.417, 1.029, {}, {}}).role, 0.82);
  EXPECT_EQ(prove::floors_from({0.0, 0.012, {}, {}}).agent, 0.0);
  EXPECT_EQ(prove::floors_from({0.0, 0.012, {}, {}}).role, 0.0);
}

TEST(PromptEval, ASnapshotOfARunHoldsRoundedLogitsAndF32Margins) {
  const std::vector<prove::EvalCase> cases = {made_case("a", 0, 0)};
  const std::vector<float> logits = {0.1234565F, -2.5F, 0, 0, 0, 0, 0, 1.0F / 3, -1e-9F, -7};
  const auto outcomes = prove::judge_cases(cases, {made_decision(cases[0], logits)}, {});
  const prove::SnapshotCase one = prove::snapshot_of(outcomes).cases.front();
  for (std::size_t i = 0; i < 7; ++i) EXPECT_NEAR(one.agent_logits[i], logits[i], 5.1e-7);
  EXPECT_EQ(one.role_logits[0], 0.333333);
  EXPECT_EQ(one.role_margin, static_cast<double>(static_cast<float>(one.role_margin)));
  EXPECT_EQ(one.token_count, 5u);
}

TEST(PromptEval, TheComparisonNamesAnotherProfileAndOtherTexts) {
  Judged judged;
  judged.record();
  prove::EvalSnapshot snapshot;
  snapshot.profile = "cuda";
  judged.recorded->transcript_hash = "0";
  snapshot.cases = {*judged.recorded};
  const std::vector<prove::EvalCase> cases = {judged.one};
  const auto outcomes = prove::judge_cases(cases, {made_decision(judged.one, judged.logits)},
                                           {{}, &snapshot, true, false});
  const prove::SnapshotComparison comparison =
      prove::compare_with_snapshot(outcomes, snapshot, "cpu_f32");
  ASSERT_EQ(comparison.remarks.size(), 2u);
  EXPECT_NE(comparison.remarks[0].find("cuda"), std::string::npos);
  EXPECT_NE(comparison.remarks[1].find("other texts"), std::string::npos);
  EXPECT_EQ(comparison.same_decisions, 1u);
  snapshot.cases[0].id = "z";
  EXPECT_NE(prove::compare_with_snapshot(
                prove::judge_cases(cases, {made_decision(judged.one, judged.logits)},
                                   {{}, &snapshot, true, false}),
                snapshot, "cuda")
                .remarks.front()
                .find("another set"),
            std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
