// Importing components of the Python lane: both generations of manifests, orientation, resuming,
// and what hostile or damaged input cannot do.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "adapt/tensor_naming.h"
#include "base/sha256.h"
#include "bundle/bundle_paths.h"
#include "interchange/component_files.h"
#include "interchange/python_import.h"
#include "tensor/float_cast.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGate = "model.layers.26.mlp.gate_proj.weight";
constexpr const char* kKey = "model.layers.26.self_attn.k_proj.weight";

/// A components bundle with one 2x2 tensor that a test then changes.
class ImportTest : public ::testing::Test {
 protected:
  ImportTest() {
    components_ = {{"svd.U.w", {{2, 2}, {1, 0, 0, 1}}},
                   {"svd.S.w", {{2}, {1, 2}}},
                   {"svd.V.w", {{2, 2}, {1, 0, 0, 1}}}};
    scales_ = {{"svf.scale_offsets.w", {{2}, {0, 0}}}};
    head_ = {{"head", {{4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}}}};
    manifest_ = {{"components_path", interchange::kPythonComponentsFile},
                 {"scale_offsets_path", interchange::kPythonScalesFile},
                 {"router_head_path", interchange::kPythonHeadFile},
                 {"selected_tensors",
                  {{{"source_name", kGate},
                    {"elixir_name", "decoder.blocks.26.ffn.gate.kernel"},
                    {"shape", {2, 2}},
                    {"safe_key", "w"}}}}};
    options_.source = folder_ / "source";
    options_.out = folder_ / "out";
    options_.head_shape = {4, 2};
    options_.root = folder_.path();
    options_.producer = "test";
  }

  void write_input() {
    fs::create_directories(options_.source);
    write_tensors(options_.source / interchange::kPythonComponentsFile, components_);
    write_tensors(options_.source / interchange::kPythonScalesFile, scales_);
    write_tensors(options_.source / interchange::kPythonHeadFile, head_);
    std::ofstream(options_.source / interchange::kPythonManifestFile) << manifest_.dump();
  }

  Result<bundle::BundleReport> import() {
    return interchange::import_python_components(
        f32_backend(), options_,
        [this](const std::string& name, const auto&) { events_.push_back(name); }, {});
  }
  Result<bundle::BundleReport> write_and_import() {
    write_input();
    return import();
  }

  std::string failing_tag() {
    const auto report = write_and_import();
    message_ = report ? "" : report.error().message;
    return report ? "no error" : report.error().tag;
  }

  FloatTensor imported(const bundle::BundleReport& report, size_t place = 0) const {
    const bundle::ManifestTensor& entry = report.manifest.tensors[place];
    return read_tensor(options_.out / entry.checkpoint_path, entry.artifact_key);
  }

  TemporaryFolder folder_;
  FloatTensors components_, scales_, head_;
  Json manifest_;
  interchange::ImportOptions options_;
  std::vector<std::string> events_;
  std::string message_;
};

