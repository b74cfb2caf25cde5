// trinity lab benchmark as a child process.
#include <gtest/gtest.h>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

Json labelled(const std::string& id, const std::string& family, const Json& agent,
              const Json& role) {
  Json record = user_record(id, "Question " + id + "?");
  record["family"] = family;
  record["expected_agent"] = agent;
  record["expected_role"] = role;
  return record;
}

class LabBenchmark : public ::testing::Test {
 protected:
  Words benchmark(const Words& extra = {}) const {
    Words words = {"lab", "benchmark", "--model", small_model().string(), "--profile", "cpu_f32"};
    words.insert(words.end(), extra.begin(), extra.end());
    return words;
  }
  Words on_tasks(const Words& extra = {}) const {
    Words words = benchmark({"--dataset", tasks_});
    words.insert(words.end(), extra.begin(), extra.end());
    return words;
  }

  TemporaryFolder folder_;
  std::string tasks_ = folder_
                           .put("tasks.jsonl", labelled("a", "math", 0, 2).dump() + "\n" +
                                                   labelled("b", "math", 1, 1).dump() + "\n\n" +
                                                   labelled("c", "code", 0, nullptr).dump() + "\n" +
                                                   labelled("d", "code", "none", -1).dump() + "\n")
                           .string();
};

TEST_F(LabBenchmark, HelpHasAnExampleAndTheLabNamesIt) {
  const Outcome help = run({"lab", "benchmark", "--help"});
  EXPECT_EQ(help.status, 0);
  for (const char* word : {"trinity lab benchmark", "--suite", "--dataset", "--limit",
                           "--max-turns", "--out", "--head-seed", "--bundle", "--vector"})
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  EXPECT_NE(run({"lab", "--help"}).out.find("\n  benchmark "), std::string::npos);
}

TEST_F(LabBenchmark, TheBuiltInTasksAndTheTinyRouterNeedNoFlag) {
  const Outcome text = run({"lab", "benchmark", "--profile", "cpu_f32"});
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* words : {"TRINITY Benchmark Task", "the embedded tiny router", "Separability",
                            "Routing", "Turn budget", "majority", "round_robin", "nearest_case"})
    EXPECT_NE(text.out.find(words), std::string::npos) << words;
  EXPECT_EQ(text.out.find("random head"), std::string::npos);
  const Json record = Json::parse(run({"lab", "benchmark", "--profile", "cpu_f32", "--json"}).out);
  EXPECT_EQ(record["schema_version"], 1);
  EXPECT_EQ(record["suite"], "all");
  EXPECT_EQ(record["dataset_id"], "tasks.jsonl");
  EXPECT_EQ(record["head_opts"]["random"], false);
  EXPECT_EQ(record["payload"].size(), 3U);
  EXPECT_EQ(record["payload"]["routing"]["skipped"], 0);
}

TEST_F(LabBenchmark, DecidesAsRouteDoes) {
  const Json record = Json::parse(run(on_tasks({"--json", "--suite", "routing"})).out);
  std::string input;
  for (const char* id : {"a", "b", "c"})
    input += user_record(id, std::string("Question ") + id + "?").dump() + "\n";
  const auto decisions = records_of(run(with_model("route", {"--json"}), input));
  const Json& predictions = record["payload"]["routing"]["predictions"];
  ASSERT_EQ(predictions.size(), decisions.size());
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    EXPECT_EQ(predictions[i]["agent_id"], decisions[i]["agent_id"]);
    EXPECT_EQ(predictions[i]["role_id"], decisions[i]["role_id"]);
    Json logits = decisions[i]["agent_logits"];
    for (const Json& logit : decisions[i]["role_logits"]) logits.push_back(logit);
    EXPECT_EQ(predictions[i]["logits"], logits);
  }
}

TEST_F(LabBenchmark, RepeatsItselfExactlyButForTheTime) {
  Json first = Json::parse(run(on_tasks({"--json"})).out);
  Json second = Json::parse(run(on_tasks({"--json"})).out);
  first.erase("generated_at");
  second.erase("generated_at");
  EXPECT_EQ(first, second);
}

TEST_F(LabBenchmark, SuitesLimitsAndTurnsAreObeyed) {
  for (const std::string suite : {"separability", "routing", "turn-budget", "turn_budget"}) {
    const Outcome outcome = run(on_tasks({"--json", "--suite", suite}));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Json payload = Json::parse(outcome.out)["payload"];
    EXPECT_EQ(payload.size(), 1U) << suite;
    EXPECT_TRUE(payload.contains(suite == "turn-budget" ? "turn_budget" : suite));
  }
  const Json record =
      Json::parse(run(on_tasks({"--json", "--limit", "2", "--max-turns", "3"})).out);
  EXPECT_EQ(record["dataset_cases"], 2);
  EXPECT_EQ(record["payload"]["routing"]["considered"], 2);
  EXPECT_EQ(record["payload"]["turn_budget"]["max_turns"], 3);
  for (const Json& one : record["payload"]["turn_budget"]["cases"])
    EXPECT_TRUE(one["turns"] == 1 || one["turns"] == 3);
}

TEST_F(LabBenchmark, LabelsThatAreNoneAreSkippedAndSpokenOf) {
  const Outcome outcome = run(on_tasks({"--json"}));
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["ignored_labels"], 2);
  EXPECT_EQ(record["payload"]["routing"]["considered"], 3);
  EXPECT_EQ(record["payload"]["routing"]["skipped"], 1);
  EXPECT_NE(outcome.err.find("2 labels"), std::string::npos) << outcome.err;
}

