// The README's commands are the ones that work.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

std::string readme() { return slurp(std::filesystem::path(TRINITY_SOURCE_DIR) / "README.md"); }

TEST(Readme, TOP_2_TheDocumentedDemoCommandIsTheOneThatWorks) {
  EXPECT_NE(readme().find("\nmake demo\n"), std::string::npos);
  EXPECT_NE(readme().find("\nmake test\n"), std::string::npos);
  const std::string makefile = slurp(std::filesystem::path(TRINITY_SOURCE_DIR) / "Makefile");
  EXPECT_NE(makefile.find("\ndemo: "), std::string::npos);
  EXPECT_NE(makefile.find("/bin/trinity demo\n"), std::string::npos);
  EXPECT_EQ(run({"demo"}).status, 0);
}

TEST(Readme, EveryCommandThatNeedsNoModelAndNoNetworkRuns) {
  const std::string program = "build/bin/trinity ";
  const TemporaryFolder folder;
  int count = 0;
  for (const std::string& line : lines_of(readme())) {
    const std::size_t at = line.find(program);
    if (at == std::string::npos || line.find("--model") != std::string::npos ||
        line.find("<") != std::string::npos || line.find(" pull ") != std::string::npos)
      continue;
    if (at != 0 && line[0] != 'e') continue;  // in the middle of a sentence
    std::string command = line;
    command.replace(at, program.size(), "\"$0\" ");
    command = "cd '" + folder.path().string() + "' && " + command;  // reports are written there
    const Outcome outcome = run_in_shell(command, {});
    EXPECT_EQ(outcome.status, 0) << line << "\n" << outcome.err;
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace trinity::testing
