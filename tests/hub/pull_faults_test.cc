// Pulling from a hub that misbehaves: every pull ends complete and checked, or with a typed error
// and a state from which the next one goes on.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "hub/pull_support.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

struct OneFile {
  HubServer server;
  TemporaryFolder folder;
  std::vector<TestFile> files = {{"w.bin", random_text(100'000, 21), true}};
  hub::Pin pin = pin_of(files);
  Pauses pauses;
  hub::PullOptions options = options_for(server, folder, &pauses);

  OneFile() { publish(server, pin, files); }
  HubReply usual(const HubRequestLine& request) const {
    return HubServer::serve({files[0].content, kCommit, true, ""}, request);
  }
  /// Answers GET requests; the number of the request counts from 0.
  void on_get(std::function<std::optional<HubReply>(const HubRequestLine&, int)> handler) {
    auto count = std::make_shared<std::atomic<int>>(0);
    server.set_handler([handler, count](const HubRequestLine& request) -> std::optional<HubReply> {
      if (request.method != "GET") return std::nullopt;
      return handler(request, (*count)++);
    });
  }
  void on_every_request(const HubReply& reply) {
    server.set_handler([reply](const HubRequestLine&) { return reply; });
  }
  std::string tag() {
    const auto report = hub::pull(pin, options);
    return report ? std::string() : report.error().tag;
  }
  fs::path partial() const {
    return folder /
           ("cache/datasets--org--bundle/blobs/" + sha256_hex(files[0].content) + ".incomplete");
  }
  bool nothing_under_final_names() const {
    return files_below(folder / "dest").empty() &&
           !fs::exists(fs::path(partial()).replace_extension());
  }
};

TEST(PullFaults, ShortReadsAreContinuedWhereTheyEnded) {
  OneFile hub;
  hub.on_get([&](const HubRequestLine& request, int number) -> std::optional<HubReply> {
    HubReply reply = hub.usual(request);
    if (number < 6) reply.body_bytes = 10'000;
    return reply;
  });
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(hub.folder / "dest", hub.files);
  EXPECT_EQ(report->downloaded_bytes, 100'000u);  // not one byte twice
  std::size_t number = 0;
  for (const auto& request : hub.server.requests()) {
    if (request.method != "GET") continue;
    EXPECT_EQ(request.header("range"),
              number == 0 ? "" : fmt::format("bytes={}-", number * 10'000));
    if (number > 0) {
      EXPECT_EQ(request.header("if-range"),
                fmt::format("\"{}\"", sha256_hex(hub.files[0].content)));
    }
    ++number;
  }
  EXPECT_EQ(number, 7u);
}

TEST(PullFaults, AServerThatIgnoresRangesIsReadFromTheBeginning) {
  OneFile hub;
  hub.on_get([&](const HubRequestLine&, int number) -> std::optional<HubReply> {
    HubReply reply = hub.usual({"GET", "", {}});
    if (number == 0) reply.body_bytes = 60'000;
    return reply;
  });
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(hub.folder / "dest", hub.files);
  EXPECT_EQ(hub.server.count("GET"), 2u);
}

TEST(PullFaults, OtherRangesThanAskedForAreNotUsed) {
  OneFile hub;
  hub.on_get([&](const HubRequestLine& request, int number) -> std::optional<HubReply> {
    HubReply reply = hub.usual(request);
    if (number == 0) reply.body_bytes = 60'000;
    if (number == 1) {
      reply = hub.usual({"GET", "", {{"range", "bytes=50000-"}}});
      EXPECT_EQ(reply.status, 206);
    }
    return reply;
  });
  EXPECT_EQ(hub.tag(), "");
  expect_complete(hub.folder / "dest", hub.files);
}

TEST(PullFaults, APartialFileThatIsWrongOrTooLongIsDropped) {
  for (const std::size_t size : {std::size_t{40'000}, std::size_t{100'000}, std::size_t{150'000}}) {
    OneFile hub;
    fs::create_directories(hub.partial().parent_path());
    hub.folder.put(hub.partial().lexically_relative(hub.folder.path()).string(),
                   std::string(size, 'x'));
    EXPECT_EQ(hub.tag(), "") << size;
    expect_complete(hub.folder / "dest", hub.files);
    EXPECT_FALSE(fs::exists(hub.partial()));
  }
}

TEST(PullFaults, AF_7_WrongBytesAreNeverUsed) {
  OneFile hub;
  hub.on_get([&](const HubRequestLine& request, int) -> std::optional<HubReply> {
    HubReply reply = hub.usual(request);
    reply.body[77] ^= 1;
    return reply;
  });
  const auto report = hub::pull(hub.pin, hub.options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().tag, "checksum_mismatch");
  EXPECT_NE(report.error().message.find("w.bin"), std::string::npos);
  EXPECT_TRUE(hub.nothing_under_final_names());
  EXPECT_FALSE(fs::exists(hub.partial()));
  EXPECT_EQ(hub.server.count("GET"), 2u);  // once more, in case the transfer was to blame
}

TEST(PullFaults, AWrongHashIsNoticedBeforeTheDownload) {
  OneFile hub;
  hub.server.put(target_of(hub.pin, "w.bin"), {"something else", kCommit, true, ""});
  EXPECT_EQ(hub.tag(), "checksum_mismatch");
  EXPECT_EQ(hub.server.count("GET"), 0u);
  hub.pin.files[0].size = 99'999;
  publish(hub.server, hub.pin, hub.files);
  EXPECT_EQ(hub.tag(), "size_mismatch");
  EXPECT_EQ(hub.server.count("GET"), 0u);
}

TEST(PullFaults, AFileThatChangesMeanwhileIsNotMixed) {
  OneFile hub;
  hub.pin.files[0].sha256.reset();
  const std::string newer = random_text(100'000, 22);
  hub.files[0].large = false;
  std::atomic<int> gets{0};
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    const int number = request.method == "GET" ? gets++ : gets.load();
    HubReply reply =
        HubServer::serve({number == 0 ? hub.files[0].content : newer, kCommit, false, ""}, request);
    if (request.method == "GET" && number == 0) reply.body_bytes = 30'000;
    return reply;
  });
  EXPECT_EQ(hub.tag(), "");
  EXPECT_EQ(slurp(hub.folder / "dest/w.bin"), newer);
}

TEST(PullFaults, MoreBytesThanStatedAreRefusedAsTheyArrive) {
  OneFile hub;
  hub.on_get([&](const HubRequestLine& request, int) -> std::optional<HubReply> {
    HubReply reply = hub.usual(request);
    reply.content_length = std::uint64_t{1} << 60;
    return reply;
  });
  EXPECT_EQ(hub.tag(), "size_mismatch");
  EXPECT_TRUE(hub.nothing_under_final_names());
}

TEST(PullFaults, AHugeFileIsRefusedBeforeItFillsTheDisk) {
  OneFile hub;
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    HubReply reply = hub.usual(request);
    std::erase_if(reply.headers, [](const auto& h) { return h.first == "X-Linked-Size"; });
    reply.content_length = std::uint64_t{1} << 60;
    return reply;
  });
  EXPECT_EQ(hub.tag(), "disk_full");
  EXPECT_LT(fs::exists(hub.partial()) ? fs::file_size(hub.partial()) : 0, 200'000u);
  EXPECT_TRUE(hub.nothing_under_final_names());
}

TEST(PullFaults, RetryAfterIsObeyed) {
  OneFile hub;
  std::atomic<int> heads{0};
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.method != "HEAD" || heads++ > 0) return std::nullopt;
    HubReply reply = status_only(429);
    reply.headers = {{"Retry-After", "7"}};
    return reply;
  });
  EXPECT_EQ(hub.tag(), "");
  EXPECT_EQ(hub.pauses.list, std::vector<milliseconds>{milliseconds(7000)});
}

TEST(PullFaults, AServerThatWantsToWaitADayIsGivenUp) {
  OneFile hub;
  HubReply reply = status_only(429);
  reply.headers = {{"Retry-After", "86400"}};
  hub.on_every_request(reply);
  EXPECT_EQ(hub.tag(), "hub_rate_limited");
  EXPECT_TRUE(hub.pauses.list.empty());
}

TEST(PullFaults, ServerErrorsAreRetriedWithGrowingPauses) {
  for (const int status : {500, 502, 503, 504}) {
    OneFile hub;
    hub.on_every_request(status_only(status));
    EXPECT_EQ(hub.tag(), "hub_unavailable");
    EXPECT_EQ(hub.server.requests().size(), 4u);
    EXPECT_EQ(hub.pauses.list, (std::vector<milliseconds>{milliseconds(1000), milliseconds(2000),
                                                          milliseconds(4000)}));
  }
}

TEST(PullFaults, RefusalsAreNotRetried) {
  const std::vector<std::pair<int, std::string>> answers = {{401, "hub_unauthorized"},
                                                            {403, "hub_forbidden"},
                                                            {404, "hub_not_found"},
                                                            {400, "hub_refused"},
                                                            {418, "hub_refused"}};
  for (const auto& [status, tag] : answers) {
    OneFile hub;
    hub.on_every_request(status_only(status));
    EXPECT_EQ(hub.tag(), tag);
    EXPECT_EQ(hub.server.requests().size(), 1u);
    EXPECT_TRUE(files_below(hub.folder / "dest").empty());
  }
}

TEST(PullFaults, AHangingServerIsLeftAndTheRestFetchedLater) {
  OneFile hub;
  hub.options.network.stall_timeout = milliseconds(300);
  hub.options.retry.attempts = 1;
  hub.on_get([&](const HubRequestLine& request, int number) -> std::optional<HubReply> {
    HubReply reply = hub.usual(request);
    if (number > 0) return reply;
    reply.body_bytes = 50'000;
    reply.hang = true;
    return reply;
  });
  const auto stalled = hub::pull(hub.pin, hub.options);
  ASSERT_FALSE(stalled);
  EXPECT_EQ(stalled.error().tag, "timeout");
  EXPECT_TRUE(hub.nothing_under_final_names());
  ASSERT_EQ(fs::file_size(hub.partial()), 50'000u);
  hub.options.network.stall_timeout = milliseconds(30'000);
  const auto resumed = hub::pull(hub.pin, hub.options);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->files[0].resumed_from, 50'000u);
  EXPECT_EQ(resumed->downloaded_bytes, 50'000u);
  EXPECT_EQ(hub.server.requests().back().header("range"), "bytes=50000-");
  expect_complete(hub.folder / "dest", hub.files);
}

TEST(PullFaults, AnAnswerThatIsCutInItsHeadersIsRetried) {
  for (const std::size_t bytes : {0, 3, 12, 40, 120}) {
    OneFile hub;
    std::atomic<int> count{0};
    hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
      HubReply reply = hub.usual(request);
      if (count++ < 2) reply.header_bytes = bytes;
      return reply;
    });
    EXPECT_EQ(hub.tag(), "") << bytes;
    expect_complete(hub.folder / "dest", hub.files);
  }
}

TEST(PullFaults, ANameThatNobodyListensToFails) {
  OneFile hub;
  {
    const HubServer gone;
    hub.options.endpoints = {gone.url()};
  }
  EXPECT_EQ(hub.tag(), "connection_failed");
}

TEST(PullFaults, ServersWithoutHeadAreAskedByGet) {
  OneFile hub;
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.method == "HEAD") return status_only(405);
    HubReply reply;
    reply.body = hub.files[0].content;
    return reply;
  });
  EXPECT_EQ(hub.tag(), "");
  expect_complete(hub.folder / "dest", hub.files);
}

// As a portal does that answers everything with its own page.
TEST(PullFaults, AFileThatNobodyVouchesForIsNotUsed) {
  for (const int head_status : {200, 405}) {
    OneFile hub;
    hub.pin.files[0].sha256.reset();
    hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
      HubReply reply = status_only(request.method == "HEAD" ? head_status : 200);
      reply.headers = {{"ETag", "\"5f-6021d0\""}};
      reply.body = "<html>please log in</html>";
      return reply;
    });
    EXPECT_EQ(hub.tag(), "unverifiable_file");
    EXPECT_TRUE(files_below(hub.folder / "dest").empty());
  }
}

