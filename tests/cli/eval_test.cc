// trinity eval: what it prints, writes and returns.
#include <gtest/gtest.h>

#include "cli/test_model.h"
#include "support/conformance.h"

namespace trinity::testing {
namespace {

/// A few built-in cases, so that every run is quick.
const Words kFew = {
    "eval",   "--profile",      "cpu_f32", "--case", "lang_german,ask_math_geometry",
    "--case", "size_empty_user"};

Words few(const Words& extra) {
  Words words = kFew;
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

Json json_of(const Words& arguments, int status = 0) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.status, status) << outcome.err;
  return Json::parse(outcome.out);
}

/// Two cases whose expectations no tiny router meets: the second one names an agent that the
/// first one's twin was decided otherwise.
std::string wrong_cases() {
  Json cases = {{"schema_version", 1}, {"cases", Json::array()}};
  for (const int agent : {0, 1})
    cases["cases"].push_back({{"id", "case_" + std::to_string(agent)},
                              {"messages", {{{"role", "user"}, {"content", "What is 6 * 7?"}}}},
                              {"expected", {{"agent_id", agent}, {"role_id", 0}}}});
  return cases.dump();
}

TEST(EvalCommand, JudgesTheBuiltInCasesWithTheirSnapshot) {
  const Json record = json_of({"eval", "--profile", "cpu_f32", "--json"});
  EXPECT_EQ(record["profile"], "cpu_f32");
  EXPECT_EQ(record["tiny_router"], true);
  EXPECT_EQ(record["failed"], 0);
  EXPECT_GE(record["passed"].get<int>(), 100);
  EXPECT_EQ(record["passed"].get<std::size_t>(), record["cases"].size());
  EXPECT_EQ(record["snapshot"]["origin"], "built in");
  EXPECT_EQ(record["snapshot"]["same_decisions"], record["cases"].size());
  EXPECT_EQ(record["margin_floors"]["from"], "snapshot");
  EXPECT_EQ(record["determinism"]["process"], nullptr);
  EXPECT_GT(record["seconds"].get<double>(), 0);
}

TEST(EvalCommand, ThreeRungsOfDeterminism) {
  const Json rungs =
      json_of(few({"--determinism-rungs", "process,restart,batch", "--json"}))["determinism"];
  for (const char* rung : {"process", "restart", "batch"}) {
    EXPECT_EQ(rungs[rung]["equal"], 3) << rung;
    EXPECT_EQ(rungs[rung]["of"], 3) << rung;
  }
  // An oracle that is only compared with is not repeated; one that is a lane as well is.
  for (const bool named : {false, true}) {
    Words words = few({"--oracle", "reference", "--determinism-runs", "2", "--json"});
    if (named) words.insert(words.end(), {"--profile", "reference"});
    const Json lanes = json_of(words)["lanes"];
    ASSERT_EQ(lanes.size(), 2u);
    for (const Json& lane : lanes)
      EXPECT_EQ(lane["determinism"]["process"].is_null(), lane["profile"] == "reference" && !named);
  }
  const Json runs = json_of(few({"--determinism-runs", "3", "--json"}))["determinism"];
  EXPECT_EQ(runs["process"]["repeats"].size(), 2u);
  EXPECT_EQ(runs["restart"], nullptr);
  const Outcome text = run(few({"--determinism-rungs", "restart"}));
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("3 of 3 equal"), std::string::npos);
}

TEST(EvalCommand, AFailureNamesTheCasesAndEndsWithStatus1) {
  const TemporaryFolder folder;
  const std::string cases = folder.put("cases.json", wrong_cases()).string();
  const Words words = {"eval",      "--cases",           cases,
                       "--profile", "cpu_f32",           "--min-agent-margin",
                       "0",         "--min-role-margin", "0"};
  const Outcome failed = run(words);
  EXPECT_EQ(failed.status, 1);
  const std::string last = lines_of(failed.err).back();
  EXPECT_NE(last.find("qwen_router_prompt_eval failed cases=case_"), std::string::npos) << last;
  EXPECT_NE(failed.out.find("expected agent"), std::string::npos);
  Words reported = words;
  reported.insert(reported.end(), {"--no-assert", "--json"});
  const Json record = json_of(reported);
  EXPECT_EQ(record["failed"], 0);
  for (const Json& one : record["cases"]) EXPECT_EQ(one["status"], "report_only");
  EXPECT_GE(record["not_asserted"].get<int>(), 1) << "one of two contradictory expectations";
}