TEST_F(ImportTest, PI_1_AFlatManifestBecomesACompleteBundle) {
  const auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  const auto manifest = bundle::load_manifest(options_.out);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_TRUE(bundle::require_complete(*manifest));
  ASSERT_EQ(manifest->tensors.size(), 1U);
  EXPECT_EQ(manifest->tensors[0].imported.target_verified, false);
  EXPECT_EQ(manifest->tensors[0].type, "{:f, 32}");
  EXPECT_EQ(manifest->adapted.layout, bundle::ArtifactLayout::checkpoint_directory);
  EXPECT_EQ(manifest->head.shape, (std::vector<int64_t>{4, 2}));
  EXPECT_EQ(imported(*report).values, (std::vector<float>{1, 0, 0, 2}));
  EXPECT_EQ(read_tensor(options_.out / bundle::kHeadFile, bundle::kHeadTensorKey).values,
            (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(manifest->head.sha256, *sha256_file(options_.out / bundle::kHeadFile));
  EXPECT_EQ(manifest->tensors[0].checkpoint_sha256,
            *sha256_file(options_.out / manifest->tensors[0].checkpoint_path));
  EXPECT_EQ(manifest->vector.path, "python_semantic_bundle");
  EXPECT_EQ(manifest->vector.tensor, "python_semantic_components");
  EXPECT_EQ(manifest->vector.shape, (std::vector<int64_t>{10}));
  EXPECT_EQ(manifest->imported.python_manifest_path,
            std::string("source/") + interchange::kPythonManifestFile);
  EXPECT_EQ(events_, (std::vector<std::string>{
                         "python_import_started", "python_import_tensor_started",
                         "python_import_tensor_checkpoint_written", "python_import_write_started",
                         "python_import_write_finished", "python_import_finished"}));
}

TEST_F(ImportTest, PI_2_TheFullExportersManifestIsRead) {
  manifest_ = {
      {"format", "trinity_sakana_safetensors_export"},
      {"version", 1},
      {"source", {{"router_vector_sha256", std::string(64, 'a')}, {"router_vector", "v.npy"}}},
      {"routing", {{"head_tensor", "head"}, {"head_shape", {4, 2}}}},
      {"svf",
       {{"entries",
         {{{"source_parameter", kGate},
           {"safe_parameter", "w"},
           {"scale_tensor", "svf.scale_offsets.w"},
           {"component_tensors", {{"u", "svd.U.w"}, {"s", "svd.S.w"}, {"v", "svd.V.w"}}},
           {"offset_start", 0},
           {"offset_end", 2},
           {"num_singular_values", 2},
           {"shape", {2}}}}}}},
      {"outputs",
       {{"components", interchange::kPythonComponentsFile},
        {"scale_offsets", interchange::kPythonScalesFile},
        {"head", interchange::kPythonHeadFile}}}};
  const auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->manifest.vector.sha256, std::string(64, 'a'));
  EXPECT_EQ(report->manifest.vector.path, "v.npy");
  EXPECT_EQ(report->manifest.tensors[0].path, "decoder.blocks.26.ffn.gate.kernel");
  EXPECT_EQ(report->manifest.tensors[0].shape, (std::vector<int64_t>{2, 2}));
}

TEST_F(ImportTest, PI_3_AHeadOfAnotherShapeIsRefused) {
  options_.head_shape = {10, 1024};
  head_ = {{"head", {{9, 1024}, std::vector<float>(9 * 1024)}}};
  EXPECT_EQ(failing_tag(), "router_head_shape_mismatch");
  EXPECT_NE(message_.find("router_head_shape_mismatch([10, 1024], [9, 1024])"), std::string::npos)
      << message_;
  EXPECT_FALSE(fs::exists(options_.out));
}

TEST_F(ImportTest, PI_4_AWrongComponentKeyIsNamedWithItsTensor) {
  manifest_["selected_tensors"][0]["component_tensors"] = {{"u", "svd.U.absent"}};
  EXPECT_EQ(failing_tag(), "reconstruct_error");
  EXPECT_NE(message_.find(kGate), std::string::npos);
  EXPECT_NE(message_.find("svd.U.absent"), std::string::npos);
}

TEST_F(ImportTest, PI_5_TheDefaultLayoutIsTorchV) {
  components_["svd.V.w"].values = {0, -1, 1, 0};
  manifest_["selected_tensors"][0]["source_name"] = "model.embed_tokens.weight";
  manifest_["selected_tensors"][0]["elixir_name"] = "embedder.token_embedding.kernel";
  auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(imported(*report).values, (std::vector<float>{0, 1, -2, 0}));
  EXPECT_EQ(report->manifest.tensors[0].imported.python_v_layout, "torch_v");
  for (const char* layout : {"nx", "vh"}) {
    manifest_["selected_tensors"][0]["v_layout"] = layout;
    options_.force = true;
    report = write_and_import();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(imported(*report).values, (std::vector<float>{0, -1, 2, 0}));
  }
  manifest_["selected_tensors"][0]["v_layout"] = "sideways";
  EXPECT_EQ(failing_tag(), "unknown_v_layout");
}

TEST_F(ImportTest, PI_6_ASquareKeyProjectionIsTransposedByItsName) {
  components_["svd.V.w"].values = {0, -1, 1, 0};
  manifest_["selected_tensors"][0]["source_name"] = kKey;
  manifest_["selected_tensors"][0]["elixir_name"] = "decoder.blocks.26.self_attention.key.kernel";
  const auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(imported(*report).values, (std::vector<float>{0, -2, 1, 0}));
}

TEST(ImportProvenance, PI_7_to_11_PathsTellNothingAboutTheMachine) {
  EXPECT_EQ(interchange::provenance_path("/repo/a/b.json", "/repo"), "a/b.json");
  EXPECT_EQ(interchange::provenance_path("relative/thing.json", "/repo"), "relative/thing.json");
  EXPECT_EQ(interchange::provenance_path("/elsewhere/external_thing.json", "/repo"),
            "<external>:external_thing.json");
  EXPECT_EQ(interchange::provenance_path("/repository/x.json", "/repo"), "<external>:x.json");
  EXPECT_EQ(interchange::provenance_path("/repo/../x.json", "/repo"), "<external>:x.json");
  EXPECT_EQ(interchange::provenance_path("/repo", "/repo"), ".");
  bundle::Manifest manifest;  // no path: null
  manifest.imported.importer = "test";
  manifest.head.shape = {4, 2};
  EXPECT_TRUE(Json::parse(bundle::manifest_json(manifest))["reference_manifest_path"].is_null());
}

/// A folder with the headers that a base model has.
void write_model(const fs::path& path, DType dtype, const std::vector<int64_t>& shape,
                 const std::string& name) {
  fs::create_directories(path);
  std::vector<std::byte> bytes(static_cast<size_t>(shape[0] * shape[1] * dtype_size(dtype)),
                               std::byte{0});
  ASSERT_TRUE(write_safetensors(path / "model.safetensors", {{name, {dtype, shape, bytes}}}));
}

TEST_F(ImportTest, TheBaseModelGivesTypeAndShape) {
  components_ = {{"svd.U.w", {{3, 2}, {1, 0, 0, 1, 0.1F, 0.2F}}},
                 {"svd.S.w", {{2}, {3, 1}}},
                 {"svd.V.w", {{2, 2}, {0.3F, 0.7F, 0.7F, -0.3F}}}};
  scales_["svf.scale_offsets.w"].values = {0.25F, -0.5F};
  manifest_["selected_tensors"][0].erase("shape");
  write_model(folder_ / "model", DType::bf16, {3, 2}, kGate);
  options_.model = folder_ / "model";
  const auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  const bundle::ManifestTensor& entry = report->manifest.tensors[0];
  EXPECT_EQ(entry.type, "{:bf, 16}");
  EXPECT_EQ(entry.imported.target_verified, true);
  EXPECT_EQ(entry.shape, (std::vector<int64_t>{2, 3}));
  const FloatTensor result = imported(*report);
  const float s0 = 3 * 1.25F, s1 = 1 * 0.5F, norm = 4 / (s0 + s1);
  const float u[3][2] = {{1, 0}, {0, 1}, {0.1F, 0.2F}}, v[2][2] = {{0.3F, 0.7F}, {0.7F, -0.3F}};
  for (size_t row = 0; row < 3; ++row)
    for (size_t column = 0; column < 2; ++column) {
      const double exact =
          (double{u[row][0]} * s0 * v[column][0] + double{u[row][1]} * s1 * v[column][1]) * norm;
      EXPECT_NEAR(result.values[column * 3 + row], exact, 0.004 * std::abs(exact));
    }
  write_model(folder_ / "other", DType::bf16, {3, 5}, kGate);
  options_.model = folder_ / "other";
  options_.force = true;
  EXPECT_EQ(failing_tag(), "reconstruct_error");
  write_model(folder_ / "third", DType::bf16, {3, 2}, kKey);
  options_.model = folder_ / "third";
  EXPECT_EQ(failing_tag(), "missing_target_tensor");
  options_.model = folder_ / "absent";
  EXPECT_EQ(failing_tag(), "qwen_target_load_error");
}

TEST_F(ImportTest, ResumingKeepsValidCheckpointsAndRebuildsOthers) {
  ASSERT_TRUE(write_and_import());
  auto again = import();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().tag, "output_dir_already_exists_without_resume");
  options_.resume = true;
  again = import();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->kept, 1);
  EXPECT_EQ(again->written, 0);
  const fs::path checkpoint = options_.out / again->manifest.tensors[0].checkpoint_path;
  const std::string before = slurp(checkpoint);
  std::ofstream(checkpoint, std::ios::binary | std::ios::app) << "x";
  again = import();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->written, 1);
  EXPECT_EQ(slurp(checkpoint), before);
  // Other components are another import.
  components_["svd.S.w"].values = {1, 3};
  write_input();
  again = import();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().tag, "python_importer_exception");
  EXPECT_NE(again.error().message.find("identity mismatch"), std::string::npos);
  options_.force = true;
  again = import();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(imported(*again).values[3], 3);
}

