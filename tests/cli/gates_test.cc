// trinity gates, on a made-up checkout whose steps are small scripts. Conformance: GAT-1 to GAT-6,
// D10.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

/// Every step appends its name and arguments to `log` and does what `does/NAME` says, if there is
/// such a script.
class Gates : public ::testing::Test {
 protected:
  Gates() {
    checkout_.put("CMakeLists.txt", "");
    checkout_.put("Makefile", "test:\n\t@bash .ci/run test\n");
    checkout_.put(".ci/run",
                  "echo \"$@\" >> log\n"
                  "if [ -e does/$1 ]; then . does/$1; fi\n");
    const fs::path program = checkout_.put("build/bin/trinity",
                                           "#!/bin/sh\n"
                                           "cd \"$(dirname \"$0\")/../..\"\n"
                                           "echo trinity \"$@\" >> log\n"
                                           "if [ -e does/parity ]; then . does/parity; fi\n");
    ::chmod(program.c_str(), 0755);
  }

  Words words(const Words& extra = {}) const {
    Words all = {"gates", "--source", checkout_.path().string(), "--summary-out",
                 summary_path().string()};
    all.insert(all.end(), extra.begin(), extra.end());
    return all;
  }
  Outcome gates(const Words& extra = {}, const Environment& environment = {}) const {
    Environment all = {{"PATH", "/usr/bin:/bin"}};
    for (const auto& [name, value] : environment) all[name] = value;
    return run(words(extra), {}, all);
  }
  void step_does(const std::string& step, const std::string& script) const {
    checkout_.put("does/" + step, script);
  }
  Words log() const { return lines_of(slurp(checkout_ / "log")); }
  fs::path summary_path() const { return checkout_ / "summary.json"; }
  Json summary() const { return Json::parse(slurp(summary_path())); }
  static Words names(const Json& summary) {
    Words names;
    for (const Json& step : summary["steps"]) names.push_back(step["name"]);
    return names;
  }

  TemporaryFolder checkout_;
};

TEST_F(Gates, GAT_1_RunsTheStepsInOrderAndSumsThemUp) {
  const Outcome outcome = gates();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(log(), (Words{"format", "build", "test", "lint", "analyzer", "docs"}));
  const Json made = summary();
  EXPECT_EQ(made["schema_version"], 1);
  EXPECT_EQ(made["ok"], true);
  EXPECT_EQ(made["fast?"], false);
  EXPECT_EQ(made["release_grade?"], true);
  EXPECT_TRUE(made["total_duration_ms"].is_number_integer());
  EXPECT_EQ(made.size(), 6U);
  EXPECT_EQ(names(made), (Words{"format", "compile", "test", "lint", "analyzer", "docs"}));
  const std::vector<Words> commands = {
      {"bash", ".ci/run", "format"}, {"bash", ".ci/run", "build"},    {"make", "test"},
      {"bash", ".ci/run", "lint"},   {"bash", ".ci/run", "analyzer"}, {"bash", ".ci/run", "docs"}};
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const Json& step = made["steps"][i];
    EXPECT_EQ(step["cmd"], commands[i][0]);
    EXPECT_EQ(step["args"], Json(Words(commands[i].begin() + 1, commands[i].end())));
    EXPECT_EQ(step["exit_status"], 0);
    EXPECT_EQ(step["skipped"], false);
    EXPECT_EQ(step["blocking"], true);
    EXPECT_EQ(step["advisory"], false);
    EXPECT_TRUE(step["duration_ms"].is_number_integer());
    EXPECT_EQ(step["output"], "");
    EXPECT_EQ(step.size(), 9U);
    const std::string line = "[trinity.gates] step=" + step["name"].get<std::string>() +
                             " exit=0 duration_ms=" + step["duration_ms"].dump() + "\n";
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << outcome.out;
  }
  EXPECT_NE(outcome.out.find("all gates passed"), std::string::npos);
}

TEST_F(Gates, GAT_2_FastRunsNeitherOfTheSlowSteps) {
  EXPECT_EQ(gates({"--fast"}).status, 0);
  EXPECT_EQ(log(), (Words{"format", "build", "test", "lint"}));
  EXPECT_EQ(names(summary()), (Words{"format", "compile", "test", "lint"}));
  EXPECT_EQ(summary()["fast?"], true);
  EXPECT_EQ(summary()["release_grade?"], false);
  EXPECT_EQ(summary()["ok"], true);
}

TEST_F(Gates, EachSlowStepCanBeLeftOutAlone) {
  EXPECT_EQ(gates({"--skip-dialyzer"}).status, 0);
  EXPECT_EQ(log(), (Words{"format", "build", "test", "lint", "docs"}));
  EXPECT_EQ(summary()["fast?"], false);
  EXPECT_EQ(summary()["release_grade?"], false);
  fs::remove(checkout_ / "log");
  EXPECT_EQ(gates({}, {{"TRINITY_SKIP_DOCS", "1"}}).status, 0);
  EXPECT_EQ(log(), (Words{"format", "build", "test", "lint", "analyzer"}));
  EXPECT_EQ(summary()["release_grade?"], false);
}

