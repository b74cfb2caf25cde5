// Names from elsewhere, git's hash of a file, endpoints and their tokens.
#include <gtest/gtest.h>

#include <random>

#include "base/temporary_folder.h"
#include "hub/git_blob_hash.h"
#include "hub/hub_client.h"
#include "hub/repo.h"
#include "hub/safe_path.h"

namespace trinity::testing {
namespace {

std::string git_hash(const std::string& text) {
  return hub::git_blob_hash(std::as_bytes(std::span(text.data(), text.size())));
}

TEST(GitBlobHash, EqualsWhatGitPrints) {
  EXPECT_EQ(git_hash(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(git_hash("what is up, doc?"), "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
  EXPECT_EQ(git_hash("test content\n"), "d670460b4b4aece5915caf5c68d12f560a9fe3e4");
}

TEST(RepoNames, TargetsAndFolders) {
  const hub::Repo dataset{hub::RepoType::dataset, "org/a.b_c-d", "refs/pr/1"};
  EXPECT_EQ(hub::resolve_target(dataset, "x y/ü#?.json"),
            "/datasets/org/a.b_c-d/resolve/refs%2Fpr%2F1/x%20y/%C3%BC%23%3F.json");
  EXPECT_EQ(hub::resolve_target({hub::RepoType::model, "gpt2", "main"}, "a/b"),
            "/gpt2/resolve/main/a/b");
  EXPECT_EQ(hub::tree_target(dataset), "/api/datasets/org/a.b_c-d/tree/refs%2Fpr%2F1?recursive=1");
  EXPECT_EQ(hub::cache_folder_name(dataset), "datasets--org--a.b_c-d");
  EXPECT_EQ(hub::cache_folder_name({hub::RepoType::model, "Qwen/Qwen3-0.6B", "main"}),
            "models--Qwen--Qwen3-0.6B");
  EXPECT_EQ(hub::page_target(dataset), "/datasets/org/a.b_c-d");
}

TEST(RepoNames, HostileNamesAreRefused) {
  for (const std::string id : {"", "a/b/c", "/a", "a/", "..", "a/..", "../a", "a--b", "a b",
                               "a%2fb", "a\\b", ".hidden/x", "-x", "a/b?x", "a\nb", "org/na@me"})
    EXPECT_FALSE(hub::require_valid_repo({hub::RepoType::model, id, "main"})) << id;
  for (const std::string revision :
       {"", "..", "a/../b", "/a", "a/", "a//b", ".git", "a b", "a\r\nb", "a?b", "-x", "a\\b"})
    EXPECT_FALSE(hub::require_valid_repo({hub::RepoType::model, "a/b", revision})) << revision;
  EXPECT_TRUE(hub::require_valid_repo({hub::RepoType::model, "a/b", "refs/pr/12"}));
  EXPECT_TRUE(hub::require_valid_repo({hub::RepoType::model, "b", "v1.0.0-rc.1+x"}));
}

TEST(SafePaths, WhatLeavesTheFolderIsRefused) {
  for (const std::string& path :
       {std::string(""), std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"),
        std::string(".."), std::string("a/.."), std::string("./a"), std::string("a//b"),
        std::string("a/"), std::string("a\\..\\b"), std::string("a\0b", 3), std::string("a\nb"),
        std::string("\xff"), std::string(300, 'x'), std::string("a/.")}) {
    const auto status = hub::require_safe_path(path);
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().tag, "path_outside_folder");
  }
  for (const std::string path : {"a", "a/b.c", "..a", "a..", "checkpoints/0001_ü b.safetensors"})
    EXPECT_TRUE(hub::require_safe_path(path)) << path;
}

// Property: whatever passes the check stays below the folder when the system resolves it.
TEST(SafePaths, RandomNamesThatPassStayInside) {
  const TemporaryFolder folder;
  std::mt19937 random(7);
  const std::vector<std::string> parts = {"a", "..", ".", "", "b", "...", "~", "a b", "/"};
  int passed = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string path;
    for (std::uint32_t n = random() % 5; n > 0; --n)
      path += parts[random() % parts.size()] + (random() % 3 != 0 ? "/" : "");
    if (!hub::resolve_in_folder(folder.path(), path)) continue;
    ++passed;
    const auto resolved = (folder.path() / path).lexically_normal();
    EXPECT_TRUE(resolved.string().starts_with(folder.path().string() + "/")) << path;
    EXPECT_EQ(resolved, folder.path() / path) << path;
  }
  EXPECT_GT(passed, 50);
}

TEST(SafePaths, LinksThatLeadOutAreRefused) {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  std::filesystem::create_directory(folder / "dest");
  std::filesystem::create_directory_symlink(elsewhere.path(), folder / "dest/out");
  std::filesystem::create_symlink(elsewhere / "absent", folder / "dest/dangling");
  std::filesystem::create_directory(folder / "dest/real");
  std::filesystem::create_directory_symlink("real", folder / "dest/in");
  EXPECT_FALSE(hub::resolve_in_folder(folder / "dest", "out/x"));
  EXPECT_FALSE(hub::resolve_in_folder(folder / "dest", "out"));
  EXPECT_FALSE(hub::resolve_in_folder(folder / "dest", "dangling"));
  EXPECT_FALSE(hub::resolve_in_folder(folder / "dest", "dangling/x"));
  EXPECT_TRUE(hub::resolve_in_folder(folder / "dest", "in/x"));
  EXPECT_TRUE(hub::resolve_in_folder(folder / "dest/", "real/x"));
  EXPECT_TRUE(hub::resolve_in_folder(folder / "new/folder", "x"));
}

TEST(SafePaths, NamesThatAreInEachOthersWayAreRefused) {
  EXPECT_FALSE(hub::require_safe_paths({"a", "a"}));
  EXPECT_FALSE(hub::require_safe_paths({"a/b", "a"}));
  EXPECT_TRUE(hub::require_safe_paths({"a/b", "a/c", "ab", "a.tmp"}));
  EXPECT_TRUE(hub::require_safe_paths({"a.tmp", "a"}));  // temporary files are named otherwise
}

TEST(Urls, FromHttpsToHttpIsRefused) {
  const net::Url https = net::parse_url("https://h.org/").value();
  const net::Url http = net::parse_url("http://h.org/").value();
  EXPECT_TRUE(hub::require_safe_redirect(https, net::parse_url("https://cdn.org/").value()));
  EXPECT_TRUE(hub::require_safe_redirect(http, https));
  const auto refused = hub::require_safe_redirect(https, http);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "insecure_redirect");
}

TEST(Endpoints, TokensGoOverHttpsOrToThisMachine) {
  const hub::AccessToken token{"hf_x"};
  EXPECT_EQ(hub::make_endpoint("https://h.org/", token)->token.text, "hf_x");
  EXPECT_EQ(hub::make_endpoint("http://127.0.0.1:8080", token)->token.text, "hf_x");
  EXPECT_EQ(hub::make_endpoint("http://h.org", token)->token.text, "");
  EXPECT_EQ(hub::make_endpoint("http://127.0.0.1.evil.net", token)->token.text, "");
  EXPECT_EQ(hub::make_endpoint("https://h.org/hub//", {})->url.text, "https://h.org/hub");
  EXPECT_EQ(hub::make_endpoint("https://h.org", {"a\r\nX: y"}).error().tag, "invalid_token");
  EXPECT_FALSE(hub::make_endpoint("https://h.org/?a=", {}));
}

TEST(Endpoints, ATokenWithAHomeGoesNowhereElse) {
  const hub::AccessToken token{"hf_x", "the file", "https://h.org"};
  EXPECT_EQ(hub::make_endpoint("https://h.org/hub", token)->token.text, "hf_x");
  EXPECT_EQ(hub::make_endpoint("https://H.org:443", token)->token.text, "hf_x");
  for (const char* other : {"https://mirror.org", "https://h.org:444", "http://h.org",
                            "http://127.0.0.1:8080", "https://h.org.evil.net"}) {
    const auto endpoint = hub::make_endpoint(other, token);
    ASSERT_TRUE(endpoint) << other;
    EXPECT_EQ(endpoint->token.text, "") << other;
    EXPECT_NE(endpoint->withheld.find("belongs to https://h.org"), std::string::npos) << other;
  }
}

}  // namespace
}  // namespace trinity::testing
