// A small repository on a test hub, its pin, and options that do not wait.
#pragma once

#include <fmt/format.h>

#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "base/temporary_folder.h"
#include "hub/hub_server.h"
#include "hub/pull.h"

namespace trinity::testing {

inline const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";

inline std::string random_text(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

struct TestFile {
  std::string path;
  std::string content;
  bool large = false;
};

inline std::vector<TestFile> bundle_files() {
  return {{"manifest.json", "{\"artifact_version\": 1}", false},
          {"router_head.safetensors", random_text(3'000, 1), true},
          {"checkpoints/0001_a.safetensors", random_text(200'000, 2), true},
          {"checkpoints/0002_b c.safetensors", random_text(70'000, 3), true}};
}

inline hub::Pin pin_of(const std::vector<TestFile>& files) {
  hub::Pin pin;
  pin.repo = {hub::RepoType::dataset, "org/bundle", "v1.0.0"};
  for (const TestFile& file : files) pin.files.push_back({file.path, sha256_hex(file.content), {}});
  return pin;
}

inline std::string target_of(const hub::Pin& pin, const std::string& path) {
  return hub::resolve_target(pin.repo, path);
}

/// Stores the files on the server, large ones behind a redirect when a storage server is given.
inline void publish(HubServer& server, const hub::Pin& pin, const std::vector<TestFile>& files,
                    HubServer* storage = nullptr) {
  for (const TestFile& file : files) {
    StoredFile stored{file.content, kCommit, file.large, ""};
    if (storage != nullptr && file.large) {
      const std::string target = "/objects/" + sha256_hex(file.content);
      storage->put(target, {file.content, "", false, ""});
      stored.redirect_to = storage->url() + target + "?signature=secret";
      storage->put(target + "?signature=secret", {file.content, "", false, ""});
    }
    server.put(target_of(pin, file.path), stored);
  }
}

/// The pauses that a pull asked for, none of which is waited for.
struct Pauses {
  std::mutex mutex;
  std::vector<std::chrono::milliseconds> list;
};

inline hub::PullOptions options_for(const HubServer& server, const TemporaryFolder& folder,
                                    Pauses* pauses = nullptr) {
  hub::PullOptions options;
  options.endpoints = {server.url()};
  options.cache = folder / "cache";
  options.destination = folder / "dest";
  options.retry.attempts = 4;
  options.retry.jitter = 0;
  options.retry.pause = [pauses](std::chrono::milliseconds delay, const std::stop_token&) {
    if (pauses == nullptr) return;
    const std::lock_guard lock(pauses->mutex);
    pauses->list.push_back(delay);
  };
  return options;
}

/// Every file in a folder has the content it should have.
inline void expect_complete(const std::filesystem::path& folder,
                            const std::vector<TestFile>& files) {
  for (const TestFile& file : files)
    EXPECT_EQ(sha256_hex(slurp(folder / file.path)), sha256_hex(file.content)) << file.path;
}

/// Names of all files below a folder.
inline std::vector<std::string> files_below(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (!entry.is_directory()) names.push_back(entry.path().lexically_relative(folder).string());
  return names;
}

inline HubReply redirect(const std::string& location, int status = 302) {
  HubReply reply;
  reply.status = status;
  reply.headers = {{"Location", location}};
  return reply;
}

inline HubReply status_only(int status) {
  HubReply reply;
  reply.status = status;
  return reply;
}

}  // namespace trinity::testing
