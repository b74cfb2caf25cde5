// Where the token goes, and what a pin from elsewhere cannot do.
#include <gtest/gtest.h>

#include "hub/pull_support.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

const std::string kToken = "hf_SecretTokenForTests";

struct TokenHub {
  HubServer server;
  TemporaryFolder folder;
  std::vector<TestFile> files = {{"w.bin", random_text(20'000, 31), false}};
  hub::Pin pin = pin_of(files);
  hub::PullOptions options = options_for(server, folder);

  TokenHub() {
    publish(server, pin, files);
    options.token.text = kToken;
  }
};

std::size_t with_token(const HubServer& server) {
  std::size_t count = 0;
  for (const auto& request : server.requests()) {
    const std::string sent = request.header("authorization");
    if (sent.empty()) continue;
    EXPECT_EQ(sent, "Bearer " + kToken);
    ++count;
  }
  return count;
}

TEST(PullToken, GoesToTheEndpointWithEveryRequest) {
  TokenHub hub;
  ASSERT_TRUE(hub::pull(hub.pin, hub.options));
  EXPECT_EQ(hub.server.requests().size(), 2u);
  EXPECT_EQ(with_token(hub.server), 2u);
}

TEST(PullToken, StaysOnARedirectWithinTheEndpoint) {
  TokenHub hub;
  hub.server.put("/moved", {hub.files[0].content, kCommit, false, ""});
  hub.server.set_handler([](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.target == "/moved") return std::nullopt;
    return redirect("/moved", 307);
  });
  ASSERT_TRUE(hub::pull(hub.pin, hub.options));
  EXPECT_EQ(with_token(hub.server), hub.server.requests().size());
}

TEST(PullToken, DoesNotGoToAnotherPortOrHostName) {
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    TokenHub hub;
    HubServer storage;
    storage.put("/o", {hub.files[0].content, "", false, ""});
    hub.server.put(target_of(hub.pin, "w.bin"),
                   {hub.files[0].content, kCommit, false, storage.url(host) + "/o"});
    const auto report = hub::pull(hub.pin, hub.options);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_GT(storage.requests().size(), 0u);
    EXPECT_EQ(with_token(storage), 0u);
    EXPECT_EQ(with_token(hub.server), hub.server.requests().size());
  }
}

TEST(PullToken, DoesNotGoToTheSamePortUnderAnotherName) {
  TokenHub hub;
  hub.server.put("/moved", {hub.files[0].content, kCommit, false, ""});
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.target == "/moved") return std::nullopt;
    return redirect(hub.server.url("localhost") + "/moved");
  });
  ASSERT_TRUE(hub::pull(hub.pin, hub.options));
  for (const auto& request : hub.server.requests())
    EXPECT_EQ(request.header("authorization").empty(), request.target == "/moved");
}

TEST(PullToken, IsNotTakenUpAgainAfterADetour) {
  TokenHub hub;
  HubServer detour;
  hub.server.put("/back", {hub.files[0].content, kCommit, false, ""});
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.target == "/back") return std::nullopt;
    return redirect(detour.url() + "/detour");
  });
  detour.set_handler([&](const HubRequestLine&) { return redirect(hub.server.url() + "/back"); });
  ASSERT_TRUE(hub::pull(hub.pin, hub.options));
  EXPECT_EQ(with_token(detour), 0u);
  for (const auto& request : hub.server.requests())
    EXPECT_EQ(request.header("authorization").empty(), request.target == "/back");
}

TEST(PullToken, GoesToNoOtherEndpointAndNoMirror) {
  TokenHub hub;
  HubServer second;
  HubServer mirror;
  hub.server.set_handler([](const HubRequestLine&) { return status_only(404); });
  second.set_handler([](const HubRequestLine&) { return status_only(404); });
  publish(mirror, hub.pin, hub.files);
  hub.options.endpoints.push_back(second.url());
  hub.pin.mirrors = {mirror.url()};
  ASSERT_TRUE(hub::pull(hub.pin, hub.options));
  EXPECT_EQ(with_token(hub.server), 1u);
  EXPECT_EQ(second.requests().size(), 1u);
  EXPECT_EQ(with_token(second), 0u);
  EXPECT_EQ(mirror.requests().size(), 2u);
  EXPECT_EQ(with_token(mirror), 0u);
}

