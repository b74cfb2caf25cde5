// Starting other programs: what a child sees, and how it ends.
#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "base/descriptor.h"
#include "base/temporary_folder.h"

namespace trinity {
namespace {

using testing::TemporaryFolder;

/// The end of a shell script, and what it wrote to the descriptors that it got.
std::pair<ProcessEnd, std::string> shell(const std::string& script, ProcessCommand command = {}) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const Descriptor reader(ends[0]);
  Descriptor writer(ends[1]);
  command.program = "sh";
  command.words = {"sh", "-c", script};
  command.output = writer.get();
  auto child = ChildProcess::start(command);
  EXPECT_TRUE(child) << child.error().message;
  if (!child) return {};
  writer = Descriptor();
  std::string text;
  std::array<char, 4096> block;
  for (ssize_t count = 0; (count = ::read(reader.get(), block.data(), block.size())) > 0;)
    text.append(block.data(), static_cast<std::size_t>(count));
  child->await_end();
  const auto end = child->reap();
  EXPECT_TRUE(end);
  return {end.value_or(ProcessEnd{-1, 0}), text};
}

TEST(ChildProcess, tells_how_it_ended_and_how_much_memory_it_took) {
  EXPECT_EQ(shell("exit 0").first.exit_status, 0);
  EXPECT_EQ(shell("exit 7").first.exit_status, 7);
  EXPECT_EQ(shell("kill -9 $$").first.exit_status, 128 + SIGKILL);
  EXPECT_GT(shell("true").first.peak_megabytes, 0);
}

TEST(ChildProcess, has_no_input_and_runs_where_it_is_told) {
  EXPECT_EQ(shell("cat; echo end").second, "end\n");
  const TemporaryFolder folder;
  ProcessCommand command;
  command.folder = folder.path();
  EXPECT_EQ(shell("pwd -P", command).second,
            std::filesystem::canonical(folder.path()).string() + "\n");
}

TEST(ChildProcess, a_pipeline_may_end_early) {
  auto* handler = std::signal(SIGPIPE, SIG_IGN);  // as this program does
  EXPECT_EQ(shell("yes | head -1; echo $?").second, "y\n0\n");
  std::signal(SIGPIPE, handler);
}

TEST(ChildProcess, what_cannot_be_started_is_typed) {
  ProcessCommand command;
  command.program = "no_such_program_anywhere";
  command.words = {command.program};
  EXPECT_EQ(ChildProcess::start(command).error().tag, "missing_program");
  const TemporaryFolder folder;
  command.program = "sh";
  command.folder = folder / "absent";
  const auto no_folder = ChildProcess::start(command);
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().tag, "child_failed");
  EXPECT_NE(no_folder.error().message.find("absent"), std::string::npos);
}

TEST(ChildProcess, one_that_is_given_up_does_not_go_on) {
  ProcessCommand command;
  command.program = "sleep";
  command.words = {"sleep", "1000"};
  command.errors = ProcessCommand::kDiscarded;
  pid_t id = -1;
  {
    auto child = ChildProcess::start(command);
    ASSERT_TRUE(child);
    id = child->id();
    EXPECT_EQ(::kill(id, 0), 0);
  }
  EXPECT_EQ(::kill(id, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace trinity
