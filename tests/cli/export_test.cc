// trinity export, verify and route --bundle as a child process.
#include "bundle/small_world.h"
#include "bundle/verify.h"
#include "cli/run_program.h"
#include "text/support.h"

namespace trinity::testing {
namespace {

class ExportCommand : public ::testing::Test {
 protected:
  static const SmallWorld& world() {
    static const SmallWorld made;
    return made;
  }
  Words words(const Words& extra = {}) const {
    Words all = {"export",
                 "--model",
                 world().model().string(),
                 "--vector",
                 world().vector().string(),
                 "--layers",
                 "1",
                 "--out",
                 bundle_.string(),
                 "--profile",
                 "cpu_f32",
                 "--threads",
                 "1"};
    all.insert(all.end(), extra.begin(), extra.end());
    return all;
  }
  static std::vector<Json> events(const Outcome& outcome) {
    std::vector<Json> all;
    for (const std::string& line : lines_of(outcome.out)) all.push_back(Json::parse(line));
    return all;
  }
  TemporaryFolder folder_;
  fs::path bundle_ = folder_ / "bundle";
};

TEST_F(ExportCommand, DryRunWritesNothingAndSaysWhat) {
  const Outcome text = run(words({"--dry-run"}));
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(lines_of(text.out).front(), "Dry run complete: no files written");
  EXPECT_EQ(lines_of(text.out).size(), 10U);
  EXPECT_FALSE(fs::exists(bundle_));
  const Outcome json = run(words({"--dry-run", "--json"}));
  const Json record = Json::parse(json.out);
  EXPECT_EQ(record["status"], "dry_run");
  EXPECT_EQ(record["export_complete"], false);
  EXPECT_EQ(record["dry_run"], true);
  EXPECT_EQ(record["source_vector_shape"], Json{kWorldNumbers});
  EXPECT_EQ(record["scale_offsets_shape"], Json{kWorldOffsets});
  EXPECT_EQ(record["router_head_shape"], (Json{10, 64}));
  EXPECT_EQ(record["selected_tensor_count"], 9);
  EXPECT_EQ(record["selected_singular_value_count"], kWorldOffsets);
  EXPECT_EQ(record["export_spec"]["hidden_size"], 64);
  ASSERT_EQ(record["selected_tensors"].size(), 9U);
  for (const char* key : {"index", "path", "shape", "singular_values", "backend"})
    EXPECT_TRUE(record["selected_tensors"][0].contains(key)) << key;
  EXPECT_FALSE(fs::exists(bundle_));
}

TEST_F(ExportCommand, ExportVerifyAndRoute) {
  const Outcome exported = run(words());
  EXPECT_EQ(exported.status, 0) << exported.err;
  EXPECT_NE(exported.out.find("Export status: complete\nCompleted: 9 / 9\n"), std::string::npos)
      << exported.out;
  EXPECT_EQ(run(words()).status, 2);
  const Outcome verified =
      run({"verify", bundle_.string(), "--model", world().model().string(), "--json"});
  EXPECT_EQ(verified.status, 0) << verified.out;
  EXPECT_EQ(Json::parse(verified.out)["ok"], true);
  const Outcome resumed = run(words({"--resume", "--json"}));
  EXPECT_EQ(resumed.status, 0);
  const auto all = events(resumed);
  EXPECT_EQ(all.front()["event"], "export_started");
  EXPECT_EQ(all.back(),
            (Json{{"event", "export_finished"}, {"schema_version", 1}, {"status", "complete"}}));
  // One changed bit.
  const fs::path victim = bundle_ / manifest_of(bundle_)["selected_tensors"][1]["checkpoint_path"];
  std::string bytes = slurp(victim);
  bytes.back() ^= 1;
  std::ofstream(victim, std::ios::binary) << bytes;
  const Outcome damaged = run({"verify", bundle_.string()});
  EXPECT_EQ(damaged.status, 1);
  EXPECT_NE(damaged.out.find("sha256 mismatch"), std::string::npos);
  std::ofstream(world().model() / "tokenizer.json") << small_tokenizer_json().dump();
  const Words route = {"route",    "--model",        world().model().string(),
                       "--bundle", bundle_.string(), "--profile",
                       "cpu_f32",  "Hello"};
  EXPECT_NE(run(route).status, 0);
  EXPECT_EQ(run(words({"--resume"})).status, 0);
  EXPECT_EQ(run({"verify", bundle_.string()}).status, 0);
  const Outcome routed = run(route);
  EXPECT_EQ(routed.status, 0) << routed.err;
  // The prompt behind a list of layers is a prompt, and the vector decides as its bundle does.
  const Outcome by_vector =
      run({"route", "--model", world().model().string(), "--profile", "cpu_f32", "--vector",
           world().vector().string(), "--layers", "1", "Hello", "--json"});
  ASSERT_EQ(by_vector.status, 0) << by_vector.err;
  Words as_json = route;
  as_json.push_back("--json");
  EXPECT_EQ(Json::parse(by_vector.out)["route_hash"], Json::parse(run(as_json).out)["route_hash"]);
}

TEST_F(ExportCommand, AReaderThatLeavesDoesNotEndTheExport) {
  for (const Words& extra : {Words{}, Words{"--json", "--force"}}) {
    Process process(words(extra));
    close_pipe_end(process.out);
    const Outcome outcome = process.finish({});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(run({"verify", bundle_.string()}).status, 0);
  }
  // And the verdict on a damaged bundle is the same without one.
  std::ofstream(bundle_ / "router_head.safetensors", std::ios::binary | std::ios::app) << "x";
  Process process({"verify", bundle_.string()});
  close_pipe_end(process.out);
  EXPECT_EQ(process.finish({}).status, 1);
}

TEST_F(ExportCommand, ResumingOneTensorOfACompleteBundleLeavesItComplete) {
  ASSERT_EQ(run(words()).status, 0);
  const std::string before = slurp(bundle_ / "manifest.json");
  const Outcome one = run(words({"--resume", "--only-index", "1", "--json"}));
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(events(one).back()["status"], "complete");
  EXPECT_EQ(slurp(bundle_ / "manifest.json"), before);
}

TEST_F(ExportCommand, OnlyIndexSucceedsAndAPartialBundleIsNotComplete) {
  const Outcome one = run(words({"--only-index", "2", "--json"}));
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(events(one).back()["status"], "partial");
  EXPECT_EQ(run({"verify", bundle_.string()}).status, 1);
  EXPECT_EQ(run(words({"--only-index", "0"})).status, 2);
  EXPECT_EQ(run(words({"--only-index", "10", "--resume"})).status, 2);
}

TEST_F(ExportCommand, MistakesAreOneSentence) {
  const auto expect = [&](const Words& extra, int status, const std::string& text) {
    const Outcome outcome = run(words(extra));
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_EQ(lines_of(outcome.err).size(), 1U) << outcome.err;
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(bundle_));
  };
  expect({"--tie-mode", "both"}, 2, "--tie-mode");
  expect({"--svd-compute-type", "f16"}, 2, "compute type");
  expect({"--layers", "5"}, 2, "layer 5");
  const Outcome no_out =
      run({"export", "--model", world().model().string(), "--vector", world().vector().string()});
  EXPECT_EQ(no_out.status, 2);
  EXPECT_NE(no_out.err.find("--out"), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
