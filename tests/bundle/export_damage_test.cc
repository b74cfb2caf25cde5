// Bundles whose files were damaged are mended by a rerun.
#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, OneTensorOfACompleteBundleThatIsDamagedIsMended) {
  bundle::ExportOptions made = options();
  made.merge = false;
  ASSERT_TRUE(do_export(made).report);
  const auto before = payload_files(bundle());
  const fs::path victim =
      bundle() / manifest_of(bundle())["selected_tensors"][0]["checkpoint_path"];
  std::ofstream(victim, std::ios::binary | std::ios::app) << "x";
  made.resume = true;
  ASSERT_TRUE(do_export(made).report);
  EXPECT_EQ(payload_files(bundle()), before);
  expect_valid(bundle());
}

TEST_F(ExportTest, SVD_14_ADamagedCheckpointIsRebuilt) {
  ASSERT_TRUE(do_export(options()).report);
  const auto before = payload_files(bundle());
  bundle::ExportOptions resume = options();
  resume.resume = true;
  const fs::path victim =
      bundle() / manifest_of(bundle())["selected_tensors"][5]["checkpoint_path"];
  const std::string good = slurp(victim);
  const auto expect_rebuilt = [&](const char* how) {
    const Exported exported = do_export(resume);
    ASSERT_TRUE(exported.report) << how << exported.message();
    EXPECT_EQ(exported.report->written, 1) << how;
    EXPECT_EQ(payload_files(bundle()), before) << how;
    expect_valid(bundle());
  };
  std::string bad = good;
  bad[bad.size() - 7] ^= 1;
  std::ofstream(victim, std::ios::binary) << bad;
  const auto report = bundle::verify_bundle(bundle(), {});
  ASSERT_TRUE(report);
  EXPECT_GE(report->failed(), 1);
  expect_rebuilt("one bit");
  std::ofstream(victim, std::ios::binary) << good.substr(0, good.size() / 2);
  expect_rebuilt("truncated");
  fs::remove(victim);
  expect_rebuilt("absent");
  edit_manifest(bundle(), [](Json& m) { m["selected_tensors"][5]["checkpoint_sha256"] = ""; });
  expect_rebuilt("no hash recorded");
  std::ofstream(bundle() / "router_head.safetensors", std::ios::binary) << "noise";
  const Exported head = do_export(resume);
  ASSERT_TRUE(head.report);
  EXPECT_NE(head.event("router_head_rewrite"), nullptr);
  EXPECT_EQ(payload_files(bundle()), before);
}

}  // namespace
}  // namespace trinity::testing