TEST(EvalCommand, FloorsComeFromFlagsFirst) {
  const Outcome strict = run(few({"--min-agent-margin", "1000"}));
  EXPECT_EQ(strict.status, 1);
  EXPECT_NE(strict.err.find("cases=lang_german,ask_math_geometry,size_empty_user"),
            std::string::npos)
      << strict.err;
  const Json record = json_of(few({"--min-agent-margin", "0", "--json"}));
  EXPECT_EQ(record["margin_floors"]["agent"], 0.0);
  EXPECT_GT(record["margin_floors"]["role"].get<double>(), 0);
  EXPECT_EQ(record["margin_floors"]["from"], "flags");
}

TEST(EvalCommand, WritesASnapshotThatTheNextRunEquals) {
  const TemporaryFolder folder;
  const std::string path = (folder / "out.json").string();
  EXPECT_EQ(run(few({"--snapshot-out", path, "--record-floors"})).status, 0);
  const Json snapshot = Json::parse(slurp(path));
  EXPECT_EQ(snapshot["profile"], "cpu_f32");
  EXPECT_EQ(snapshot["fidelity_mode"], "reference");
  EXPECT_EQ(snapshot["cases"].size(), 3u);
  const Json record = json_of(few({"--snapshot", path, "--assert-route-hash", "--json"}));
  EXPECT_EQ(record["snapshot"]["same_route_hashes"], 3);
  EXPECT_EQ(record["margin_floors"]["agent"], snapshot["margin_floors"]["agent"]);
  Json changed = snapshot;
  changed["cases"][1]["route_hash"] = "0";
  folder.put("changed.json", changed.dump());
  const Words other = {"--snapshot", (folder / "changed.json").string()};
  EXPECT_EQ(run(few(other)).status, 0) << "route hashes are not judged by default";
  Words judged = other;
  judged.push_back("--assert-route-hash");
  EXPECT_EQ(run(few(judged)).status, 1);
}

TEST(EvalCommand, TheSnapshotIsWrittenEvenWhenCasesFail) {
  const TemporaryFolder folder;
  const std::string path = (folder / "out.json").string();
  EXPECT_EQ(run(few({"--snapshot-out", path, "--min-role-margin", "1000"})).status, 1);
  EXPECT_EQ(Json::parse(slurp(path))["cases"].size(), 3u);
}

TEST(EvalCommand, SeveralLanesAndAReport) {
  const TemporaryFolder folder;
  const std::string report = (folder / "report.html").string();
  Words words = few({"--oracle", "reference", "--report", report, "--json", "--snapshot-out",
                     (folder / "{profile}.json").string()});
  const Json record = json_of(words);
  ASSERT_EQ(record["lanes"].size(), 2u);
  EXPECT_EQ(record["lanes"][0]["profile"], "cpu_f32");
  EXPECT_EQ(record["lanes"][1]["profile"], "reference");
  EXPECT_TRUE(std::filesystem::exists(folder / "reference.json"));
  EXPECT_TRUE(std::filesystem::exists(folder / "cpu_f32.json"));
  const Json& comparison = record["comparison"];
  EXPECT_EQ(comparison["baseline"], "reference");
  ASSERT_EQ(comparison["lanes"].size(), 1u);
  EXPECT_EQ(comparison["lanes"][0]["profile"], "cpu_f32");
  EXPECT_EQ(comparison["lanes"][0]["equal_decisions"], 3);
  EXPECT_LT(comparison["lanes"][0]["drift"], 1e-4);
  EXPECT_EQ(comparison["lanes"][0]["flipped"], Json::array());
  const Outcome text = run(few({"--oracle", "reference"}));
  EXPECT_NE(text.out.find("Compared with reference"), std::string::npos);
  EXPECT_NE(text.out.find("3 of 3"), std::string::npos);
  const std::string page = slurp(report);
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_NE(page.find("lang_german"), std::string::npos);
}

