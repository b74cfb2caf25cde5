// Decisions and their two written forms.
#include "route/decision.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "hash/canonical.h"

namespace trinity {
namespace {

using nlohmann::json;

const std::vector<float> kLogits = {1.0f, 0.5f, -2.0f, 3.5f, 9.0f, -1.0f, 0.0f, 0.2f, 0.1f, 5.5f};
const std::vector<Message> kMessages = {{"user", "hello"}};

Route argmax_route() { return *route::select_route(kLogits, 7, 3, {}); }

Route bare_route(int agent_id, int role_id) {
  Route route;
  route.agent_id = agent_id;
  route.role_id = role_id;
  return route;
}

std::set<std::string> keys_of(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

const std::set<std::string> kTraceKeys = {"agent_id",         "role_id",         "role_name",
                                          "margins",          "selection_modes", "transcript_hash",
                                          "artifact_identity"};

TEST(RoleNames, TOP1WorkerThinkerVerifier) {
  EXPECT_EQ(role_name(0), "Worker");
  EXPECT_EQ(role_name(1), "Thinker");
  EXPECT_EQ(role_name(2), "Verifier");
  EXPECT_EQ(role_name(3), "role_3");
  EXPECT_EQ(role_name(-1), "role_-1");
}

TEST(Decision, RD1IdsNameMarginsAndModesOfAnArgmaxRoute) {
  const auto decision = route::make_decision(argmax_route(), std::monostate{});
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->agent_id, 4);
  EXPECT_EQ(decision->role_id, 2);
  EXPECT_EQ(decision->role_name, "Verifier");
  EXPECT_NEAR(*decision->margins.agent, 5.5, 1e-5);
  EXPECT_NEAR(*decision->margins.role, 5.3, 1e-5);
  EXPECT_EQ(decision->rule.agent_selection, SelectionMode::argmax);
  EXPECT_EQ(decision->rule.role_selection, SelectionMode::argmax);
  EXPECT_EQ(decision->agent_logits().size(), 7u);
  EXPECT_EQ(decision->role_logits().size(), 3u);
  EXPECT_EQ(decision->role_logits()[2], 5.5f);
}

TEST(Decision, RD2AMessageListIsHashed) {
  const auto decision = route::make_decision(argmax_route(), kMessages);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->trace_messages_hash, *hash::trace_messages_hash(kMessages));
  EXPECT_EQ(decision->transcript_hash, *hash::transcript_hash(kMessages));
  EXPECT_EQ(decision->route_hash, *hash::route_hash(4, 2, kLogits));
  EXPECT_EQ(route::trace_map(*decision)["transcript_hash"].as_string().size(), 64u);
}

TEST(Decision, WithoutBeingAskedNothingIsHashed) {
  route::DecisionOptions options;
  options.hashes = false;
  const auto decision = route::make_decision(argmax_route(), kMessages, options);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->trace_messages_hash, std::nullopt);
  EXPECT_EQ(decision->transcript_hash, std::nullopt);
  EXPECT_EQ(decision->route_hash, std::nullopt);
  EXPECT_EQ(decision->logits, kLogits);
  EXPECT_TRUE(route::decision_record(*decision)["route_hash"].is_null());
}

TEST(Decision, RD3AHashStringIsTakenAsItIs) {
  const auto decision = route::make_decision(bare_route(0, 1), std::string("abc123"));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->role_name, "Thinker");
  EXPECT_EQ(route::trace_map(*decision)["transcript_hash"], "abc123");
  EXPECT_EQ(decision->transcript_hash, std::nullopt);
}

TEST(Decision, RD4KeepsTheArtifactIdentity) {
  route::DecisionOptions options;
  options.artifact_identity = ArtifactIdentity{{"trinity_artifact_manifest_hash", "h"},
                                               {"trinity_artifact_manifest_path", {}}};
  const auto decision = route::make_decision(argmax_route(), kMessages, options);
  ASSERT_TRUE(decision);
  const Json expected = {{"trinity_artifact_manifest_hash", "h"},
                         {"trinity_artifact_manifest_path", nullptr}};
  EXPECT_EQ(route::trace_map(*decision)["artifact_identity"], expected);
}

TEST(Decision, RD5NoLogitsMeanNullMargins) {
  const auto decision = route::make_decision(bare_route(3, 0), std::monostate{});
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->agent_logits().empty());
  EXPECT_TRUE(decision->role_logits().empty());
  EXPECT_EQ(decision->route_hash, std::nullopt);
  const Json margins = {{"agent", nullptr}, {"role", nullptr}};
  EXPECT_EQ(route::trace_map(*decision)["margins"], margins);
  EXPECT_EQ(route::decision_record(*decision)["margins"], margins);
}

