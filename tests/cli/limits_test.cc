// The program at the limits of the system: it ends, with a sentence.
#include <gtest/gtest.h>

#include <string>

#include "base/temporary_folder.h"
#include "cli/run_program.h"

namespace trinity::testing {
namespace {

/// `command` in a shell that sets `limit` first. A program that hangs is ended after two minutes,
/// with status 124.
Outcome run_limited(const std::string& limit, const Words& arguments) {
  return run_in_shell(limit + "; exec timeout 120 \"$0\" \"$@\"", arguments);
}

TEST(Limits, ProgramsEndWhereMemoryDoes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "SKIPPED: a sanitizer reserves the address space that is limited here";
#endif
  for (const char* kilobytes : {"180000", "200000", "220000", "240000", "300000"}) {
    const Outcome outcome = run_limited(std::string("ulimit -v ") + kilobytes, {"route", "Hi"});
    EXPECT_TRUE(outcome.status == 0 || outcome.status == 1 || outcome.status == 3)
        << kilobytes << " KB: status " << outcome.status << ", " << outcome.err;
    if (outcome.status != 0) {
      EXPECT_NE(outcome.err.find("trinity: "), std::string::npos) << outcome.err;
    }
  }
}

/// Every `step`th allocation of at least 512 bytes, from the first on, is the one after which no
/// such allocation succeeds, until the program gets through: it must end with a sentence each time.
TEST(Limits, AnyAllocationMayBeTheLast) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "SKIPPED: a sanitizer has an allocator of its own";
#endif
  for (const Words& arguments : {Words{"route", "Hi"}, Words{"ask", "What is 17 * 23?"}}) {
    constexpr int step = 23;  // of about 1,000
    bool through = false;
    for (int last = 1; !through && last < 100'000; last += step) {
      const std::string setting = "export LD_PRELOAD=" TRINITY_FAILING_MALLOC
                                  " TRINITY_LAST_MALLOC=" +
                                  std::to_string(last) + "; exec \"$0\" \"$@\"";
      const Outcome outcome = run_in_shell(setting, arguments);
      through = outcome.status == 0;
      EXPECT_TRUE(through || outcome.status == 1 || outcome.status == 3)
          << "after " << last << " allocations: status " << outcome.status << ", " << outcome.err;
      // Before main there is nobody to say anything.
      if (!through && last > 100) {
        EXPECT_NE(outcome.err.find("trinity: "), std::string::npos) << last << ": " << outcome.err;
      }
    }
    EXPECT_TRUE(through);
  }
}

TEST(Limits, ASmallStackIsNamed) {
  const Outcome outcome = run_limited("ulimit -s 64", {"route", "Hi"});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_NE(outcome.err.find("ulimit -s"), std::string::npos) << outcome.err;
}

TEST(Limits, AFileThatMayNotGrowIsAnError) {
  const TemporaryFolder folder;
  const auto config = folder.put(
      "config.json",
      R"({"model_type":"qwen3","hidden_size":64,"intermediate_size":100,"num_hidden_layers":2,)"
      R"("num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,"vocab_size":300,)"
      R"("max_position_embeddings":512,"rms_norm_eps":1e-6,"rope_theta":1000000})");
  const Outcome outcome = run_limited(
      "ulimit -f 8", {"synth", "--config", config.string(), "--out", (folder / "model").string()});
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_NE(outcome.err.find("model.safetensors"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace trinity::testing
