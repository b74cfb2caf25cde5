#include "hub/fetch.h"

#include <fmt/format.h>

#include <random>

#include "base/try.h"
#include "base/utf8.h"
#include "hub/fetch_attempt.h"

namespace trinity::hub {

const char* file_source_name(FileSource source) {
  switch (source) {
    case FileSource::present:
      return "present";
    case FileSource::cache:
      return "cache";
    case FileSource::downloaded:
      return "downloaded";
  }
  return "downloaded";
}

Fetcher::Fetcher(const Repo& repo, const HubCache& cache, const FetchOptions& options)
    : repo_(repo), cache_(cache), options_(options) {}
Fetcher::~Fetcher() = default;

Result<HubClient*> Fetcher::client() {
  if (!client_) {
    TRINITY_TRY(HttpClient http, HttpClient::create(options_.network));
    client_ = std::make_unique<HubClient>(std::move(http));
  }
  return client_.get();
}

FetchResult<FetchedFile> Fetcher::fetch_from(const Endpoint& endpoint, const PinFile& file,
                                             FileProgress& progress, const std::stop_token& stop) {
  auto hub = client();
  if (!hub) return fetch_failure(hub.error(), Remedy::none);
  const net::RetryPolicy& policy = options_.retry;
  std::minstd_rand random{std::random_device{}()};
  FetchAttempt attempt(repo_, cache_, options_, **hub, endpoint, file, progress, stop);
  int failures = 0;
  for (int total = 1;; ++total) {
    auto fetched = attempt.run();
    if (fetched || fetched.error().remedy != Remedy::retry) return fetched;
    FetchFailure& failure = fetched.error();
    failures = attempt.progressed() ? 1 : failures + 1;
    const double luck = std::uniform_real_distribution<double>(0, 1)(random);
    const auto delay = net::retry_delay(policy, failures, failure.retry_after, luck);
    if (failures >= policy.attempts || total >= policy.total_attempts || !delay) {
      failure.remedy = Remedy::next_endpoint;
      if (!delay) {
        failure.error.message +=
            fmt::format(" (it asks to wait for {} s)", failure.retry_after->count());
      } else {
        failure.error.message += fmt::format(
            " (tried {}; what arrived is kept, and the same command goes on from there)",
            total == 1 ? "once" : fmt::format("{} times", total));
      }
      return fetched;
    }
    net::pause_for(policy, *delay, stop);
    if (stop.stop_requested())
      return fetch_failure({ErrorKind::failed, "cancelled", "the download was stopped"},
                           Remedy::none);
  }
}

/// Why a file cannot be had from the cache alone; `found` is what it gave.
Error Fetcher::offline_error(const PinFile& file, const Result<CachedFile>& found) const {
  const std::string name = fmt::format("{} of {}", excerpt(file.path), repo_.id);
  const std::string tag = found ? "not_in_cache" : found.error().tag;
  if (found)
    return {
        ErrorKind::missing, tag,
        fmt::format("{} is in the cache, but not which commit {} is, and so not its folder; give "
                    "--dest, or run the command once with a network",
                    name, excerpt(repo_.revision))};
  if (tag == "unverifiable_file")
    return {
        ErrorKind::missing, tag,
        fmt::format("{} is in the cache as a plain file, but nothing states its hash, so that it "
                    "cannot be verified; run the command once with a network, or put its "
                    "sha256 into a pin",
                    name)};
  if (tag != "not_in_cache")
    return {
        ErrorKind::missing, tag,
        fmt::format("{} is in the cache, but cannot be used, and nothing is downloaded offline; "
                    "run the command once with a network ({})",
                    name, found.error().message)};
  return {ErrorKind::missing, tag,
          fmt::format("{} is not in the cache, and nothing is downloaded offline; run the command "
                      "once with a network",
                      name)};
}

Result<FetchedFile> Fetcher::fetch(const PinFile& file, FileProgress& progress,
                                   const std::stop_token& stop) {
  const std::string commit = cache_.known_commit();
  // A branch may have moved on since the cache noted its commit; a hash in the pin may not.
  const bool commit_is_sure = is_commit_id(repo_.revision) || options_.offline;
  if (file.sha256 || commit_is_sure) {
    auto content = cache_.find(file, commit);
    if (content && (!options_.need_commit || !commit.empty())) {
      FetchedFile fetched;
      fetched.content = std::move(*content);
      fetched.commit = commit;
      if (options_.need_commit)
        TRINITY_CHECK(cache_.link(commit, file.path, fetched.content, HubCache::Without::a_copy));
      return fetched;
    }
    if (options_.offline) return tl::unexpected(offline_error(file, content));
  }
  std::optional<Error> first_error;
  std::string others;
  for (const Endpoint& endpoint : options_.endpoints) {
    // Without a hash in the pin, what is right is the word of the endpoint, so it must be a trusted
    // one.
    if (!file.sha256 && !endpoint.chosen_by_user) continue;
    auto fetched = fetch_from(endpoint, file, progress, stop);
    if (fetched) return std::move(*fetched);
    FetchFailure& failure = fetched.error();
    if (failure.remedy == Remedy::none) return tl::unexpected(std::move(failure.error));
    if (!first_error) {
      first_error = std::move(failure.error);
    } else {
      others += fmt::format("{}{} ({})", others.empty() ? "" : ", ", endpoint.url.origin(),
                            failure.error.tag);
    }
  }
  if (!first_error)
    return fail(ErrorKind::usage, "missing_endpoint", "no endpoint is given; give --endpoint");
  if (!others.empty()) first_error->message += "; also failed: " + others;
  return tl::unexpected(std::move(*first_error));
}

}  // namespace trinity::hub
