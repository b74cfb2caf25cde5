// The published cases and snapshot: hashes, decisions and margins that need no weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "hash/canonical.h"
#include "prove/lab_support.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

constexpr const char* kCases = "prompt_eval/cases.json";
constexpr const char* kSnapshot = "prompt_eval/snapshot_cuda.json";

TEST(PublishedSnapshot, AgreesWithItsCasesInTranscriptsAndDecisions) {
  TRINITY_REQUIRE_CONFORMANCE(kSnapshot);
  const prove::EvalCaseSet set = take(prove::load_eval_cases(conformance_path(kCases)));
  const prove::EvalSnapshot snapshot = take(prove::load_snapshot(conformance_path(kSnapshot)));
  ASSERT_EQ(set.cases.size(), 37u);
  ASSERT_EQ(snapshot.cases.size(), 37u);
  EXPECT_EQ(snapshot.generated_at, "2026-05-20T23:09:18.183509Z");
  EXPECT_EQ(set.uncovered_agents.size(), 4u);
  for (std::size_t i = 0; i < 37; ++i) {
    const prove::SnapshotCase& recorded = snapshot.cases[i];
    ASSERT_EQ(recorded.id, set.cases[i].id);
    EXPECT_EQ(recorded.transcript_hash, take(hash::transcript_hash(set.cases[i].messages)));
    EXPECT_EQ(recorded.agent_id, set.cases[i].expected_agent);
    EXPECT_EQ(recorded.role_id, set.cases[i].expected_role);
  }
}

TEST(PublishedSnapshot, RouteHashesAndMarginsFollowFromItsLogits) {
  TRINITY_REQUIRE_CONFORMANCE(kSnapshot);
  for (const prove::SnapshotCase& one :
       take(prove::load_snapshot(conformance_path(kSnapshot))).cases) {
    std::vector<double> logits = one.agent_logits;
    logits.insert(logits.end(), one.role_logits.begin(), one.role_logits.end());
    EXPECT_EQ(one.route_hash, take(hash::route_hash(one.agent_id, one.role_id, logits))) << one.id;
    const auto check = [&](std::vector<double> split, int chosen, double margin) {
      EXPECT_EQ(std::max_element(split.begin(), split.end()) - split.begin(), chosen) << one.id;
      std::sort(split.rbegin(), split.rend());
      EXPECT_NEAR(split[0] - split[1], margin, 2e-6) << one.id;
    };
    check(one.agent_logits, one.agent_id, one.agent_margin);
    check(one.role_logits, one.role_id, one.role_margin);
  }
}

TEST(PublishedSnapshot, GivesThePublishedFloors) {
  TRINITY_REQUIRE_CONFORMANCE(kSnapshot);
  prove::WorstMargins worst{1e9, 1e9, {}, {}};
  for (const prove::SnapshotCase& one :
       take(prove::load_snapshot(conformance_path(kSnapshot))).cases) {
    worst.agent = std::min(worst.agent, one.agent_margin);
    worst.role = std::min(worst.role, one.role_margin);
  }
  EXPECT_EQ(prove::floors_from(worst).agent, 0.24);
  EXPECT_EQ(prove::floors_from(worst).role, 1.06);
}

TEST(PublishedSnapshot, AnotherModelFailsItLoudly) {
  TRINITY_REQUIRE_CONFORMANCE(kSnapshot);
  const prove::EvalCaseSet set = take(prove::load_eval_cases(conformance_path(kCases)));
  const prove::EvalSnapshot snapshot = take(prove::load_snapshot(conformance_path(kSnapshot)));
  const auto router = take(Router::load(tiny_options("cpu_f32")));
  const auto queries = prove::case_queries(set.cases);
  const auto outcomes = prove::judge_cases(
      set.cases, prove::route_in_batches(router, queries, {}, {}, 0),
      {router.info().tiny_router ? backend::MarginFloors{0, 0} : backend::MarginFloors{},
       &snapshot});
  const prove::SnapshotComparison comparison =
      prove::compare_with_snapshot(outcomes, snapshot, "cpu_f32");
  EXPECT_EQ(comparison.matched, 37u);
  EXPECT_EQ(comparison.same_transcripts, 37u);
  EXPECT_LT(comparison.same_decisions, 30u);
  EXPECT_EQ(comparison.same_route_hashes, 0u);
  ASSERT_FALSE(comparison.remarks.empty());
  EXPECT_NE(comparison.remarks.back().find("another model"), std::string::npos);
  for (const prove::CaseOutcome& outcome : outcomes) {
    EXPECT_EQ(outcome.status, prove::CaseStatus::fail) << "its tokens differ at least";
    EXPECT_FALSE(outcome.findings.empty());
  }
}

}  // namespace
}  // namespace trinity::testing
