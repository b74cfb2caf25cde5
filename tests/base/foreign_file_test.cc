// Files that are something else than their name says.
#include "base/foreign_file.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/temporary_folder.h"

namespace trinity {
namespace {

using testing::TemporaryFolder;

const std::string kLfsPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 12\n";

struct Case {
  std::string bytes;
  std::string named;  // a part of the sentence; empty: not known
};

TEST(ForeignFormat, IsNamedByItsFirstBytes) {
  const std::vector<Case> cases = {
      {kLfsPointer, "Git LFS pointer"},
      {"/annex/objects/SHA256E-s12--0f.safetensors\n", "git-annex pointer"},
      {"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"},
      {"\n  <HTML><head>", "web page"},
      {"\xef\xbb\xbf<!doctype html>", "web page"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "web page"},
      {std::string("GGUF\x03\0\0\0", 8), "GGUF"},
      {"PK\x03\x04 archive/data.pkl", "zip archive"},
      {"\x80\x02}q\x01(X", "pickle"},
      {"\x80\x04\x95 ", "pickle"},
      {"\x93NUMPY\x01", "NumPy"},
      {"\x1f\x8b\x08 ", "gzip"},
      {"\x28\xb5\x2f\xfd ", "zstd"},
      {"", ""},
      {"{\"model_type\": \"qwen3\"}", ""},
      {"<", ""},
      {"version", ""}};
  for (const Case& c : cases) {
    const auto named = foreign_format(c.bytes);
    EXPECT_EQ(named.has_value(), !c.named.empty()) << c.bytes;
    if (named) {
      EXPECT_NE(named->find(c.named), std::string::npos) << *named;
    }
  }
}

TEST(ForeignFormat, ABinaryFileThatIsTextIsQuoted) {
  EXPECT_NE(foreign_to_binary("Entry not found")->find("\"Entry not found\""), std::string::npos);
  EXPECT_NE(foreign_to_binary("{\"error\":\"gated\"}")->find("{\"error\":"), std::string::npos);
  EXPECT_NE(foreign_to_binary(kLfsPointer)->find("Git LFS pointer"), std::string::npos);
  EXPECT_FALSE(foreign_to_binary("junk")) << "too short to tell";
  EXPECT_FALSE(foreign_to_binary(std::string("\x40\0\0\0\0\0\0\0{\"a\":", 13)));
}

TEST(ForeignFormat, JsonOfAModelIsReadUnlessItIsForeign) {
  const TemporaryFolder folder;
  EXPECT_EQ(*read_json_file(folder.put("config.json", "{}"), 100), "{}");
  EXPECT_EQ(read_json_file(folder / "absent.json", 100).error().tag, "missing_file");
  const auto path = folder.put("tokenizer.json", kLfsPointer);
  for (const std::size_t limit : {std::size_t{1000}, std::size_t{10}}) {
    const auto refused = read_json_file(path, limit);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().tag, "foreign_file");
    EXPECT_NE(refused.error().message.find(path.string()), std::string::npos);
    EXPECT_NE(refused.error().message.find("git lfs pull"), std::string::npos);
  }
}

}  // namespace
}  // namespace trinity
