// The export from its first event to its last, in every state a folder can be in.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "base/sha256.h"
#include "bundle/bundle.h"
#include "bundle/export_folder.h"
#include "bundle/exporter.h"
#include "bundle/small_world.h"
#include "bundle/verify.h"

namespace trinity::testing {
namespace {

class ExportTest : public ::testing::Test {
 protected:
  ExportOptions options(const std::string& out = "bundle") const {
    ExportOptions made = shared_world().options();
    made.out = folder_ / out;
    return made;
  }
  fs::path bundle() const { return folder_ / "bundle"; }
  static void expect_valid(const fs::path& folder, const fs::path& model = {}) {
    const auto report = verify_bundle(folder, {model});
    ASSERT_TRUE(report) << report.error().message;
    for (const Finding& finding : report->findings)
      EXPECT_TRUE(finding.ok) << finding.subject << ": " << finding.message;
    EXPECT_EQ(report->status, "complete");
  }
  TemporaryFolder folder_;
};

const Strings kPaths = {"embedder.token_embedding.kernel",
                        "decoder.blocks.1.self_attention.query.kernel",
                        "decoder.blocks.1.self_attention.key.kernel",
                        "decoder.blocks.1.self_attention.value.kernel",
                        "decoder.blocks.1.self_attention.output.kernel",
                        "decoder.blocks.1.ffn.gate.kernel",
                        "decoder.blocks.1.ffn.intermediate.kernel",
                        "decoder.blocks.1.ffn.output.kernel",
                        "language_modeling_head.output.kernel"};

/// By this a folder is known for a bundle's, whatever else is wrong with it.
constexpr const char* kEarlierManifest = R"({"artifact_version":1,"selected_tensors":[]})";

/// Content, place on the disk and last change of everything below a folder.
std::map<std::string, std::string> everything_in(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0) continue;
    std::string& one = all[fs::relative(entry.path(), folder).string()];
    one = fmt::format("{} {}.{} ", status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    if (entry.is_regular_file()) one += slurp(entry.path());
  }
  return all;
}

/// Events of one tensor do not mix with those of the head and the end; between tensors the writer
/// runs behind.
void expect_order(const Strings& names, size_t tensors, bool merged) {
  ASSERT_GE(names.size(), 2U);
  EXPECT_EQ(names[0], "export_started");
  EXPECT_EQ(names[1], "router_head_export_complete");
  Strings tail = {"manifest_complete", "export_finished"};
  if (merged) tail.insert(tail.begin(), {"artifact_merge_started", "artifact_merge_complete"});
  ASSERT_EQ(names.size(), 2 + 3 * tensors + tail.size());
  EXPECT_TRUE(std::equal(tail.rbegin(), tail.rend(), names.rbegin()));
  for (const char* name :
       {"tensor_export_started", "tensor_export_progress", "tensor_export_finished"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), static_cast<long>(tensors)) << name;
}

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

TEST_F(ExportTest, AnUntiedModelHasItsOwnHeadTensor) {
  const SmallWorld untied(300, false);
  ExportOptions made = untied.options();
  made.out = bundle();
  ASSERT_TRUE(do_export(made).report);
  const Json m = manifest_of(bundle());
  EXPECT_NE(m["selected_tensors"][0]["source_sha256"], m["selected_tensors"][8]["source_sha256"]);
  expect_valid(bundle(), untied.model());
}

TEST_F(ExportTest, SVD_11_OneTensorAloneLeavesThePartialBundle) {
  ExportOptions one = options();
  one.only_index = 4;
  const Exported exported = do_export(one);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(exported.names,
            (Strings{"export_started", "router_head_export_complete", "tensor_export_started",
                     "tensor_export_progress", "tensor_export_finished",
                     "manifest_partial_only_index", "manifest_partial", "export_finished"}));
  EXPECT_EQ(*exported.event("manifest_partial"), (Json{{"completed", 1}, {"total", 9}}));
  EXPECT_EQ(*exported.event("manifest_partial_only_index"), (Json{{"only_index", 4}}));
  EXPECT_EQ(*exported.event("export_finished"), (Json{{"status", "partial"}}));
  const Json m = manifest_of(bundle());
  EXPECT_EQ(m["status"], "partial");
  EXPECT_EQ(m["export_complete"], false);
  EXPECT_EQ(m["only_index"], 4);
  EXPECT_EQ(m["router_head_shape"], (Json{10, 64}));
  ASSERT_EQ(m["selected_tensors"].size(), 9U);
  for (size_t i = 0; i < 9; ++i)
    EXPECT_EQ(m["selected_tensors"][i]["status"], i == 3 ? "complete" : "pending");
  EXPECT_FALSE(fs::exists(bundle() / "adapted_tensors.safetensors"));
  const auto refused = Bundle::open(bundle());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "incomplete_artifact");
  EXPECT_TRUE(Bundle::open(bundle(), {true, true}));
  // The rest follows, and is what one run would have given.
  ExportOptions rest = options();
  rest.resume = true;
  const Exported resumed = do_export(rest);
  ASSERT_TRUE(resumed.report) << resumed.message();
  EXPECT_EQ(resumed.report->skipped, 1);
  EXPECT_EQ(resumed.report->exported, 8);
  EXPECT_EQ(*resumed.event("tensor_skipped"),
            (Json{{"path", kPaths[3]}, {"index", 4}, {"index_total", 9}}));
  EXPECT_EQ(manifest_of(bundle())["only_index"], nullptr);
  ASSERT_TRUE(do_export(options("whole")).report);
  EXPECT_EQ(payload_files(bundle()), payload_files(folder_ / "whole"));
  expect_valid(bundle(), shared_world().model());
  for (const int64_t bad : {int64_t{0}, int64_t{-1}, int64_t{10}}) {
    one.only_index = bad;
    EXPECT_EQ(do_export(one).tag(), "invalid_only_index");
  }
}