TEST(EvalCommand, ARecordHoldsEveryProfileWhateverTheirNumber) {
  const Json one = json_of(few({"--json"}));
  EXPECT_EQ(one["comparison"], nullptr);
  ASSERT_EQ(one["lanes"].size(), 1u);
  for (const auto& [key, value] : one["lanes"][0].items()) EXPECT_EQ(one[key], value) << key;
  const Words two = {"eval", "--case", "lang_german", "--json"};
  for (const Words& way :
       {Words{"--profile", "cpu_f32,reference"}, Words{"--profile=cpu_f32", "--lane", "reference"},
        Words{"--lane", "cpu_f32", "--profile", "reference"},
        Words{"--runtime-profile", "cpu_f32", "--oracle", "reference"}}) {
    Words words = two;
    words.insert(words.end(), way.begin(), way.end());
    const Json record = json_of(words);
    EXPECT_EQ(record["lanes"].size(), 2u) << way[0];
    EXPECT_EQ(record["comparison"]["baseline"], "reference");
    EXPECT_EQ(record.size(), one.size()) << "the same members";
  }
}

TEST(EvalCommand, ListsCases) {
  const Outcome text = run({"eval", "--list-cases"});
  EXPECT_EQ(text.status, 0);
  EXPECT_GE(lines_of(text.out).size(), 100u);
  const Json list = json_of({"eval", "--list-cases", "--json", "--case", "lang_german"});
  ASSERT_EQ(list["cases"].size(), 1u);
  EXPECT_EQ(list["cases"][0]["tags"], Json::array({"language"}));
}

TEST(EvalCommand, VerboseAndLogits) {
  const Outcome outcome = run(few({"--verbose", "--show-logits"}));
  EXPECT_EQ(outcome.status, 0);
  for (const char* part : {"read at", "transcript", "trace", "route", "agents ", "Warum ist"})
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
  EXPECT_EQ(json_of(few({"--show-logits", "--json"}))["cases"][0]["agent_logits"].size(), 7u);
}

TEST(EvalCommand, RouteHashesAreNotAssertedAgainstNothing) {
  const TemporaryFolder folder;
  const std::string cases = folder.put("cases.json", wrong_cases()).string();
  const Outcome outcome = run({"eval", "--cases", cases, "--assert-route-hash", "--no-assert"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("--snapshot"), std::string::npos) << outcome.err;
  EXPECT_EQ(run({"eval", "--case", "lang_german", "--assert-route-hash"}).status, 0);
}

TEST(EvalCommand, AProfileWithoutTheCapabilityRefusesAModel) {
  const TemporaryFolder folder;
  const std::string cases = folder.put("cases.json", wrong_cases()).string();
  const Outcome outcome =
      run({"eval", "--cases", cases, "--model", small_model().string(), "--profile", "binary"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("profile_lacks_capability(binary, qwen_runtime)"), std::string::npos)
      << outcome.err;
}

TEST(EvalCommand, AuthorFidelityDrawsWithASeed) {
  const TemporaryFolder folder;
  const std::string cases = folder.put("cases.json", wrong_cases()).string();
  const auto record = [&](const std::string& seed) {
    return json_of({"eval", "--cases", cases, "--model", small_model().string(), "--profile",
                    "cpu_f32", "--fidelity", "author", "--seed", seed, "--no-assert", "--json",
                    "--determinism-runs", "2"});
  };
  const Json first = record("5");
  EXPECT_EQ(first["fidelity_mode"], "author");
  EXPECT_EQ(first["input_mode"], "chat");
  EXPECT_EQ(first["special_tokens"], "parsed");
  EXPECT_EQ(first["determinism"]["process"]["equal"], 2);
  EXPECT_EQ(first["cases"], record("5")["cases"]);
}

TEST(EvalCommand, ThePublishedCasesKeepTheirHashesAndTokenCounts) {
  TRINITY_REQUIRE_CONFORMANCE("prompt_eval/cases.json");
  const std::string models = conformance_path("hf_oracle/models/realvocab_bf16").string();
  const Json record =
      json_of({"eval", "--cases", conformance_path("prompt_eval/cases.json").string(), "--model",
               models, "--head", conformance_path("hf_oracle/route/router_head.safetensors"),
               "--snapshot", conformance_path("prompt_eval/snapshot_cuda.json"), "--profile",
               "cpu_f32", "--determinism-runs", "2", "--no-assert", "--json"});
  ASSERT_EQ(record["cases"].size(), 37u);
  EXPECT_EQ(record["snapshot"]["same_transcripts"], 37);
  EXPECT_EQ(record["determinism"]["process"]["equal"], 37);
  for (const Json& one : record["cases"])
    for (const Json& finding : one["findings"])
      EXPECT_EQ(finding.get<std::string>().find("tokens"), std::string::npos) << one["id"];
  EXPECT_NE(record["snapshot"]["remarks"].dump().find("another model"), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
