// Help, wrong usage, environment names and exit statuses: the part of the contract that scripts
// lean on first.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/printable.h"
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
      {"route", "--agent-selection", "sample", "--seed", "1,2", "x"},
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
    if (std::find(call.begin(), call.end(), "--json") == call.end()) {
      EXPECT_EQ(outcome.out, "") << shown;
    } else {
      EXPECT_EQ(Json::parse(outcome.out)["error"]["tag"], "usage") << shown;
    }
    EXPECT_TRUE(is_one_sentence(outcome.err)) << shown << outcome.err;
  }
}

TEST(Usage, UnknownWordsGetASuggestion) {
  EXPECT_NE(run({"rout"}).err.find("did you mean route?"), std::string::npos);
  EXPECT_NE(run({"lab", "matri"}).err.find("did you mean matrix?"), std::string::npos);
  EXPECT_NE(run({"route", "--modle", "x"}).err.find("did you mean --model?"), std::string::npos);
  EXPECT_NE(run({"route", "--input-mode", "chatraw", "x"}).err.find("did you mean chat_raw?"),
            std::string::npos);
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
    for (const std::string& line : lines_of(run(call).out))
      EXPECT_LE(display_width(line), 80u) << call[0] << ": " << line;
}

TEST(Usage, APromptNeedsNoQuotes) {
  EXPECT_EQ(run(with_model("tokenize", {"two", "prompts"})).out,
            run(with_model("tokenize", {"two prompts"})).out);
  EXPECT_EQ(run({"route", "Is", "1009", "prime?", "--profile", "reference"}).status, 0);
}

TEST(Usage, FlagsWithoutEffectAreRefused) {
  const std::string model = small_model().string();
  const std::vector<std::pair<Words, std::string>> calls = {
      {{"route", "--layers", "1", "x"}, "--layers"},
      {{"route", "--model", model, "--bundle", "b", "--layers", "1", "x"}, "--layers"},
      {{"route", "--seed", "1", "x"}, "--seed"},
      {{"route", "--temperature", "2", "x"}, "--temperature"},
      {{"route", "--fallback", "raise", "x"}, "--fallback"},
      {{"route", "--model", model, "--bundle", "b", "--head", "h", "x"}, "--head and --bundle"},
      {{"route", "--model", model, "--vector", "v", "--head", "h", "x"}, "--head and --vector"},
      {{"eval", "--seed", "1"}, "--seed"},
      {{"tokenize", "--decode", "--special", "1"}, "--special"},
      {{"doctor", "--head", "h"}, "--head"},
      {{"pull", "--base", "--repo-type", "dataset"}, "--repo-type"},
      {{"lab", "matrix", "--ops-only", "--runs", "2"}, "--runs"},
  };
  for (const auto& [call, named] : calls) {
    const Outcome outcome = run(call);
    EXPECT_EQ(outcome.status, 2) << named << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("trinity: " + named)) << outcome.err;
    EXPECT_EQ(outcome.out, "") << named;
  }
  EXPECT_EQ(run({"route", "x"}, "", {{"TRINITY_LAYERS", "1"}, {"TRINITY_SEED", "1"}}).status, 0);
}

TEST(Usage, MarginsAreFiniteAndNotNegative) {
  for (const char* value : {"nan", "inf", "-1", "much"}) {
    EXPECT_EQ(run({"eval", "--min-agent-margin", value}).status, 2) << value;
    const Outcome outcome = run({"eval"}, "", {{"TRINITY_MIN_ROLE_MARGIN", value}});
    EXPECT_EQ(outcome.status, 2) << value;
    EXPECT_TRUE(outcome.err.starts_with("trinity: TRINITY_MIN_ROLE_MARGIN: ")) << outcome.err;
  }
}

TEST(Usage, AWrongVariableIsNamedAndNotTheFlag) {
  const Outcome outcome = run({"route", "x"}, "", {{"TRINITY_THREADS", "abc"}});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_TRUE(outcome.err.starts_with(
      "trinity: TRINITY_THREADS: \"abc\" is not a whole number from 0 to 1024"))
      << outcome.err;
}

