// Running other programs: what comes back, and what is not waited for.
#include "checkout/child_process.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <thread>
#include <vector>

#include "base/temporary_folder.h"

namespace trinity::checkout {
namespace {

using trinity::testing::TemporaryFolder;

ChildOutcome shell(const std::string& script, const std::filesystem::path& folder = {}) {
  const auto outcome = run_child({"sh", {"-c", script}, folder, {}});
  EXPECT_TRUE(outcome) << outcome.error().message;
  return outcome.value_or(ChildOutcome{-1, {}, 0, false});
}

TEST(ChildProcess, GivesStatusAndBothOutputsInTheirOrder) {
  const ChildOutcome outcome = shell("echo one; echo two >&2; echo three; exit 5");
  EXPECT_EQ(outcome.exit_status, 5);
  EXPECT_EQ(outcome.tail, "one\ntwo\nthree\n");
  EXPECT_FALSE(outcome.interrupted);
  EXPECT_GE(outcome.duration_ms, 0);
  EXPECT_EQ(shell("exit 0").exit_status, 0);
  EXPECT_EQ(shell("kill -9 $$").exit_status, 128 + SIGKILL);
}

TEST(ChildProcess, TwoAtOnceTakeTurns) {
  std::vector<std::thread> callers;
  std::array<int, 4> statuses{};
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&statuses, i] {
      const auto outcome = run_child({"sh", {"-c", "exit " + std::to_string(i + 1)}, {}, {}});
      statuses[static_cast<std::size_t>(i)] = outcome ? outcome->exit_status : -1;
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(statuses, (std::array<int, 4>{1, 2, 3, 4}));
}

TEST(ChildProcess, KeepsTheEndOfALongOutputAndTellsAllOfIt) {
  std::string heard;
  const auto outcome =
      run_child({"sh", {"-c", "seq 100000"}, {}, [&](std::string_view text) { heard += text; }});
  ASSERT_TRUE(outcome);
  std::string expected;
  for (int i = 1; i <= 100000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(heard, expected);
  EXPECT_EQ(outcome->tail, expected.substr(expected.size() - kOutputTail));
}

TEST(ChildProcess, RunsInTheFolderWithAnEmptyInput) {
  const TemporaryFolder folder;
  folder.put("here", "content");
  EXPECT_EQ(shell("cat here -", folder.path()).tail, "content");
}

TEST(ChildProcess, PipelinesOfTheChildEndQuietlyAlthoughThisProgramIgnoresSigpipe) {
  std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(shell("yes | head -n 1").tail, "y\n");
}

TEST(ChildProcess, AHelperThatIsLeftBehindIsNotWaitedFor) {
  const ChildOutcome outcome = shell("sleep 600 & echo $!");
  const pid_t helper = std::stoi(outcome.tail);
  EXPECT_EQ(::kill(helper, SIGKILL), 0) << "it still ran";
}

TEST(ChildProcess, WhatCannotBeRunIsAnError) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_child({"no-such-program-here", {}, {}, {}}).error().tag, "missing_program");
  EXPECT_EQ(run_child({folder / "absent", {}, {}, {}}).error().tag, "missing_program");
  EXPECT_EQ(run_child({folder.put("text", "no program"), {}, {}, {}}).error().tag, "child_failed");
  EXPECT_EQ(run_child({"true", {}, folder / "absent", {}}).error().tag, "child_failed");
}

TEST(ChildProcess, AStatusThatIsUnknownIsNoSuccess) {
  std::signal(SIGCHLD, SIG_IGN);  // the system then keeps no status
  const auto outcome = run_child({"true", {}, {}, {}});
  std::signal(SIGCHLD, SIG_DFL);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().tag, "child_failed");
}

TEST(ChildProcess, SignalsAreHandledAsBeforeAfterwards) {
  std::signal(SIGHUP, SIG_IGN);
  shell("true");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    EXPECT_EQ(now.sa_handler, signal == SIGHUP ? SIG_IGN : SIG_DFL);
  }
  std::signal(SIGHUP, SIG_DFL);
}

}  // namespace
}  // namespace trinity::checkout
