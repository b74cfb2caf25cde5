// Router traces and their comparison. Conformance: RTR-1, RTR-2.
#include "interchange/router_trace.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "prove/lab_support.h"
#include "route/head.h"

namespace trinity::testing {
namespace {

/// A trace over hidden size 4, two agents and three roles.
Json made_trace() {
  std::vector<float> weights(5 * 4);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = 0.1F * static_cast<float>(i % 7) - 0.2F;
  const route::Head head = take(route::Head::from_weights(weights, 5, 4));
  const std::vector<Message> messages = {{"user", "hello"}};
  const std::vector<std::int32_t> ids = {5, 6, 7};
  const std::vector<float> hidden = {1, -2, 0.5F, 3};
  interchange::RouterTraceInput input;
  input.messages = messages;
  input.transcript = "user: hello";
  input.ids = ids;
  input.hidden_index = 1;
  input.hidden = hidden;
  input.head = {head.weights(), head.num_agents(), head.num_roles(), head.hidden_size()};
  const std::vector<float> logits = take(head.logits(hidden));
  input.logits = logits;
  return take(interchange::router_trace(input));
}

std::vector<std::string> failed_names(const Json& comparison) {
  std::vector<std::string> names;
  for (const Json& check : comparison["checks"])
    if (!check["passed"].as_bool()) names.push_back(check["name"].as_string());
  return names;
}

TEST(RouterTrace, HoldsEveryFieldInItsOrder) {
  const auto trace = made_trace();
  for (const char* name : {"schema",
                           "runtime",
                           "artifact_dir",
                           "artifact_manifest_sha256",
                           "messages",
                           "transcript",
                           "transcript_sha256",
                           "input_ids",
                           "token_ids_sha256",
                           "attention_mask_shape",
                           "hidden_state_shape",
                           "hidden_position",
                           "hidden_index",
                           "hidden_vector_shape",
                           "hidden_vector_sha256_as_f32",
                           "hidden_vector_prefix_f32",
                           "hidden_vector_f32",
                           "head_weight_shape",
                           "head_weight_sha256_as_f32",
                           "logits_shape",
                           "logits_sha256_as_f32",
                           "logits",
                           "agent_logits",
                           "role_logits",
                           "argmax_agent_id",
                           "argmax_role_id",
                           "role_name",
                           "notes"})
    EXPECT_TRUE(trace.contains(name)) << name;
  EXPECT_EQ(trace.size(), 28U);
  EXPECT_EQ(trace["runtime"], "native.cpp");
  EXPECT_EQ(trace["hidden_position"], -2);
  EXPECT_EQ(trace["agent_logits"].size() + trace["role_logits"].size(), trace["logits"].size());
  EXPECT_TRUE(trace["artifact_dir"].is_null());
}

TEST(RouterTrace, Rtr1ValuesWithinCustomTolerancesFailNothing) {
  const Json ours = made_trace();
  Json theirs = ours;
  for (Json& value : theirs["hidden_vector_f32"]) value = value.as_double() * 1.05;
  for (Json& value : theirs["logits"]) value = value.as_double() * 1.02;
  interchange::RouterTraceTolerances tolerances;
  tolerances.hidden.max_relative_l2 = 0.06;
  const Json passed = interchange::compare_router_traces(theirs, ours, tolerances);
  EXPECT_EQ(passed["required_checks"], 11);
  EXPECT_EQ(passed["failed_required"], 0) << json_text(passed, 1);
  tolerances.hidden.max_relative_l2 = 0.04;
  EXPECT_EQ(failed_names(interchange::compare_router_traces(theirs, ours, tolerances)),
            std::vector<std::string>{"hidden_vector_f32"});
  EXPECT_EQ(passed["tolerances"].size(), 8U);
}

TEST(RouterTrace, AbsoluteErrorsAloneFailNothing) {
  const Json ours = made_trace();
  interchange::RouterTraceTolerances tolerances;
  tolerances.hidden.max_abs = tolerances.logits.mean_abs = 0;
  Json theirs = ours;
  theirs["hidden_vector_f32"][0] = 1.01;
  EXPECT_EQ(interchange::compare_router_traces(theirs, ours, tolerances)["failed_required"], 0);
}

TEST(RouterTrace, Rtr2ARoleMismatchIsExactlyOneFailure) {
  const Json ours = made_trace();
  Json theirs = ours;
  theirs["argmax_role_id"] = (ours["argmax_role_id"].as_int64() + 1) % 3;
  const Json comparison = interchange::compare_router_traces(theirs, ours, {});
  EXPECT_EQ(comparison["failed_required"], 1);
  EXPECT_EQ(failed_names(comparison), std::vector<std::string>{"argmax_role_id"});
}

TEST(RouterTrace, EveryCheckCanFail) {
  const Json ours = made_trace();
  const Json same = interchange::compare_router_traces(ours, ours, {});
  EXPECT_EQ(same["failed_required"], 0);
  for (const Json& check : same["checks"]) {
    Json theirs = ours;
    theirs.erase(check["name"].as_string());
    EXPECT_EQ(failed_names(interchange::compare_router_traces(theirs, ours, {})),
              std::vector<std::string>{check["name"].as_string()});
  }
}

TEST(RouterTrace, ZeroVectorsAndOtherLengthsDoNotPass) {
  const Json ours = made_trace();
  Json theirs = ours;
  for (Json& value : theirs["hidden_vector_f32"]) value = 0.0;
  theirs["logits"] = Json::array({1.0});
  const Json comparison = interchange::compare_router_traces(theirs, ours, {});
  EXPECT_EQ(failed_names(comparison), (std::vector<std::string>{"hidden_vector_f32", "logits"}));
  EXPECT_EQ(comparison["checks"][9]["cosine_similarity"], 0.0);
  EXPECT_EQ(comparison["checks"][10]["reason"], "non-list or length mismatch");
  EXPECT_EQ(comparison["checks"][10]["expected_shape"], Json::array({1}));
}

}  // namespace
}  // namespace trinity::testing
