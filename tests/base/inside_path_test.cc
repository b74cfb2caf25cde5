// Names of files that come from elsewhere: inside by their parts, and inside with links followed.
#include "base/inside_path.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/temporary_folder.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

TEST(InsideName, IsRelativeAndHasNoPartThatLeads) {
  for (const std::string& name : {std::string("a"), std::string("a/b.c"), std::string("..a/b.."),
                                  std::string("a b/\xC3\xA9")})
    EXPECT_TRUE(is_inside_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("/a"), std::string("a/"), std::string("."), std::string(".."),
        std::string("../a"), std::string("a/../b"), std::string("./a"), std::string("a/./b"),
        std::string("a\0b", 3)})
    EXPECT_FALSE(is_inside_name(name)) << name;
}

TEST(LeadsInside, FollowsLinksOfFilesAndFolders) {
  const testing::TemporaryFolder temporary;
  const fs::path folder = temporary.path() / "folder", other = temporary.path() / "other";
  fs::create_directories(folder / "sub");
  fs::create_directories(other);
  std::ofstream(folder / "file") << "x";
  std::ofstream(other / "file") << "x";
  for (const char* name : {"file", "absent", "sub/absent", "absent/too"})
    EXPECT_TRUE(leads_inside(folder, name)) << name;
  EXPECT_TRUE(leads_inside(folder / "", "file")) << "a slash at the end of the folder";
  EXPECT_TRUE(leads_inside(temporary.path() / "not" / "there", "file"));

  fs::create_symlink("file", folder / "near");
  fs::create_symlink(other / "file", folder / "far");
  fs::create_symlink(temporary.path() / "nothing", folder / "dangling");
  fs::create_directory_symlink(other, folder / "door");
  EXPECT_TRUE(leads_inside(folder, "near"));
  for (const char* name : {"far", "dangling", "door/file", "door/absent", "dangling/file"})
    EXPECT_FALSE(leads_inside(folder, name)) << name;

  // A folder that is itself reached by a link is where it leads.
  fs::create_directory_symlink(folder, temporary.path() / "alias");
  EXPECT_TRUE(leads_inside(temporary.path() / "alias", "file"));
  EXPECT_FALSE(leads_inside(temporary.path() / "alias", "far"));
  // A neighbour whose name only begins alike is outside.
  fs::create_directories(temporary.path() / "folder2");
  fs::create_directory_symlink(temporary.path() / "folder2", folder / "next");
  EXPECT_FALSE(leads_inside(folder, "next/file"));
}

}  // namespace
}  // namespace trinity
