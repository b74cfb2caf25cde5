// What --force replaces, and what it leaves alone.
#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, ForceReplacesBundlesAndNothingElse) {
  fs::copy(shared_world().model(), folder_ / "model", fs::copy_options::recursive);
  folder_.put("model/manifest.json", kEarlierManifest);
  folder_.put("mine/router_head.safetensors", "trained");
  folder_.put("mine/manifest.json", "{}");
  for (const auto& [name, tag] :
       {std::pair("model", "output_is_a_model"), std::pair("mine", "output_is_no_bundle")}) {
    const auto before = everything_in(folder_ / name);
    bundle::ExportOptions made = options(name);
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
  bundle::ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  ASSERT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(exported.report->foreign_files, Strings{"notes.txt"});
  fs::remove(bundle() / "notes.txt");
  EXPECT_EQ(payload_files(bundle()), payload_files(folder_ / "whole"));
}

TEST_F(ExportTest, SVD_15_ForceReplacesADirtyFolder) {
  ASSERT_TRUE(do_export(options("clean")).report);
  bundle::ExportOptions other = options();
  other.layers = {0};
  other.compact = true;
  ASSERT_TRUE(do_export(other).report);
  folder_.put("bundle/notes.txt", "mine");
  folder_.put("bundle/checkpoints/0001_x.safetensors.tmp", "left");
  folder_.put("bundle/manifest.json", "{broken");
  EXPECT_EQ(do_export(options()).tag(), "output_dir_already_exists_without_resume");
  bundle::ExportOptions force = options();
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

TEST_F(ExportTest, ALinkedCheckpointsFolderIsNotFollowed) {
  fs::create_directories(bundle());
  fs::create_directories(folder_ / "elsewhere");
  folder_.put("bundle/manifest.json", kEarlierManifest);
  fs::create_directory_symlink(folder_ / "elsewhere", bundle() / "checkpoints");
  bundle::ExportOptions force = options();
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
  bundle::ExportOptions force = options();
  force.force = true;
  const Exported exported = do_export(force);
  EXPECT_TRUE(exported.report) << exported.message();
  EXPECT_EQ(slurp(folder_ / "outside"), "mine");
  expect_valid(bundle());
}

}  // namespace
}  // namespace trinity::testing
