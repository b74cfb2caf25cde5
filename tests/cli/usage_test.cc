// Help, environment names and exit statuses: the part of the contract that scripts lean on first.
// What is wrong usage or missing, and the sentences for it, stand in cases/usage_*.case.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/test_model.h"

namespace trinity::testing {
namespace {

const Words& commands() {
  static const Words names = [] {
    Words all = {"route",  "extract", "tokenize", "demo",      "profiles", "backends",
                 "doctor", "synth",   "version",  "import",    "vector",   "parity",
                 "eval",   "export",  "verify",   "inspect",   "pull",     "pin",
                 "lab",    "trace",   "gates",    "env-check", "ask",      "pool"};
    if (TRINITY_HAS_BENCH) all.push_back("bench");
    return all;
  }();
  return names;
}

TEST(Usage, EveryCommandHasHelpWithAnExample) {
  for (const std::string& command : commands()) {
    const Outcome outcome = run({command, "--help"});
    EXPECT_EQ(outcome.status, 0) << command;
    EXPECT_EQ(outcome.err, "") << command;
    EXPECT_NE(outcome.out.find("Example"), std::string::npos) << command;
    EXPECT_NE(outcome.out.find("trinity " + command), std::string::npos) << command;
  }
}

TEST(Usage, TheOverviewNamesEveryCommand) {
  const Outcome outcome = run({"--help"});
  EXPECT_EQ(outcome.status, 0);
  for (const std::string& command : commands()) {
    EXPECT_NE(outcome.out.find("\n  " + command + " "), std::string::npos) << command;
  }
}

TEST(Usage, NoCommandShowsTheOverviewOnStandardError) {
  const Outcome outcome = run({});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_NE(outcome.err.find("trinity demo"), std::string::npos);
}

TEST(Usage, VersionIsTheSameFromFlagAndCommand) {
  const Outcome flag = run({"--version"});
  EXPECT_EQ(flag.status, 0);
  EXPECT_TRUE(flag.out.starts_with("trinity ")) << flag.out;
  EXPECT_EQ(run({"version"}).out, flag.out);
  const Json record = Json::parse(run({"version", "--json"}).out);
  EXPECT_EQ("trinity " + record["version"].get<std::string>() + "\n", flag.out);
}

TEST(Usage, HelpAnswersToItsNameInEveryPlace) {
  EXPECT_EQ(run({"help"}).out, run({"--help"}).out);
  EXPECT_EQ(run({"help", "route"}).out, run({"route", "--help"}).out);
  EXPECT_EQ(run({"--help", "route"}).out, run({"route", "--help"}).out);
  EXPECT_EQ(run({"lab", "help", "matrix"}).out, run({"lab", "matrix", "--help"}).out);
  EXPECT_NE(run({"lab", "matrix", "-h"}).out.find("Usage: trinity lab matrix [OPTIONS]"),
            std::string::npos);
  EXPECT_EQ(run({"help", "frobnicate"}).status, 2);
  EXPECT_EQ(run({"-v"}).out, run({"--version"}).out);
}

TEST(Usage, HelpFitsEightyColumnsWhereNoTerminalSaysOtherwise) {
  std::vector<Words> calls = {{"--help"}};
  for (const std::string& command : commands()) calls.push_back({command, "--help"});
  for (const char* command : {"matrix", "golden", "robustness", "benchmark"})
    calls.push_back({"lab", command, "--help"});
  for (const char* command : {"sample", "chunks", "check"})
    calls.push_back({"parity", command, "--help"});
  for (const Words& call : calls)
    for (const std::string& line : lines_of(run(call).out)) {
      EXPECT_LE(display_width(line), 80u) << call[0] << ": " << line;
      for (const char* word : {" lane", "Lane"})
        EXPECT_EQ(line.find(word), std::string::npos) << "people read of profiles: " << line;
    }
}

TEST(Usage, NoVariableNamesOrReplacesAnOutput) {
  const TemporaryFolder folder;
  const std::string config = (small_model() / "config.json").string();
  const Environment environment = {{"TRINITY_OUT", folder / "made"}, {"TRINITY_FORCE", "1"}};
  EXPECT_EQ(run({"synth", "--config", config}, "", environment).status, 2);
  const Outcome traced = run({"trace", "--message", "x"}, "", environment);
  EXPECT_EQ(traced.status, 0) << traced.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "made"));
}

TEST(Usage, AVerdictIsNoSecondRecord) {
  const Outcome outcome = run({"eval", "--json", "--min-agent-margin", "1000"});
  EXPECT_EQ(outcome.status, 1);
  ASSERT_EQ(lines_of(outcome.out).size(), 1u);
  EXPECT_EQ(Json::parse(outcome.out)["schema_version"], 1);
}

