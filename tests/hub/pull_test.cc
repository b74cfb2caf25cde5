// Pulling from a hub that behaves: destination, shared cache, offline, lists.
#include <gtest/gtest.h>

#include <thread>

#include "hub/git_blob_hash.h"
#include "hub/pull_support.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

TEST(Pull, AF_5_AF_6_AF_10_EveryFileArrivesWhole) {
  HubServer server;
  HubServer storage;
  const TemporaryFolder folder;
  const auto files = bundle_files();
  hub::Pin pin = pin_of(files);
  pin.manifest_sha256 = *pin.files[0].sha256;
  publish(server, pin, files, &storage);
  std::size_t listened = 0;
  const auto report =
      hub::pull(pin, options_for(server, folder), [&](const hub::PullProgress& now) {
        ++listened;
        EXPECT_EQ(now.files, 4u);
      });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GE(listened, 1u);
  expect_complete(folder / "dest", files);
  EXPECT_EQ(files_below(folder / "dest").size(), files.size());  // nothing temporary is left
  EXPECT_EQ(report->commit, kCommit);
  EXPECT_EQ(report->folder, folder / "dest");
  EXPECT_EQ(report->downloaded_bytes, 273'000 + files[0].content.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(report->files[i].path, files[i].path);
    EXPECT_EQ(report->files[i].source, hub::FileSource::downloaded);
    EXPECT_EQ(report->files[i].verified, hub::Verified::pin);
  }
  for (const auto& request : server.requests())
    EXPECT_TRUE(request.target.starts_with("/datasets/org/bundle/resolve/v1.0.0/"))
        << request.target;
  EXPECT_EQ(storage.count("GET"), 3u);
}

TEST(Pull, AF_8_WhatIsThereAndRightIsNotFetched) {
  HubServer server;
  const TemporaryFolder folder;
  const auto files = bundle_files();
  const hub::Pin pin = pin_of(files);
  publish(server, pin, files);
  folder.put("dest/" + files[0].path, files[0].content);
  folder.put("dest/" + files[2].path, files[2].content.substr(1) + "x");  // same length, wrong
  folder.put("dest/unrelated", "kept");
  const auto report = hub::pull(pin, options_for(server, folder));
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(folder / "dest", files);
  EXPECT_EQ(slurp(folder / "dest/unrelated"), "kept");
  EXPECT_EQ(report->files[0].source, hub::FileSource::present);
  EXPECT_EQ(report->files[2].source, hub::FileSource::downloaded);
  EXPECT_FALSE(report->files[0].replaced);
  EXPECT_FALSE(report->files[1].replaced);
  EXPECT_TRUE(report->files[2].replaced);
  EXPECT_EQ(server.count("GET", "manifest.json"), 0u);
  EXPECT_EQ(server.count("HEAD", "manifest.json"), 0u);
}

TEST(Pull, AFT_2_TheCacheIsAHuggingFaceCacheAndIsCopiedFrom) {
  HubServer server;
  const TemporaryFolder folder;
  const auto files = bundle_files();
  const hub::Pin pin = pin_of(files);
  publish(server, pin, files);
  hub::PullOptions options = options_for(server, folder);
  ASSERT_TRUE(hub::pull(pin, options));
  const fs::path repo = folder / "cache/datasets--org--bundle";
  EXPECT_EQ(slurp(repo / "refs/v1.0.0"), kCommit);
  for (const TestFile& file : files) {
    const fs::path link = repo / "snapshots" / kCommit / file.path;
    ASSERT_TRUE(fs::is_symlink(link)) << link;
    EXPECT_TRUE(fs::read_symlink(link).is_relative());
    EXPECT_EQ(fs::canonical(link).parent_path(), fs::canonical(repo / "blobs"));
    const std::string name = fs::read_symlink(link).filename().string();
    EXPECT_EQ(name, file.large ? sha256_hex(file.content)
                               : hub::git_blob_hash(std::as_bytes(
                                     std::span(file.content.data(), file.content.size()))));
    EXPECT_EQ(slurp(link), file.content);
  }
  EXPECT_EQ(files_below(repo / "blobs").size(), files.size());
  server.forget_requests();
  options.destination = folder / "second";
  const auto again = hub::pull(pin, options);
  ASSERT_TRUE(again) << again.error().message;
  expect_complete(folder / "second", files);
  EXPECT_TRUE(server.requests().empty());
  for (const hub::PulledFile& file : again->files) EXPECT_EQ(file.source, hub::FileSource::cache);
}

