// How the program behaves towards what stands at its ends: slow writers, readers that leave, full
// disks, closed descriptors.
#include <gtest/gtest.h>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

TEST(Pipes, WithBatchOneEveryLineIsAnsweredBeforeTheNextIsSent) {
  for (const char* command : {"tokenize", "extract", "route"}) {
    Words words = with_model(command, {"--batch", "1"});
    if (command == std::string("route")) words.push_back("--json");
    Process process(words);
    for (int i = 0; i < 5; ++i) {
      const std::string text = i == 3 ? "nonsense" : Json{{"id", i}, {"text", "abc"}}.dump();
      process.send(text + "\n");
      const Json answer = Json::parse(process.read_line());
      if (i == 3) {
        EXPECT_EQ(answer["error"]["line"], 4) << command;
      } else {
        EXPECT_EQ(answer["id"], i) << command;
      }
    }
    EXPECT_EQ(process.finish("").status, 1) << command;
  }
}

TEST(Pipes, AReaderThatLeavesEndsTheProgramQuietly) {
  std::string input;
  for (int i = 0; i < 20000; ++i) input += Json{{"id", i}, {"text", "abc abc abc"}}.dump() + "\n";
  const TemporaryFolder folder;
  const auto file = folder.put("in.jsonl", input);
  Process process(with_model("tokenize", {"--batch", "1", "--input", file.string()}));
  EXPECT_EQ(Json::parse(process.read_line())["id"], 0);
  close_pipe_end(process.out);
  const Outcome outcome = process.finish("");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.err, "");
}

TEST(Pipes, AFullDiskIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "SKIPPED: there is no /dev/full here";
  for (const Words& call : {with_model("route", {"--json", "abc"}), with_model("tokenize", {"abc"}),
                            Words{"profiles"}, Words{"version"}, Words{"route", "--help"}}) {
    const Outcome outcome = run_in_shell("exec \"$0\" \"$@\" >/dev/full", call);
    EXPECT_EQ(outcome.status, 1) << call[0] << outcome.err;
    EXPECT_NE(outcome.err.find("cannot be written"), std::string::npos) << outcome.err;
  }
}

TEST(Pipes, ClosedDescriptorsAreNotReusedForResults) {
  const TemporaryFolder folder;
  const auto model = folder / "model";
  std::filesystem::copy(small_model(), model);
  const std::string weights = slurp(model / "model.safetensors");
  const Outcome outcome = run_in_shell("exec \"$0\" \"$@\" >&- 2>&- <&-",
                                       {"route", "--json", "--model", model.string(), "abc"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(slurp(model / "model.safetensors"), weights);
}

TEST(Pipes, AnInputThatEndsInsideALineIsStillRead) {
  const Outcome outcome = run(with_model("tokenize"), "{\"text\":\"abc\"}");
  EXPECT_EQ(outcome.out, "{\"schema_version\":1,\"ids\":[257]}\n");
}

}  // namespace
}  // namespace trinity::testing
