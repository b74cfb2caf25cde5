// trinity lab matrix, lab robustness and lab golden as child processes.
#include <gtest/gtest.h>

#include <set>

#include "backend/plugin_lanes.h"
#include "backend_cpu/instruction_sets.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

const Json kCases = {{"schema_version", 1},
                     {"cases",
                      {{{"id", "sum"},
                        {"messages", {{{"role", "user"}, {"content", "What is 6 * 7?"}}}},
                        {"expected", {{"agent_id", 0}, {"role_id", 0}}}},
                       {{"id", "dialogue"},
                        {"messages",
                         {{{"role", "user"}, {"content", "Is 1009 prime?"}},
                          {{"role", "assistant"}, {"content", "It is."}},
                          {{"role", "user"}, {"content", "explain how you know."}},
                          {{"role", "assistant"}, {"content", "By trial division."}}}},
                        {"expected", {{"agent_id", 1}, {"role_id", 1}}}},
                       {{"id", "nothing"},
                        {"messages", {{{"role", "user"}, {"content", ""}}}},
                        {"expected", {{"agent_id", 1}, {"role_id", 1}}}}}}};

/// `trinity lab NAME --model <the small model> --profiles PROFILES extra...`.
Words lab(const std::string& name, const std::string& profiles, const Words& extra) {
  Words words = {"lab", name, "--model", small_model().string(), "--profiles", profiles};
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

class Lab : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string cases_ = folder_.put("cases.json", kCases.dump()).string();
};

TEST_F(Lab, HelpNamesTheCommandsAndEachHasAnExample) {
  const Outcome overview = run({"lab", "--help"});
  EXPECT_EQ(overview.status, 0);
  EXPECT_NE(overview.out.find("\n  golden "), std::string::npos);
  for (const std::string name : {"matrix", "robustness"}) {
    EXPECT_NE(overview.out.find("\n  " + name + " "), std::string::npos);
    const Outcome help = run({"lab", name, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find("trinity lab " + name), std::string::npos) << help.out;
    for (const char* flag : {"--model", "--bundle", "--vector", "--cases", "--profiles"})
      EXPECT_NE(help.out.find(flag), std::string::npos) << name << flag;
  }
}

TEST_F(Lab, MatrixComparesOperationsLayersAndDecisions) {
  const std::string page = (folder_ / "matrix.html").string();
  const Outcome outcome = run(lab("matrix", "reference,cpu_f32",
                                  {"--cases", cases_, "--runs", "1", "--json", "--report", page}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["passed"], true);
  EXPECT_EQ(record["decisions"]["cases"], 3);
  EXPECT_EQ(record["decisions"]["oracle"], "reference");
  EXPECT_EQ(record["model"], small_model().string());
  EXPECT_TRUE(slurp(page).starts_with("<!doctype html>"));
  const Outcome text = run(lab("matrix", "reference,cpu_f32", {"--ops-only"}));
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("cpu_f32"), std::string::npos);
}

TEST_F(Lab, GoldenWritesTheBitsOfExactLanesAndRefusesOthers) {
  const Outcome refused = run({"lab", "golden", "--profiles", "reference"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.err.find("profile reference is oracle and has no defined bits"),
            std::string::npos)
      << refused.err;
  const auto file = folder_ / "bits.json";
  const Outcome written = run({"lab", "golden", "--out", file.string()});
  ASSERT_EQ(written.status, 0) << written.err;
  const Json record = Json::parse(slurp(file));
  for (const char* arithmetic : {"f32", "int8"})
    EXPECT_EQ(record["arithmetic"][arithmetic]["cases"].size(), 179u);
}

TEST_F(Lab, GoldenFindsThePublishedBitsOnEveryInstructionSetOfThisProcessor) {
  for (const std::string& set : cpu::instruction_sets()) {
    const Outcome outcome =
        run({"lab", "golden", "--threads", "3"}, "", {{"TRINITY_INSTRUCTION_SET", set}});
    EXPECT_EQ(outcome.status, 0) << set << "\n" << outcome.out << outcome.err;
    EXPECT_NE(outcome.out.find("this machine's bits are the published ones"), std::string::npos)
        << outcome.out;
  }
  const Outcome refused = run({"lab", "golden"}, "", {{"TRINITY_INSTRUCTION_SET", "avx9000"}});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.err.find("avx9000"), std::string::npos) << refused.err;
}

TEST_F(Lab, MatrixNamesTheOperationThatAPluginHasWrong) {
  const std::string wrong = plugin_lane("plugin_wrong");
  for (const bool ops_only : {true, false}) {
    const Words words_of_models = {"--cases", cases_, "--runs", "1"};
    Words words =
        lab("matrix", "reference," + wrong, ops_only ? Words{"--ops-only"} : words_of_models);
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 1) << outcome.out;
    EXPECT_NE(outcome.err.find("rope"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("rms_norm"), std::string::npos) << outcome.err;
    words.push_back("--json");
    const Json record = Json::parse(run(words).out);
    EXPECT_EQ(record["passed"], false);
  }
  const Outcome right =
      run(lab("matrix", "reference," + plugin_lane("plugin_bare"), {"--ops-only"}));
  EXPECT_EQ(right.status, 0) << right.err;
}

TEST_F(Lab, RobustnessAsksItsPairsWithNoise) {
  const std::string pairs =
      folder_
          .put("pairs.jsonl",
               "{\"id\":\"a\",\"text\":\"Is 7 prime?\",\"paraphrase\":\"Tell whether 7 is "
               "prime.\"}\n"
               "{\"id\":\"b\",\"text\":\"4 + 4?\",\"paraphrase\":\"Add 4 to 4.\"}\n")
          .string();
  const Words words = lab("robustness", "cpu_f32,reference", {"--paraphrases", pairs});
  Words json = words;
  json.push_back("--json");
  const Outcome outcome = run(json);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["questions"], 2);
  ASSERT_EQ(record["verdicts"].size(), 8U) << "two lanes, four kinds of noise";
  for (const Json& one : record["verdicts"]) {
    EXPECT_EQ(one["questions"], one["noise"] == "first_letter_case" ? 1 : 2);
    EXPECT_LE(one["flips"].size(), one["questions"].get<std::size_t>());
    EXPECT_TRUE(one.contains("agent_margins_held"));
  }
  EXPECT_EQ(run(json).out, outcome.out) << "repeatable";
  const Outcome text = run(words);
  EXPECT_EQ(text.status, 0);
  EXPECT_NE(text.out.find("trailing_space"), std::string::npos);
}