TEST(Pull, ACacheThatAnotherProgramFilledIsUsed) {
  HubServer server;
  const TemporaryFolder folder;
  const std::vector<TestFile> files = {{"config.json", "{}", false}, {"w.bin", "weights", true}};
  hub::Pin pin = pin_of(files);
  pin.repo = {hub::RepoType::model, "org/model", kCommit};
  const std::string git_name = hub::git_blob_hash(std::as_bytes(std::span("{}", 2)));
  const std::string blobs = "cache/models--org--model/blobs/";
  folder.put(blobs + git_name, "{}");
  folder.put(blobs + sha256_hex("weights"), "weights");
  const fs::path snapshot = folder / ("cache/models--org--model/snapshots/" + kCommit);
  fs::create_directories(snapshot);
  fs::create_symlink("../../blobs/" + git_name, snapshot / "config.json");
  hub::PullOptions options = options_for(server, folder);
  options.destination.reset();
  const auto report = hub::pull(pin, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->folder, snapshot);
  expect_complete(snapshot, files);
  EXPECT_TRUE(server.requests().empty());
}

TEST(Pull, ADamagedFileOfTheCacheIsFetchedAgain) {
  HubServer server;
  const TemporaryFolder folder;
  const auto files = bundle_files();
  const hub::Pin pin = pin_of(files);
  publish(server, pin, files);
  hub::PullOptions options = options_for(server, folder);
  ASSERT_TRUE(hub::pull(pin, options));
  const std::string blob = "cache/datasets--org--bundle/blobs/" + sha256_hex(files[2].content);
  folder.put(blob, "damaged");
  options.destination = folder / "second";
  const auto report = hub::pull(pin, options);
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(folder / "second", files);
  EXPECT_EQ(slurp(folder / blob), files[2].content);
}

TEST(Pull, AFT_3_AF_9_OfflineMakesNoConnection) {
  HubServer server;
  const TemporaryFolder folder;
  const auto files = bundle_files();
  const hub::Pin pin = pin_of(files);
  publish(server, pin, files);
  hub::PullOptions options = options_for(server, folder);
  options.offline = true;
  const auto refused = hub::pull(pin, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "not_in_cache");
  EXPECT_EQ(refused.error().kind, ErrorKind::missing);
  EXPECT_TRUE(server.requests().empty());
  EXPECT_TRUE(files_below(folder / "dest").empty());

  options.offline = false;
  ASSERT_TRUE(hub::pull(pin, options));
  server.forget_requests();
  options.offline = true;
  options.destination = folder / "second";
  ASSERT_TRUE(hub::pull(pin, options));
  expect_complete(folder / "second", files);
  options.destination.reset();
  const auto in_cache = hub::pull(pin, options);
  ASSERT_TRUE(in_cache) << in_cache.error().message;
  expect_complete(in_cache->folder, files);
  EXPECT_TRUE(server.requests().empty());
}

TEST(Pull, WithoutADestinationTheSnapshotIsTheFolder) {
  HubServer server;
  const TemporaryFolder folder;
  const auto files = bundle_files();
  const hub::Pin pin = pin_of(files);
  publish(server, pin, files);
  hub::PullOptions options = options_for(server, folder);
  options.destination.reset();
  const auto report = hub::pull(pin, options);
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(report->folder, files);
  EXPECT_EQ(report->folder.filename(), kCommit);
}

TEST(Pull, WithoutAPinnedHashTheHubsHashCounts) {
  HubServer server;
  const TemporaryFolder folder;
  const std::vector<TestFile> files = {{"small.json", "{}", false},
                                       {"large.bin", random_text(5'000, 9), true}};
  hub::Pin pin = pin_of(files);
  for (hub::PinFile& file : pin.files) file.sha256.reset();
  publish(server, pin, files);
  auto options = options_for(server, folder);
  auto report = hub::pull(pin, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files[0].verified, hub::Verified::hub_git);
  EXPECT_EQ(report->files[1].verified, hub::Verified::hub_lfs);
  expect_complete(folder / "dest", files);
  const auto again = hub::pull(pin, options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->downloaded_bytes, 0u);
  EXPECT_EQ(again->files[1].source, hub::FileSource::present);

  // The hub's word against the bytes: not used.
  server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.target.find("large.bin") == std::string::npos) return std::nullopt;
    HubReply reply = HubServer::serve({files[1].content, kCommit, true, ""}, request);
    if (!reply.body.empty()) reply.body[reply.body.size() / 2] ^= 1;
    return reply;
  });
  options.cache = folder / "other";
  options.destination = folder / "second";
  const auto damaged = hub::pull(pin, options);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().tag, "checksum_mismatch");
  EXPECT_FALSE(fs::exists(folder / "second/large.bin"));
}

