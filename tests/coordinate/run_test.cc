// Driving a loop: hooks, their defects, and a real router.
#include "coordinate/run.h"

#include <gtest/gtest.h>

#include <limits>

#include "coordinate/loop_support.h"

namespace trinity::coordinate {
namespace {

std::string tag_with(const Extractor& extractor) {
  TestRun run;
  run.options.loop.max_turns = 1;
  run.options.decide = decide_with(extractor, head_for(kWorker));
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  return run.tag();
}

TEST(Run, AnEmptyExtractorIsNoContext) { EXPECT_EQ(tag_with({}), "missing_slm_context"); }

TEST(Run, AnExtractorsRecordIsChecked) {
  const auto giving = [](ExtractionRecord record) {
    return tag_with([record](auto) -> Result<ExtractionRecord> { return record; });
  };
  const std::vector<float> good(kHidden, 1.0f);
  EXPECT_EQ(giving({good}), "no error");
  EXPECT_EQ(giving({good, {2, 4}}), "no error");
  EXPECT_EQ(giving({{}}), "invalid_extractor_result");
  EXPECT_EQ(giving({good, {1, 7}}), "invalid_extractor_result");
  EXPECT_EQ(giving({good, {-1, -8}}), "invalid_extractor_result");
  std::vector<float> odd = good;
  odd[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(giving({odd}), "invalid_extractor_result");
  EXPECT_EQ(giving({{1.0f}}), "routing_failed");  // the head has 8 columns
}

TEST(Run, ShapesThatAreNotGivenAreTheVectors) {
  TestRun run;
  run.options.loop.max_turns = 1;
  run.options.decide = decide_with(
      [](auto) -> Result<ExtractionRecord> {
        ExtractionRecord record{std::vector<float>(kHidden, 1.0f)};
        record.input_shapes = {{"input_ids", {1, 4}}};
        return record;
      },
      head_for(kWorker));
  run.options.ask = ask_with(replies({"x"}));
  run.run();
  const Json event = run.of("slm_extracted")[0];
  EXPECT_EQ(event["vector_shape"], Json::array({1, kHidden}));
  EXPECT_EQ(event["hidden_state_shape"], Json::array({1, kHidden}));
  EXPECT_EQ(event["input_shapes"]["input_ids"], Json::array({1, 4}));
}

TEST(Run, AnErrorOfTheExtractorIsTheRuns) {
  EXPECT_EQ(tag_with([](auto) -> Result<ExtractionRecord> {
              return fail(ErrorKind::failed, "device_lost", "gone");
            }),
            "device_lost");
}

TEST(Run, AHookThatIsMissingOrSaysNoTextIsNamed) {
  TestRun run;
  run.options.decide = decide_roles({kWorker});
  run.run();
  EXPECT_EQ(run.tag(), "invalid_mock_agent_fn");
  EXPECT_EQ(run.of("provider_called")[1]["status"].as_string(), "error");
  TestRun other;
  other.options.decide = decide_roles({kWorker});
  other.options.ask = ask_with(replies({"\xff"}));
  other.run();
  EXPECT_EQ(other.tag(), "invalid_mock_agent_response");
}

TEST(Run, WithoutATraceNothingIsWrittenAndTheRunHasAName) {
  RunOptions options;
  options.loop.num_agents = kAgents;
  options.loop.max_turns = 1;
  options.decide = decide_roles({kWorker});
  options.ask = ask_with(replies({"x"}));
  const RunResult result = run_loop({{"user", "hello"}}, options);
  ASSERT_TRUE(result.finished.outcome);
  EXPECT_EQ(result.finished.outcome->text, "x");
  EXPECT_EQ(result.run_id.size(), 36u);
}

TEST(Run, OR_2_ARealRouterDecides) {
  const auto router = Router::load({});
  ASSERT_TRUE(router) << router.error().message;
  for (const LoopProfile profile :
       {LoopProfile::reference, LoopProfile::safe, LoopProfile::author}) {
    TestRun run(profile);
    run.options.loop.rule.seed = std::int64_t{3};
    run.options.loop.num_agents = static_cast<int>(router->info().num_agents);
    run.options.decide = decide_with(*router);
    run.options.ask = [](const CallStep&) -> Result<Answer> {
      return fail(ErrorKind::usage, "missing_openai_api_key", "no key");
    };
    run.run({{"user", "Write a function that reverses a list."}});
    const bool ended = run.tag() == "missing_openai_api_key" ||
                       run.tag() == "verifier_before_worker_response" ||
                       (profile == LoopProfile::author && run.tag() == "no error");
    EXPECT_TRUE(ended) << run.tag();
    const Json extracted = run.of("slm_extracted")[0];
    EXPECT_EQ(extracted["input_shapes"]["input_ids"].size(), 2u);
    EXPECT_EQ(extracted["hidden_state_shape"][2].as_int64(), router->info().hidden_size);
    EXPECT_EQ(extracted["vector_backend"].as_string(), router->info().label);
    const Json route = run.of("route_selected")[0];
    EXPECT_EQ(route["agent_logits"].size(), static_cast<std::size_t>(router->info().num_agents));
    if (profile == LoopProfile::safe) {
      EXPECT_TRUE(route["role_masked"].as_bool());
      EXPECT_NE(route["selected_role"].as_string(), "Verifier");
    }
  }
}

TEST(Run, ARouterThatCannotReadIsNoRoutingFailure) {
  const auto router = Router::load({});
  ASSERT_TRUE(router);
  TestRun run;
  run.options.decide = decide_with(*router);
  run.run({});
  EXPECT_EQ(run.tag(), "empty_transcript");
}

TEST(Run, TheArtifactIsNamedOnlyWhereThereIsOne) {
  RouterInfo info;
  info.profile = "cpu_f32";
  EXPECT_EQ(runtime_metadata(info), Json::object());
  info.artifact_identity = ArtifactIdentity{{"trinity_artifact_manifest_hash", "ab"},
                                            {"trinity_artifact_manifest_path", std::nullopt}};
  const Json metadata = runtime_metadata(info);
  EXPECT_EQ(metadata["trinity_artifact_manifest_hash"].as_string(), "ab");
  EXPECT_TRUE(metadata["trinity_artifact_manifest_path"].is_null());
  EXPECT_EQ(metadata["trinity_runtime_profile"].as_string(), "cpu_f32");
}

}  // namespace
}  // namespace trinity::coordinate
