// Atomic replacement: at every point of failure the old file stands, and no temporary file remains;
// what is no regular file is never replaced, and nothing else in the folder is touched.
//
// Whatever may be destroyed by a mistake lies in a folder of the test: private pipes and nodes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/output_place.h"
#include "base/temporary_folder.h"

namespace trinity {
namespace {

using testing::slurp;
using testing::TemporaryFolder;

namespace fs = std::filesystem;

/// The names in a folder.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

Status write_target(const fs::path& path, std::string_view text) {
  auto file = AtomicFile::create(path, Replace::target);
  if (!file) return tl::unexpected(file.error());
  if (Status written = file->write(text); !written) return written;
  return file->commit();
}

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
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
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
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
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

TEST(AtomicFile, a_leftover_of_a_killed_writer_is_known_and_removed) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  folder.put("a.tmp", "the user's");
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
  EXPECT_EQ(names_in(folder.path()).size(), 3U);
  ASSERT_TRUE(write_file_atomic(path, "new"));
  EXPECT_EQ(slurp(path), "new");
  auto living = AtomicFile::create(path);
  ASSERT_TRUE(living);
  EXPECT_EQ(names_in(folder.path()).size(), 4U);
  remove_leftovers(folder.path());
  EXPECT_EQ(names_in(folder.path()).size(), 3U) << "that of the living writer stays";
  ASSERT_TRUE(living->write("newest"));
  ASSERT_TRUE(living->commit());
  EXPECT_EQ(slurp(path), "newest");
  EXPECT_EQ(names_in(folder.path()), (Names{"a", "a.tmp"}));
  EXPECT_EQ(slurp(folder / "a.tmp"), "the user's");
}

TEST(AtomicFile, of_two_writers_each_writes_a_whole_file) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  auto first = AtomicFile::create(path);
  auto second = AtomicFile::create(path);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  ASSERT_TRUE(first->write("first"));
  ASSERT_TRUE(second->write("second"));
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(slurp(path), "first");
  ASSERT_TRUE(second->commit());
  EXPECT_EQ(slurp(path), "second");
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
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
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
  EXPECT_NE(status.error().message.find("unchanged"), std::string::npos) << status.error().message;
}

TEST(AtomicFile, a_flush_that_fails_after_the_rename_says_so) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write("new"));
  ASSERT_TRUE(file->publish());
  EXPECT_EQ(slurp(path), "new");
  ASSERT_TRUE(file->flush());
  const Status again = file->flush();  // stands for a disk that fails
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message.find("unchanged"), std::string::npos) << again.error().message;
}

TEST(AtomicFile, refuses_places_that_cannot_be_written) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "folder");
  folder.put("file", "mine");
  for (const Replace replace : {Replace::name, Replace::target}) {
    const auto tag = [&](const fs::path& path) {
      const auto file = AtomicFile::create(path, replace);
      return file ? "ok" : file.error().tag;
    };
    EXPECT_EQ(tag(folder / "absent/a"), "missing_folder");
    EXPECT_EQ(tag(folder / "folder"), "unwritable_file");
    EXPECT_EQ(tag(folder / "folder/."), "unwritable_file");
    EXPECT_EQ(tag(folder / "folder/"), "unwritable_file");
    EXPECT_EQ(tag(folder / "file/a"), "unwritable_file");
  }
  EXPECT_EQ(names_in(folder.path()), (Names{"file", "folder"}));
  EXPECT_EQ(slurp(folder / "file"), "mine");
}

TEST(AtomicFile, nothing_beside_the_file_is_touched) {
  const TemporaryFolder folder;
  const auto victim = folder.put("victim", "precious");
  fs::create_symlink(victim, folder / "a.tmp");
  fs::create_hard_link(victim, folder / "b.tmp");
  ASSERT_EQ(::mkfifo((folder / "c.tmp").c_str(), 0600), 0);
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(write_file_atomic(folder / name, "x"));
  EXPECT_EQ(slurp(victim), "precious");
  EXPECT_EQ(names_in(folder.path()), (Names{"a", "a.tmp", "b", "b.tmp", "c", "c.tmp", "victim"}));
  EXPECT_TRUE(fs::is_symlink(folder / "a.tmp"));
  EXPECT_TRUE(fs::is_fifo(folder / "c.tmp"));
}

