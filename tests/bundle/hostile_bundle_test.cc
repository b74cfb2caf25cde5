// Bundles that are damaged or mean harm: each is refused with its tag, by the loader that routes
// and by the verifier, and none is followed out of its folder.
#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "base/sha256.h"
#include "bundle/bundle.h"
#include "bundle/small_world.h"
#include "bundle/verify.h"
#include "model/checkpoint_source.h"

namespace trinity::testing {
namespace {

/// Everything that a load does with a bundle's tensors.
Status apply_and_check(bundle::Bundle& bundle, const model::TensorSource& base,
                       backend::DenseAlgebra* algebra, adapt::AdaptedSource& adapted) {
  const Status applied = bundle.apply(base, algebra, adapted);
  return applied ? bundle.wait_for_checks() : applied;
}

enum class Kind { checkpoints, merged, compact };

/// Made once a process, copied for each test.
const fs::path& good_bundle(Kind kind) {
  static const TemporaryFolder folder;
  static std::map<Kind, fs::path> made;
  fs::path& path = made[kind];
  if (path.empty()) {
    path = folder / ("kind" + std::to_string(static_cast<int>(kind)));
    bundle::ExportOptions options = shared_world().options();
    options.out = path;
    options.merge = kind == Kind::merged;
    options.compact = kind == Kind::compact;
    const Exported exported = do_export(options);
    if (!exported.report) throw std::runtime_error(exported.message());
  }
  return path;
}

class HostileBundle : public ::testing::Test {
 protected:
  void use(Kind kind) {
    fs::remove_all(bundle_);
    fs::copy(good_bundle(kind), bundle_, fs::copy_options::recursive);
  }
  void SetUp() override { use(Kind::checkpoints); }

  /// What routing would do: open, take the head, apply every tensor.
  std::string loading() {
    auto bundle = bundle::Bundle::open(bundle_);
    if (!bundle) return said(bundle.error());
    if (const auto head = (*bundle)->head(); !head) return said(head.error());
    const auto checkpoint = Checkpoint::open(shared_world().model());
    if (!checkpoint) return said(checkpoint.error());
    const model::CheckpointSource source(*checkpoint);
    const auto backend = backend::create_backend("cpu_f32", {1});
    adapt::AdaptedSource adapted(source);
    if (const Status status =
            apply_and_check(**bundle, source, (*backend)->dense_algebra(), adapted);
        !status)
      return said(status.error());
    return "ok";
  }
  std::string said(const Error& error) {
    message_ = error.message;
    EXPECT_FALSE(error.message.empty());
    return error.tag;
  }
  int64_t findings() const {
    const auto report = bundle::verify_bundle(bundle_, {shared_world().model()});
    return report ? report->failed() : -1;
  }
  /// Both refuse; the verifier either cannot begin or finds something.
  void expect_refused(const std::string& tag) {
    EXPECT_EQ(loading(), tag) << message_;
    EXPECT_NE(findings(), 0) << tag;
  }
  template <typename Change>
  void edit(const Change& change) {
    edit_manifest(bundle_, change);
  }
  Json& entry(Json& manifest, size_t place = 3) { return manifest["selected_tensors"][place]; }
  fs::path checkpoint(size_t place = 3) {
    return bundle_ / manifest_of(bundle_)["selected_tensors"][place]["checkpoint_path"];
  }

  std::string entry_path(size_t place = 3) {
    return manifest_of(bundle_)["selected_tensors"][place]["path"];
  }