TEST(PullFaults, RedirectLoopsEnd) {
  OneFile hub;
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    return redirect(request.target, 307);
  });
  EXPECT_EQ(hub.tag(), "too_many_redirects");
  EXPECT_LT(hub.server.requests().size(), 20u);
}

TEST(PullFaults, RedirectsToOtherSchemesAreRefused) {
  for (const std::string location : {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://", ""}) {
    OneFile hub;
    hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
      return request.method == "GET" ? redirect(location) : hub.usual(request);
    });
    EXPECT_NE(hub.tag(), "") << location;
    EXPECT_TRUE(hub.nothing_under_final_names());
  }
}

TEST(PullFaults, AnExpiredStorageAddressIsAskedForAgain) {
  OneFile hub;
  HubServer storage;
  publish(hub.server, hub.pin, hub.files, &storage);
  std::atomic<int> count{0};
  storage.set_handler([&](const HubRequestLine&) -> std::optional<HubReply> {
    if (count++ == 0) return status_only(403);
    return std::nullopt;
  });
  EXPECT_EQ(hub.tag(), "");
  EXPECT_EQ(hub.server.count("GET"), 2u);
}

TEST(PullFaults, MirrorsAreTriedInOrder) {
  OneFile hub;
  HubServer broken;
  HubServer wrong;
  broken.set_handler([](const HubRequestLine&) { return status_only(500); });
  wrong.put(target_of(hub.pin, "w.bin"), {"something else", kCommit, true, ""});
  hub.options.endpoints = {broken.url(), wrong.url()};
  EXPECT_EQ(hub.tag(), "hub_unavailable");
  hub.pin.mirrors = {hub.server.url()};
  EXPECT_EQ(hub.tag(), "");
  expect_complete(hub.folder / "dest", hub.files);
}

