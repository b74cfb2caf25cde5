// Folders that an export cannot use, or not now.
#include "bundle/export_folder.h"

#include <unistd.h>

#include "bundle/export_fixture.h"

namespace trinity::testing {
namespace {

TEST_F(ExportTest, FoldersThatCannotBeUsed) {
  folder_.put("bundle/other.txt", "mine");
  EXPECT_EQ(do_export(options()).tag(), "output_dir_already_exists_without_resume");
  bundle::ExportOptions resume = options();
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
    const auto lock = bundle::FolderLock::acquire(bundle());
    ASSERT_TRUE(lock);
    EXPECT_EQ(do_export(options()).tag(), "output_busy");
    EXPECT_TRUE(fs::is_empty(bundle()));
  }
  EXPECT_EQ(do_export(options()).tag(), "ok");
  {
    const auto lock = bundle::FolderLock::acquire(bundle());
    bundle::ExportOptions force = options();
    force.force = true;
    EXPECT_EQ(do_export(force).tag(), "output_busy");
  }
  expect_valid(bundle());
}

}  // namespace
}  // namespace trinity::testing