  TemporaryFolder folder_;
  fs::path bundle_ = folder_ / "bundle";
  std::string message_;
};

TEST_F(HostileBundle, TheGoodOnesAreAccepted) {
  for (const Kind kind : {Kind::checkpoints, Kind::merged, Kind::compact}) {
    use(kind);
    EXPECT_EQ(loading(), "ok") << message_;
    EXPECT_EQ(findings(), 0);
  }
}

TEST_F(HostileBundle, EachRequiredKeyIsNeeded) {
  for (const char* key : {"artifact_version",
                          "status",
                          "export_complete",
                          "base_model_repo",
                          "bumblebee_module",
                          "architecture",
                          "xla_target",
                          "export_backend",
                          "source_vector_path",
                          "source_vector_tensor",
                          "source_vector_shape",
                          "source_vector_sha256",
                          "scale_offset_count",
                          "router_head_shape",
                          "router_head_artifact",
                          "router_head_tensor_key",
                          "adapted_tensors_artifact",
                          "artifact_layout",
                          "selected_tensor_count",
                          "selected_singular_value_count",
                          "selected_tensors",
                          "source_split",
                          "split"})
    for (const bool null : {false, true}) {
      use(Kind::checkpoints);
      edit([&](Json& m) {
        if (null)
          m[key] = nullptr;
        else
          m.erase(key);
      });
      expect_refused("missing_manifest_key");
      EXPECT_NE(message_.find(std::string("\"") + key + "\""), std::string::npos) << message_;
    }
}

TEST_F(HostileBundle, OptionalKeysMayBeAbsent) {
  edit([](Json& m) {
    for (const char* key :
         {"partial_debug_only", "export_spec", "router_head_sha256", "adapted_tensors_sha256",
          "only_index", "skip_existing", "fidelity_mode", "tie_mode", "svd_compute_type",
          "producer", "producer_profile", "base_model_sha256", "created_at", "updated_at"})
      m.erase(key);
    for (Json& t : m["selected_tensors"])
      for (const char* key : {"segments", "type", "source_type", "svd_compute_type", "error",
                              "svd_gap_report", "normalization", "source_sha256", "index"})
        t.erase(key);
    m["something_new"] = {{"unknown", true}};
  });
  EXPECT_EQ(loading(), "ok") << message_;  // ARR-1: type is optional
}

TEST_F(HostileBundle, PathsThatLeaveTheFolder) {
  fs::copy(good_bundle(Kind::checkpoints), folder_ / "other", fs::copy_options::recursive);
  const std::string name = checkpoint().filename().string();
  for (const std::string& path :
       {"../other/checkpoints/" + name, "checkpoints/../../other/checkpoints/" + name,
        (folder_ / "other/checkpoints" / name).string(), std::string("/etc/passwd"),
        std::string(".."), std::string("checkpoints/.."), std::string("checkpoints/"),
        std::string("a\0b", 3)}) {
    use(Kind::checkpoints);
    edit([&](Json& m) { entry(m)["checkpoint_path"] = path; });
    expect_refused("path_outside_bundle");
  }
  for (const char* key : {"router_head_artifact", "adapted_tensors_artifact"}) {
    use(Kind::merged);
    edit([&](Json& m) { m[key] = std::string("../other/") + m[key].get<std::string>(); });
    expect_refused("path_outside_bundle");
  }
  use(Kind::checkpoints);
  edit([&](Json& m) { entry(m)["checkpoint_path"] = ""; });
  EXPECT_NE(loading(), "ok");
}

TEST_F(HostileBundle, LinksThatLeaveTheFolder) {
  fs::copy(good_bundle(Kind::checkpoints), folder_ / "other", fs::copy_options::recursive);
  fs::remove_all(bundle_ / "checkpoints");
  fs::create_directory_symlink(folder_ / "other/checkpoints", bundle_ / "checkpoints");
  expect_refused("path_outside_bundle");

  use(Kind::checkpoints);
  const fs::path file = checkpoint();
  fs::remove(file);
  fs::create_symlink(folder_ / "other/checkpoints" / file.filename(), file);
  expect_refused("path_outside_bundle");

  use(Kind::checkpoints);
  fs::remove(bundle_ / "router_head.safetensors");
  fs::create_symlink(folder_ / "other/router_head.safetensors",
                     bundle_ / "router_head.safetensors");
  expect_refused("path_outside_bundle");

  use(Kind::checkpoints);
  fs::remove(bundle_ / "manifest.json");
  fs::create_symlink(folder_ / "other/manifest.json", bundle_ / "manifest.json");
  expect_refused("path_outside_bundle");

  // A link inside the folder leads nowhere else, and a folder may be reached by a link.
  use(Kind::checkpoints);
  fs::rename(checkpoint(), bundle_ / "checkpoints/moved");
  fs::create_symlink("moved", checkpoint());
  EXPECT_EQ(loading(), "ok") << message_;
  fs::rename(bundle_, folder_ / "real");
  fs::create_directory_symlink(folder_ / "real", bundle_);
  EXPECT_EQ(loading(), "ok") << message_;
}

TEST_F(HostileBundle, AManifestThatCannotBeLookedAtIsNoHostileOne) {
  fs::remove(bundle_ / "manifest.json");
  fs::create_symlink("manifest.json", bundle_ / "manifest.json");  // a link to itself
  const auto manifest = bundle::load_manifest(bundle_);
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().tag, "unreadable_folder");
}

TEST_F(HostileBundle, SpecialFilesAreNotOpened) {
  const fs::path file = checkpoint();
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(loading(), "not_a_regular_file");
  EXPECT_NE(findings(), 0);
}

TEST_F(HostileBundle, ART_5_StatesThatAreNotComplete) {
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> changes = {
      {"incomplete_artifact", [](Json& m) { m["status"] = "partial"; }},
      {"incomplete_artifact", [](Json& m) { m["status"] = "failed"; }},
      {"incomplete_artifact", [](Json& m) { m["export_complete"] = false; }},
      {"incomplete_artifact", [](Json& m) { m["partial_debug_only"] = true; }},
      {"incomplete_artifact", [](Json& m) { m["selected_tensors"][3]["status"] = "running"; }},
      {"unsupported_artifact_version", [](Json& m) { m["artifact_version"] = 2; }},
      {"unsupported_artifact_version", [](Json& m) { m["artifact_version"] = 0; }},
      {"no_adapted_tensors", [](Json& m) { m["selected_tensors"] = Json::array(); }},
      {"invalid_selected_tensors", [](Json& m) { m["selected_tensors"] = Json::object(); }},
      {"invalid_selected_tensors", [](Json& m) { m["selected_tensors"] = "none"; }},
      {"invalid_manifest", [](Json& m) { m["selected_tensors"][0] = 5; }},
      {"invalid_manifest", [](Json& m) { m["selected_tensors"][0].erase("path"); }},
      {"invalid_manifest",
       [](Json& m) {
         m["selected_tensors"][0]["shape"] = {-1, 64};
       }},
      {"invalid_manifest",
       [](Json& m) {
         m["selected_tensors"][0]["shape"] = {1e99, 64};
       }},
      {"invalid_manifest", [](Json& m) { m["selected_tensors"][0]["offset_end"] = INT64_MAX; }},
      {"invalid_manifest", [](Json& m) { m["selected_tensors"][0]["offset_end"] = UINT64_MAX; }},
      {"invalid_manifest", [](Json& m) { m["selected_tensors"][0]["offset_start"] = INT64_MIN; }},
      {"invalid_manifest", [](Json& m) { m["artifact_version"] = "1"; }},
      {"invalid_manifest", [](Json& m) { m["artifact_layout"] = "zip"; }},
      {"invalid_manifest", [](Json& m) { m["router_head_shape"] = {10}; }},
      {"invalid_manifest",
       [](Json& m) {
         m["router_head_shape"] = {0, 64};
       }},
      {"invalid_manifest", [](Json& m) { m["status"] = 1; }},
      {"invalid_manifest", [](Json& m) { m = Json::array(); }},
      {"unknown_tensor_path",
       [](Json& m) {
         m["selected_tensors"][0]["path"] = "some.thing";
         m["selected_tensors"][0].erase("source_name");
       }},
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    use(Kind::checkpoints);
    edit(changes[i].second);
    expect_refused(changes[i].first);
  }
  for (const char* text : {"", "{", "{} {}", "[1", "{\"a\":1,\"a\":2}", "\xff\xfe"}) {
    folder_.put("bundle/manifest.json", text);
    expect_refused("invalid_manifest");
  }
  fs::remove(bundle_ / "manifest.json");
  expect_refused("missing_manifest");
  fs::remove_all(bundle_);
  expect_refused("invalid_output_dir");
}

TEST_F(HostileBundle, ART_6_ChangedBytes) {
  for (const Kind kind : {Kind::checkpoints, Kind::merged, Kind::compact}) {
    use(kind);
    const bool merged = kind == Kind::merged;
    const fs::path file = merged ? bundle_ / "adapted_tensors.safetensors" : checkpoint();
    const std::string good = slurp(file);
    std::string bad = good;
    bad.back() ^= 1;
    std::ofstream(file, std::ios::binary) << bad;
    expect_refused(merged ? "adapted_tensors_sha256_mismatch" : "checkpoint_sha256_mismatch");
    EXPECT_NE(message_.find("sha256 mismatch"), std::string::npos);
    std::ofstream(file, std::ios::binary) << good.substr(0, good.size() - 100);
    expect_refused(merged ? "adapted_tensors_sha256_mismatch" : "checkpoint_sha256_mismatch");
    fs::remove(file);
    expect_refused("missing_file");
    // A truncated file whose hash was "corrected", too.
    use(kind);
    std::ofstream(file, std::ios::binary) << good.substr(0, good.size() - 100);
    edit([&](Json& m) {
      if (merged)
        m["adapted_tensors_sha256"] = *sha256_file(file);
      else
        entry(m)["checkpoint_sha256"] = *sha256_file(file);
    });
    EXPECT_NE(loading(), "ok");
    EXPECT_NE(findings(), 0);
  }
}

TEST_F(HostileBundle, ART_7_AChangedHead) {
  const std::string good = slurp(bundle_ / "router_head.safetensors");
  std::string bad = good;
  bad.back() ^= 0x40;
  std::ofstream(bundle_ / "router_head.safetensors", std::ios::binary) << bad;
  expect_refused("router_head_sha256_mismatch");
  EXPECT_NE(message_.find("router_head sha256 mismatch"), std::string::npos);
  use(Kind::checkpoints);
  edit([](Json& m) { m["router_head_shape"] = {9, 64}; });
  expect_refused("shape_mismatch");
  use(Kind::checkpoints);
  edit([](Json& m) { m["router_head_tensor_key"] = "absent"; });
  EXPECT_NE(loading(), "ok");
  EXPECT_NE(findings(), 0);
}

TEST_F(HostileBundle, ART_4_ShapesAndTypesThatDiffer) {
  edit([&](Json& m) { entry(m)["shape"] = {64, 33}; });
  expect_refused("shape_mismatch");
  EXPECT_NE(message_.find("shape mismatch"), std::string::npos);
  use(Kind::checkpoints);
  edit([&](Json& m) { entry(m)["type"] = "{:f, 32}"; });
  expect_refused("type_mismatch");
  use(Kind::checkpoints);
  edit([&](Json& m) { entry(m)["artifact_key"] = "another"; });
  expect_refused("missing_tensor");
  // Another model's tensor, whatever the manifest says of it.
  use(Kind::checkpoints);
  const std::vector<std::byte> wrong(62 * 32 * 2);
  ASSERT_TRUE(write_safetensors(checkpoint(), {{entry_path(), {DType::bf16, {62, 32}, wrong}}}));
  edit([&](Json& m) {
    entry(m)["shape"] = {62, 32};
    entry(m)["checkpoint_sha256"] = *sha256_file(checkpoint());
  });
  expect_refused("shape_mismatch");
}

TEST_F(HostileBundle, NumbersThatAreNone) {
  std::vector<std::byte> numbers(64 * 32 * 2);
  const uint16_t nan = 0x7FC0;
  std::memcpy(numbers.data() + 100, &nan, 2);
  ASSERT_TRUE(write_safetensors(checkpoint(), {{entry_path(), {DType::bf16, {64, 32}, numbers}}}));
  edit([&](Json& m) { entry(m)["checkpoint_sha256"] = *sha256_file(checkpoint()); });
  EXPECT_NE(findings(), 0);
}

TEST_F(HostileBundle, ACompactBundleNeedsItsBase) {
  use(Kind::compact);
  const TemporaryFolder other;
  ASSERT_TRUE(model::synthesize_model(world_config(), 99, other / "model"));
  const auto checkpoint = Checkpoint::open(other / "model");
  const model::CheckpointSource source(*checkpoint);
  const auto backend = backend::create_backend("cpu_f32", {1});
  adapt::AdaptedSource adapted(source);
  const auto bundle = bundle::Bundle::open(bundle_);
  ASSERT_TRUE(bundle);
  const Status status = apply_and_check(**bundle, source, (*backend)->dense_algebra(), adapted);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "base_model_mismatch");
  const auto report = bundle::verify_bundle(bundle_, {other / "model"});
  ASSERT_TRUE(report);
  EXPECT_GE(report->failed(), 9);
}

