// When two exports are the same work, and when they are not.
#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, SVD_12_AnotherVectorIsAnotherExport) {
  ASSERT_TRUE(do_export(options()).report);
  const auto before = payload_files(bundle());
  const auto expect_mismatch = [&](bundle::ExportOptions other, const std::string& field) {
    other.resume = true;
    const Exported exported = do_export(other);
    EXPECT_EQ(exported.tag(), "export_exception");
    EXPECT_NE(exported.message().find("existing manifest identity mismatch"), std::string::npos);
    EXPECT_NE(exported.message().find(field), std::string::npos) << exported.message();
    EXPECT_EQ(exported.names.back(), "export_failed");
    EXPECT_TRUE(exported.events.back().at("reason").is_string());
    EXPECT_EQ(log_names(bundle()).back(), "export_failed");
    EXPECT_EQ(payload_files(bundle()), before);
    expect_valid(bundle());
  };
  bundle::ExportOptions other = options();
  other.vector = folder_ / "other.safetensors";
  write_vector(other.vector, kWorldNumbers, 4);
  expect_mismatch(other, "source_vector_sha256");
  other = options();
  other.adaptation.tie_mode = TieMode::last_write;
  expect_mismatch(other, "tie_mode");
  other = options();
  other.adaptation.compute_type = adapt::SvdComputeType::source;
  expect_mismatch(other, "svd_compute_type");
  other = options();
  other.compact = true;
  expect_mismatch(other, "artifact_layout");
  other = options();
  other.base_model_repo = "another/model";
  expect_mismatch(other, "base_model_repo");
  other = options();
  other.layers = {0};
  expect_mismatch(other, "selected_tensors");
  // The same name over other weights.
  const auto made = model::synthesize_model(world_config(), 12, folder_ / "model");
  ASSERT_TRUE(made);
  other = options();
  other.model = folder_ / "model";
  expect_mismatch(other, "base model");
  // How the vector's path is spelled does not matter.
  other = options();
  fs::copy_file(shared_world().vector(), folder_ / "copy.safetensors");
  other.vector = folder_ / "copy.safetensors";
  other.resume = true;
  EXPECT_EQ(do_export(other).tag(), "ok");
}

TEST_F(ExportTest, AModelFolderUnderAnotherNameIsTheSameModel) {
  bundle::ExportOptions one = options();
  one.only_index = 4;
  ASSERT_TRUE(do_export(one).report);
  fs::copy(shared_world().model(), folder_ / "renamed", fs::copy_options::recursive);
  bundle::ExportOptions rest = options();
  rest.resume = true;
  rest.model = folder_ / "renamed";
  const Exported resumed = do_export(rest);
  ASSERT_TRUE(resumed.report) << resumed.message();
  EXPECT_EQ(resumed.report->kept, 1);
  EXPECT_EQ(manifest_of(bundle())["base_model_repo"], "model");
  expect_valid(bundle(), rest.model);
  // Not so with other weights, and not where the name was given.
  ASSERT_TRUE(model::synthesize_model(world_config(), 12, folder_ / "other"));
  rest.model = folder_ / "other";
  EXPECT_EQ(do_export(rest).tag(), "export_exception");
  rest.model = folder_ / "renamed";
  rest.base_model_repo = "another/model";
  EXPECT_EQ(do_export(rest).tag(), "export_exception");
  expect_valid(bundle(), shared_world().model());
}

}  // namespace
}  // namespace trinity::testing
