// trinity env-check. Conformance: ENC-1 to ENC-9, XLA-1 to XLA-12.
#include <gtest/gtest.h>

#include "cli/test_model.h"

namespace trinity::testing {
namespace {

Outcome check(const Words& extra, const Environment& environment = {}) {
  Words words = {"env-check"};
  words.insert(words.end(), extra.begin(), extra.end());
  return run(words, {}, environment);
}

void expect_refused(const Outcome& outcome, const std::string& part, int status = 1) {
  EXPECT_EQ(outcome.status, status) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
}

TEST(EnvCheck, ENC_1_XLA_1_XLA_5_XLA_6_EveryKnownTargetIsAccepted) {
  for (const std::string target : {"cpu", "cuda", "cuda12", "cuda13", "rocm", "tpu"}) {
    const std::string expected =
        "trinity.env.check: ok\n  xla_target=" + target + "\n  artifact_dir=(unset)\n";
    EXPECT_EQ(check({"--target", target}).out, expected);
    EXPECT_EQ(check({}, {{"TRINITY_TARGET", target}}).out, expected);
    EXPECT_EQ(check({}, {{"XLA_TARGET", target}}).out, expected);
    EXPECT_EQ(check({"--target", target}, {{"XLA_TARGET", "tpu"}}).out, expected);
  }
}

TEST(EnvCheck, ENC_2_XLA_7_XLA_8_XLA_9_XLA_10_XLA_11_AnyOtherIsRefusedAndEchoedUntrimmed) {
  for (const std::string target : {"cuda14", "quantum", "CUDA12", "cuda12 ", " cpu", "cpu,cuda"}) {
    for (const Outcome& outcome :
         {check({"--target", target}), check({}, {{"TRINITY_TARGET", target}}),
          check({}, {{"XLA_TARGET", target}})}) {
      expect_refused(outcome, "\"" + target + "\" is not one of cpu, cuda, cuda12, cuda13");
      EXPECT_NE(outcome.err.find("cuda12 is the recommended one"), std::string::npos);  // XLA-2
      EXPECT_NE(outcome.err.find("env-check --help"), std::string::npos);
    }
  }
}

TEST(EnvCheck, ENC_3_XLA_3_XLA_4_XLA_12_UnsetAndEmptyAreAccepted) {
  const std::string expected =
      "trinity.env.check: ok\n  xla_target=(unset)\n  artifact_dir=(unset)\n";
  EXPECT_EQ(check({}).out, expected);
  EXPECT_EQ(check({"--target", ""}).out, expected);
  EXPECT_EQ(check({}, {{"XLA_TARGET", ""}}).out, expected);
  EXPECT_EQ(check({}).status, 0);
}

TEST(EnvCheck, ENC_4_ENC_5_ENC_6_ARequiredTarget) {
  expect_refused(check({"--require", "cuda12"}), "is not set but --require");
  expect_refused(check({"--require", "cuda12", "--target", "cpu"}), "but --require");
  EXPECT_EQ(check({"--require", "cuda12", "--target", "cuda12"}).status, 0);
  EXPECT_EQ(check({"-r", "cpu"}, {{"XLA_TARGET", "cpu"}}).status, 0);
  expect_refused(check({"--require", "moon"}), "is not one of", 2);
}

TEST(EnvCheck, ENC_7_ENC_8_ENC_9_TheFolderOfABundle) {
  const TemporaryFolder folder;
  folder.put("a_file", "");
  folder.put("bundle/head.bin", "");
  for (const char* absent : {"absent", "a_file"})
    expect_refused(check({"--artifact-dir", (folder / absent).string()}), "does not exist", 3);
  const std::string bundle = (folder / "bundle").string();
  expect_refused(check({"-a", bundle}), "is missing", 3);
  std::filesystem::create_directory(folder / "bundle/manifest.json");
  expect_refused(check({"-a", bundle}), "is missing", 3);
  std::filesystem::remove(folder / "bundle/manifest.json");
  folder.put("bundle/manifest.json", "{}");
  const Outcome outcome = check({"-a", bundle});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("\n  artifact_dir=" + bundle + "\n"), std::string::npos);
}

TEST(EnvCheck, Json) {
  EXPECT_EQ(
      Json::parse(check({"--json", "--target", "rocm"}).out),
      (Json{
          {"schema_version", 1}, {"ok", true}, {"xla_target", "rocm"}, {"artifact_dir", nullptr}}));
}

}  // namespace
}  // namespace trinity::testing