TEST_F(HostileBundle, NoBundleIsPutOverAnotherModelOfTheSameShape) {
  const TemporaryFolder other;
  ASSERT_TRUE(model::synthesize_model(world_config(), 99, other / "model"));
  const auto checkpoint = Checkpoint::open(other / "model");
  const model::CheckpointSource source(*checkpoint);
  const auto backend = backend::create_backend("cpu_f32", {1});
  for (const Kind kind : {Kind::checkpoints, Kind::merged, Kind::compact}) {
    use(kind);
    const auto bundle = bundle::Bundle::open(bundle_);
    ASSERT_TRUE(bundle);
    adapt::AdaptedSource adapted(source);
    const Status status = apply_and_check(**bundle, source, (*backend)->dense_algebra(), adapted);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().tag, "base_model_mismatch");
    EXPECT_NE(status.error().message.find("model.layers.1."), std::string::npos);
  }
}

TEST_F(HostileBundle, AFullBundleNeedsNoAlgebra) {
  for (const Kind kind : {Kind::checkpoints, Kind::merged}) {
    use(kind);
    const auto checkpoint = Checkpoint::open(shared_world().model());
    const model::CheckpointSource source(*checkpoint);
    const auto bundle = bundle::Bundle::open(bundle_);
    ASSERT_TRUE(bundle);
    adapt::AdaptedSource adapted(source);
    EXPECT_TRUE(apply_and_check(**bundle, source, nullptr, adapted));
  }
}

