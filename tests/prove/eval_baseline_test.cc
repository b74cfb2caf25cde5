// What a flipped decision is worth: its margin in the baseline against the lane's drift.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json_value.h"
#include "prove/eval/baseline.h"
#include "prove/lab_support.h"

namespace trinity::testing {
namespace {

/// A lane whose cases have these logits: 7 agents, then 3 roles.
prove::LaneReport lane_of(const std::string& name,
                          const std::shared_ptr<const prove::EvalCaseSet>& set,
                          const std::vector<std::vector<float>>& logits) {
  prove::LaneReport lane;
  lane.profile.name = name;
  lane.profile.exactness =
      name == "oracle" ? backend::Exactness::oracle : backend::Exactness::bit_stable;
  lane.set = set;
  std::vector<Result<Decision>> decisions;
  for (std::size_t i = 0; i < logits.size(); ++i)
    decisions.push_back(made_decision(set->cases[i], logits[i]));
  lane.outcomes = prove::judge_cases(set->cases, std::move(decisions), {});
  return lane;
}

std::shared_ptr<const prove::EvalCaseSet> three_cases() {
  auto set = std::make_shared<prove::EvalCaseSet>();
  for (const char* id : {"first", "second", "third"}) set->cases.push_back(made_case(id, 1, 0));
  return set;
}

TEST(EvalBaseline, AFlipIsExcusedByADriftOfAtLeastItsMargin) {
  const auto set = three_cases();
  const std::vector<std::vector<float>> base = {made_logits(1, 0, 2, 3), made_logits(2, 1, 1, 3),
                                                made_logits(3, 2, 5, 3)};
  for (const float change : {0.25F, 0.6F, 1.5F}) {
    // The second case's runner-up rises and its winner falls, both by `change`.
    std::vector<std::vector<float>> moved = base;
    moved[1][2] -= change;
    moved[1][4] += change;
    std::vector<prove::LaneReport> lanes;
    lanes.push_back(lane_of("oracle", set, base));
    lanes.push_back(lane_of("lane", set, moved));
    const prove::EvalBaseline baseline = prove::choose_baseline(lanes, "oracle");
    const prove::BaselineDistance distance = prove::distance_to(baseline, lanes[1]);
    EXPECT_FLOAT_EQ(static_cast<float>(distance.drift), change);
    EXPECT_EQ(distance.compared, 3u);
    if (change < 0.5F) {
      EXPECT_TRUE(distance.flipped.empty());
      continue;
    }
    ASSERT_EQ(distance.flipped.size(), 1u);
    const prove::FlippedCase& flip = distance.flipped[0];
    EXPECT_EQ(flip.id, "second");
    EXPECT_EQ(flip.baseline_agent, 2);
    EXPECT_EQ(flip.agent_id, 4);
    EXPECT_DOUBLE_EQ(flip.baseline_margin, 1);
    EXPECT_NEAR(flip.margin, std::min(2 * double{change} - 1, double{change}), 1e-6);
    EXPECT_EQ(flip.beyond_drift, change < 1);
    EXPECT_EQ(distance.beyond_drift().size(), change < 1 ? 1u : 0u);
    const auto record = prove::baseline_record(baseline, lanes);
    EXPECT_EQ(record["baseline"], "oracle");
    ASSERT_EQ(record["lanes"].size(), 1u);
    EXPECT_EQ(record["lanes"][0]["equal_decisions"], 2);
    EXPECT_EQ(record["lanes"][0]["flipped"][0]["baseline"]["margin"], 1.0);
    EXPECT_EQ(record["lanes"][0]["flipped"][0]["beyond_drift"], change < 1);
  }
}

TEST(EvalBaseline, TheSplitThatFlippedCounts) {
  const auto set = three_cases();
  const std::vector<std::vector<float>> base(3, made_logits(1, 0, 5, 0.5F));
  std::vector<std::vector<float>> moved = base;
  moved[2][7] = 0;  // the role's winner falls under the runner-up
  moved[2][9] = 0.125F;
  std::vector<prove::LaneReport> lanes;
  lanes.push_back(lane_of("oracle", set, base));
  lanes.push_back(lane_of("lane", set, moved));
  const auto distance = prove::distance_to(prove::choose_baseline(lanes, ""), lanes[1]);
  ASSERT_EQ(distance.flipped.size(), 1u);
  EXPECT_EQ(distance.flipped[0].baseline_role, 0);
  EXPECT_EQ(distance.flipped[0].role_id, 2);
  EXPECT_DOUBLE_EQ(distance.flipped[0].baseline_margin, 0.5);
  EXPECT_DOUBLE_EQ(distance.flipped[0].margin, 0.125);
  EXPECT_FALSE(distance.flipped[0].beyond_drift);
}

TEST(EvalBaseline, WithoutLogitsToCompareNothingIsExcused) {
  const auto set = three_cases();
  const std::vector<std::vector<float>> base(3, made_logits(1, 0, 5, 5));
  std::vector<prove::LaneReport> lanes;
  lanes.push_back(lane_of("lane", set, base));
  auto snapshot = std::make_shared<prove::EvalSnapshot>(prove::snapshot_of(lanes[0].outcomes));
  snapshot->cases[1].agent_id = 3;
  snapshot->cases[1].agent_logits.resize(4);  // of a model with fewer agents
  lanes[0].snapshot = snapshot;
  for (std::size_t i = 0; i < 3; ++i) lanes[0].outcomes[i].recorded = &snapshot->cases[i];
  const auto distance = prove::distance_to(prove::choose_baseline(lanes, ""), lanes[0]);
  EXPECT_EQ(distance.beyond_drift(), std::vector<std::string>{"second"});
  EXPECT_EQ(prove::baseline_record({}, lanes), nullptr);
}

}  // namespace
}  // namespace trinity::testing