TEST_F(ExportTest, SVD_12_AnotherVectorIsAnotherExport) {
  ASSERT_TRUE(do_export(options()).report);
  const auto before = payload_files(bundle());
  const auto expect_mismatch = [&](ExportOptions other, const std::string& field) {
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
  ExportOptions other = options();
  other.vector = folder_ / "other.safetensors";
  write_vector(other.vector, kWorldNumbers, 4);
  expect_mismatch(other, "source_vector_sha256");
  other = options();
  other.adaptation.tie_mode = TieMode::last_write;
  expect_mismatch(other, "tie_mode");
  other = options();
  other.adaptation.compute_type = SvdComputeType::source;
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
  const auto made = synthesize_model(world_config(), 12, folder_ / "model");
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

TEST_F(ExportTest, SVD_13_ResumingKeepsWhatIsValid) {
  ASSERT_TRUE(do_export(options()).report);
  std::map<std::string, ino_t> inodes;
  const auto inode = [&](const std::string& name) {
    struct stat status {};
    ::stat((bundle() / name).c_str(), &status);
    return status.st_ino;
  };
  const auto before = payload_files(bundle());
  for (const auto& [name, content] : before) inodes[name] = inode(name);
  ExportOptions resume = options();
  resume.resume = true;
  const Exported exported = do_export(resume);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(exported.report->skipped, 9);
  EXPECT_EQ(exported.report->exported, 0);
  EXPECT_EQ(payload_files(bundle()), before);
  for (const auto& [name, content] : before)
    if (name != "adapted_tensors.safetensors") {
      EXPECT_EQ(inode(name), inodes[name]) << name;
    }
  EXPECT_NE(exported.event("router_head_skipped"), nullptr);
  expect_valid(bundle());
  resume.skip_existing = false;
  const Exported again = do_export(resume);
  ASSERT_TRUE(again.report);
  EXPECT_EQ(again.report->exported, 9);
  EXPECT_EQ(payload_files(bundle()), before);
}

TEST_F(ExportTest, ACompleteBundleIsLeftAsItIsToTheByte) {
  for (const bool merge : {true, false}) {
    SCOPED_TRACE(merge);
    ExportOptions made = options();
    made.merge = merge;
    made.force = true;
    ASSERT_TRUE(do_export(made).report);
    const auto before = everything_in(bundle());
    made.force = false;
    made.resume = true;
    for (const auto only : {std::optional<int64_t>(), std::optional<int64_t>(1)}) {
      made.only_index = only;
      const Exported exported = do_export(made, [&](const std::string& event) {
        EXPECT_TRUE(Bundle::open(bundle())) << "at " << event;
      });
      ASSERT_TRUE(exported.report) << exported.message();
      EXPECT_EQ(exported.report->manifest.status, "complete");
      EXPECT_EQ(exported.report->skipped, only ? 1 : 9);
      EXPECT_EQ(exported.names.front(), "export_started");
      EXPECT_EQ(*exported.event("export_finished"), (Json{{"status", "complete"}}));
      EXPECT_EQ(everything_in(bundle()), before);
    }
    expect_valid(bundle());
  }
}

TEST_F(ExportTest, MergingACompleteBundleLeavesItCompleteAllTheWay) {
  ExportOptions made = options();
  made.merge = false;
  ASSERT_TRUE(do_export(made).report);
  for (const bool merge : {true, false}) {
    made.resume = true;
    made.merge = merge;
    const Exported exported = do_export(made, [&](const std::string& event) {
      EXPECT_TRUE(Bundle::open(bundle())) << "at " << event;
    });
    ASSERT_TRUE(exported.report) << exported.message();
    EXPECT_EQ(manifest_of(bundle())["artifact_layout"],
              merge ? "single_file" : "checkpoint_directory");
    expect_valid(bundle());
  }
}

TEST_F(ExportTest, OneTensorOfACompleteBundleThatIsDamagedIsMended) {
  ExportOptions made = options();
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

TEST_F(ExportTest, AModelFolderUnderAnotherNameIsTheSameModel) {
  ExportOptions one = options();
  one.only_index = 4;
  ASSERT_TRUE(do_export(one).report);
  fs::copy(shared_world().model(), folder_ / "renamed", fs::copy_options::recursive);
  ExportOptions rest = options();
  rest.resume = true;
  rest.model = folder_ / "renamed";
  const Exported resumed = do_export(rest);
  ASSERT_TRUE(resumed.report) << resumed.message();
  EXPECT_EQ(resumed.report->skipped, 1);
  EXPECT_EQ(manifest_of(bundle())["base_model_repo"], "model");
  expect_valid(bundle(), rest.model);
  // Not so with other weights, and not where the name was given.
  ASSERT_TRUE(synthesize_model(world_config(), 12, folder_ / "other"));
  rest.model = folder_ / "other";
  EXPECT_EQ(do_export(rest).tag(), "export_exception");
  rest.model = folder_ / "renamed";
  rest.base_model_repo = "another/model";
  EXPECT_EQ(do_export(rest).tag(), "export_exception");
  expect_valid(bundle(), shared_world().model());
}

TEST_F(ExportTest, ForceReplacesBundlesAndNothingElse) {
  fs::copy(shared_world().model(), folder_ / "model", fs::copy_options::recursive);
  folder_.put("model/manifest.json", kEarlierManifest);
  folder_.put("mine/router_head.safetensors", "trained");
  folder_.put("mine/manifest.json", "{}");
  for (const auto& [name, tag] :
       {std::pair("model", "output_is_a_model"), std::pair("mine", "output_is_no_bundle")}) {
    const auto before = everything_in(folder_ / name);
    ExportOptions made = options(name);
    made.force = true;
    EXPECT_EQ(do_export(made).tag(), tag);
    made.force = false;
    const Exported refused = do_export(made);
    EXPECT_NE(refused.tag(), "ok");
    EXPECT_EQ(refused.message().find("--force"), std::string::npos) << refused.message();
    made.resume = true;
    EXPECT_NE(do_export(made).tag(), "ok");
    EXPECT_EQ(everything_in(folder_ / name), before);
  }
}

TEST_F(ExportTest, AReplacementThatWasKilledCanBeDoneAgain) {
  ASSERT_TRUE(do_export(options("whole")).report);
  folder_.put("bundle/notes.txt", "mine");
  folder_.put("bundle/manifest.replaced.json", kEarlierManifest);
  folder_.put("bundle/checkpoints/0001_x.safetensors", "old");
  ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(exported.report->foreign_files, Strings{"notes.txt"});
  fs::remove(bundle() / "notes.txt");
  EXPECT_EQ(payload_files(bundle()), payload_files(folder_ / "whole"));
}

TEST_F(ExportTest, WhatAKilledExportHalfWroteIsRemoved) {
  ExportOptions one = options();
  one.only_index = 4;
  ASSERT_TRUE(do_export(one).report);
  const fs::path left = folder_.put("bundle/checkpoints/.trinity-0123456789abcdef.tmp", "half");
  const fs::path mine = folder_.put("bundle/checkpoints/0001.tmp", "mine");
  ExportOptions rest = options();
  rest.resume = true;
  ASSERT_TRUE(do_export(rest).report);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_EQ(slurp(mine), "mine");
}

TEST_F(ExportTest, WhateverFailsOnceItHasBegunIsInTheManifest) {
  const Exported exported = do_export(options(), [&](const std::string& event) {
    if (event == "export_started") folder_.put("bundle/router_head.safetensors/in the way", "x");
  });
  EXPECT_NE(exported.tag(), "ok");
  EXPECT_EQ(manifest_of(bundle())["status"], "failed");
  EXPECT_EQ(manifest_of(bundle())["export_complete"], false);
  EXPECT_EQ(log_names(bundle()).back(), "export_failed");
}

TEST_F(ExportTest, SVD_14_ADamagedCheckpointIsRebuilt) {
  ASSERT_TRUE(do_export(options()).report);
  const auto before = payload_files(bundle());
  ExportOptions resume = options();
  resume.resume = true;
  const fs::path victim =
      bundle() / manifest_of(bundle())["selected_tensors"][5]["checkpoint_path"];
  const std::string good = slurp(victim);
  const auto expect_rebuilt = [&](const char* how) {
    const Exported exported = do_export(resume);
    ASSERT_TRUE(exported.report) << how << exported.message();
    EXPECT_EQ(exported.report->exported, 1) << how;
    EXPECT_EQ(payload_files(bundle()), before) << how;
    expect_valid(bundle());
  };
  std::string bad = good;
  bad[bad.size() - 7] ^= 1;
  std::ofstream(victim, std::ios::binary) << bad;
  const auto report = verify_bundle(bundle(), {});
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

TEST_F(ExportTest, SVD_15_ForceReplacesADirtyFolder) {
  ASSERT_TRUE(do_export(options("clean")).report);
  ExportOptions other = options();
  other.layers = {0};
  other.compact = true;
  ASSERT_TRUE(do_export(other).report);
  folder_.put("bundle/notes.txt", "mine");
  folder_.put("bundle/checkpoints/0001_x.safetensors.tmp", "left");
  folder_.put("bundle/manifest.json", "{broken");
  EXPECT_EQ(do_export(options()).tag(), "output_dir_already_exists_without_resume");
  ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(exported.report->foreign_files, Strings{"notes.txt"});
  EXPECT_EQ(exported.names.front(), "export_started");
  EXPECT_EQ(log_names(bundle()), exported.names);
  EXPECT_EQ(slurp(bundle() / "notes.txt"), "mine");
  fs::remove(bundle() / "notes.txt");
  EXPECT_EQ(payload_files(bundle()), payload_files(folder_ / "clean"));
  expect_valid(bundle());
}

TEST_F(ExportTest, FoldersThatCannotBeUsed) {
  folder_.put("bundle/other.txt", "mine");
  EXPECT_EQ(do_export(options()).tag(), "output_dir_already_exists_without_resume");
  ExportOptions resume = options();
  resume.resume = true;
  EXPECT_EQ(do_export(resume).tag(), "missing_manifest_for_resume");
  folder_.put("file", "mine");
  EXPECT_EQ(do_export(options("file")).tag(), "not_a_directory");
  EXPECT_EQ(do_export(options("file/below")).tag(), "unwritable_file");
  EXPECT_EQ(slurp(folder_ / "file"), "mine");
  EXPECT_EQ(slurp(bundle() / "other.txt"), "mine");
}

TEST_F(ExportTest, AFolderWithoutPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "SKIPPED: root may write everywhere";
  fs::create_directories(bundle());
  fs::permissions(bundle(), fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(do_export(options()).tag(), "unwritable_file");
  fs::permissions(bundle(), fs::perms::owner_all);
  EXPECT_TRUE(fs::is_empty(bundle()));
}

TEST_F(ExportTest, TwoAtOnceInOneFolder) {
  fs::create_directories(bundle());
  {
    const auto lock = FolderLock::acquire(bundle());
    ASSERT_TRUE(lock);
    EXPECT_EQ(do_export(options()).tag(), "output_busy");
    EXPECT_TRUE(fs::is_empty(bundle()));
  }
  EXPECT_EQ(do_export(options()).tag(), "ok");
  {
    const auto lock = FolderLock::acquire(bundle());
    ExportOptions force = options();
    force.force = true;
    EXPECT_EQ(do_export(force).tag(), "output_busy");
  }
  expect_valid(bundle());
}

TEST_F(ExportTest, ALinkedCheckpointsFolderIsNotFollowed) {
  fs::create_directories(bundle());
  fs::create_directories(folder_ / "elsewhere");
  folder_.put("bundle/manifest.json", kEarlierManifest);
  fs::create_directory_symlink(folder_ / "elsewhere", bundle() / "checkpoints");
  ExportOptions force = options();
  force.force = true;
  EXPECT_EQ(do_export(force).tag(), "path_outside_bundle");
  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
}

TEST_F(ExportTest, ALinkInTheWayOfACheckpointIsReplaced) {
  fs::create_directories(bundle() / "checkpoints");
  folder_.put("bundle/manifest.json", kEarlierManifest);
  folder_.put("outside", "mine");
  for (const char* ending : {"", ".tmp"})
    fs::create_symlink(folder_ / "outside",
                       bundle() / ("checkpoints/0001_" + kPaths[0] + ".safetensors" + ending));
  ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  EXPECT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(slurp(folder_ / "outside"), "mine");
  expect_valid(bundle());
}

TEST_F(ExportTest, PlanningWritesNothing) {
  ASSERT_TRUE(plan_export(options()));
  EXPECT_FALSE(fs::exists(bundle()));
  ExportOptions bad = options();
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
    ExportOptions broken = options();
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
    EXPECT_EQ(Bundle::open(bundle()).error().tag, "incomplete_artifact");
    // What came before is complete and valid.
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(m["selected_tensors"][i]["status"], "complete") << i;
    for (const auto& entry : fs::directory_iterator(bundle() / "checkpoints"))
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

TEST_F(ExportTest, OffsetsThatCancelFailTheExport) {
  ExportOptions bad = options();
  bad.vector = folder_ / "bad.safetensors";
  std::vector<float> values(kWorldNumbers, 0.0F);
  std::fill(values.begin() + 64, values.begin() + 128, -1.0F);  // the second tensor's
  const TensorView view{DType::f32, {kWorldNumbers}, std::as_bytes(std::span(values))};
  ASSERT_TRUE(write_safetensors(bad.vector, {{RouterVector::kTensorName, view}}));
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
  ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  EXPECT_EQ(exported.tag(), "checkpoint_write_error") << exported.message();
  const Json m = manifest_of(bundle());
  EXPECT_EQ(m["status"], "failed");
  EXPECT_EQ(m["selected_tensors"][5]["status"], "failed");
  EXPECT_EQ(Bundle::open(bundle()).error().tag, "incomplete_artifact");
  fs::remove_all(bundle() / "checkpoints" / ("0006_" + kPaths[5] + ".safetensors"));
  ExportOptions resume = options();
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
  EXPECT_FALSE(Bundle::open(bundle()));
  // What was computed is kept: with the way free, a rerun only merges.
  fs::remove_all(merged);
  ExportOptions again = options();
  again.resume = true;
  const Exported mended = do_export(again);
  ASSERT_TRUE(mended.report) << mended.message();
  EXPECT_EQ(mended.event("tensor_export_started"), nullptr);
  expect_valid(bundle());
}

TEST_F(ExportTest, WithoutMergeTheCheckpointsAreTheBundle) {
  ASSERT_TRUE(do_export(options("merged")).report);
  ExportOptions plain = options();
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
  ExportOptions later = options();
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
  auto backend = create_backend("cpu_f32", {3});
  ASSERT_TRUE(backend);
  ASSERT_TRUE(run_export_with(**backend, options("three")).report);
  EXPECT_EQ(payload_files(folder_ / "one"), payload_files(folder_ / "three"));
}

}  // namespace
}  // namespace trinity::testing
