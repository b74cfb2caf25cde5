// Governed runs.
#include "coordinate/authority.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "coordinate/loop_support.h"
#include "trace/jsonl_sink.h"

namespace trinity::coordinate {
namespace {

Json packet() {
  return {{"authority_ref", "auth-1"},
          {"workflow_ref", "flow-1"},
          {"runtime_ref", "rt-1"},
          {"provider_pool_ref", "pool-1"},
          {"credential_ref", "cred-1"},
          {"provider_pool", Json::array({{{"id", 0}, {"provider", "openai"}, {"model", "m"}}})},
          {"api_key", "packet-key"},
          {"base_url", "https://governed.example/v1"},
          {"redaction_values", {"tenant-7", " "}}};
}

std::string tag_of(const Json& given, const DirectFields& direct = {}) {
  const auto run = materialize_authority(given, direct);
  return run ? "no error" : run.error().tag;
}

TEST(Authority, GOV_1_PoolAndCredentialsAreThoseOfThePacketAlone) {
  ::setenv("OPENAI_API_KEY", "ambient-key", 1);
  const auto run = materialize_authority(packet(), {});
  ::unsetenv("OPENAI_API_KEY");
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->api_key, "packet-key");
  EXPECT_EQ(run->credential_ref, "cred-1");
  EXPECT_EQ(run->provider_pool, packet()["provider_pool"]);
  const Json& opts = run->agent_pool_opts;
  EXPECT_EQ(opts["credential_ref"].as_string(), "cred-1");
  EXPECT_EQ(opts["governed_authority_ref"].as_string(), "auth-1");
  EXPECT_EQ(opts["inference_metadata"].size(), 5u);
  EXPECT_EQ(opts["inference_request_metadata"].size(), 3u);
  EXPECT_EQ(opts["api_key"].as_string(), "packet-key");
  EXPECT_EQ(opts["inference_base_url"].as_string(), "https://governed.example/v1");
  EXPECT_EQ(json_text(opts).find("ambient"), std::string::npos);
  EXPECT_EQ(run->redaction_values,
            (std::vector<std::string>{"https://governed.example/v1", "packet-key", "tenant-7"}));
}

TEST(Authority, GOV_2_DirectFieldsBesideItAreRefusedByName) {
  DirectFields direct;
  direct.provider_pool = direct.agent_pool_opts = true;
  const auto run = materialize_authority(packet(), direct);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().tag, "governed_direct_fields_rejected");
  EXPECT_NE(run.error().message.find("provider_pool, agent_pool_opts"), std::string::npos);
}

TEST(Authority, WhatIsMissingIsNamed) {
  for (const char* field :
       {"authority_ref", "workflow_ref", "runtime_ref", "provider_pool_ref", "credential_ref"}) {
    Json lacking = packet();
    lacking.erase(field);
    const auto run = materialize_authority(lacking, {});
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().tag, "missing_governed_ref");
    EXPECT_NE(run.error().message.find(field), std::string::npos);
    lacking[field] = "  ";
    EXPECT_EQ(tag_of(lacking), "missing_governed_ref") << field;
  }
  Json lacking = packet();
  lacking.erase("provider_pool");
  EXPECT_EQ(tag_of(lacking), "governed_provider_pool_required");
  for (const Json& odd : {Json("text"), Json(), Json::array({1})})
    EXPECT_EQ(tag_of(odd), "invalid_governed_authority");
  Json odd = packet();
  odd["api_key"] = 5;
  EXPECT_EQ(tag_of(odd), "invalid_governed_authority");
  odd = packet();
  odd["redaction_values"] = 5;
  EXPECT_EQ(tag_of(odd), "invalid_governed_authority");
  odd["redaction_values"] = "one";
  EXPECT_EQ(tag_of(odd), "no error");
}

TEST(Authority, ThePoolIsReadByWhoKnowsPools) {
  const auto read = materialize_authority(packet(), {}, [](const Json& pool) -> Result<Json> {
    return Json{{"members", pool.size()}};
  });
  EXPECT_EQ(read->provider_pool["members"].as_int64(), 1);
  const auto refused = materialize_authority(packet(), {}, [](const Json&) -> Result<Json> {
    return fail(ErrorKind::usage, "duplicate_provider_ids", "twice");
  });
  EXPECT_EQ(refused.error().tag, "duplicate_provider_ids");
}

TEST(Authority, ARunCannotBeGovernedAndMocked) {
  TestRun run;
  run.options.governed = *materialize_authority(packet(), {});
  run.run();
  EXPECT_EQ(run.tag(), "governed_direct_fields_rejected");
  EXPECT_TRUE(run.events.empty());
}

TEST(Authority, AProgramMayRequireIt) {
  TestRun run;
  run.options.require_governed = true;
  run.run();
  EXPECT_EQ(run.tag(), "governed_authority_required");
}

TEST(Authority, GOV_3_ItsSecretsNeverReachTheTrace) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("trinity_governed_" + std::to_string(::getpid()) + ".jsonl");
  std::filesystem::remove(path);
  TestRun run;
  run.options.loop.mock = false;
  run.options.trace.sink = *trace::JsonlSink::open({path});
  run.options.governed = *materialize_authority(packet(), {});
  run.options.loop.member = [](int) -> Result<trace::MemberFacts> {
    return trace::MemberFacts{"openai",     "model-of-tenant-7", "https://governed.example/v1",
                              std::nullopt, std::nullopt,        std::nullopt};
  };
  run.options.decide = decide_roles({kWorker});
  run.options.ask = [](const CallStep&) -> Result<Answer> {
    return fail(ErrorKind::failed, "http", "401: {\"key\":\"packet-key\"} for tenant-7");
  };
  run.run();
  EXPECT_EQ(run.tag(), "http");
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(path);
  EXPECT_NE(text.find("<redacted>"), std::string::npos);
  EXPECT_NE(text.find("model-of-<redacted>"), std::string::npos);
  for (const char* secret : {"packet-key", "governed.example", "tenant-7"})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
}

TEST(Authority, GOV_3_ASecretIsFoundBeforeAnErrorIsCut) {
  for (std::size_t before = 480; before <= 505; ++before) {
    TestRun run;
    run.options.trace.redaction_values = {"packet-key"};
    run.options.decide = decide_roles({kWorker});
    run.options.ask = [before](const CallStep&) -> Result<Answer> {
      return fail(ErrorKind::failed, "http", std::string(before, 'x') + "packet-key and more");
    };
    run.run();
    for (const Json& event : run.events) EXPECT_EQ(json_text(event).find("xp"), std::string::npos);
  }
}

}  // namespace
}  // namespace trinity::coordinate
