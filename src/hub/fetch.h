// One file from a hub into the cache: found there, or asked for, downloaded, checked.
//
// First a HEAD request asks what the file is (hash, size, commit); a contradiction to the pin ends
// it before anything is downloaded. Then the bytes are fetched into a partial file, which a later
// attempt or a later run goes on with, and the whole content is hashed before it gets its name.
// Endpoints are tried in order, each several times.
#pragma once

#include <trinity/error.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "hub/hub_cache.h"
#include "hub/hub_client.h"
#include "hub/pin.h"
#include "net/retry.h"

namespace trinity::hub {

/// How far one file is; read by another thread while it is fetched.
struct FileProgress {
  std::atomic<std::uint64_t> done{0};   // bytes
  std::atomic<std::uint64_t> total{0};  // bytes; 0 = not known yet
  std::atomic<bool> active{false};
  std::atomic<bool> finished{false};
};

enum class FileSource { present, cache, downloaded };
/// "present" (in the destination), "cache", "downloaded".
const char* file_source_name(FileSource source);

struct FetchedFile {
  CachedFile content;
  FileSource source = FileSource::cache;
  std::string commit;                  // may be empty for a file from the cache
  std::string endpoint;                // that served a downloaded file, for messages
  std::uint64_t downloaded_bytes = 0;  // by this call
  std::uint64_t resumed_from = 0;      // length of the partial file that an earlier run left
  bool replaced = false;               // another file stood in its place in the destination
};

struct FetchOptions {
  std::vector<Endpoint> endpoints;
  bool offline = false;
  bool need_commit = false;  // the snapshot's folder must be known, not only the content
  NetworkOptions network;
  net::RetryPolicy retry;
  std::chrono::milliseconds lock_patience{600'000};
};

/// For one thread. Makes no connection before it must.
class Fetcher {
 public:
  Fetcher(const Repo& repo, const HubCache& cache, const FetchOptions& options);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// Errors: `not_in_cache` and `unverifiable_file` (offline), `checksum_mismatch`,
  /// `size_mismatch`, `commit_mismatch`, `disk_full`, `cancelled`, those of hub_client.h and
  /// fetch_failure.h.
  Result<FetchedFile> fetch(const PinFile& file, FileProgress& progress,
                            const std::stop_token& stop);

 private:
  FetchResult<FetchedFile> fetch_from(const Endpoint& endpoint, const PinFile& file,
                                      FileProgress& progress, const std::stop_token& stop);
  Result<HubClient*> client();
  Error offline_error(const PinFile& file, const Result<CachedFile>& found) const;

  const Repo& repo_;
  const HubCache& cache_;
  const FetchOptions& options_;
  std::unique_ptr<HubClient> client_;
};

}  // namespace trinity::hub