TEST(Pull, FilesWithoutHashesMustBeOfOneCommit) {
  HubServer server;
  const TemporaryFolder folder;
  const std::vector<TestFile> files = {{"a", "1", false}, {"b", "2", false}};
  hub::Pin pin = pin_of(files);
  for (hub::PinFile& file : pin.files) file.sha256.reset();
  server.put(target_of(pin, "a"), {"1", kCommit, false, ""});
  server.put(target_of(pin, "b"), {"2", std::string(40, 'e'), false, ""});
  const auto report = hub::pull(pin, options_for(server, folder));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().tag, "commit_mismatch");
}

TEST(Pull, APinnedCommitMustBeTheOneServed) {
  HubServer server;
  const TemporaryFolder folder;
  hub::Pin pin = pin_of({{"a", "1", false}});
  pin.repo.revision = std::string(40, 'e');
  server.put(target_of(pin, "a"), {"1", kCommit, false, ""});
  const auto report = hub::pull(pin, options_for(server, folder));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().tag, "commit_mismatch");
  EXPECT_EQ(server.count("GET"), 0u);
}

TEST(Pull, TwoPullsAtOnceDownloadOnce) {
  HubServer server;
  const TemporaryFolder folder;
  const std::vector<TestFile> files = {{"large.bin", random_text(400'000, 5), true}};
  const hub::Pin pin = pin_of(files);
  publish(server, pin, files);
  std::vector<std::string> failures(4);
  {
    std::vector<std::jthread> pulls;
    for (std::size_t i = 0; i < failures.size(); ++i)
      pulls.emplace_back([&, i] {
        hub::PullOptions options = options_for(server, folder);
        options.destination = folder / fmt::format("dest{}", i);
        if (const auto report = hub::pull(pin, options); !report)
          failures[i] = report.error().message;
      });
  }
  for (std::size_t i = 0; i < failures.size(); ++i) {
    EXPECT_EQ(failures[i], "");
    expect_complete(folder / fmt::format("dest{}", i), files);
  }
  EXPECT_EQ(server.count("GET"), 1u);
}

TEST(ListFiles, PagesAreFollowedAndFoldersLeftOut) {
  HubServer server;
  const TemporaryFolder folder;
  const hub::Repo repo{hub::RepoType::model, "org/model", "main"};
  server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    HubReply reply;
    if (request.target == hub::tree_target(repo)) {
      reply.headers = {{"Link", fmt::format("<{}{}&cursor=x>; rel=\"next\"", server.url(),
                                            hub::tree_target(repo))}};
      reply.body = R"([{"type":"directory","path":"d"},{"type":"file","path":"d/a","size":3}])";
    } else {
      reply.body = R"([{"type":"file","path":"b","size":5,"oid":"x"}])";
    }
    return reply;
  });
  const auto pin = hub::list_files(repo, options_for(server, folder));
  ASSERT_TRUE(pin) << pin.error().message;
  ASSERT_EQ(pin->files.size(), 2u);
  EXPECT_EQ(pin->files[0].path, "d/a");
  EXPECT_EQ(pin->files[0].size, 3u);
  EXPECT_EQ(pin->files[1].path, "b");
  EXPECT_FALSE(pin->files[1].sha256);
}

TEST(ListFiles, BadListsAreRefused) {
  HubServer server;
  const TemporaryFolder folder;
  const hub::Repo repo{hub::RepoType::model, "org/model", "main"};
  std::string body;
  std::string link;
  server.set_handler([&](const HubRequestLine&) -> std::optional<HubReply> {
    HubReply reply;
    reply.body = body;
    if (!link.empty()) reply.headers = {{"Link", link}};
    return reply;
  });
  const auto tag = [&](const std::string& text, const std::string& next = "") {
    body = text;
    link = next;
    const auto pin = hub::list_files(repo, options_for(server, folder));
    return pin ? std::string() : pin.error().tag;
  };
  EXPECT_EQ(tag("<html>"), "invalid_listing");
  EXPECT_EQ(tag("{}"), "invalid_listing");
  EXPECT_EQ(tag("[{\"type\":\"file\"}]"), "invalid_listing");
  EXPECT_EQ(tag("[]"), "invalid_pin");
  EXPECT_EQ(tag(R"([{"type":"file","path":"../../x"}])"), "path_outside_folder");
  EXPECT_EQ(tag("[]", "<http://localhost:1/next>; rel=\"next\""), "invalid_listing");
  EXPECT_EQ(tag("[]", fmt::format("<{}/again>; rel=\"next\"", server.url())), "invalid_listing");
}

}  // namespace
}  // namespace trinity::testing
