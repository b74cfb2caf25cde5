// Exports that nothing disturbs: the same bytes however they are asked for.
#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, AnUntiedModelHasItsOwnHeadTensor) {
  const SmallWorld untied(300, false);
  bundle::ExportOptions made = untied.options();
  made.out = bundle();
  ASSERT_TRUE(do_export(made).report);
  const Json m = manifest_of(bundle());
  EXPECT_NE(m["selected_tensors"][0]["source_sha256"], m["selected_tensors"][8]["source_sha256"]);
  expect_valid(bundle(), untied.model());
}

TEST_F(ExportTest, PlanningWritesNothing) {
  ASSERT_TRUE(bundle::plan_export(options()));
  EXPECT_FALSE(fs::exists(bundle()));
  bundle::ExportOptions bad = options();
  bad.vector = folder_ / "short.safetensors";
  write_vector(bad.vector, kWorldNumbers - 1);
  EXPECT_EQ(do_export(bad).tag(), "router_vector_size_mismatch");
  bad = options();
  bad.layers = {7};
  EXPECT_EQ(do_export(bad).tag(), "invalid_layers");
  bad = options();
  bad.model = folder_ / "absent";
  EXPECT_NE(do_export(bad).tag(), "ok");
  EXPECT_FALSE(fs::exists(bundle()));
}

TEST_F(ExportTest, WithoutMergeTheCheckpointsAreTheBundle) {
  ASSERT_TRUE(do_export(options("merged")).report);
  bundle::ExportOptions plain = options();
  plain.merge = false;
  const Exported exported = do_export(plain);
  ASSERT_TRUE(exported.report);
  expect_order(exported.names, 9, false);
  const Json m = manifest_of(bundle());
  EXPECT_EQ(m["artifact_layout"], "checkpoint_directory");
  EXPECT_EQ(m["adapted_tensors_sha256"], nullptr);
  expect_valid(bundle());
  auto merged = payload_files(folder_ / "merged");
  merged.erase("adapted_tensors.safetensors");
  EXPECT_EQ(payload_files(bundle()), merged);
  // Merging later gives the same file as merging at once.
  bundle::ExportOptions later = options();
  later.resume = true;
  ASSERT_TRUE(do_export(later).report);
  EXPECT_EQ(payload_files(bundle()), payload_files(folder_ / "merged"));
  expect_valid(bundle());
  // And without it again: nothing is said of the merged file.
  plain.resume = true;
  ASSERT_TRUE(do_export(plain).report);
  EXPECT_EQ(manifest_of(bundle())["adapted_tensors_sha256"], nullptr);
  expect_valid(bundle());
}

TEST_F(ExportTest, ThreadsChangeNoByte) {
  ASSERT_TRUE(do_export(options("one")).report);
  auto backend = backend::create_backend("cpu_f32", {3});
  ASSERT_TRUE(backend);
  ASSERT_TRUE(run_export_with(**backend, options("three")).report);
  EXPECT_EQ(payload_files(folder_ / "one"), payload_files(folder_ / "three"));
}

}  // namespace
}  // namespace trinity::testing
