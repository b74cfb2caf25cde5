// Names from elsewhere, git's hash of a file, and when to try again.
#include <gtest/gtest.h>

#include <random>

#include "base/temporary_folder.h"
#include "hub/git_blob_hash.h"
#include "hub/hub_client.h"
#include "hub/redact.h"
#include "hub/repo.h"
#include "hub/retry.h"
#include "hub/safe_path.h"

namespace trinity::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string git_hash(const std::string& text) {
  return git_blob_hash(std::as_bytes(std::span(text.data(), text.size())));
}

TEST(GitBlobHash, EqualsWhatGitPrints) {
  EXPECT_EQ(git_hash(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(git_hash("what is up, doc?"), "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
  EXPECT_EQ(git_hash("test content\n"), "d670460b4b4aece5915caf5c68d12f560a9fe3e4");
}

TEST(RepoNames, TargetsAndFolders) {
  const Repo dataset{RepoType::dataset, "org/a.b_c-d", "refs/pr/1"};
  EXPECT_EQ(resolve_target(dataset, "x y/ü#?.json"),
            "/datasets/org/a.b_c-d/resolve/refs%2Fpr%2F1/x%20y/%C3%BC%23%3F.json");
  EXPECT_EQ(resolve_target({RepoType::model, "gpt2", "main"}, "a/b"), "/gpt2/resolve/main/a/b");
  EXPECT_EQ(tree_target(dataset), "/api/datasets/org/a.b_c-d/tree/refs%2Fpr%2F1?recursive=1");
  EXPECT_EQ(cache_folder_name(dataset), "datasets--org--a.b_c-d");
  EXPECT_EQ(cache_folder_name({RepoType::model, "Qwen/Qwen3-0.6B", "main"}),
            "models--Qwen--Qwen3-0.6B");
}

TEST(RepoNames, HostileNamesAreRefused) {
  for (const std::string id : {"", "a/b/c", "/a", "a/", "..", "a/..", "../a", "a--b", "a b",
                               "a%2fb", "a\\b", ".hidden/x", "-x", "a/b?x", "a\nb", "org/na@me"})
    EXPECT_FALSE(require_valid_repo({RepoType::model, id, "main"})) << id;
  for (const std::string revision :
       {"", "..", "a/../b", "/a", "a/", "a//b", ".git", "a b", "a\r\nb", "a?b", "-x", "a\\b"})
    EXPECT_FALSE(require_valid_repo({RepoType::model, "a/b", revision})) << revision;
  EXPECT_TRUE(require_valid_repo({RepoType::model, "a/b", "refs/pr/12"}));
  EXPECT_TRUE(require_valid_repo({RepoType::model, "b", "v1.0.0-rc.1+x"}));
}

TEST(SafePaths, WhatLeavesTheFolderIsRefused) {
  for (const std::string& path :
       {std::string(""), std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"),
        std::string(".."), std::string("a/.."), std::string("./a"), std::string("a//b"),
        std::string("a/"), std::string("a\\..\\b"), std::string("a\0b", 3), std::string("a\nb"),
        std::string("\xff"), std::string(300, 'x'), std::string("a/.")}) {
    const auto status = require_safe_path(path);
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().tag, "path_outside_folder");
  }
  for (const std::string path : {"a", "a/b.c", "..a", "a..", "checkpoints/0001_ü b.safetensors"})
    EXPECT_TRUE(require_safe_path(path)) << path;
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
    if (!resolve_in_folder(folder.path(), path)) continue;
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
  EXPECT_FALSE(resolve_in_folder(folder / "dest", "out/x"));
  EXPECT_FALSE(resolve_in_folder(folder / "dest", "out"));
  EXPECT_FALSE(resolve_in_folder(folder / "dest", "dangling"));
  EXPECT_FALSE(resolve_in_folder(folder / "dest", "dangling/x"));
  EXPECT_TRUE(resolve_in_folder(folder / "dest", "in/x"));
  EXPECT_TRUE(resolve_in_folder(folder / "dest/", "real/x"));
  EXPECT_TRUE(resolve_in_folder(folder / "new/folder", "x"));
}

TEST(SafePaths, NamesThatAreInEachOthersWayAreRefused) {
  EXPECT_FALSE(require_safe_paths({"a", "a"}));
  EXPECT_FALSE(require_safe_paths({"a/b", "a"}));
  EXPECT_FALSE(require_safe_paths({"a.tmp", "a"}));
  EXPECT_TRUE(require_safe_paths({"a/b", "a/c", "ab", "a.tmp"}));
}

TEST(Retry, DelaysDoubleUpToALimit) {
  RetryPolicy policy;
  policy.base_delay = milliseconds(100);
  policy.max_delay = milliseconds(450);
  policy.jitter = 0;
  std::vector<milliseconds> delays;
  for (int failures = 1; failures <= 5; ++failures)
    delays.push_back(*retry_delay(policy, failures, std::nullopt, 0.9));
  EXPECT_EQ(delays,
            (std::vector<milliseconds>{milliseconds(100), milliseconds(200), milliseconds(400),
                                       milliseconds(450), milliseconds(450)}));
}

TEST(Retry, JitterOnlyShortens) {
  RetryPolicy policy;
  for (int i = 0; i <= 10; ++i) {
    const auto delay = *retry_delay(policy, 3, std::nullopt, i / 10.0);
    EXPECT_LE(delay, milliseconds(4000));
    EXPECT_GE(delay, milliseconds(3000));
  }
}

TEST(Retry, TheServerSaysWhenUpToALimit) {
  const RetryPolicy policy;
  EXPECT_EQ(*retry_delay(policy, 1, seconds(7), 0.5), milliseconds(7000));
  EXPECT_FALSE(retry_delay(policy, 1, seconds(86'400), 0.5));
}

TEST(Redact, EveryOccurrenceGoes) {
  EXPECT_EQ(redacted("a hf_x b hf_x", "hf_x"), "a [token] b [token]");
  EXPECT_EQ(redacted("unchanged", ""), "unchanged");
}

TEST(Urls, OriginsAreComparedByWhereARequestGoes) {
  const auto same = [](const char* a, const char* b) {
    return same_origin(parse_url(a).value(), parse_url(b).value());
  };
  EXPECT_TRUE(same("https://Example.org/a", "https://example.org:443/b?c#d"));
  EXPECT_FALSE(same("https://example.org/", "http://example.org/"));
  EXPECT_FALSE(same("https://example.org/", "https://example.org:444/"));
  EXPECT_FALSE(same("https://example.org/", "https://example.org.evil.net/"));
  EXPECT_FALSE(same("http://127.0.0.1:80/", "http://localhost:80/"));
  for (const char* bad : {"ftp://a/b", "file:///etc/passwd", "https://user:pw@a/", "", "https://"})
    EXPECT_FALSE(parse_url(bad)) << bad;
  EXPECT_EQ(parse_url("https://user:pw@host/").error().message.find("pw"), std::string::npos);
}

TEST(Urls, LocationsAreResolved) {
  const Url base = parse_url("https://h.org/a/b?c").value();
  EXPECT_EQ(resolve_location(base, "/x?y").value().text, "https://h.org/x?y");
  EXPECT_EQ(resolve_location(base, "x").value().text, "https://h.org/a/x");
  EXPECT_EQ(resolve_location(base, "//other.org/x").value().host, "other.org");
  EXPECT_FALSE(resolve_location(base, "javascript:x"));
  EXPECT_FALSE(resolve_location(base, "https://h.org@evil.net/"));
}

TEST(Urls, FromHttpsToHttpIsRefused) {
  const Url https = parse_url("https://h.org/").value();
  const Url http = parse_url("http://h.org/").value();
  EXPECT_TRUE(require_safe_redirect(https, parse_url("https://cdn.org/").value()));
  EXPECT_TRUE(require_safe_redirect(http, https));
  const auto refused = require_safe_redirect(https, http);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "insecure_redirect");
}

TEST(Endpoints, TokensGoOverHttpsOrToThisMachine) {
  EXPECT_EQ(make_endpoint("https://h.org/", "hf_x")->token, "hf_x");
  EXPECT_EQ(make_endpoint("http://127.0.0.1:8080", "hf_x")->token, "hf_x");
  EXPECT_EQ(make_endpoint("http://h.org", "hf_x")->token, "");
  EXPECT_EQ(make_endpoint("http://127.0.0.1.evil.net", "hf_x")->token, "");
  EXPECT_EQ(make_endpoint("https://h.org/hub//", "")->url.text, "https://h.org/hub");
  EXPECT_EQ(make_endpoint("https://h.org", "a\r\nX: y").error().tag, "invalid_token");
  EXPECT_FALSE(make_endpoint("https://h.org/?a=", ""));
}

}  // namespace
}  // namespace trinity::testing