TEST(Usage, ExportReadsBothNamesOfItsVector) {
  for (const char* name : {"TRINITY_VECTOR", "TRINITY_SOURCE_VECTOR"}) {
    const Outcome outcome = run({"export", "--model", small_model().string(), "--dry-run"}, "",
                                {{name, "/nonexistent/vector.npy"}});
    EXPECT_EQ(outcome.status, 3) << name << outcome.err;
    EXPECT_NE(outcome.err.find("/nonexistent/vector.npy"), std::string::npos) << outcome.err;
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

TEST(Usage, AFailureAsAWholeIsARecordForReadersOfJson) {
  const std::vector<std::pair<Words, std::string>> calls = {
      {{"route", "--json", "--model", "/nonexistent", "x"}, ""},
      {{"eval", "--json", "--cases", "/nonexistent"}, ""},
      {{"profiles", "--json", "nothing-of-that-name"}, ""},
      {{"verify", "--json", "/nonexistent"}, ""},
      {{"trace", "--json", "--model", "/nonexistent"}, ""},
      {{"export", "--json", "--model", "/nonexistent", "--vector", "v", "--out", "o"}, ""},
      {{"route", "--json", "--frobnicate"}, "usage"},
      {{"route", "--threads", "many", "--json"}, "usage"},
      {{"frobnicate", "--json"}, "usage"},
      {{"pin", "--json"}, "usage"},
  };
  for (const auto& [call, tag] : calls) {
    const Outcome outcome = run(call);
    EXPECT_NE(outcome.status, 0) << call[0];
    ASSERT_EQ(lines_of(outcome.out).size(), 1u) << call[0] << outcome.out << outcome.err;
    const Json record = Json::parse(outcome.out);
    EXPECT_EQ(record["schema_version"], 1) << call[0];
    if (!tag.empty()) {
      EXPECT_EQ(record["error"]["tag"], tag) << call[0];
    }
    EXPECT_EQ("trinity: " + record["error"]["message"].get<std::string>() + "\n", outcome.err);
  }
  const Outcome variable = run({"route", "--frobnicate"}, "", {{"TRINITY_JSON", "1"}});
  EXPECT_EQ(Json::parse(variable.out)["error"]["tag"], "usage");
}

TEST(Usage, AVerdictIsNoSecondRecord) {
  const Outcome outcome = run({"eval", "--json", "--min-agent-margin", "1000"});
  EXPECT_EQ(outcome.status, 1);
  ASSERT_EQ(lines_of(outcome.out).size(), 1u);
  EXPECT_EQ(Json::parse(outcome.out)["schema_version"], 1);
}

TEST(Usage, EveryRecordHasASchemaVersion) {
  const std::vector<Words> calls = {
      {"version", "--json"},    {"profiles", "--json"},
      {"backends", "--json"},   {"demo", "--json"},
      {"route", "--json", "x"}, {"extract", "x"},
      {"tokenize", "x"},        {"eval", "--list-cases", "--json"},
      {"env-check", "--json"},  {"trace", "--json"},
      {"route", "--json", ""},  {"tokenize", "--decode", "99999999"},
  };
  for (const Words& call : calls) {
    const Words lines = lines_of(run(call).out);
    EXPECT_FALSE(lines.empty()) << call[0];
    for (const std::string& line : lines) {
      const Json record = Json::parse(line);
      EXPECT_EQ(record.value("schema_version", 0), 1) << call[0] << line.substr(0, 200);
    }
  }
}

#if TRINITY_HAS_BENCH
TEST(Usage, BenchRefusesLengthsThatTheModelCannotRead) {
  const Outcome outcome = run({"bench", "prefill", "--tokens", "1000000"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.err.find("reads at most"), std::string::npos) << outcome.err;
  EXPECT_EQ(run({"bench", "startup", "--tokens", "5"}).status, 2);
}
#endif

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