TEST_F(Lab, RobustnessOfEvalCasesChangesTheLastQuestionAndHasNoParaphrases) {
  const Outcome outcome = run(lab("robustness", "cpu_f32", {"--cases", cases_, "--json"}));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Json record = Json::parse(outcome.out);
  EXPECT_EQ(record["questions"], 3);
  std::map<std::string, int> changed;
  for (const Json& one : record["verdicts"]) changed[one["noise"]] = one["questions"];
  EXPECT_EQ(changed, (std::map<std::string, int>{
                         {"trailing_space", 3}, {"first_letter_case", 2}, {"role_name", 3}}));
}

TEST_F(Lab, WrongCallsAndFilesAreRefusedWithOneSentence) {
  const std::string text = folder_.put("text", "no json").string();
  const std::string empty =
      folder_.put("empty.json", "{\"schema_version\":1,\"cases\":[]}").string();
  const std::string absent = (folder_ / "absent").string();
  const std::vector<std::pair<Words, int>> calls = {
      {{"lab"}, 2},
      {{"lab", "frobnicate"}, 2},
      {{"lab", "matrix", "an argument"}, 2},
      {{"lab", "matrix", "--runs", "0"}, 2},
      {{"lab", "matrix", "--layer-tokens", "none"}, 2},
      {{"lab", "matrix", "--profiles", "abacus"}, 2},
      {{"lab", "matrix", "--model", absent, "--profiles", "cpu_f32"}, 3},
      {lab("matrix", "cpu_f32", {}), 2},  // cases are needed
      {lab("matrix", "cpu_f32", {"--cases", absent}), 3},
      {lab("matrix", "cpu_f32", {"--cases", text}), 1},
      {lab("matrix", "cpu_f32", {"--cases", empty}), 1},
      {lab("matrix", "cpu_f32", {"--cases", cases_, "--bundle", absent}), 3},
      {{"lab", "robustness", "an argument"}, 2},
      {{"lab", "robustness", "--profiles", "abacus"}, 2},
      {{"lab", "robustness", "--profiles", "cpu_f32", "--head", "head.safetensors"}, 2},
      {{"lab", "robustness", "--profiles", "cpu_f32", "--bundle", absent}, 2},  // needs a model
      {lab("robustness", "cpu_f32", {"--cases", cases_, "--paraphrases", text}), 2},
      {lab("robustness", "cpu_f32", {"--cases", absent}), 3},
      {lab("robustness", "cpu_f32", {"--cases", text}), 1},
      {lab("robustness", "cpu_f32", {"--paraphrases", absent}), 3},
      {lab("robustness", "cpu_f32", {"--paraphrases", text}), 1},
      {lab("robustness", "cpu_f32", {"--vector", absent}), 3},
      {lab("robustness", "cpu_f32", {"--vector", text, "--bundle", absent}), 2}};
  for (const auto& [words, status] : calls) {
    const Outcome outcome = run(words);
    std::string shown;
    for (const std::string& word : words) shown += word + " ";
    EXPECT_EQ(outcome.status, status) << shown << outcome.err;
    EXPECT_EQ(outcome.out, "") << shown;
    EXPECT_TRUE(outcome.err.starts_with("trinity: ")) << shown << outcome.err;
    EXPECT_EQ(lines_of(outcome.err).size(), 1U) << shown << outcome.err;
  }
}

}  // namespace
}  // namespace trinity::testing
