// What an export says while it runs: its events, and what the manifest holds at the end.
#include "base/sha256.h"
#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

/// "2026-01-31T23:59:59Z".
bool is_utc_time(const std::string& text) {
  const std::string shape = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return false;
  }
  return true;
}

TEST_F(ExportTest, EventsAreLoggedInOrderAndOnce) {
  const Exported exported = do_export(options());
  ASSERT_TRUE(exported.report) << exported.message();
  expect_order(exported.names, 9, true);
  EXPECT_EQ(log_names(bundle()), exported.names);  // export_started too
  // The progress of a tensor directly precedes its end, and follows its start.
  std::map<std::string, int> state;
  for (size_t i = 0; i < exported.names.size(); ++i) {
    const std::string& name = exported.names[i];
    if (name.rfind("tensor_export_", 0) != 0) continue;
    int& at = state[exported.events[i].at("path").get<std::string>()];
    EXPECT_EQ(at, name == "tensor_export_started" ? 0 : name == "tensor_export_progress" ? 1 : 2);
    ++at;
  }
  EXPECT_EQ(state.size(), 9U);
  const Json& started = *exported.event("tensor_export_started");
  EXPECT_EQ(started, (Json{{"index", 1}, {"total", 9}, {"path", kPaths[0]}}));
  EXPECT_EQ(*exported.event("export_finished"), (Json{{"status", "complete"}}));
  EXPECT_EQ(*exported.event("manifest_complete"), (Json{{"completed", 9}}));
  EXPECT_EQ(exported.event("artifact_merge_started")->at("selected_tensors"), 9);
  std::ifstream log(bundle() / "export.log.jsonl");
  for (std::string line; std::getline(log, line);) {
    const Json event = Json::parse(line);
    EXPECT_EQ(event.begin().key() == "event" || event.contains("event"), true);
    EXPECT_TRUE(is_utc_time(event.at("event_time_utc").get<std::string>())) << line;
    EXPECT_EQ(line.find(": "), std::string::npos);  // compact
  }
}

TEST_F(ExportTest, SVD_16_TheManifestSaysWhatWasDone) {
  ASSERT_TRUE(do_export(options()).report);
  const Json m = manifest_of(bundle());
  Strings keys;
  for (const auto& [key, value] : m.items()) keys.push_back(key);
  for (const char* key : {"artifact_version",
                          "status",
                          "export_complete",
                          "partial_debug_only",
                          "created_at",
                          "updated_at",
                          "base_model_repo",
                          "bumblebee_module",
                          "architecture",
                          "xla_target",
                          "export_backend",
                          "export_spec",
                          "source_vector_path",
                          "source_vector_tensor",
                          "source_vector_shape",
                          "source_vector_sha256",
                          "scale_offset_count",
                          "router_head_shape",
                          "router_head_artifact",
                          "router_head_tensor_key",
                          "router_head_sha256",
                          "adapted_tensors_artifact",
                          "adapted_tensors_sha256",
                          "artifact_layout",
                          "selected_tensor_count",
                          "selected_singular_value_count",
                          "selected_tensors",
                          "source_split",
                          "split",
                          "only_index",
                          "skip_existing",
                          "fidelity_mode",
                          "tie_mode",
                          "svd_compute_type",
                          "producer",
                          "producer_profile",
                          "base_model_sha256"})
    EXPECT_TRUE(m.contains(key)) << key;
  EXPECT_FALSE(m.contains("importer"));
  EXPECT_EQ(m["artifact_version"], 1);
  EXPECT_EQ(m["status"], "complete");
  EXPECT_EQ(m["export_complete"], true);
  EXPECT_EQ(m["partial_debug_only"], false);
  EXPECT_EQ(m["artifact_layout"], "single_file");
  EXPECT_EQ(m["bumblebee_module"], "Bumblebee.Text.Qwen3");
  EXPECT_EQ(m["architecture"], "for_causal_language_modeling");
  EXPECT_EQ(m["source_vector_shape"], (Json{kWorldNumbers}));
  EXPECT_EQ(m["source_vector_sha256"], *sha256_file(shared_world().vector()));
  EXPECT_EQ(m["scale_offset_count"], kWorldOffsets);
  EXPECT_EQ(m["selected_singular_value_count"], kWorldOffsets);
  EXPECT_EQ(m["selected_tensor_count"], 9);
  EXPECT_EQ(m["router_head_shape"], (Json{10, 64}));
  EXPECT_EQ(m["router_head_sha256"], *sha256_file(bundle() / "router_head.safetensors"));
  EXPECT_EQ(m["adapted_tensors_sha256"], *sha256_file(bundle() / "adapted_tensors.safetensors"));
  EXPECT_EQ(m["source_split"],
            (Json{{"scale_count", kWorldOffsets}, {"hidden_size", 64}, {"output_count", 10}}));
  EXPECT_EQ(m["split"], (Json{{"scale_count", kWorldOffsets}, {"head_count", 640}}));
  EXPECT_EQ(m["export_spec"]["selected_layer_indices"], (Json{1}));
  EXPECT_EQ(m["export_spec"]["source_vector_size"], kWorldNumbers);
  EXPECT_EQ(m["tie_mode"], "embed_offsets");
  EXPECT_EQ(m["fidelity_mode"], "reference");
  ASSERT_EQ(m["selected_tensors"].size(), 9U);
  int64_t cursor = 0;
  for (size_t i = 0; i < 9; ++i) {
    const Json& t = m["selected_tensors"][i];
    SCOPED_TRACE(t["path"].get<std::string>());
    EXPECT_EQ(t["index"], i + 1);
    EXPECT_EQ(t["path"], kPaths[i]);
    EXPECT_EQ(t["artifact_key"], kPaths[i]);
    EXPECT_EQ(t["type"], "{:bf, 16}");
    EXPECT_EQ(t["source_type"], "{:bf, 16}");
    EXPECT_EQ(t["svd_compute_type"], "f32");
    EXPECT_EQ(t["status"], "complete");
    EXPECT_EQ(t["offset_start"], cursor);
    cursor = t["offset_end"];
    const std::string file = fmt::format("checkpoints/{:04}_{}.safetensors", i + 1, kPaths[i]);
    EXPECT_EQ(t["checkpoint_path"], file);
    EXPECT_EQ(t["checkpoint_sha256"], *sha256_file(bundle() / file));
    for (const char* label : {"backend_observed_during_export", "u_backend", "s_backend",
                              "v_backend", "adapted_backend"})
      EXPECT_FALSE(t[label].get<std::string>().empty());
    EXPECT_EQ(t["error"], nullptr);
    EXPECT_GE(t["decompose_elapsed_ms"].get<int64_t>(), 0);
    EXPECT_GT(t["svd_gap_report"]["smallest_relative_gap"].get<double>(), 0);
    EXPECT_EQ(t["decompose_source_type"], "{:bf, 16}");
    EXPECT_EQ(t["reconstructed_type_before_cast"], "{:f, 32}");
    EXPECT_EQ(t["checkpoint_type"], "{:bf, 16}");
    const auto checkpoint = SafetensorsFile::open(bundle() / file);
    ASSERT_TRUE(checkpoint);
    ASSERT_EQ(checkpoint->tensors().size(), 1U);
    EXPECT_EQ(checkpoint->tensors()[0].shape, t["shape"].get<std::vector<int64_t>>());
  }
  EXPECT_EQ(cursor, kWorldOffsets);
  EXPECT_EQ(slurp(bundle() / "manifest.json").find('\n'), std::string::npos);
  expect_valid(bundle(), shared_world().model());
}

}  // namespace
}  // namespace trinity::testing
