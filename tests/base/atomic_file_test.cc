// Atomic replacement: at every point of failure the old file stands, and no temporary file remains.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary_folder.h"

namespace trinity {
namespace {

using testing::slurp;
using testing::TemporaryFolder;

TEST(AtomicFile, replaces_a_file_only_at_commit) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("ne"));
  ASSERT_TRUE(file->write("w"));
  EXPECT_EQ(slurp(path), "old");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(slurp(path), "new");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(AtomicFile, discards_without_commit) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new"));
    AtomicFile moved = std::move(*file);
  }
  EXPECT_EQ(slurp(path), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(AtomicFile, cannot_be_written_after_commit) {
  const TemporaryFolder folder;
  auto file = AtomicFile::create(folder / "a");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(file->write("x").error().tag, "write_failed");
  EXPECT_EQ(file->commit().error().tag, "write_failed");
  EXPECT_EQ(slurp(folder / "a"), "");
}

TEST(AtomicFile, overwrites_what_a_crash_left_behind) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {  // dies in the middle of a long write
    auto file = AtomicFile::create(path);
    if (file && file->write("half of something that is long")) ::_exit(0);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(slurp(path), "old");
  ASSERT_TRUE(std::filesystem::exists(folder / "a.tmp"));
  ASSERT_TRUE(write_file_atomic(path, "new"));
  EXPECT_EQ(slurp(path), "new");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(AtomicFile, refuses_a_second_writer_while_the_first_lives) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  auto first = AtomicFile::create(path);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->write("first"));
  const auto second = AtomicFile::create(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().tag, "file_busy");
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(slurp(path), "first");
  EXPECT_TRUE(write_file_atomic(path, "second"));
}

TEST(AtomicFile, leaves_the_old_file_when_the_disk_is_full) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 4096;  // a file system that has room for one page
  auto* handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto status = write_file_atomic(path, std::string(100'000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "write_failed");
  EXPECT_EQ(slurp(path), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.tmp"));
}

TEST(AtomicFile, refuses_places_that_cannot_be_written) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "folder");
  EXPECT_EQ(write_file_atomic(folder / "absent/a", "x").error().tag, "unwritable_file");
  EXPECT_EQ(write_file_atomic(folder / "folder", "x").error().tag, "unwritable_file");
  EXPECT_FALSE(std::filesystem::exists(folder / "folder.tmp"));
}

TEST(AtomicFile, does_not_follow_a_link_or_pipe_in_place_of_the_temporary_file) {
  const TemporaryFolder folder;
  const auto victim = folder.put("victim", "precious");
  std::filesystem::create_symlink(victim, folder / "a.tmp");
  EXPECT_EQ(write_file_atomic(folder / "a", "x").error().tag, "unwritable_file");
  EXPECT_EQ(slurp(victim), "precious");
  ASSERT_EQ(::mkfifo((folder / "b.tmp").c_str(), 0600), 0);
  EXPECT_EQ(write_file_atomic(folder / "b", "x").error().tag, "unwritable_file");
}

}  // namespace
}  // namespace trinity