TEST_F(LabBenchmark, ARandomHeadIsCalledOneEverywhere) {
  const std::string page = (folder_ / "report.md").string();
  const Outcome text = run(on_tasks({"--head", "random", "--head-seed", "4", "--out", page}));
  ASSERT_EQ(text.status, 0) << text.err;
  for (const std::string& where : {text.out, text.err, slurp(page)})
    EXPECT_NE(where.find("random head (seed 4)"), std::string::npos) << where;
  const auto record = [&](const Words& extra) {
    Words words = on_tasks({"--head", "random", "--json", "--suite", "routing"});
    words.insert(words.end(), extra.begin(), extra.end());
    return Json::parse(run(words).out);
  };
  const Json one = record({"--head-seed", "1"}), again = record({"--head-seed", "1"});
  EXPECT_EQ(one["head_opts"],
            (Json{{"random", true}, {"seed", 1}, {"num_agents", 7}, {"num_roles", 3}}));
  const auto logits = [](const Json& of) { return of["payload"]["routing"]["predictions"]; };
  EXPECT_EQ(logits(one), logits(again));
  EXPECT_NE(logits(one), logits(record({"--head-seed", "2"})));
  EXPECT_EQ(record({})["head_opts"]["seed"], 0);
}

TEST_F(LabBenchmark, SeparabilityNeedsNoHeadAndTheOthersSaySo) {
  const auto headless = folder_ / "headless";
  std::filesystem::copy(small_model(), headless);
  std::filesystem::remove(headless / "router_head.safetensors");
  const Words words = {"lab",     "benchmark", "--model", headless.string(), "--profile",
                       "cpu_f32", "--dataset", tasks_,    "--suite"};
  Words separability = words, routing = words;
  separability.push_back("separability");
  routing.push_back("routing");
  EXPECT_EQ(run(separability).status, 0);
  EXPECT_EQ(run(routing).status, 3);
}

TEST_F(LabBenchmark, ReportsAreMarkdownByNameAndElseJson) {
  const std::string json = (folder_ / "report").string(), page = (folder_ / "report.md").string();
  ASSERT_EQ(run(on_tasks({"--out", json})).status, 0);
  ASSERT_EQ(run(on_tasks({"--out", page})).status, 0);
  EXPECT_EQ(Json::parse(slurp(json))["payload"].size(), 3U);
  EXPECT_TRUE(slurp(page).starts_with("# TRINITY Benchmark\n"));
  EXPECT_NE(run(on_tasks({"--out", folder_.path().string()})).status, 0);
}

TEST_F(LabBenchmark, WrongCallsAndFilesAreRefusedWithOneSentence) {
  const std::string broken = folder_.put("broken.jsonl", "{\"id\":\n").string();
  const std::string shapeless = folder_.put("shapeless.jsonl", "{\"id\":\"a\"}\n").string();
  const std::string empty = folder_.put("empty.jsonl", "\n\n").string();
  const std::string unlabelled =
      folder_.put("unlabelled.jsonl", labelled("a", "f", nullptr, nullptr).dump()).string();
  const std::string beyond = folder_.put("beyond.jsonl", labelled("a", "f", 70, 0).dump()).string();
  const std::string absent = (folder_ / "absent").string();
  const std::vector<std::pair<Words, int>> calls = {
      {on_tasks({"an argument"}), 2},
      {on_tasks({"--suite", "everything"}), 2},
      {on_tasks({"--suite", ""}), 2},
      {on_tasks({"--max-turns", "0"}), 2},
      {on_tasks({"--max-turns", "-3"}), 2},
      {on_tasks({"--max-turns", "1.5"}), 2},
      {on_tasks({"--max-turns", "3", "--suite", "routing"}), 2},
      {on_tasks({"--limit", "0"}), 2},
      {on_tasks({"--limit", "few"}), 2},
      {on_tasks({"--head-seed", "1"}), 2},
      {on_tasks({"--head", "random", "--head-seed", "-1"}), 2},
      {on_tasks({"--head", "random", "--suite", "separability"}), 2},
      {on_tasks({"--head", absent}), 3},
      {on_tasks({"--input-mode", "verse"}), 2},
      {benchmark(), 2},  // the labels of the built-in tasks are the tiny router's
      {benchmark({"--dataset", absent}), 3},
      {benchmark({"--dataset", broken}), 1},
      {benchmark({"--dataset", shapeless}), 1},
      {benchmark({"--dataset", empty}), 1},
      {benchmark({"--dataset", unlabelled}), 1},
      {benchmark({"--dataset", beyond}), 1},
      {{"lab", "benchmark", "--head", "head.safetensors"}, 2},
      {{"lab", "benchmark", "--profile", "abacus"}, 2},
      {{"lab", "benchmark", "--model", absent, "--dataset", tasks_}, 3}};
  for (const auto& [words, status] : calls) {
    const Outcome outcome = run(words);
    std::string shown;
    for (const std::string& word : words) shown += word + " ";
    EXPECT_EQ(outcome.status, status) << shown << outcome.err;
    EXPECT_EQ(outcome.out, "") << shown;
    const Words said = lines_of(outcome.err);
    ASSERT_FALSE(said.empty()) << shown;
    EXPECT_TRUE(said.back().starts_with("trinity: ")) << shown << outcome.err;
    std::size_t errors = 0;
    for (const std::string& line : said)
      errors += line.find("count as missing") == std::string::npos &&
                        line.find("using ") == std::string::npos
                    ? 1
                    : 0;
    EXPECT_EQ(errors, 1U) << shown << outcome.err;
  }
}

TEST_F(LabBenchmark, ABadLineIsNamed) {
  const std::string bad =
      folder_.put("bad.jsonl", labelled("a", "f", 0, 0).dump() + "\n\n[1]\n").string();
  EXPECT_NE(run(benchmark({"--dataset", bad})).err.find("line 3 of"), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
