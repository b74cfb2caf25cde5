// Pulling the files of a pin: into the shared cache, and out of it into a folder.
//
// Several files are fetched at a time. A file in the destination that has the right hash is left
// alone; anything else is copied there under a temporary name and renamed when its hash is right,
// so that a file under its final name is always whole. When a file fails, the others stop; running
// the same pull again goes on where this one stopped.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/fetch.h"
#include "hub/pin.h"

namespace trinity::hub {

struct PullOptions {
  /// Tried in order before the pin's mirrors.
  std::vector<std::string> endpoints = {"https://huggingface.co"};
  AccessToken token;
  std::filesystem::path cache;                       // root of a Hugging Face cache
  std::optional<std::filesystem::path> destination;  // empty: the files stay in the cache
  bool offline = false;                              // no connection at all
  int jobs = 4;                                      // files at a time
  NetworkOptions network;
  net::RetryPolicy retry;
  std::chrono::milliseconds lock_patience{600'000};  // for a cache file that another program writes
  CacheLinks links;                                  // how the cache shows blobs in snapshots
};

struct PulledFile {
  std::string path;
  std::string sha256;
  std::uint64_t size = 0;  // bytes
  FileSource source = FileSource::cache;
  Verified verified = Verified::pin;
  std::uint64_t downloaded_bytes = 0;
  std::uint64_t resumed_from = 0;
  std::string endpoint;   // that served it; empty when it was not downloaded
  bool replaced = false;  // another file stood in its place in the destination
};

struct PullReport {
  std::filesystem::path folder;   // the destination, or the snapshot in the cache
  std::string commit;             // may be empty when nothing was asked of the hub
  std::vector<PulledFile> files;  // in the pin's order
  std::uint64_t downloaded_bytes = 0;
};

/// A moment of a pull, for people to see.
struct PullProgress {
  std::size_t files = 0;
  std::size_t finished_files = 0;
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;    // of the files whose size is known by now
  std::vector<std::string> active;  // files that are being fetched
};
using PullListener = std::function<void(const PullProgress&)>;

/// `listener` is called on the caller's thread, about ten times a second. The token is in no
/// message. What a thread of the pull throws becomes `out_of_memory` or `internal_error`. Errors:
/// those of require_valid_pin, make_endpoint and Fetcher::fetch; `path_outside_folder` before
/// anything is written; `insecure_mirror`; `missing_commit`; errors of writing the destination.
Result<PullReport> pull(const Pin& pin, const PullOptions& options,
                        const PullListener& listener = {});

/// All files of a repository's revision as a pin without hashes, by the hub's list. Errors:
/// `not_in_cache` (offline), `invalid_listing`, `hub_not_found` and so on, as for a file.
Result<Pin> list_files(const Repo& repo, const PullOptions& options);

}  // namespace trinity::hub