TEST_F(ImportTest, AResumedFolderNeedsAManifest) {
  write_input();
  folder_.put("out/other.txt", "mine");
  options_.resume = true;
  EXPECT_EQ(import().error().tag, "missing_manifest_for_resume");
  options_.force = true;
  EXPECT_EQ(import().error().tag, "output_is_no_bundle");
  folder_.put("out/manifest.json", R"({"artifact_version":1,"selected_tensors":[]})");
  ASSERT_TRUE(import());
  EXPECT_EQ(slurp(options_.out / "other.txt"), "mine");
}

TEST_F(ImportTest, ACompleteBundleIsLeftAsItIsToTheByte) {
  ASSERT_TRUE(write_and_import());
  const std::string manifest = slurp(options_.out / bundle::kManifestFile);
  struct stat head {};
  ASSERT_EQ(::stat((options_.out / bundle::kHeadFile).c_str(), &head), 0);
  options_.resume = true;
  const auto again = interchange::import_python_components(
      f32_backend(), options_,
      [&](const std::string& name, const auto&) {
        EXPECT_EQ(slurp(options_.out / bundle::kManifestFile), manifest) << "at " << name;
      },
      {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->kept, 1);
  EXPECT_EQ(again->manifest.progress.status, "complete");
  EXPECT_EQ(slurp(options_.out / bundle::kManifestFile), manifest);
  struct stat now {};
  ASSERT_EQ(::stat((options_.out / bundle::kHeadFile).c_str(), &now), 0);
  EXPECT_EQ(now.st_ino, head.st_ino);
  // A head that is not the recorded one is written again.
  std::ofstream(options_.out / bundle::kHeadFile, std::ios::binary | std::ios::app) << "x";
  ASSERT_TRUE(import());
  EXPECT_EQ(sha256_file(options_.out / bundle::kHeadFile).value(), *again->manifest.head.sha256);
}

TEST_F(ImportTest, WhateverFailsOnceItHasBegunIsInTheManifest) {
  write_input();
  const auto report = interchange::import_python_components(
      f32_backend(), options_,
      [&](const std::string& name, const auto&) {
        if (name == "python_import_write_started")
          folder_.put(std::string("out/") + bundle::kHeadFile + "/in the way", "x");
      },
      {});
  ASSERT_FALSE(report);
  const auto manifest = bundle::load_manifest(options_.out);
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->progress.status, "failed");
}