TEST_F(HostileBundle, WrongSpansAreFound) {
  for (const auto& change : std::vector<std::function<void(Json&)>>{
           [](Json& m) { m["selected_tensors"][4]["offset_start"] = 1; },
           [](Json& m) { m["selected_tensors"][8]["offset_end"] = 511; },
           [](Json& m) { m["selected_tensors"][2]["singular_values"] = 31; },
           [](Json& m) { std::swap(m["selected_tensors"][2], m["selected_tensors"][3]); },
           [](Json& m) { m["scale_offset_count"] = 511; },
           [](Json& m) { m["selected_singular_value_count"] = 513; }}) {
    use(Kind::checkpoints);
    edit(change);
    EXPECT_GT(findings(), 0);
  }
}

TEST_F(HostileBundle, ReadingWritesNothing) {
  const auto list = [&] {
    std::map<std::string, fs::file_time_type> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path()))
      all[entry.path().string()] = fs::last_write_time(entry.path());
    return all;
  };
  const auto before = list();
  EXPECT_EQ(loading(), "ok");
  EXPECT_EQ(findings(), 0);
  EXPECT_EQ(list(), before);
}

TEST(ManifestText, ART_8_WhatIsReadIsWrittenAgain) {
  for (const Kind kind : {Kind::checkpoints, Kind::merged, Kind::compact}) {
    const std::string text = slurp(good_bundle(kind) / "manifest.json");
    const auto manifest = bundle::parse_manifest(text);
    ASSERT_TRUE(manifest);
    EXPECT_EQ(bundle::manifest_json(*manifest), text);
  }
}

}  // namespace
}  // namespace trinity::testing
