// Hubs, mirrors, caches and file systems as people have them: what is right about them is used, and
// what is refused is refused for the true reason.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>
#include <stdexcept>

#include "hub/git_blob_hash.h"
#include "hub/pull_support.h"

namespace trinity::testing {
namespace {

namespace fs = std::filesystem;

bool says(const Error& error, const std::string& what) {
  return error.message.find(what) != std::string::npos;
}

/// A model repository of a small and a large file at a branch.
struct Field {
  HubServer server;
  TemporaryFolder folder;
  std::vector<TestFile> files = {{"config.json", R"({"hidden_size": 64, "num_hidden_layers": 2})"},
                                 {"w.bin", random_text(50'000, 41), true}};
  hub::Pin pin = pin_of(files);
  hub::PullOptions options = options_for(server, folder);

  Field() {
    pin.repo = {hub::RepoType::model, "org/m", "main"};
    publish(server, pin, files);
    options.destination.reset();
  }
  void without_hashes() {
    for (hub::PinFile& file : pin.files) file.sha256.reset();
  }
  fs::path repo() const { return folder / "cache/models--org--m"; }
  Result<hub::PullReport> go() { return hub::pull(pin, options); }
  Error refused() {
    auto report = go();
    if (report) ADD_FAILURE() << "the pull succeeded";
    return report ? Error{} : report.error();
  }
  void change_heads(std::function<void(HubReply&)> change) {
    server.set_handler([this, change](const HubRequestLine& request) -> std::optional<HubReply> {
      if (request.method != "HEAD") return std::nullopt;
      for (const TestFile& file : files)
        if (request.target == target_of(pin, file.path)) {
          HubReply reply = HubServer::serve({file.content, kCommit, file.large, ""}, request);
          change(reply);
          return reply;
        }
      return std::nullopt;
    });
  }
};

void drop_header(HubReply& reply, const std::string& name) {
  std::erase_if(reply.headers, [&](const auto& header) { return header.first == name; });
}

TEST(PullField, WhatHeadSaysAboutTheLengthProvesNothing) {
  const std::vector<std::function<void(HubReply&)>> heads = {
      [](HubReply& reply) {
        reply.headers.emplace_back("Content-Encoding", "gzip");
        reply.content_length = 67;
      },
      [](HubReply& reply) { reply.content_length = 0; },
      [](HubReply& reply) {
        drop_header(reply, "X-Linked-Size");
        reply.content_length = 0;
      },
      [](HubReply& reply) {
        drop_header(reply, "X-Linked-Size");
        reply.headers.emplace_back("X-Linked-Size", "0");
      },
      [](HubReply& reply) {
        drop_header(reply, "X-Linked-Size");
        reply.content_length = 60'000;
      }};
  for (std::size_t i = 0; i < heads.size(); ++i) {
    for (const bool pinned : {true, false}) {
      Field field;
      if (!pinned) field.without_hashes();
      if (pinned && i % 2 == 0)
        for (std::size_t f = 0; f < field.files.size(); ++f)
          field.pin.files[f].size = field.files[f].content.size();
      field.change_heads(heads[i]);
      const auto report = field.go();
      ASSERT_TRUE(report) << i << " " << report.error().message;
      expect_complete(report->folder, field.files);
    }
  }
}

TEST(PullField, NumbersOfTheHubAreNotCalledExpected) {
  Field field;
  field.change_heads([](HubReply& reply) {
    drop_header(reply, "X-Linked-Size");
    reply.headers.emplace_back("X-Linked-Size", "100");
  });
  Error error = field.refused();
  EXPECT_EQ(error.tag, "size_mismatch");
  EXPECT_TRUE(says(error, "after it stated 100")) << error.message;
  EXPECT_FALSE(says(error, "expected")) << error.message;
  // The pin's number is the pin's.
  Field pinned;
  pinned.pin.files[1].size = 49'999;
  error = pinned.refused();
  EXPECT_EQ(error.tag, "size_mismatch");
  EXPECT_TRUE(says(error, "50000 bytes at " + pinned.server.url() + ", but the pin says 49999"))
      << error.message;
  EXPECT_EQ(pinned.server.count("GET", "w.bin"), 0u);
}

TEST(PullField, ASizeOfTheHubsListBindsNobody) {
  Field field;
  field.without_hashes();
  field.server.put(hub::tree_target(field.pin.repo),
                   {R"([{"type":"file","path":"config.json","size":1},)"
                    R"({"type":"file","path":"w.bin","size":134}])",
                    "", false, ""});
  const auto pin = hub::list_files(field.pin.repo, field.options);
  ASSERT_TRUE(pin) << pin.error().message;
  field.pin = *pin;
  const auto report = field.go();
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(report->folder, field.files);
}

// No lock and no note can be written here, whoever runs the test.
TEST(PullField, ACompleteCacheNeedsNoWriting) {
  for (const bool pinned : {true, false}) {
    for (const bool with_destination : {true, false}) {
      Field field;
      if (!pinned) field.without_hashes();
      ASSERT_TRUE(field.go());
      fs::remove_all(field.folder / "cache/.locks");
      field.folder.put("cache/.locks", "in the way");
      fs::remove_all(field.repo() / "refs");
      field.folder.put("cache/models--org--m/refs", "in the way");
      field.server.forget_requests();
      if (with_destination) field.options.destination = field.folder / "dest";
      const auto report = field.go();
      ASSERT_TRUE(report) << report.error().message;
      expect_complete(report->folder, field.files);
      EXPECT_EQ(field.server.count("GET"), 0u);
      EXPECT_EQ(report->downloaded_bytes, 0u);
    }
  }
}

TEST(PullField, AReadOnlyCacheIsUsed) {
  Field field;
  const fs::path cache = field.folder / "cache";
  fs::create_directories(cache);
  if (::geteuid() != 0 || ::mount("tmpfs", cache.c_str(), "tmpfs", 0, "size=4m") != 0)
    GTEST_SKIP() << "SKIPPED: a file system cannot be mounted here (needs root)";
  const auto filled = field.go();
  const bool sealed = ::mount("", cache.c_str(), "", MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  const auto again = field.go();
  field.pin.files.push_back({"more.bin", sha256_hex("more"), {}});
  field.server.put(target_of(field.pin, "more.bin"), {"more", kCommit, true, ""});
  const auto more = field.go();
  field.pin.files.pop_back();
  field.options.destination = field.folder / "dest";
  const auto copied = field.go();
  ::umount(cache.c_str());
  ASSERT_TRUE(filled && sealed);
  EXPECT_TRUE(again) << again.error().message;
  ASSERT_FALSE(more);
  EXPECT_TRUE(says(more.error(), "choose another --cache")) << more.error().message;
  ASSERT_TRUE(copied) << copied.error().message;
  expect_complete(copied->folder, field.files);
}

hub::CacheLinks links_that_fail(bool hard_too) {
  const hub::MakeLink refuse = [](const fs::path&, const fs::path&) {
    return std::make_error_code(std::errc::operation_not_permitted);
  };
  hub::CacheLinks links;
  links.symbolic = refuse;
  if (hard_too) links.hard = refuse;
  return links;
}

TEST(PullField, AFileSystemWithoutLinksIsFilledWithFiles) {
  for (const bool hard_too : {false, true}) {
    Field field;
    field.without_hashes();
    field.options.links = links_that_fail(hard_too);
    const auto report = field.go();
    ASSERT_TRUE(report) << report.error().message;
    expect_complete(report->folder, field.files);
    EXPECT_EQ(files_below(report->folder).size(), field.files.size());  // nothing temporary
    EXPECT_FALSE(fs::is_symlink(report->folder / "w.bin"));
    EXPECT_EQ(fs::hard_link_count(report->folder / "w.bin"), hard_too ? 1u : 2u);
    // And found again, also where another program has moved its files to the snapshot.
    fs::remove_all(field.repo() / "blobs");
    field.server.forget_requests();
    const auto again = field.go();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->folder, report->folder);
    EXPECT_EQ(again->downloaded_bytes, 0u);
    EXPECT_EQ(field.server.count("GET"), 0u);
  }
}

TEST(PullField, ADestinationNeedsNoLinkInTheCache) {
  Field field;
  field.options.links = links_that_fail(true);
  field.options.destination = field.folder / "dest";
  const auto report = field.go();
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(field.folder / "dest", field.files);
  EXPECT_TRUE(files_below(field.repo() / "snapshots").empty());
}

TEST(PullField, APlainFileOfAnotherCommitIsShownInTheNewOne) {
  Field field;
  field.options.links = links_that_fail(true);
  ASSERT_TRUE(field.go());
  fs::remove_all(field.repo() / "blobs");
  // The branch moves on: one file is new.
  const std::string next(40, 'e');
  field.files[1].content = random_text(40'000, 42);
  field.pin.files[1].sha256 = sha256_hex(field.files[1].content);
  for (const TestFile& file : field.files)
    field.server.put(target_of(field.pin, file.path), {file.content, next, file.large, ""});
  const auto report = field.go();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->folder.filename(), next);
  expect_complete(report->folder, field.files);
}

TEST(PullField, APlainFileWithoutAHashIsThereButCannotBeVerifiedOffline) {
  Field field;
  field.without_hashes();
  field.pin.files.pop_back();
  field.folder.put("cache/models--org--m/refs/main", kCommit);
  field.folder.put("cache/models--org--m/snapshots/" + kCommit + "/config.json",
                   field.files[0].content);
  field.options.offline = true;
  Error error = field.refused();
  EXPECT_EQ(error.tag, "unverifiable_file");
  EXPECT_EQ(error.kind, ErrorKind::missing);
  EXPECT_TRUE(says(error, "config.json of org/m is in the cache")) << error.message;
  EXPECT_TRUE(says(error, "cannot be verified")) << error.message;
  // With a hash it is verified; with a wrong one it is damaged, and not absent.
  field.pin.files[0].sha256 = sha256_hex(field.files[0].content);
  EXPECT_TRUE(field.go());
  field.pin.files[0].sha256 = std::string(64, 'a');
  error = field.refused();
  EXPECT_EQ(error.tag, "checksum_mismatch");
  EXPECT_TRUE(says(error, "is in the cache, but cannot be used")) << error.message;
  EXPECT_TRUE(field.server.requests().empty());
}

/// A mirror that says nothing about the large file, and a storage server whose addresses are signed
/// for GET.
struct SilentMirror : Field {
  HubServer storage;
  SilentMirror() {
    publish(server, pin, files, &storage);
    server.set_handler([this](const HubRequestLine& request) -> std::optional<HubReply> {
      if (request.target != target_of(pin, "w.bin")) return std::nullopt;
      return redirect(storage.url() + "/objects/" + sha256_hex(files[1].content) +
                      "?signature=secret");
    });
    storage.set_handler([](const HubRequestLine& request) -> std::optional<HubReply> {
      if (request.method != "HEAD") return std::nullopt;
      return status_only(403);
    });
    options.destination = folder / "dest";
  }
};

TEST(PullField, AStorageThatRefusesHeadIsAskedByGetWhenTheHashIsPinned) {
  SilentMirror mirror;
  const auto report = mirror.go();
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(mirror.folder / "dest", mirror.files);
  EXPECT_EQ(mirror.storage.count("HEAD"), 1u);
  EXPECT_EQ(mirror.storage.count("GET"), 1u);
}

TEST(PullField, WithoutAnyHashAStorageThatRefusesHeadIsNotReadInVain) {
  SilentMirror mirror;
  mirror.without_hashes();
  EXPECT_NE(mirror.refused().tag, "");
  EXPECT_EQ(mirror.storage.count("GET"), 0u);
}

TEST(PullField, AWholePartialFileOfUnknownSizeIsNotFetchedAgain) {
  Field field;
  field.files[1].large = false;  // no X-Linked-Size
  publish(field.server, field.pin, field.files);
  const std::string name = hub::git_blob_hash(
      std::as_bytes(std::span(field.files[1].content.data(), field.files[1].content.size())));
  field.folder.put("cache/models--org--m/blobs/" + name + ".incomplete", field.files[1].content);
  const auto report = field.go();
  ASSERT_TRUE(report) << report.error().message;
  expect_complete(report->folder, field.files);
  EXPECT_EQ(report->files[1].downloaded_bytes, 0u);
}

TEST(PullField, SomethingElseUnderAPartialFilesNameIsCalledThat) {
  Field field;
  const fs::path partial =
      field.repo() / "blobs" / (sha256_hex(field.files[1].content) + ".incomplete");
  fs::create_directories(partial.parent_path());
  ASSERT_EQ(::mkfifo(partial.c_str(), 0600), 0);
  const Error error = field.refused();
  EXPECT_EQ(error.tag, "unwritable_file");
  EXPECT_TRUE(says(error, "something else than a file")) << error.message;
}

struct Refusal {
  int status;
  std::string code;
  std::string sentence;
};

Error refused_with(const Refusal& refusal, const std::string& token = {}) {
  Field field;
  field.pin.files.pop_back();
  field.options.token.text = token;
  field.server.set_handler([&](const HubRequestLine&) {
    HubReply reply = status_only(refusal.status);
    if (!refusal.code.empty()) reply.headers.emplace_back("X-Error-Code", refusal.code);
    if (!refusal.sentence.empty()) reply.headers.emplace_back("X-Error-Message", refusal.sentence);
    return reply;
  });
  Error error = field.refused();
  EXPECT_EQ(field.server.requests().size(), 1u);
  const std::size_t at = error.message.find(field.server.url() + "/org/m");
  if (at != std::string::npos) error.message.replace(at, field.server.url().size(), "HUB");
  return error;
}

TEST(PullField, A401NamesBothCauses) {
  Error error = refused_with({401, "RepoNotFound", "Invalid username or password."});
  EXPECT_EQ(error.tag, "hub_unauthorized");
  EXPECT_TRUE(says(error, "there is no such repository")) << error.message;
  EXPECT_TRUE(says(error, "check the name of HUB/org/m")) << error.message;
  EXPECT_TRUE(says(error, "set HF_TOKEN")) << error.message;
  EXPECT_TRUE(says(error, "it says: \"Invalid username or password.\"")) << error.message;
  error = refused_with({401, "", ""}, "hf_SecretTokenForTests");
  EXPECT_TRUE(says(error, "there is no such repository")) << error.message;
  EXPECT_TRUE(says(error, "the token of HF_TOKEN is not accepted")) << error.message;
}

TEST(PullField, AGatedRepositoryNamesThePageToVisit) {
  const std::string sentence =
      "Access to model org/m is restricted. Visit https://huggingface.co/org/m to ask for access.";
  for (const int status : {401, 403}) {
    for (const std::string token : {"", "hf_SecretTokenForTests"}) {
      const Error error = refused_with({status, "GatedRepo", sentence}, token);
      EXPECT_TRUE(says(error, "ask for access at HUB/org/m")) << error.message;
      EXPECT_TRUE(says(error, sentence)) << error.message;
    }
  }
}

TEST(PullField, TheHubsSentenceIsBoundedPrintableAndWithoutTheToken) {
  const std::string token = "hf_SecretTokenForTests";
  const Error error =
      refused_with({403, "", "\x1b[2J\x1b]0;title\x07 " + token + std::string(5'000, 'x')}, token);
  EXPECT_FALSE(says(error, "\x1b")) << error.message;
  EXPECT_FALSE(says(error, "\x07")) << error.message;
  EXPECT_FALSE(says(error, token)) << error.message;
  EXPECT_LT(error.message.size(), 1'000u);
  // Nor the beginning of a token that is cut.
  for (std::size_t before = 270; before < 300; before += 5) {
    const Error cut = refused_with({403, "", std::string(before, 'x') + token}, token);
    EXPECT_FALSE(says(cut, token.substr(0, 8))) << cut.message;
  }
}

TEST(PullField, A404SaysWhatIsNotThere) {
  EXPECT_TRUE(says(refused_with({404, "EntryNotFound", ""}), "no such file"));
  EXPECT_TRUE(says(refused_with({404, "RevisionNotFound", ""}), "no such revision"));
  EXPECT_TRUE(says(refused_with({404, "", ""}), "check repository, revision and file name"));
}

TEST(PullField, EveryEndpointThatFailedIsNamed) {
  Field field;
  HubServer second;
  field.server.set_handler([](const HubRequestLine&) { return status_only(404); });
  second.set_handler([](const HubRequestLine&) { return status_only(403); });
  field.options.endpoints.push_back(second.url());
  const Error error = field.refused();
  EXPECT_TRUE(says(error, field.server.url() + " answered 404")) << error.message;
  EXPECT_TRUE(says(error, "also failed: " + second.url() + " (hub_forbidden)")) << error.message;
}

TEST(PullField, HeadersWithoutEndAreLeft) {
  for (const bool one_name : {false, true}) {
    Field field;
    field.pin.files.pop_back();
    field.server.set_handler([&](const HubRequestLine&) {
      HubReply reply;
      for (int i = 0; i < 4'000; ++i)
        reply.headers.emplace_back(one_name ? "X" : fmt::format("X-{}", i), std::string(200, 'x'));
      return reply;
    });
    const Error error = field.refused();
    EXPECT_EQ(error.tag, "headers_too_long") << error.message;
    EXPECT_EQ(field.server.requests().size(), 1u);
  }
}

TEST(PullField, WhatAThreadThrowsEndsThePullAndNotTheProgram) {
  const std::vector<std::pair<std::string, std::function<void()>>> throws = {
      {"out_of_memory", [] { throw std::bad_alloc(); }},
      {"internal_error", [] { throw std::runtime_error("from below"); }},
      {"internal_error", [] { throw 7; }}};
  for (const auto& [tag, thrower] : throws) {
    Field field;
    field.options.jobs = 2;
    field.options.links.symbolic = [&](const fs::path&, const fs::path&) {
      thrower();
      return std::error_code();
    };
    const Error error = field.refused();
    EXPECT_EQ(error.tag, tag) << error.message;
    EXPECT_TRUE(says(error, "pull failed for ")) << error.message;
  }
}

TEST(PullField, AListenerThatThrowsEndsThePull) {
  Field field;
  field.server.set_handler([](const HubRequestLine&) {
    HubReply reply;
    reply.hang = true;
    reply.header_bytes = 0;
    return reply;
  });
  EXPECT_THROW(
      (void)hub::pull(field.pin, field.options,
                      [](const hub::PullProgress&) { throw std::runtime_error("of the caller"); }),
      std::runtime_error);
}

}  // namespace
}  // namespace trinity::testing
