// Exports that continue what an earlier run began.
#include <optional>

#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, SVD_11_OneTensorAloneLeavesThePartialBundle) {
  bundle::ExportOptions one = options();
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
  const auto refused = bundle::Bundle::open(bundle());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "incomplete_artifact");
  EXPECT_TRUE(bundle::Bundle::open(bundle(), {true, true}));
  // The rest follows, and is what one run would have given.
  bundle::ExportOptions rest = options();
  rest.resume = true;
  const Exported resumed = do_export(rest);
  ASSERT_TRUE(resumed.report) << resumed.message();
  EXPECT_EQ(resumed.report->kept, 1);
  EXPECT_EQ(resumed.report->written, 8);
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
  bundle::ExportOptions resume = options();
  resume.resume = true;
  const Exported exported = do_export(resume);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(exported.report->kept, 9);
  EXPECT_EQ(exported.report->written, 0);
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
  EXPECT_EQ(again.report->written, 9);
  EXPECT_EQ(payload_files(bundle()), before);
}

TEST_F(ExportTest, ACompleteBundleIsLeftAsItIsToTheByte) {
  for (const bool merge : {true, false}) {
    SCOPED_TRACE(merge);
    bundle::ExportOptions made = options();
    made.merge = merge;
    made.force = true;
    ASSERT_TRUE(do_export(made).report);
    const auto before = everything_in(bundle());
    made.force = false;
    made.resume = true;
    for (const auto only : {std::optional<int64_t>(), std::optional<int64_t>(1)}) {
      made.only_index = only;
      const Exported exported = do_export(made, [&](const std::string& event) {
        EXPECT_TRUE(bundle::Bundle::open(bundle())) << "at " << event;
      });
      ASSERT_TRUE(exported.report) << exported.message();
      EXPECT_EQ(exported.report->manifest.progress.status, "complete");
      EXPECT_EQ(exported.report->kept, only ? 1 : 9);
      EXPECT_EQ(exported.names.front(), "export_started");
      EXPECT_EQ(*exported.event("export_finished"), (Json{{"status", "complete"}}));
      EXPECT_EQ(everything_in(bundle()), before);
    }
    expect_valid(bundle());
  }
}

TEST_F(ExportTest, MergingACompleteBundleLeavesItCompleteAllTheWay) {
  bundle::ExportOptions made = options();
  made.merge = false;
  ASSERT_TRUE(do_export(made).report);
  for (const bool merge : {true, false}) {
    made.resume = true;
    made.merge = merge;
    const Exported exported = do_export(made, [&](const std::string& event) {
      EXPECT_TRUE(bundle::Bundle::open(bundle())) << "at " << event;
    });
    ASSERT_TRUE(exported.report) << exported.message();
    EXPECT_EQ(manifest_of(bundle())["artifact_layout"],
              merge ? "single_file" : "checkpoint_directory");
    expect_valid(bundle());
  }
}

TEST_F(ExportTest, WhatAKilledExportHalfWroteIsRemoved) {
  bundle::ExportOptions one = options();
  one.only_index = 4;
  ASSERT_TRUE(do_export(one).report);
  const fs::path left = folder_.put("bundle/checkpoints/.trinity-0123456789abcdef.tmp", "half");
  const fs::path mine = folder_.put("bundle/checkpoints/0001.tmp", "mine");
  bundle::ExportOptions rest = options();
  rest.resume = true;
  ASSERT_TRUE(do_export(rest).report);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_EQ(slurp(mine), "mine");
}

}  // namespace
}  // namespace trinity::testing
