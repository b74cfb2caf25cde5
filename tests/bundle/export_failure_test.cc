// Exports that fail on the way: typed, in the manifest, and continued when the cause is gone.
#include <tuple>

#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, WhateverFailsOnceItHasBegunIsInTheManifest) {
  const Exported exported = do_export(options(), [&](const std::string& event) {
    if (event == "export_started") folder_.put("bundle/router_head.safetensors/in the way", "x");
  });
  EXPECT_NE(exported.tag(), "ok");
  EXPECT_EQ(manifest_of(bundle())["status"], "failed");
  EXPECT_EQ(manifest_of(bundle())["export_complete"], false);
  EXPECT_EQ(log_names(bundle()).back(), "export_failed");
}

/// A copy of the model in which one tensor's first number is something else.
fs::path damaged_model(const TemporaryFolder& folder, const std::string& tensor, uint16_t bits,
                       bool everywhere) {
  const fs::path copy = folder / "model";
  fs::remove_all(copy);
  fs::copy(shared_world().model(), copy, fs::copy_options::recursive);
  const auto file = SafetensorsFile::open(copy / "model.safetensors");
  const std::string whole = slurp(copy / "model.safetensors");
  const auto view = *file->tensor(tensor);
  std::string changed = whole;
  const size_t at = static_cast<size_t>(
      whole.find(std::string(reinterpret_cast<const char*>(view.bytes.data()), 64)));
  for (size_t i = 0; i < (everywhere ? view.bytes.size() : 2); i += 2)
    std::memcpy(changed.data() + at + i, &bits, 2);
  fs::remove(copy / "model.safetensors");
  std::ofstream(copy / "model.safetensors", std::ios::binary) << changed;
  return copy;
}

TEST_F(ExportTest, DamagedWeightsFailTheirTensorAndNameIt) {
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  for (const auto& [bits, everywhere, cause] :
       std::vector<std::tuple<uint16_t, bool, std::string>>{{0x7FC0, false, "non_finite_values"},
                                                            {0x7F80, false, "non_finite_values"},
                                                            {0, true, "zero_matrix"}}) {
    bundle::ExportOptions broken = options();
    broken.force = true;
    broken.model = damaged_model(folder_, name, bits, everywhere);
    const Exported exported = do_export(broken);
    EXPECT_EQ(exported.tag(), "decompose_error");
    EXPECT_NE(exported.message().find(cause), std::string::npos) << exported.message();
    EXPECT_NE(exported.message().find(name), std::string::npos) << exported.message();
    ASSERT_NE(exported.event("tensor_export_failed"), nullptr);
    EXPECT_EQ(exported.event("tensor_export_failed")->at("index"), 7);
    EXPECT_EQ(exported.names.back(), "export_failed");
    const Json m = manifest_of(bundle());
    EXPECT_EQ(m["status"], "failed");
    EXPECT_EQ(m["export_complete"], false);
    EXPECT_EQ(m["selected_tensors"][6]["status"], "failed");
    EXPECT_NE(m["selected_tensors"][6]["error"].get<std::string>().find(cause), std::string::npos);
    EXPECT_EQ(bundle::Bundle::open(bundle()).error().tag, "incomplete_artifact");
    // What came before is complete and valid.
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(m["selected_tensors"][i]["status"], "complete") << i;
    for (const auto& entry : fs::directory_iterator(bundle() / "checkpoints"))
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

TEST_F(ExportTest, OffsetsThatCancelFailTheExport) {
  bundle::ExportOptions bad = options();
  bad.vector = folder_ / "bad.safetensors";
  std::vector<float> values(kWorldNumbers, 0.0F);
  std::fill(values.begin() + 64, values.begin() + 128, -1.0F);  // the second tensor's
  const TensorView view{DType::f32, {kWorldNumbers}, std::as_bytes(std::span(values))};
  ASSERT_TRUE(write_safetensors(bad.vector, {{adapt::RouterVector::kTensorName, view}}));
  const Exported exported = do_export(bad);
  EXPECT_EQ(exported.tag(), "decompose_error");
  EXPECT_NE(exported.message().find("degenerate_normalization"), std::string::npos);
  EXPECT_EQ(manifest_of(bundle())["status"], "failed");
}

TEST_F(ExportTest, AFullDiskInTheMiddleIsTyped) {
  // Stands for a failing write: the name of a checkpoint is taken by a folder.
  fs::create_directories(bundle() / "checkpoints" / ("0006_" + kPaths[5] + ".safetensors") /
                         "full");
  folder_.put("bundle/manifest.json", kEarlierManifest);
  bundle::ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  EXPECT_EQ(exported.tag(), "checkpoint_write_error") << exported.message();
  const Json m = manifest_of(bundle());
  EXPECT_EQ(m["status"], "failed");
  EXPECT_EQ(m["selected_tensors"][5]["status"], "failed");
  EXPECT_EQ(bundle::Bundle::open(bundle()).error().tag, "incomplete_artifact");
  fs::remove_all(bundle() / "checkpoints" / ("0006_" + kPaths[5] + ".safetensors"));
  bundle::ExportOptions resume = options();
  resume.resume = true;
  ASSERT_TRUE(do_export(resume).report);
  ASSERT_TRUE(do_export(options("whole")).report);
  EXPECT_EQ(payload_files(bundle()), payload_files(folder_ / "whole"));
}

TEST_F(ExportTest, D21_AFailedMergeIsNoCompleteBundle) {
  // Everything is computed; then something stands where the merged file belongs.
  const fs::path merged = bundle() / "adapted_tensors.safetensors";
  const Exported failed = do_export(options(), [&](const std::string& event) {
    if (event == "artifact_merge_started") fs::create_directories(merged / "in the way");
  });
  EXPECT_EQ(failed.tag(), "adapted_merge_error") << failed.message();
  EXPECT_NE(failed.event("artifact_merge_failed"), nullptr);
  EXPECT_EQ(failed.event("export_finished"), nullptr);
  const Json m = manifest_of(bundle());
  EXPECT_EQ(m["status"], "failed");
  EXPECT_EQ(m["export_complete"], false);
  EXPECT_FALSE(bundle::Bundle::open(bundle()));
  // What was computed is kept: with the way free, a rerun only merges.
  fs::remove_all(merged);
  bundle::ExportOptions again = options();
  again.resume = true;
  const Exported mended = do_export(again);
  ASSERT_TRUE(mended.report) << mended.message();
  EXPECT_EQ(mended.event("tensor_export_started"), nullptr);
  expect_valid(bundle());
}

}  // namespace
}  // namespace trinity::testing
