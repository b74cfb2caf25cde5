// Help, wrong usage, environment names and exit statuses: the part of the contract that scripts
// lean on first.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

const Words& commands() {
  static const Words names = [] {
    Words all = {"route",  "extract", "tokenize", "demo",     "profiles", "backends",
                 "doctor", "synth",   "version",  "import",   "vector",   "parity",
                 "eval",   "export",  "verify",   "inspect",  "pull",     "pin",
                 "lab",    "trace",   "gates",    "env-check"};
    if (TRINITY_HAS_BENCH) all.push_back("bench");
    return all;
  }();
  return names;
}

bool is_one_sentence(const std::string& text) {
  return text.starts_with("trinity: ") && lines_of(text).size() == 1;
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

TEST(Usage, WrongCallsAreRefusedInOneSentenceWithStatus2) {
  const std::vector<Words> calls = {
      {"frobnicate"},
      {"--frobnicate"},
      {"route", "--frobnicate"},
      {"version", "of", "what"},
      {"route", "--model"},
      {"route", "--model", "a", "--model", "b"},
      {"route", "--json", "--json", "x"},
      {"route", "--batch", "0"},
      {"route", "--batch", "many"},
      {"route", "--threads", "-1"},
      {"route", "--threads", "99999999999999999999"},
      {"route", "--input-mode", "verse", "x"},
      {"route", "--agent-selection", "luck", "x"},
      {"route", "--role-selection", "", "x"},
      {"route", "--temperature", "0", "x"},
      {"route", "--temperature", "nan", "x"},
      {"route", "--seed", "1,2", "x"},
      {"route", "--profile", "abacus", "x"},
      {"route", "--head", "head.safetensors", "x"},
      {"route", "--tokenizer", "tokenizer.json", "x"},
      {"route", "--input", "file", "and a prompt"},
      {"tokenize", "--decode", "not ids"},
      {"synth"},
      {"synth", "--config", "c", "--out", "o", "--seed", "-3"},
      {"bench", "no-such-benchmark"},
      {"doctor", "--profile", "abacus"},
  };
  for (const Words& call : calls) {
    const Outcome outcome = run(call);
    std::string shown;
    for (const std::string& word : call) shown += word + " ";
    EXPECT_EQ(outcome.status, 2) << shown << outcome.err;
    EXPECT_EQ(outcome.out, "") << shown;
    EXPECT_TRUE(is_one_sentence(outcome.err)) << shown << outcome.err;
  }
}

TEST(Usage, MissingThingsAreNamedInOneSentenceWithStatus3) {
  const TemporaryFolder folder;
  folder.put("empty/readme", "");
  const std::string model = small_model().string();
  const std::vector<Words> calls = {
      {"route", "--model", folder / "absent", "x"},
      {"route", "--model", folder / "empty", "x"},
      {"route", "--model", model, "--head", folder / "absent", "x"},
      {"extract", "--model", folder / "absent", "x"},
      {"tokenize", "--model", folder / "absent", "x"},
      {"tokenize", "--model", folder / "empty", "x"},
      {"route", "--model", model, "--input", folder / "absent"},
      {"route", "--model", model, "--input", folder.path()},
      {"synth", "--config", folder / "absent", "--out", folder / "out"},
      {"doctor", "--model", folder / "absent"},
  };
  for (const Words& call : calls) {
    const Outcome outcome = run(call);
    std::string shown;
    for (const std::string& word : call) shown += word + " ";
    EXPECT_EQ(outcome.status, 3) << shown << outcome.err;
    EXPECT_NE(outcome.err.find("trinity: "), std::string::npos) << shown;
  }
}

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
  EXPECT_EQ(run({"tokenize", "--tokenizer", shared, "abc"}).out, "{\"ids\":[257]}\n");
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

TEST(Usage, AWrongEnvironmentValueIsWrongUsageForItsCommandOnly) {
  const Environment environment = {{"TRINITY_BATCH", "many"}, {"TRINITY_SEED", "1,2,3"}};
  EXPECT_EQ(run(with_model("route", {"x"}), "", environment).status, 2);
  EXPECT_EQ(run({"version"}, "", environment).status, 0);
  EXPECT_EQ(run({"profiles"}, "", environment).status, 0);
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