TEST_F(Gates, GAT_3_AFailingStepIsNamedAndTheLaterBlockingOnesAreSkipped) {
  step_does("test", "echo two tests failed; echo on both outputs >&2; exit 7");
  const Outcome outcome = gates({"--include-hex-build"});
  EXPECT_EQ(outcome.status, 1);
  // D10: only what ran and failed is named. make turns the 7 into a 2.
  EXPECT_EQ(outcome.err, "trinity: trinity.gates: blocking gate(s) failed: test\n");
  EXPECT_EQ(log(), (Words{"format", "build", "test", "install"})) << "an advisory step runs";
  const Json made = summary();
  EXPECT_EQ(made["ok"], false);
  EXPECT_EQ(made["release_grade?"], false);
  EXPECT_EQ(made["steps"][2]["exit_status"], 2);
  EXPECT_TRUE(made["steps"][2]["output"].get<std::string>().starts_with(
      "two tests failed\non both outputs\n"));
  EXPECT_NE(outcome.out.find("on both outputs"), std::string::npos) << outcome.out;
  for (int i = 3; i < 6; ++i) {
    EXPECT_EQ(made["steps"][i]["skipped"], true);
    EXPECT_TRUE(made["steps"][i]["exit_status"].is_null());
    EXPECT_TRUE(made["steps"][i]["output"].is_null());
  }
  EXPECT_EQ(made["steps"][6]["skipped"], false);
}

TEST_F(Gates, EveryBlockingStepCanFail) {
  const std::vector<std::pair<std::string, std::string>> steps = {
      {"format", "format"}, {"build", "compile"},     {"test", "test"},
      {"lint", "lint"},     {"analyzer", "analyzer"}, {"docs", "docs"}};
  for (const auto& [stage, name] : steps) {
    step_does(stage, "exit 3");
    const Outcome outcome = gates();
    EXPECT_EQ(outcome.status, 1) << name;
    EXPECT_EQ(outcome.err, "trinity: trinity.gates: blocking gate(s) failed: " + name + "\n");
    fs::remove(checkout_ / "does" / stage);
  }
}

TEST_F(Gates, GAT_4_AFailingAdvisoryStepDecidesNothing) {
  step_does("install", "exit 1");
  const Outcome failing = gates({"--include-hex-build"});
  EXPECT_EQ(failing.status, 0) << failing.err;
  EXPECT_NE(failing.out.find("\nhex_build_advisory: fail (exit=1)\n"), std::string::npos);
  const Json step = summary()["steps"][6];
  EXPECT_EQ(summary()["ok"], true);
  EXPECT_EQ(step["name"], "package");
  EXPECT_EQ(step["advisory"], true);
  EXPECT_EQ(step["blocking"], false);
  EXPECT_EQ(step["exit_status"], 1);
  fs::remove(checkout_ / "does/install");
  EXPECT_NE(gates({"--include-package"}).out.find("\nhex_build_advisory: pass (exit=0)\n"),
            std::string::npos);
}

TEST_F(Gates, GAT_5_TheParityCheckNeedsBothReports) {
  for (const Words& extra :
       {Words{"--include-parity-check"}, Words{"--include-parity-check", "--elixir-report", "e"},
        Words{"--include-parity-check", "--python-report", "p"}}) {
    const Outcome outcome = gates(extra);
    EXPECT_EQ(outcome.status, 2);
    EXPECT_NE(outcome.err.find("--python-report"), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(checkout_ / "log")) << "nothing runs";
  }
}

TEST_F(Gates, GAT_6_TheParityCheckGetsTheReportsAsTheyAreNamed) {
  const Words with_reports = {"--include-parity-check", "--python-report", "py.json",
                              "--elixir-report", "el.json"};
  EXPECT_EQ(gates(with_reports).status, 0);
  EXPECT_EQ(log().back(), "trinity parity check --python-report py.json --elixir-report el.json");
  EXPECT_EQ(summary()["steps"].back()["name"], "parity_check");
  EXPECT_EQ(summary()["steps"].back()["blocking"], true);
  step_does("parity", "exit 1");
  const Outcome failing = gates(with_reports);
  EXPECT_EQ(failing.status, 1);
  EXPECT_NE(failing.err.find("failed: parity_check"), std::string::npos) << failing.err;
  fs::remove(checkout_ / "build/bin/trinity");
  const Outcome absent = gates(with_reports);
  EXPECT_EQ(absent.status, 1);
  EXPECT_NE(summary()["steps"].back()["output"].get<std::string>().find("make build"),
            std::string::npos);
}