#if TRINITY_HAS_BENCH
TEST(Usage, BenchRefusesLengthsThatTheModelCannotRead) {
  const Outcome outcome = run({"bench", "prefill", "--tokens", "1000000"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("reads at most"), std::string::npos) << outcome.err;
  EXPECT_EQ(run({"bench", "startup", "--tokens", "5"}).status, 2);
  EXPECT_EQ(run({"bench", "no-such-benchmark"}).status, 2);
}
#endif

TEST(Usage, AModelWithoutAHeadSaysWhereItLooked) {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  std::filesystem::copy(small_model(), model);
  std::filesystem::remove(model / "router_head.safetensors");
  const Outcome outcome = run({"route", "--model", model.string(), "x"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_NE(outcome.err.find((model / "router_head.safetensors").string()), std::string::npos);
  for (const char* way : {"--head", "--bundle", "trinity pull --router"})
    EXPECT_NE(outcome.err.find(way), std::string::npos) << outcome.err;
  const Outcome doctor = run({"doctor", "--model", model.string()});
  EXPECT_EQ(doctor.status, 3);
  EXPECT_NE(doctor.err.find("trinity pull --router"), std::string::npos) << doctor.err;
  EXPECT_EQ(run({"extract", "--model", model.string(), "x"}).status, 0);
}

TEST(Usage, AModelWithoutATokenizerReadsIdsButNoText) {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  std::filesystem::copy(small_model(), model);
  std::filesystem::remove(model / "tokenizer.json");
  EXPECT_EQ(run({"route", "--model", model, "--json"}, "{\"ids\":[1,2,3]}\n").status, 0);
  EXPECT_EQ(run({"route", "--model", model, "--json", "text"}).status, 3);
  EXPECT_EQ(run({"tokenize", "--model", model, "text"}).status, 3);
  EXPECT_EQ(run({"doctor", "--model", model}).status, 3);
  const std::string shared = (small_model() / "tokenizer.json").string();
  EXPECT_EQ(run({"route", "--model", model, "--tokenizer", shared, "text"}).status, 0);
  EXPECT_EQ(run({"tokenize", "--tokenizer", shared, "abc"}).out,
            "{\"schema_version\":1,\"ids\":[257]}\n");
  const Outcome mixed =
      run({"route", "--model", model, "--json"}, "{\"ids\":[1,2,3]}\n{\"text\":\"abc\"}\n");
  EXPECT_EQ(mixed.status, 1);
  EXPECT_EQ(Json::parse(lines_of(mixed.out).back())["error"]["tag"], "missing_tokenizer");
}

TEST(Usage, NamesThatAreNoUtf8MakeValidJson) {
  const Outcome outcome = run({"profiles", "--json", "custom:\xFF"});
  EXPECT_EQ(outcome.err.find("internal_error"), std::string::npos) << outcome.err;
  EXPECT_LT(outcome.status, 3);
  for (const std::string& line : lines_of(outcome.out)) EXPECT_TRUE(Json::accept(line)) << line;
}

TEST(Usage, FlagsHaveEnvironmentNamesAndTheCommandLineWins) {
  const Environment environment = {{"TRINITY_MODEL", small_model().string()},
                                   {"TRINITY_PROFILE", "cpu_f32"},
                                   {"TRINITY_JSON", "1"}};
  const Outcome outcome = run({"route", "x"}, "", environment);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out)["profile"], "cpu_f32");
  const Outcome other = run({"route", "x", "--profile", "reference"}, "", environment);
  EXPECT_EQ(Json::parse(other.out)["profile"], "reference");
}

TEST(Usage, PromptsThatLookLikeCommandsOrListsAreTakenLiterally) {
  for (const std::string prompt : {"demo", "route", "[1,2]", "\"quoted\"", "a,b", "{}", "'"}) {
    const Outcome outcome = run(with_model("tokenize", {prompt}));
    ASSERT_EQ(outcome.status, 0) << prompt << outcome.err;
    const Json ids = Json::parse(outcome.out)["ids"];
    std::string list;
    for (const Json& id : ids) list += id.dump() + " ";
    EXPECT_EQ(Json::parse(run(with_model("tokenize", {"--decode", list})).out)["text"], prompt);
  }
  EXPECT_EQ(run({"tokenize", "--model", small_model().string(), "--", "--json"}).status, 0);
}

TEST(Usage, ArgumentsCannotSteerTheTerminal) {
  const Outcome outcome = run({"route", "--model", "\x1b[2Jmodel", "x"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
}

TEST(Usage, NothingIsColouredInAPipe) {
  for (const Words& call :
       {Words{"profiles"}, Words{"backends"}, Words{"frobnicate"}, with_model("route", {"x"})}) {
    const Outcome outcome = run(call, "", {{"TERM", "xterm"}});
    EXPECT_EQ((outcome.out + outcome.err).find('\x1b'), std::string::npos) << call[0];
  }
}

}  // namespace
}  // namespace trinity::testing
