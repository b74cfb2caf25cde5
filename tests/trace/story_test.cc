// A run as people read it, from any prefix of its events.
#include "trace/story.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "report/render_html.h"
#include "report/render_text.h"
#include "trace/reader.h"

namespace trinity::trace {
namespace {

std::vector<Json> events() {
  const char* const text = R"(
{"schema_version":1,"event":"run_started","run_id":"run-7","timestamp_ms":1000,"runtime_metadata":{"trinity_artifact_manifest_hash":"cafe"},"max_turns":5,"num_agents":7,"num_roles":3,"provider_mode":"live","loop_profile":"safe"}
{"schema_version":1,"event":"turn_started","run_id":"run-7","timestamp_ms":1001,"turn":0,"max_turns":5}
{"schema_version":1,"event":"route_selected","run_id":"run-7","timestamp_ms":1002,"turn":0,"agent_logits":[3,1.5],"role_logits":[0,0.25,4],"selected_agent":0,"selected_role":"Worker","raw_selected_role":"Thinker","role_override_from_thinker":true,"role_masked":true}
{"schema_version":1,"event":"provider_called","run_id":"run-7","timestamp_ms":1003,"turn":0,"provider_model":"model-a","selected_agent":0,"status":"started"}
{"schema_version":1,"event":"provider_called","run_id":"run-7","timestamp_ms":1004,"turn":0,"status":"error","selected_agent":0,"error":"timeout: \u001b[2J nothing"}
{"schema_version":1,"event":"provider_called","run_id":"run-7","timestamp_ms":1005,"turn":0,"provider_model":"model-b","selected_agent":1,"instead_of_agent":0,"status":"started"}
{"schema_version":1,"event":"provider_called","run_id":"run-7","timestamp_ms":1006,"turn":0,"status":"ok","selected_agent":1,"provider_latency_ms":812}
{"schema_version":1,"event":"turn_completed","run_id":"run-7","timestamp_ms":1007,"turn":0,"verifier_parse_status":"accepted","thinker_suggested_role":"verifier","final":true}
{"schema_version":1,"event":"run_completed","run_id":"run-7","timestamp_ms":1900,"turn":0,"final_status":"accepted"})";
  const TraceLog log = read_trace(text);
  EXPECT_TRUE(log.faults.empty());
  return log.events;
}

std::string told(std::span<const Json> events) {
  return report::render_text(run_story(events), report::Style(false, 120));
}

TEST(Story, TellsTurnsOverridesVerdictsAndTheEnd) {
  const std::vector<Json> run = events();
  const std::string text = told(run);
  for (const char* part : {"run-7", "safe", "7 agents", "cafe", "900 ms", "model-b", "812 ms",
                           "accepted", "1.50 / 3.75", "the router chose Thinker", "masked",
                           "timeout", "in the place of agent 0", "the next role: verifier"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(run_story(run).verdict.look, report::Look::good);
}

TEST(Story, AnyPartOfARunCanBeTold) {
  const std::vector<Json> run = events();
  for (std::size_t begin = 0; begin <= run.size(); ++begin)
    for (std::size_t end = begin; end <= run.size(); ++end) {
      const report::Document story = run_story(std::span(run).subspan(begin, end - begin));
      EXPECT_FALSE(report::render_text(story, report::Style()).empty());
      EXPECT_FALSE(report::render_html(story).empty());
      if (end < run.size()) {
        EXPECT_EQ(story.verdict.text, "the run has no end");
      }
    }
}

TEST(Story, AFailureIsBadAndSaysWhy) {
  std::vector<Json> run = events();
  run.back() = {{"schema_version", 1},
                {"event", "run_failed"},
                {"run_id", "run-7"},
                {"timestamp_ms", 1900},
                {"reason", Json::array({"budget_exceeded", "wall_time"})},
                {"message", "no time left"},
                {"details", {{"checkpoint", "turn_start"}}}};
  const report::Document story = run_story(run);
  EXPECT_EQ(story.verdict.look, report::Look::bad);
  EXPECT_EQ(story.verdict.text, "budget_exceeded: wall_time");
  EXPECT_EQ(story.reason, "no time left");
  EXPECT_NE(told(run).find("turn_start"), std::string::npos);
  run.back() = {{"schema_version", 1},
                {"event", "run_completed"},
                {"run_id", "run-7"},
                {"timestamp_ms", 1900},
                {"final_status", "max_turns_latest_worker_response"}};
  EXPECT_EQ(run_story(run).verdict.look, report::Look::warn);
}

}  // namespace
}  // namespace trinity::trace