TEST_F(Gates, AMissingToolIsAFailureThatSaysWhatToInstall) {
  const Outcome outcome = gates({}, {{"PATH", (checkout_ / "does").string()}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("failed: format"), std::string::npos) << outcome.err;
  const Json step = summary()["steps"][0];
  EXPECT_EQ(step["exit_status"], 127);
  EXPECT_EQ(step["skipped"], false);
  EXPECT_NE(step["output"].get<std::string>().find("apt-get install bash"), std::string::npos);
  EXPECT_NE(outcome.out.find("apt-get install bash"), std::string::npos) << outcome.out;
}

TEST_F(Gates, TheSummaryHoldsTheLast4096BytesOfALongOutputAsValidText) {
  step_does("lint",
            "i=0; while [ $i -lt 900 ]; do printf 'é€x%s' \"$i\"; i=$((i+1)); done\n"
            "printf '\\377\\n'; exit 1");
  EXPECT_EQ(gates().status, 1);
  const auto output = summary()["steps"][3]["output"].get<std::string>();
  EXPECT_LE(output.size(), 4096U + 2) << "U+FFFD is longer than the byte that it stands for";
  EXPECT_GE(output.size(), 4096U - 3);
  EXPECT_TRUE(output.ends_with("x899\xEF\xBF\xBD\n"));
  EXPECT_EQ(output.find("\xEF\xBF\xBD"), output.size() - 4) << "cut between characters";
}

TEST_F(Gates, JsonIsTheSummaryAndNothingElse) {
  step_does("docs", "exit 1");
  const Outcome outcome = gates({"--json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(Json::parse(outcome.out), summary());
  EXPECT_NE(outcome.err.find("[trinity.gates] step=docs exit=1"), std::string::npos);
}

TEST_F(Gates, VerbosePassesOnWhatStepsSay) {
  step_does("format", "echo from the step");
  EXPECT_NE(gates({"--verbose"}).err.find("from the step\n"), std::string::npos);
  EXPECT_EQ(gates().err.find("from the step\n"), std::string::npos);
}

TEST_F(Gates, ASummaryThatCannotBeWrittenIsToldBeforeTheWork) {
  checkout_.put("file", "");
  const Outcome outcome = run({"gates", "--source", checkout_.path().string(), "--summary-out",
                               (checkout_ / "file/summary.json").string()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_FALSE(fs::exists(checkout_ / "log"));
}

TEST_F(Gates, AFolderThatIsNoCheckoutIsRefused) {
  for (const char* needed : {".ci/run", "Makefile", "CMakeLists.txt"}) {
    fs::remove(checkout_ / needed);
    const Outcome outcome = gates();
    EXPECT_EQ(outcome.status, 3) << needed;
    EXPECT_NE(outcome.err.find(needed), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("--source"), std::string::npos) << outcome.err;
  }
  EXPECT_EQ(run({"gates", "an argument"}).status, 2);
  EXPECT_EQ(run({"gates", "--frobnicate"}).status, 2);
}

/// Whether the process is gone, or only waits to be buried.
bool has_ended(const std::string& pid) {
  const std::string stat = slurp("/proc/" + pid + "/stat");
  const std::size_t at = stat.rfind(')');
  return at == std::string::npos || stat.substr(at, 4).find('Z') != std::string::npos;
}

class InterruptedGates : public Gates, public ::testing::WithParamInterface<int> {};

TEST_P(InterruptedGates, EndTheStepWithAllThatItStarted) {
  std::signal(GetParam(), SIG_DFL);  // whoever runs the tests may ignore it, and children inherit
  step_does("build",
            "sleep 600 &\n"
            "mkdir ready.made; echo $$ $! > ready.made/pids; mv ready.made ready\n"
            "wait");
  Process process(words({"--include-hex-build"}), {{"PATH", "/usr/bin:/bin"}});
  const fs::path pids = checkout_ / "ready/pids";
  while (!fs::exists(pids)) ::usleep(10'000);
  process.signal(GetParam());
  const Outcome outcome = process.finish({});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("trinity.gates: interrupted during compile"), std::string::npos)
      << outcome.err;
  EXPECT_EQ(log(), (Words{"format", "build"})) << "the advisory step does not run either";
  const Json made = summary();
  EXPECT_EQ(made["ok"], false);
  EXPECT_EQ(made["steps"][1]["skipped"], false);
  EXPECT_NE(made["steps"][1]["exit_status"], 0);
  for (std::size_t i = 2; i < made["steps"].size(); ++i)
    EXPECT_EQ(made["steps"][i]["skipped"], true);
  std::string both = slurp(pids);
  both.pop_back();
  const std::size_t space = both.find(' ');
  // The test would hang, and be ended by its time limit, if one of them went on.
  for (const std::string& pid : {both.substr(0, space), both.substr(space + 1)})
    while (!has_ended(pid)) ::usleep(10'000);
}

INSTANTIATE_TEST_SUITE_P(Signals, InterruptedGates, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

}  // namespace
}  // namespace trinity::testing