TEST(PullFaults, AFullDiskEndsThePullAndKeepsWhatArrived) {
  OneFile hub;
  fs::create_directories(hub.folder / "cache");
  if (::geteuid() != 0 ||
      ::mount("tmpfs", (hub.folder / "cache").c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "SKIPPED: a small file system cannot be mounted here (needs root)";
  // Without stated sizes nothing can be refused in advance.
  hub.server.set_handler([&](const HubRequestLine& request) -> std::optional<HubReply> {
    if (request.method == "HEAD") return status_only(405);
    HubReply reply = hub.usual(request);
    std::erase_if(reply.headers, [](const auto& h) { return h.first == "X-Linked-Size"; });
    return reply;
  });
  EXPECT_EQ(hub.tag(), "disk_full");
  EXPECT_TRUE(files_below(hub.folder / "dest").empty());
  ::umount((hub.folder / "cache").c_str());
}

// Property: whatever goes wrong on the way, in whatever order, what ends well is right, and what
// ends badly has left no wrong file and can be run again.
TEST(PullFaults, RandomFaultsNeverGiveAWrongFile) {
  const auto files = bundle_files();
  int complete = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    HubServer server;
    HubServer storage;
    const TemporaryFolder folder;
    const hub::Pin pin = pin_of(files);
    publish(server, pin, files, seed % 2 ? &storage : nullptr);
    std::mutex mutex;
    std::mt19937 random(seed);
    int faults = static_cast<int>(seed % 12);
    const auto misbehave = [&](const HubRequestLine& request) -> std::optional<HubReply> {
      const std::lock_guard lock(mutex);
      if (faults == 0 || random() % 2) return std::nullopt;
      --faults;
      std::string content;
      for (const TestFile& file : files)
        if (request.target == target_of(pin, file.path) ||
            request.target.find(sha256_hex(file.content)) != std::string::npos)
          content = file.content;
      HubReply reply = HubServer::serve({content, kCommit, false, ""}, request);
      switch (random() % 8) {
        case 0:
          return status_only(500);
        case 1:
          reply = status_only(429);
          reply.headers = {{"Retry-After", "1"}};
          break;
        case 2:
          reply.header_bytes = random() % 60;
          break;
        case 3:
          if (!reply.body.empty()) reply.body[random() % reply.body.size()] ^= 1;
          break;
        case 4:
          reply = HubServer::serve({content, kCommit, false, ""}, {"GET", "", {}});
          break;
        case 5:
          return redirect(request.target);
        case 6:
          reply.status = 200;  // although it may be a part
          break;
        default:
          reply.body_bytes = random() % (reply.body.size() + 1);
      }
      return reply;
    };
    server.set_handler(misbehave);
    storage.set_handler(misbehave);
    hub::PullOptions options = options_for(server, folder);
    options.jobs = 1 + static_cast<int>(seed % 3);
    for (int run = 0; run < 20; ++run) {
      const auto report = hub::pull(pin, options);
      for (const TestFile& file : files)
        if (fs::exists(folder / "dest" / file.path)) {
          EXPECT_EQ(slurp(folder / "dest" / file.path), file.content) << seed << " " << file.path;
        }
      if (report) {
        expect_complete(folder / "dest", files);
        ++complete;
        break;
      }
      EXPECT_FALSE(report.error().tag.empty());
    }
  }
  EXPECT_EQ(complete, 40);
}

}  // namespace
}  // namespace trinity::testing