TEST(AtomicFile, a_name_of_the_longest_length_can_be_written) {
  const TemporaryFolder folder;
  const std::string name(255, 'n');
  ASSERT_TRUE(write_file_atomic(folder / name, "x"));
  EXPECT_EQ(names_in(folder.path()), Names{name});
}

TEST(AtomicFile, keeps_the_mode_of_what_it_replaces) {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(022);
  for (const mode_t mode : {0600U, 0640U, 0666U, 0755U}) {
    const auto path = folder.put("a", "old");
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    ASSERT_TRUE(write_file_atomic(path, "new"));
    EXPECT_EQ(mode_of(path), mode);
    ASSERT_TRUE(write_target(path, "newer"));
    EXPECT_EQ(mode_of(path), mode);
  }
  ASSERT_TRUE(write_file_atomic(folder / "new", "new"));
  EXPECT_EQ(mode_of(folder / "new"), 0644U);
  ::umask(mask);
}

TEST(AtomicFile, keeps_the_owner_of_what_it_replaces) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root can give files away";
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  ASSERT_EQ(::chown(path.c_str(), 1234, 4321), 0);
  ASSERT_TRUE(write_target(path, "new"));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234U);
  EXPECT_EQ(status.st_gid, 4321U);
}

TEST(AtomicFile, a_read_only_file_stays_whoever_asks) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0444), 0);
  EXPECT_EQ(write_file_atomic(path, "new").error().tag, "read_only_file");
  EXPECT_EQ(write_target(path, "new").error().tag, "read_only_file");
  EXPECT_EQ(probe_output(path).error().tag, "read_only_file");
  EXPECT_EQ(slurp(path), "old");
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(AtomicFile, in_a_folder_of_ours_a_link_is_replaced_and_a_pipe_refused) {
  const TemporaryFolder folder;
  const auto victim = folder.put("victim", "precious");
  fs::create_symlink(victim, folder / "a");
  ASSERT_TRUE(write_file_atomic(folder / "a", "new"));
  EXPECT_FALSE(fs::is_symlink(folder / "a"));
  EXPECT_EQ(slurp(victim), "precious");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(write_file_atomic(folder / "pipe", "x").error().tag, "unwritable_file");
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
}

TEST(AtomicFile, a_link_of_the_user_leads_to_the_file_that_is_replaced) {
  const TemporaryFolder folder;
  const auto real = folder.put("real/file", "old");
  ASSERT_EQ(::chmod(real.c_str(), 0600), 0);
  fs::create_symlink("real/file", folder / "link");
  fs::create_symlink("link", folder / "link to link");
  ASSERT_TRUE(write_target(folder / "link to link", "new"));
  EXPECT_EQ(slurp(real), "new");
  EXPECT_EQ(mode_of(real), 0600U);
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(fs::is_symlink(folder / "link to link"));
  fs::create_symlink("real/later", folder / "dangling");
  ASSERT_TRUE(write_target(folder / "dangling", "made"));
  EXPECT_EQ(slurp(folder / "real/later"), "made");
  fs::create_symlink("loop", folder / "loop");
  EXPECT_EQ(write_target(folder / "loop", "x").error().tag, "unwritable_file");
  EXPECT_TRUE(fs::is_symlink(folder / "loop"));
  EXPECT_EQ(names_in(folder / "real"), (Names{"file", "later"}));
}