TEST_F(ImportTest, MissingAndBrokenFilesAreTyped) {
  EXPECT_EQ(import().error().tag, "missing_json");
  write_input();
  std::ofstream(options_.source / interchange::kPythonManifestFile) << "{\"a\":";
  EXPECT_EQ(import().error().tag, "invalid_json");
  write_input();
  fs::remove(options_.source / interchange::kPythonScalesFile);
  EXPECT_EQ(import().error().tag, "safetensors_read_error");
  manifest_.erase("selected_tensors");
  EXPECT_EQ(failing_tag(), "missing_selected_tensors");
  manifest_["router_head_tensor"] = "absent";
  manifest_["tensors"] = {{{"name", kGate}, {"safe_key", "w"}}};
  EXPECT_EQ(failing_tag(), "missing_router_head_tensor");
  manifest_["router_head_tensor"] = "head";
  manifest_["tensors"] = {{{"name", "unheard.of"}, {"safe_key", "w"}}};
  EXPECT_EQ(failing_tag(), "missing_elixir_name");
  manifest_["tensors"] = {{{"safe_key", "w"}}};
  EXPECT_EQ(failing_tag(), "missing_tensor_name");
  EXPECT_FALSE(fs::exists(options_.out));
}

TEST_F(ImportTest, TheReferenceManifestNamesWhatThePythonManifestLeavesOut) {
  manifest_.erase("selected_tensors");
  components_ = {{std::string("svd.U.") + kGate, {{2, 2}, {1, 0, 0, 1}}},
                 {std::string("svd.S.") + kGate, {{2}, {1, 2}}},
                 {std::string("svd.V.") + kGate, {{2, 2}, {1, 0, 0, 1}}}};
  scales_ = {{std::string("svf.scale_offsets.") + kGate, {{2}, {0, 0}}}};
  folder_.put("reference.json",
              Json{{"selected_tensors", {{{"source_name", kGate}, {"elixir_name", "some.kernel"}}}}}
                  .dump());
  options_.reference = folder_ / "reference.json";
  const auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->manifest.tensors[0].path, "some.kernel");
  EXPECT_EQ(report->manifest.imported.python_reference_manifest_loaded, true);
  EXPECT_EQ(report->manifest.imported.reference_manifest_path, "reference.json");
}

