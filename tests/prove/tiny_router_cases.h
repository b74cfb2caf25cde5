// The built-in cases on one lane of the tiny router, judged with the lane's own snapshot.
#pragma once

#include <functional>

#include "prove/lab_support.h"

namespace trinity::testing {

/// Expects every case that `wanted` lets through to pass, floors and snapshot included.
inline void expect_built_in_cases_pass(const std::string& profile,
                                       const std::function<bool(const prove::EvalCase&)>& wanted) {
  auto loaded = Router::load(tiny_options(profile));
  if (!loaded &&
      (loaded.error().tag == "missing_tiny_router" || loaded.error().tag == "profile_unavailable"))
    GTEST_SKIP() << "SKIPPED: " << loaded.error().message;
  const auto router = take(std::move(loaded));
  prove::EvalCaseSet set = take(prove::built_in_eval_cases());
  std::erase_if(set.cases, [&](const prove::EvalCase& one) { return !wanted(one); });
  const std::string lane = router.info().profile;  // a plugin's name instead of its path
  const auto snapshot = take(prove::built_in_snapshot(lane));
  ASSERT_TRUE(snapshot) << "no snapshot of " << lane;
  ASSERT_TRUE(snapshot->margin_floors);
  EXPECT_EQ(snapshot->profile, lane);
  InputOptions input;
  input.prefix_cache = false;
  const auto queries = prove::case_queries(set.cases);
  const auto outcomes =
      prove::judge_cases(set.cases, prove::route_in_batches(router, queries, input, {}, 0),
                         {*snapshot->margin_floors, &*snapshot, true, false});
  for (const prove::CaseOutcome& outcome : outcomes) {
    EXPECT_EQ(outcome.status, prove::CaseStatus::ok)
        << outcome.eval_case->id << ": "
        << (outcome.findings.empty() ? "" : outcome.findings.front());
    EXPECT_NE(outcome.recorded, nullptr) << outcome.eval_case->id << " is not in the snapshot";
  }
  EXPECT_FALSE(outcomes.empty());
}

inline bool is_short(const prove::EvalCase& one) {
  std::size_t bytes = 0;
  for (const Message& message : one.messages) bytes += message.content.size();
  return bytes < 80;
}

}  // namespace trinity::testing