TEST(PullToken, WithAHomeItGoesToThatEndpointWhereverItStands) {
  TokenHub hub;
  HubServer mirror;
  mirror.set_handler([](const HubRequestLine&) { return status_only(401); });
  hub.options.token.name = "the token file";
  hub.options.token.home = hub.server.url();
  hub.options.endpoints = {mirror.url(), hub.server.url()};
  ASSERT_TRUE(hub::pull(hub.pin, hub.options));
  EXPECT_EQ(mirror.requests().size(), 1u);
  EXPECT_EQ(with_token(mirror), 0u);
  EXPECT_EQ(with_token(hub.server), hub.server.requests().size());
  // Where it does not go, the refusal says so.
  hub.options.endpoints = {mirror.url()};
  hub.options.cache = hub.folder / "empty";
  hub.options.destination = hub.folder / "other";
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_FALSE(report);
  EXPECT_NE(
      report.error().message.find("the token of the token file belongs to " + hub.server.url()),
      std::string::npos)
      << report.error().message;
}

TEST(PullToken, IsInNoMessageAndNoFile) {
  // The server puts the token wherever it can into what it answers.
  const std::vector<HubReply> answers = {
      redirect("http://user:" + kToken + "@127.0.0.1/"), redirect("http://127.0.0.1:1/" + kToken),
      redirect("gopher://" + kToken + "/"), redirect("http://" + kToken + ".localhost:1/")};
  for (const HubReply& answer : answers) {
    TokenHub hub;
    hub.server.set_handler([&](const HubRequestLine&) { return answer; });
    const auto report = hub::pull(hub.pin, hub.options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().message.find(kToken), std::string::npos) << report.error().message;
    for (const std::string& name : files_below(hub.folder.path()))
      EXPECT_EQ(slurp(hub.folder / name).find(kToken), std::string::npos) << name;
  }
}

TEST(PullSecurity, AFileWithoutAHashNeverComesFromAPinsMirror) {
  TokenHub hub;
  HubServer mirror;
  publish(mirror, hub.pin, hub.files);
  hub.pin.files[0].sha256.reset();
  hub.pin.mirrors = {mirror.url()};
  hub.server.set_handler([](const HubRequestLine&) { return status_only(404); });
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().tag, "hub_not_found");
  EXPECT_TRUE(mirror.requests().empty());
}

TEST(PullSecurity, AMirrorWithoutEncryptionIsRefused) {
  TokenHub hub;
  hub.pin.mirrors = {"http://mirror.example.org"};
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().tag, "insecure_mirror");
  EXPECT_TRUE(hub.server.requests().empty());
}

TEST(PullSecurity, AMirrorCannotRenameCommitsOrBlobs) {
  TokenHub hub;
  HubServer mirror;
  hub.server.set_handler([](const HubRequestLine&) { return status_only(500); });
  const std::string other(40, 'd');
  mirror.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    HubReply reply = HubServer::serve({hub.files[0].content, other, false, ""}, request);
    for (auto& [name, value] : reply.headers)
      if (name == "ETag") value = "\"" + other + "\"";
    return reply;
  });
  hub.pin.mirrors = {mirror.url()};
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_TRUE(report) << report.error().message;
  const fs::path repo = hub.folder / "cache/datasets--org--bundle";
  EXPECT_FALSE(fs::exists(repo / "snapshots" / other));
  EXPECT_FALSE(fs::exists(repo / "refs/v1.0.0"));
  EXPECT_FALSE(fs::exists(repo / "blobs" / other));
  EXPECT_TRUE(fs::exists(repo / "blobs" / sha256_hex(hub.files[0].content)));
}

TEST(PullSecurity, NothingIsWrittenForAPinThatLeavesItsFolder) {
  for (const std::string path : {"../w.bin", "/tmp/w.bin", "a/../../w.bin"}) {
    TokenHub hub;
    hub.pin.files.push_back({path, sha256_hex("x"), {}});
    const auto report = hub::pull(hub.pin, hub.options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().tag, "path_outside_folder");
    EXPECT_TRUE(hub.server.requests().empty());
    EXPECT_TRUE(files_below(hub.folder.path()).empty());
  }
}

TEST(PullSecurity, NothingIsWrittenThroughALinkOutOfTheFolder) {
  const TemporaryFolder elsewhere;
  TokenHub hub;
  fs::create_directories(hub.folder / "dest");
  fs::create_directory_symlink(elsewhere.path(), hub.folder / "dest/out");
  hub.pin.files.push_back({"out/w.bin", sha256_hex("x"), {}});
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().tag, "path_outside_folder");
  EXPECT_TRUE(hub.server.requests().empty());
  EXPECT_TRUE(files_below(elsewhere.path()).empty());
  EXPECT_FALSE(fs::exists(hub.folder / "cache"));
}

}  // namespace
}  // namespace trinity::testing