TEST_F(ImportTest, DamagedNumbersAreRefusedWithTheTensorsName) {
  const auto expect_refused = [&](const char* cause) {
    options_.force = true;
    EXPECT_EQ(failing_tag(), "reconstruct_error") << cause;
    EXPECT_NE(message_.find(kGate), std::string::npos) << message_;
    EXPECT_NE(message_.find(cause), std::string::npos) << message_;
  };
  const FloatTensors good = components_;
  components_["svd.U.w"].values[1] = NAN;
  expect_refused("non_finite_values");
  components_ = good;
  components_["svd.V.w"].values[1] = INFINITY;
  expect_refused("non_finite_values");
  components_ = good;
  components_["svd.S.w"].values[0] = NAN;
  expect_refused("non_finite_values");
  components_ = good;
  components_["svd.S.w"] = {{3}, {1, 2, 3}};
  expect_refused("component_shape_mismatch");
  components_ = good;
  scales_["svf.scale_offsets.w"].values = {1, -2};  // 1·2 + 2·(−1) = 0
  expect_refused("degenerate_normalization");
  // A bundle whose making failed is not complete.
  if (fs::exists(options_.out / bundle::kManifestFile)) {
    const auto manifest = bundle::load_manifest(options_.out);
    ASSERT_TRUE(manifest);
    EXPECT_FALSE(bundle::require_complete(*manifest));
  }
}

TEST_F(ImportTest, HostileNamesAndLinksWriteNothingOutside) {
  manifest_["selected_tensors"][0]["elixir_name"] = "../../../escaped/kernel";
  auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(bundle::require_inside(report->manifest.tensors[0].checkpoint_path));
  EXPECT_EQ(report->manifest.tensors[0].checkpoint_path.find('/'),
            std::string("checkpoints").size());
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
    EXPECT_EQ(entry.path().string().find("escaped/"), std::string::npos);
  // A folder that leads elsewhere.
  fs::remove_all(options_.out);
  fs::create_directories(options_.out);
  fs::create_directories(folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", options_.out / "checkpoints");
  options_.force = true;
  report = import();
  ASSERT_FALSE(report);
  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
  // Two tensors that would be one.
  options_.out = folder_ / "second";
  manifest_["selected_tensors"].push_back(manifest_["selected_tensors"][0]);
  EXPECT_EQ(failing_tag(), "duplicate_tensor");
}

TEST_F(ImportTest, SVD_5_SVD_8_NamesWithDotsKeepTheirOrderAndTheirParts) {
  std::vector<std::string> paths = {"z", "layer.with.dots.kernel", "b.0", "a.matrix"};
  std::sort(paths.begin(), paths.end(), adapt::canonical_before);
  EXPECT_EQ(paths, (std::vector<std::string>{"a.matrix", "b.0", "layer.with.dots.kernel", "z"}));

  const float c = 0.6F, d = 0.8F;  // rotations, so the sources can be worked out
  Json entries = Json::array();
  for (const std::string path : {"b.0", "layer.with.dots.kernel"}) {
    components_["svd.U." + path] = {{2, 2}, {c, -d, d, c}};
    components_["svd.S." + path] = {{2}, {3, 1}};
    components_["svd.V." + path] = {{2, 2}, {d, -c, c, d}};
    scales_["svf.scale_offsets." + path] = {{2}, {0, 0}};
    entries.push_back({{"source_name", path}, {"elixir_name", path}});
  }
  manifest_["selected_tensors"] = entries;
  const auto report = write_and_import();
  ASSERT_TRUE(report) << report.error().message;
  const auto manifest = bundle::load_manifest(options_.out);
  ASSERT_TRUE(manifest);
  ASSERT_EQ(manifest->tensors.size(), 2U);
  EXPECT_EQ(manifest->tensors[0].path, "b.0");
  EXPECT_EQ(manifest->tensors[1].path, "layer.with.dots.kernel");
  EXPECT_EQ(manifest->tensors[1].segments, (std::vector<std::string>{"layer.with.dots", "kernel"}));
  EXPECT_EQ(manifest->tensors[1].offset_start, 2);
  EXPECT_EQ(manifest->selected_singular_value_count, 4);
  for (size_t place = 0; place < 2; ++place) {
    EXPECT_EQ(manifest->tensors[place].type, "{:f, 32}");
    const FloatTensor result = imported(*report, place);
    const float source[] = {3 * c * d + d * c, 3 * c * c - d * d, 3 * d * d - c * c,
                            3 * d * c + c * d};
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(result.values[i], source[i], 1e-6);
  }
}

TEST_F(ImportTest, ImportingTwiceGivesEqualFiles) {
  ASSERT_TRUE(write_and_import());
  options_.out = folder_ / "second";
  const auto report = import();
  ASSERT_TRUE(report);
  const std::string name = report->manifest.tensors[0].checkpoint_path;
  EXPECT_EQ(slurp((folder_ / "out") / name), slurp((folder_ / "second") / name));
}

}  // namespace
}  // namespace trinity::testing