TEST(Decision, RD6TheTraceMapHasExactlySevenKeys) {
  DecisionRule sampled;
  sampled.agent_selection = SelectionMode::sample;
  sampled.return_probabilities = true;
  for (const Route& route :
       {argmax_route(), bare_route(0, 0), *route::select_route(kLogits, 7, 3, sampled)}) {
    const auto decision = route::make_decision(route, kMessages);
    ASSERT_TRUE(decision);
    const Json map = route::trace_map(*decision);
    EXPECT_EQ(keys_of(map), kTraceKeys);
    EXPECT_EQ(*parse_json(json_text(map)), map);
    for (const auto& [key, value] : map.items()) EXPECT_FALSE(value.is_array()) << key;
  }
}

TEST(Decision, RD7ANullIdentityIsWritten) {
  const auto decision = route::make_decision(argmax_route(), std::monostate{});
  const Json map = route::trace_map(*decision);
  EXPECT_TRUE(map["artifact_identity"].is_null());
  EXPECT_TRUE(map["transcript_hash"].is_null());
  EXPECT_EQ(*parse_json(json_text(map)), map);
}

TEST(Decision, AnotherRoleNameCanBeGiven) {
  route::DecisionOptions options;
  options.role_name = "Critic";
  EXPECT_EQ(route::make_decision(argmax_route(), kMessages, options)->role_name, "Critic");
}

TEST(Decision, NonFiniteLogitsMakeNoDecision) {
  Route route = argmax_route();
  route.logits[3] = std::numeric_limits<float>::quiet_NaN();
  const auto decision = route::make_decision(route, kMessages);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().tag, "non_finite_logits");
}

TEST(DecisionRecord, RestoresEveryLogitExactly) {
  Route route = *route::select_route(
      std::vector<float>{0.1f, 1.0f / 3, 1e-30f, -16777217.0f, 3.4e38f}, 3, 2, {});
  const auto decision = route::make_decision(route, kMessages);
  ASSERT_TRUE(decision);
  const json record = json::parse(json_text(route::decision_record(*decision)));
  const auto agents = record.at("agent_logits").get<std::vector<float>>();
  const auto roles = record.at("role_logits").get<std::vector<float>>();
  EXPECT_EQ(agents, std::vector<float>(route.logits.begin(), route.logits.begin() + 3));
  EXPECT_EQ(roles, std::vector<float>(route.logits.begin() + 3, route.logits.end()));
}

TEST(DecisionRecord, HoldsTheFieldsThatScriptsReadInOrder) {
  auto decision = *route::make_decision(argmax_route(), kMessages);
  decision.token_count = 13;
  decision.hidden_index = 11;
  decision.profile = "reference";
  decision.timings_ms = {1.0, 0.5, 2.0, 3.0, 6.5};
  const Json record = route::decision_record(decision);
  EXPECT_EQ(record.items().begin()->key, "agent_id");
  for (const char* key :
       {"agent_id", "role_id", "role_name", "agent_logits", "role_logits", "margins", "token_count",
        "transcript_hash", "route_hash", "profile", "timings_ms"}) {
    EXPECT_TRUE(record.contains(key)) << key;
  }
  EXPECT_EQ(record["token_count"], 13);
  EXPECT_EQ(json_text(record["timings_ms"]),
            R"({"tokenize":1.0,"queue":0.5,"prefill":2.0,"head":3.0,"total":6.5})");
  EXPECT_EQ(record["transcript_hash"], *hash::transcript_hash(kMessages));
  EXPECT_FALSE(record.contains("agent_probabilities"));
  EXPECT_FALSE(record.contains("selection_seeds"));
}

TEST(DecisionRecord, RecordsSeedsAndProbabilitiesOfADraw) {
  DecisionRule options;
  options.role_selection = SelectionMode::sample;
  options.seed = SeedTriple{1, 2, 3};
  const auto decision =
      *route::make_decision(*route::select_route(kLogits, 7, 3, options), kMessages);
  const json record = json::parse(json_text(route::decision_record(decision)));
  EXPECT_EQ(record.at("selection_seeds"), json({{"agent", nullptr}, {"role", {18, 33, 46}}}));
  EXPECT_EQ(record.at("role_probabilities").size(), 3u);
  EXPECT_FALSE(record.contains("agent_probabilities"));
  EXPECT_EQ(record.at("selection_modes").at("role"), "sample");
}

}  // namespace
}  // namespace trinity
