// Bundles across programs: a strict reader in Python accepts ours, and we accept what a writer in
// Python makes of them, with the same routes.
#include <functional>

#include "bundle/small_world.h"
#include "cli/run_program.h"
#include "text/support.h"

namespace trinity::testing {
namespace {

std::string python() {
  for (const char* path : {"/usr/bin/python3", "/usr/local/bin/python3"})
    if (fs::exists(path)) return path;
  return {};
}

Outcome run_python(const Words& arguments) {
  Words words = {TRINITY_SOURCE_DIR "/tests/python/strict_bundle_reader.py"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Process(python(), words, {{"PYTHONDONTWRITEBYTECODE", "1"}}).finish({});
}

class PythonReader : public ::testing::Test {
 protected:
  void SetUp() override {
    if (python().empty())
      GTEST_SKIP() << "SKIPPED: python3 is missing; bundles are not read by another program";
    std::ofstream(world_.model() / "tokenizer.json") << small_tokenizer_json().dump();
  }
  fs::path exported(const Words& extra) const {
    const fs::path out = folder_ / ("ours" + std::to_string(extra.size()));
    Words words = {"export",
                   "--model",
                   world_.model().string(),
                   "--vector",
                   world_.vector().string(),
                   "--layers",
                   "1",
                   "--out",
                   out.string(),
                   "--profile",
                   "cpu_f32",
                   "--threads",
                   "1"};
    words.insert(words.end(), extra.begin(), extra.end());
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return out;
  }
  std::string route(const fs::path& bundle) const {
    const Outcome outcome = run({"route", "--model", world_.model().string(), "--bundle",
                                 bundle.string(), "--profile", "cpu_f32", "--json", "Hello there"});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const Json decision = Json::parse(outcome.out);
    return decision.at("agent_logits").dump() + decision.at("role_logits").dump();
  }
  SmallWorld world_;
  TemporaryFolder folder_;
};

TEST_F(PythonReader, AcceptsOurBundles) {
  for (const Words& extra : {Words{}, Words{"--merge"}}) {
    const fs::path bundle = exported(extra);
    const Outcome outcome = run_python({"check", bundle.string()});
    EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
    EXPECT_EQ(manifest_of(bundle)["artifact_layout"],
              extra.empty() ? "checkpoint_directory" : "single_file");
  }
}

TEST_F(PythonReader, RefusesWhatItShould) {
  const fs::path bundle = exported({});
  const std::string good = slurp(bundle / "manifest.json");
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> changes = {
      {"missing_manifest_key(split)", [](Json& m) { m.erase("split"); }},
      {"status", [](Json& m) { m["status"] = "partial"; }},
      {"sha256 mismatch", [](Json& m) { m["selected_tensors"][2]["checkpoint_sha256"] = "00"; }},
      {"shape",
       [](Json& m) {
         m["selected_tensors"][2]["shape"] = {32, 64};
       }},
      {"segment",
       [](Json& m) {
         m["selected_tensors"][2]["segments"] = {"decoder", "x"};
       }},
      {"leaves", [](Json& m) { m["router_head_artifact"] = "../x"; }}};
  for (const auto& [reason, change] : changes) {
    edit_manifest(bundle, change);
    const Outcome outcome = run_python({"check", bundle.string()});
    EXPECT_EQ(outcome.status, 1) << reason;
    EXPECT_NE(outcome.out.find(reason), std::string::npos) << outcome.out;
    std::ofstream(bundle / "manifest.json") << good;
  }
}

TEST_F(PythonReader, WhatPythonWritesRoutesAlike) {
  const fs::path ours = exported({});
  const std::string expected = route(ours);
  for (const char* layout : {"checkpoint_directory", "single_file"}) {
    const fs::path theirs = folder_ / layout;
    const Outcome written = run_python({"write", ours.string(), theirs.string(), layout});
    ASSERT_EQ(written.status, 0) << written.out << written.err;
    EXPECT_EQ(run_python({"check", theirs.string()}).status, 0);
    const Outcome verified = run({"verify", theirs.string(), "--model", world_.model().string()});
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
    EXPECT_EQ(route(theirs), expected);
  }
}

}  // namespace
}  // namespace trinity::testing
