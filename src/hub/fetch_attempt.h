// One endpoint's attempts at one file. Private to this room.
//
//   ask       a HEAD request: hash, size, commit. A server that does not answer HEAD is asked by
//   GET
//             alone when the pin or an earlier answer states the hash.
//   check     a contradiction to the pin ends the attempt before anything is downloaded
//   in_cache  what is there and right is used without a lock, so that a cache may be read-only
//   download  under a lock: the missing bytes into the partial file, the whole content hashed, and
//             then its final name
//   finish    the snapshot shows the file
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "hub/fetch.h"
#include "hub/partial_file.h"

namespace trinity::hub {

class FetchAttempt {
 public:
  FetchAttempt(const Repo& repo, const HubCache& cache, const FetchOptions& options,
               HubClient& client, const Endpoint& endpoint, const PinFile& file,
               FileProgress& progress, const std::stop_token& stop)
      : repo_(repo),
        cache_(cache),
        options_(options),
        client_(client),
        endpoint_(endpoint),
        file_(file),
        progress_(progress),
        stop_(stop) {}

  /// Once through; may be called again when the failure says so.
  FetchResult<FetchedFile> run();

  /// Whether the last run wrote bytes that the next one can go on from.
  bool progressed() const { return progressed_; }

 private:
  FetchResult<HubAnswer> ask();
  FetchFailure failure_of_answer(const HubAnswer& answer) const;
  Status check(const HubAnswer& about) const;
  std::string commit_of(const HubAnswer& answer) const;
  std::string name_of(const HubAnswer& about) const;
  std::optional<CachedFile> in_cache(const HubAnswer& about, const std::string& name,
                                     const std::string& commit) const;
  FetchResult<FetchedFile> download(const HubAnswer& about, const std::string& name,
                                    FetchedFile fetched);
  FetchResult<CachedFile> verified(PartialFile& partial, const std::string& etag);
  FetchResult<HubAnswer> transfer(const HubAnswer& about, PartialFile& partial,
                                  std::optional<std::uint64_t> size);
  FetchResult<FetchedFile> finish(FetchedFile fetched);

  static constexpr std::uint64_t kNoOffset = UINT64_MAX;

  const Repo& repo_;
  const HubCache& cache_;
  const FetchOptions& options_;
  HubClient& client_;
  const Endpoint& endpoint_;
  const PinFile& file_;
  FileProgress& progress_;
  const std::stop_token& stop_;
  bool progressed_ = false;
  bool kept_offset_ = true;
  int mismatches_ = 0;
  std::uint64_t downloaded_ = 0;
  std::uint64_t first_offset_ = kNoOffset;
};

}  // namespace trinity::hub