TEST(AtomicFile, a_pipe_gets_the_bytes_and_stays_a_pipe) {
  const TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  ASSERT_TRUE(probe_output(pipe)) << "and does not wait for a reader";
  std::string read;
  // Opened for both directions a pipe waits for nobody, whatever the code under test does.
  const Descriptor reader(::open(pipe.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  ASSERT_TRUE(reader.is_open());
  ASSERT_TRUE(write_target(pipe, "through the pipe"));
  read.resize(64);
  const ssize_t count = ::read(reader.get(), read.data(), read.size());
  ASSERT_GT(count, 0);
  read.resize(static_cast<std::size_t>(count));
  EXPECT_EQ(read, "through the pipe");
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(names_in(folder.path()), Names{"pipe"});
}

TEST(AtomicFile, a_device_gets_the_bytes_and_stays_a_device) {
  const TemporaryFolder folder;
  const auto node = folder / "null";  // a node of our own with the numbers of /dev/null
  if (::mknod(node.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0)
    GTEST_SKIP() << "SKIPPED: no device can be made here (needs root)";
  const Descriptor usable(::open(node.c_str(), O_WRONLY | O_CLOEXEC));
  if (!usable.is_open()) GTEST_SKIP() << "SKIPPED: this file system has no devices";
  EXPECT_TRUE(probe_output(node));
  EXPECT_TRUE(write_target(node, "gone"));
  EXPECT_TRUE(fs::is_character_file(node));
  EXPECT_EQ(names_in(folder.path()), Names{"null"});
}

TEST(AtomicFile, a_descriptor_of_this_process_is_written_into) {
  const TemporaryFolder folder;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Descriptor reader(ends[0]), writer(ends[1]);
  const fs::path name = "/dev/fd/" + std::to_string(writer.get());
  ASSERT_TRUE(probe_output(name));
  ASSERT_TRUE(write_target(name, "to the descriptor"));
  std::string read(64, '\0');
  const ssize_t count = ::read(reader.get(), read.data(), read.size());
  ASSERT_GT(count, 0);
  EXPECT_EQ(read.substr(0, static_cast<std::size_t>(count)), "to the descriptor");
  const Status refused = write_target("/dev/fd/" + std::to_string(reader.get()), "x");
  EXPECT_EQ(refused.error().tag, "unwritable_file");
  // Of a file that is open it is the open file, at its place, and not its name.
  const auto path = folder.put("a", "");
  const Descriptor open(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::write(open.get(), "before ", 7), 7);
  fs::create_symlink("/proc/self/fd/" + std::to_string(open.get()), folder / "link");
  ASSERT_TRUE(write_target(folder / "link", "and after"));
  EXPECT_EQ(slurp(path), "before and after");
  EXPECT_EQ(names_in(folder.path()), (Names{"a", "link"}));
}

TEST(OutputPlace, knows_when_two_names_lead_to_one_file) {
  const TemporaryFolder folder;
  const auto a = folder.put("a", "x");
  folder.put("b", "x");
  fs::create_symlink("a", folder / "link");
  fs::create_hard_link(a, folder / "hard");
  fs::create_symlink("new", folder / "to new");
  fs::create_directory(folder / "sub");
  EXPECT_TRUE(same_place(a, folder / "sub/../a"));
  EXPECT_TRUE(same_place(a, folder / "link"));
  EXPECT_TRUE(same_place(a, folder / "hard"));
  EXPECT_FALSE(same_place(a, folder / "b"));
  EXPECT_FALSE(same_place(a, folder / "new"));
  EXPECT_TRUE(same_place(folder / "new", folder / "sub/../new"));
  EXPECT_TRUE(same_place(folder / "to new", folder / "new"));
  EXPECT_FALSE(same_place(folder / "new", folder / "newer"));
  EXPECT_TRUE(same_place(folder.path(), folder / "sub/.."));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(same_place(folder / "pipe", folder / "pipe")) << "a pipe is nobody's";
}

TEST(OutputPlace, a_probe_leaves_nothing_behind) {
  const TemporaryFolder folder;
  folder.put("a", "old");
  EXPECT_TRUE(probe_output(folder / "a"));
  EXPECT_TRUE(probe_output(folder / "new"));
  EXPECT_EQ(probe_output(folder / "absent/a").error().kind, ErrorKind::missing);
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
  EXPECT_EQ(slurp(folder / "a"), "old");
}

}  // namespace
}  // namespace trinity
