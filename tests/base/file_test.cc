// Memory maps and small files: what is accepted, what is refused, and that maps survive moves.
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "base/temporary_folder.h"

namespace trinity {
namespace {

using testing::TemporaryFolder;

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, shows_the_bytes_of_a_file) {
  const TemporaryFolder folder;
  const std::string content("line\0\xFF end", 10);
  const auto file = MappedFile::open(folder.put("a", content));
  ASSERT_TRUE(file);
  EXPECT_EQ(text_of(*file), content);
}

TEST(MappedFile, stays_valid_when_moved) {
  const TemporaryFolder folder;
  auto first = MappedFile::open(folder.put("a", "first"));
  auto second = MappedFile::open(folder.put("b", "second"));
  ASSERT_TRUE(first && second);
  const auto* address = first->bytes().data();
  MappedFile moved = std::move(*first);
  EXPECT_EQ(moved.bytes().data(), address);
  *second = std::move(moved);
  EXPECT_EQ(text_of(*second), "first");
  EXPECT_EQ(second->bytes().data(), address);
}

TEST(MappedFile, accepts_an_empty_file) {
  const TemporaryFolder folder;
  const auto file = MappedFile::open(folder.put("empty", ""));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 0u);
  file->advise_dontneed(0, 1);
}

TEST(MappedFile, refuses_what_is_not_a_regular_file_without_waiting) {
  const TemporaryFolder folder;
  const auto fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const auto& path : {folder.path(), fifo, std::filesystem::path("/dev/zero")}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().tag, "not_a_regular_file") << path;
  }
}

TEST(MappedFile, says_that_a_file_is_missing) {
  const TemporaryFolder folder;
  const auto plain = folder.put("plain", "x");
  for (const auto& path : {folder / "absent", plain / "below"}) {
    const auto file = MappedFile::open(path);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().kind, ErrorKind::missing);
    EXPECT_EQ(file.error().tag, "missing_file");
    EXPECT_NE(file.error().message.find(path.string()), std::string::npos);
  }
}

/// Resident bytes of this process, 0 where the system does not say.
std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(MappedFile, gives_back_the_pages_that_are_not_needed) {
  if (resident_bytes() == 0) GTEST_SKIP() << "SKIPPED: this system has no /proc/self/statm";
  const TemporaryFolder folder;
  constexpr std::size_t size = std::size_t{32} << 20;
  const auto path = folder.put("large", std::string(size, 'x'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file);
  const auto touch = [&] {
    std::size_t sum = 0;
    for (const std::byte byte : file->bytes()) sum += std::to_integer<std::size_t>(byte);
    return sum;
  };
  ASSERT_EQ(touch(), size * 'x');
  const std::size_t before = resident_bytes();
  file->advise_dontneed(1, std::numeric_limits<std::size_t>::max());
  const std::size_t after = resident_bytes();
  EXPECT_LT(after + size / 2, before);
  EXPECT_EQ(touch(), size * 'x') << "the bytes must come back when they are touched";
}

TEST(ReadTextFile, reads_up_to_the_limit_and_not_beyond) {
  const TemporaryFolder folder;
  const auto path = folder.put("a", "12345");
  EXPECT_EQ(read_text_file(path, 5).value(), "12345");
  EXPECT_EQ(read_text_file(path, std::numeric_limits<std::size_t>::max()).value(), "12345");
  EXPECT_EQ(read_text_file(folder.put("empty", ""), 0).value(), "");
  const auto refused = read_text_file(path, 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "file_too_large");
}

TEST(ReadTextFile, reads_virtual_files_that_report_no_size) {
  const std::filesystem::path path("/proc/self/maps");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "SKIPPED: this system has no " << path;
  const auto text = read_text_file(path, std::size_t{16} << 20);
  ASSERT_TRUE(text);
  EXPECT_GT(text->size(), 100u);
  EXPECT_EQ(read_text_file(path, 100).error().tag, "file_too_large");
}

TEST(ReadTextFile, refuses_folders_and_absent_files) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_text_file(folder.path(), 10).error().tag, "not_a_regular_file");
  EXPECT_EQ(read_text_file(folder / "absent", 10).error().tag, "missing_file");
}

}  // namespace
}  // namespace trinity
