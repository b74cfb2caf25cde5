// The matrix passes lanes that are right and blames the operation of one that is wrong.
#include <gtest/gtest.h>

#include "backend/op_matrix.h"
#include "backend/reference/reference_backend.h"
#include "backend/wrong_backends.h"
#include "prove/lab_support.h"
#include "prove/matrix/op_cases.h"
#include "prove/matrix/ops.h"

namespace trinity::testing {
namespace {

constexpr uint64_t kSeed = 20240917;

// ---- lanes that are right -----------------------------------------------------------------------

TEST(OpMatrix, EveryLaneOfThisMachinePassesOnSeveralSeeds) {
  const prove::MatrixLanes available = take(prove::available_lanes(1));
  ASSERT_GE(available.lanes.size(), 3U);  // two references and one for processors
  for (const uint64_t seed : {1, 2, 3}) {
    const prove::OpMatrix matrix = take(prove::compare_operations(available.lanes, seed, false));
    EXPECT_TRUE(matrix.passed()) << report_of(matrix);
    EXPECT_EQ(matrix.verdicts.size(), available.lanes.size() * prove::op_names().size());
    for (const prove::OpVerdict& verdict : matrix.verdicts)
      EXPECT_GT(verdict.cases, 0) << verdict.op;
  }
}

TEST(OpMatrix, MeasuresEveryPairOfLanes) {
  const std::vector<std::string> names = {"reference", "cpu_f32", "reference_bf16"};
  const prove::MatrixLanes lanes = take(prove::named_lanes(names, 1));
  const prove::OpMatrix matrix = take(prove::compare_operations(lanes.lanes, kSeed, false));
  EXPECT_EQ(matrix.distances.size(), 3 * prove::op_names().size());
  for (const prove::OpDistance& pair : matrix.distances) {
    if (pair.op != "linear") continue;
    if (pair.lane == "reference" && pair.other == "cpu_f32") {
      EXPECT_GT(pair.worst_error, 0);
      EXPECT_LT(pair.worst_error, 1e-6);
    } else {
      EXPECT_GT(pair.worst_error, 1e-4) << "bf16 storage must show";
    }
  }
}

TEST(OpMatrix, ARetypedOperationWithoutAMistakePasses) {
  for (const std::string op : {"rope", "attention"}) {
    const prove::OpMatrix matrix =
        matrix_of(lane_with("retyped", *backend::lane_tolerances("cpu_f32"),
                            [op] { return make_retyped_backend(op); }),
                  kSeed);
    EXPECT_TRUE(matrix.passed()) << report_of(matrix);
  }
}

TEST(OpMatrix, TheSameSeedGivesTheSameFigures) {
  const prove::MatrixLanes lanes = take(prove::named_lanes(std::vector<std::string>{"cpu_f32"}, 1));
  const prove::OpMatrix a = take(prove::compare_operations(lanes.lanes, 5, false));
  const prove::OpMatrix b = take(prove::compare_operations(lanes.lanes, 5, false));
  for (size_t i = 0; i < a.verdicts.size(); ++i)
    EXPECT_EQ(a.verdicts[i].worst_error, b.verdicts[i].worst_error) << a.verdicts[i].op;
}

TEST(OpMatrix, ALaneThatIsNotHereIsListedWithItsReason) {
  const prove::MatrixLanes available = take(prove::available_lanes(1));
  for (const prove::MissingLane& lane : available.missing)
    EXPECT_FALSE(lane.reason.empty()) << lane.name;
  EXPECT_EQ(available.lanes.size() + available.missing.size(), router::runtime_profiles().size());
  EXPECT_EQ(available.lanes.front().name, "reference");
}

// ---- lanes that are wrong -----------------------------------------------------------------------

/// Every operation that a mistake is in.
std::vector<std::string> wrong_ops(const Mistake& mistake) {
  if (mistake.name == "odd_tail_lost") return {"linear", "linear_split"};
  return {mistake.op};
}

class SeededFault : public ::testing::TestWithParam<Mistake> {};

/// Among them: anti_causal_mask, inverse_frequencies, rotated_by_head, dropped_kv_group.
TEST_P(SeededFault, IsReportedByTheNameOfItsOperation) {
  const prove::OpMatrix matrix =
      matrix_of(lane_with("wrong", *backend::lane_tolerances("cpu_f32"), GetParam().make), kSeed);
  EXPECT_EQ(matrix.blamed("wrong"), wrong_ops(GetParam())) << report_of(matrix);
}

/// With the widest limits of any lane, or such a lane could hide the mistake.
TEST_P(SeededFault, IsReportedWithTheLimitsOfEveryLane) {
  if (GetParam().name == "imprecise_scale")
    GTEST_SKIP() << "SKIPPED: smaller than a step of int8 or bf16";
  for (const std::string lane : {"cpu_bf16", "cpu_int8", "reference_bf16"}) {
    backend::LaneTolerances limits = *backend::lane_tolerances(lane);
    limits.bf16_order = false;  // the wrong backends keep f32
    const prove::OpMatrix matrix = matrix_of(lane_with("wrong", limits, GetParam().make), kSeed);
    EXPECT_EQ(matrix.blamed("wrong"), wrong_ops(GetParam())) << "limits of " << lane << "\n"
                                                             << report_of(matrix);
  }
}

INSTANTIATE_TEST_SUITE_P(Mistakes, SeededFault, ::testing::ValuesIn(gross_mistakes()),
                         [](const auto& mistake) { return mistake.param.name; });

TEST(SeededFault, ANormWeightMultipliedBeforeRoundingIsReportedAsRmsNorm) {
  const prove::OpMatrix matrix =
      matrix_of(lane_with("wrong", *backend::lane_tolerances("reference_bf16"),
                          make_early_norm_weight_backend),
                kSeed);
  EXPECT_EQ(matrix.blamed("wrong"), std::vector<std::string>{"rms_norm"}) << report_of(matrix);
  // The fused operation that is made of it fails as well, and says why.
  for (const prove::OpVerdict& verdict : matrix.verdicts)
    if (verdict.op == "add_rms_norm") {
      EXPECT_EQ(verdict.follows_from, std::vector<std::string>{"rms_norm"});
    }
}

TEST(SeededFault, ManyFarKeysThatAreDroppedAreReportedAsAttention) {
  const prove::OpMatrix matrix = matrix_of(
      lane_with("wrong", *backend::lane_tolerances("cpu_f32"), make_far_keys_dropped_backend),
      kSeed);
  EXPECT_EQ(matrix.blamed("wrong"), std::vector<std::string>{"attention"}) << report_of(matrix);
}

TEST(SeededFault, IsFoundBesideLanesThatAreRight) {
  for (const Mistake& mistake : gross_mistakes()) {
    if (mistake.name != "anti_causal_mask") continue;
    const std::vector<prove::MatrixLane> lanes = {
        lane_with("right", *backend::lane_tolerances("reference"),
                  [] { return backend::make_reference_backend(backend::ReferenceRounding::f32); }),
        lane_with("wrong", *backend::lane_tolerances("cpu_bf16"), mistake.make)};
    const prove::OpMatrix matrix = take(prove::compare_operations(lanes, kSeed, false));
    EXPECT_TRUE(matrix.blamed("right").empty());
    EXPECT_EQ(matrix.blamed("wrong"), std::vector<std::string>{"attention"});
  }
}

}  // namespace
}  // namespace trinity::testing
