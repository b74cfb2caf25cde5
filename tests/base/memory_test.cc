// How much memory may still be taken, read from made-up systems.
#include "base/memory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/temporary_folder.h"

namespace trinity::testing {
namespace {

class AvailableMemory : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path file = root() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::filesystem::path root() const { return folder_.path(); }
  TemporaryFolder folder_;
};

constexpr const char* kMeminfo = "MemTotal: 4000 kB\nMemFree: 10 kB\nMemAvailable: 2000 kB\n";
constexpr std::uint64_t kAvailable = 2000 * 1024;

TEST_F(AvailableMemory, IsUnknownWhereNothingIsSaid) {
  EXPECT_EQ(available_memory(root()), std::nullopt);
  EXPECT_TRUE(available_memory());  // this machine says it
}

TEST_F(AvailableMemory, IsThatOfTheSystemWithoutLimits) {
  write("proc/meminfo", kMeminfo);
  EXPECT_EQ(available_memory(root()), kAvailable);
  write("proc/self/cgroup", "0::/user/session\n");
  write("sys/fs/cgroup/user/memory.max", "max\n");
  write("sys/fs/cgroup/user/memory.current", "5\n");
  EXPECT_EQ(available_memory(root()), kAvailable);
}

TEST_F(AvailableMemory, EndsAtTheLeastLimitOfAnyGroupAbove) {
  write("proc/meminfo", kMeminfo);
  write("proc/self/cgroup", "0::/user/session\n");
  write("sys/fs/cgroup/user/session/memory.max", "1000000\n");
  write("sys/fs/cgroup/user/session/memory.current", "100000\n");
  EXPECT_EQ(available_memory(root()), 900000u);
  write("sys/fs/cgroup/user/memory.max", "500000\n");
  write("sys/fs/cgroup/user/memory.current", "300000\n");
  EXPECT_EQ(available_memory(root()), 200000u);
  write("sys/fs/cgroup/user/memory.stat", "anon 7\nfile 250000\n");
  EXPECT_EQ(available_memory(root()), 450000u) << "pages of files are dropped first";
  write("sys/fs/cgroup/memory.max", "10\n");  // the whole of a container
  write("sys/fs/cgroup/memory.current", "20\n");
  EXPECT_EQ(available_memory(root()), 0u);
}

TEST_F(AvailableMemory, KnowsTheFirstVersionOfControlGroups) {
  write("proc/meminfo", kMeminfo);
  write("proc/self/cgroup", "3:cpu,cpuacct:/a\n2:memory:/a\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n");
  write("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "900\n");
  write("sys/fs/cgroup/memory/a/memory.stat", "cache 300\nrss 7\n");
  EXPECT_EQ(available_memory(root()), 400u);
}

}  // namespace
}  // namespace trinity::testing
