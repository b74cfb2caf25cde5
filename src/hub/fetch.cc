#include "hub/fetch.h"

#include <fmt/format.h>

#include <charconv>
#include <random>
#include <string_view>

#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hub/file_lock.h"
#include "hub/partial_file.h"

namespace trinity {
namespace {

constexpr std::uint64_t kMaxUnknownBytes = std::uint64_t{1} << 40;  // of a file of unstated size

struct ContentRange {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> total;
};

/// "bytes 5-9/10" or "bytes 5-9/*".
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const auto number = [&](char end) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (end != '\0') {
      if (!text.starts_with(end)) return std::nullopt;
      text.remove_prefix(1);
    }
    return value;
  };
  ContentRange range;
  const auto first = number('-');
  const auto last = first ? number('/') : std::nullopt;
  if (!last || *last < *first) return std::nullopt;
  range.first = *first;
  if (text == "*") return range;
  range.total = number('\0');
  if (!range.total || !text.empty() || *last >= *range.total) return std::nullopt;
  return range;
}

Error size_mismatch(const std::string& name, std::uint64_t found, std::uint64_t expected) {
  return {ErrorKind::failed, "size_mismatch",
          fmt::format("{} has {} bytes at the hub, but {} are expected; it is not used",
                      excerpt(name), found, expected)};
}

/// Appends a body to the partial file, from its end or, when the server sends all of it, from the
/// beginning. More bytes than expected are refused as they arrive.
class DownloadSink final : public BodySink {
 public:
  DownloadSink(const PinFile& file, PartialFile& partial, std::optional<std::uint64_t> size,
               FileProgress& progress)
      : file_(file), partial_(partial), size_(size), progress_(progress) {}

  Result<bool> begin(const HttpResponse& response) override {
    if (response.status != 200 && response.status != 206) return false;
    const std::string encoding = response.header("content-encoding");
    if (!encoding.empty() && encoding != "identity")
      return fail(ErrorKind::failed, "hub_refused",
                  "the server packs the file (" + excerpt(encoding) +
                      ") although it was asked not to; use another --endpoint");
    std::optional<std::uint64_t> total;
    if (response.status == 206) {
      const auto range = parse_content_range(response.header("content-range"));
      wrong_range_ = !range || range->first != partial_.size();
      if (wrong_range_) return false;
      total = range->total;
    } else {
      if (partial_.size() > 0) TRINITY_CHECK(partial_.clear());
      const std::string length = response.header("content-length");
      std::uint64_t value = 0;
      const auto [stop, error] =
          std::from_chars(length.data(), length.data() + length.size(), value);
      if (!length.empty() && error == std::errc() && stop == length.data() + length.size())
        total = value;
    }
    if (total && size_ && *total != *size_)
      return tl::unexpected(size_mismatch(file_.path, *total, *size_));
    if (!size_) size_ = total;
    if (size_ && *size_ > partial_.size())
      TRINITY_CHECK(partial_.require_space(*size_ - partial_.size()));
    progress_.done = partial_.size();
    if (size_) progress_.total = *size_;
    return true;
  }

  Status write(std::span<const std::byte> bytes) override {
    const std::uint64_t limit = size_.value_or(kMaxUnknownBytes);
    if (bytes.size() > limit - std::min(limit, partial_.size()))
      return tl::unexpected(size_mismatch(file_.path, partial_.size() + bytes.size(), limit));
    TRINITY_CHECK(partial_.append(bytes));
    written_ += bytes.size();
    progress_.done = partial_.size();
    return {};
  }

  std::optional<std::uint64_t> size() const { return size_; }
  std::uint64_t written() const { return written_; }
  bool wrong_range() const { return wrong_range_; }

 private:
  const PinFile& file_;
  PartialFile& partial_;
  std::optional<std::uint64_t> size_;
  FileProgress& progress_;
  std::uint64_t written_ = 0;
  bool wrong_range_ = false;
};

class NoBody final : public BodySink {
 public:
  Result<bool> begin(const HttpResponse&) override { return false; }
  Status write(std::span<const std::byte>) override { return {}; }
};

}  // namespace

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

/// One endpoint's attempts at one file; what they share stays here.
class Fetcher::Attempt {
 public:
  Attempt(Fetcher& fetcher, HubClient& client, const Endpoint& endpoint, const PinFile& file,
          FileProgress& progress, const std::stop_token& stop)
      : fetcher_(fetcher),
        client_(client),
        endpoint_(endpoint),
        file_(file),
        progress_(progress),
        stop_(stop) {}

  FetchResult<FetchedFile> run() {
    progressed_ = false;
    auto about = ask();
    if (!about) return tl::unexpected(std::move(about.error()));
    if (auto status = check(*about); !status)
      return fetch_failure(status.error(), Remedy::next_endpoint);
    const std::string name = name_of(*about);
    auto lock =
        FileLock::acquire(fetcher_.cache_.lock(name), fetcher_.options_.lock_patience, stop_);
    if (!lock) return fetch_failure(lock.error(), Remedy::none);
    FetchedFile fetched;
    fetched.commit = commit_of(*about);
    // Another program may have fetched it meanwhile, or under another revision.
    if (std::error_code error; std::filesystem::exists(fetcher_.cache_.blob(name), error)) {
      auto content = verify_content(fetcher_.cache_.blob(name), file_, about->etag);
      if (content) {
        fetched.content = std::move(*content);
        return finish(std::move(fetched), name);
      }
    }
    fetched.source = FileSource::downloaded;
    return download(*about, name, std::move(fetched));
  }

  /// Whether the last run wrote bytes that the next one can go on from.
  bool progressed() const { return progressed_; }
  std::uint64_t downloaded_bytes() const { return downloaded_; }

 private:
  FetchResult<HubAnswer> ask() {
    NoBody no_body;
    auto about = client_.send(endpoint_, {resolve_target(fetcher_.repo_, file_.path), true, 0, ""},
                              no_body, stop_);
    if (!about) return about;
    const int status = about->response.status;
    if (is_success(status) || is_redirect(status)) return about;
    if (status == 405 || status == 501) {  // no HEAD here: GET will tell
      HubAnswer nothing;
      nothing.commit = about->commit;
      return nothing;
    }
    return tl::unexpected(failure_of_answer(*about));
  }

  FetchFailure failure_of_answer(const HubAnswer& answer) const {
    return failure_of_status(answer.response, answer.url.origin(), excerpt(file_.path),
                             !endpoint_.token.empty() && !answer.left_endpoint,
                             !answer.left_endpoint);
  }

  Status check(const HubAnswer& about) const {
    const bool answered = about.response.status != 0;
    if (answered && !file_.sha256 && !is_sha256_hex(about.etag) && !is_commit_id(about.etag))
      return fail(ErrorKind::failed, "unverifiable_file",
                  fmt::format("{} states no hash of {} and none is pinned; put its sha256 into a "
                              "pin, or use another --endpoint",
                              endpoint_.url.origin(), excerpt(file_.path)));
    if (is_commit_id(fetcher_.repo_.revision) && !about.commit.empty() &&
        about.commit != fetcher_.repo_.revision)
      return fail(
          ErrorKind::failed, "commit_mismatch",
          fmt::format("{} serves commit {} instead of {}; use another --endpoint",
                      endpoint_.url.origin(), excerpt(about.commit), fetcher_.repo_.revision));
    if (file_.sha256 && is_sha256_hex(about.etag) && about.etag != *file_.sha256)
      return fail(
          ErrorKind::failed, "checksum_mismatch",
          fmt::format("{} has the hash {} at {}, but {} is expected; it was not downloaded",
                      excerpt(file_.path), about.etag, endpoint_.url.origin(), *file_.sha256));
    if (file_.size && about.size && *file_.size != *about.size)
      return tl::unexpected(size_mismatch(file_.path, *about.size, *file_.size));
    return {};
  }

  /// What the answer says about the commit, if it may be believed.
  std::string commit_of(const HubAnswer& answer) const {
    if (is_commit_id(fetcher_.repo_.revision)) return fetcher_.repo_.revision;
    return endpoint_.chosen_by_user && is_commit_name(answer.commit) ? answer.commit
                                                                     : std::string();
  }

  /// The name of the partial file: what identifies the content, else the place it comes from.
  std::string name_of(const HubAnswer& about) const {
    if (is_sha256_hex(about.etag) || is_commit_id(about.etag)) return about.etag;
    if (file_.sha256) return *file_.sha256;
    return sha256_hex(endpoint_.url.text + resolve_target(fetcher_.repo_, file_.path) + "\n" +
                      about.commit + "\n" + about.etag);
  }

  FetchResult<FetchedFile> download(const HubAnswer& about, const std::string& name,
                                    FetchedFile fetched) {
    auto partial = PartialFile::open(fetcher_.cache_.partial(name));
    if (!partial) return fetch_failure(partial.error(), Remedy::none);
    const std::optional<std::uint64_t> size = file_.size ? file_.size : about.size;
    const bool identified = file_.sha256 || !about.etag.empty();
    if (!identified || (size && partial->size() > *size)) {
      if (auto status = partial->clear(); !status)
        return fetch_failure(status.error(), Remedy::none);
    }
    if (first_offset_ == kNoOffset) first_offset_ = partial->size();
    std::string etag = about.etag;
    if (!size || partial->size() < *size || *size == 0) {
      auto answer = transfer(about, *partial, size);
      if (!answer) return tl::unexpected(std::move(answer.error()));
      if (etag.empty()) etag = answer->etag;
      if (fetched.commit.empty()) fetched.commit = commit_of(*answer);
    }
    auto content = verify_content(partial->path(), file_, etag);
    if (!content) {
      const std::string& tag = content.error().tag;
      if (tag != "checksum_mismatch" && tag != "unverifiable_file")
        return fetch_failure(content.error(), Remedy::none);
      partial->remove();
      if (tag == "unverifiable_file") return fetch_failure(content.error(), Remedy::next_endpoint);
      // Once more from the beginning: the part from before may have been the bad one.
      const bool again = mismatches_++ == 0;
      first_offset_ = 0;
      return fetch_failure(content.error(), again ? Remedy::retry : Remedy::next_endpoint);
    }
    const std::string final_name = blob_name(etag, *content);
    if (auto status = partial->commit(fetcher_.cache_.blob(final_name)); !status)
      return fetch_failure(status.error(), Remedy::none);
    content->path = fetcher_.cache_.blob(final_name);
    fetched.content = std::move(*content);
    fetched.downloaded_bytes = downloaded_;
    fetched.resumed_from = kept_offset_ ? first_offset_ : 0;
    return finish(std::move(fetched), final_name);
  }

  /// Fetches what the partial file lacks.
  FetchResult<HubAnswer> transfer(const HubAnswer& about, PartialFile& partial,
                                  std::optional<std::uint64_t> size) {
    const std::uint64_t before = partial.size();
    DownloadSink sink(file_, partial, size, progress_);
    auto answer = client_.send(
        endpoint_, {resolve_target(fetcher_.repo_, file_.path), false, before, about.if_range},
        sink, stop_);
    downloaded_ += sink.written();
    progressed_ = partial.size() > before;
    if (sink.written() > 0 && partial.size() == sink.written()) kept_offset_ = false;
    if (!answer) {
      FetchFailure failure = std::move(answer.error());
      const std::string& tag = failure.error.tag;
      // The server's fault, not the disk's.
      if (tag == "size_mismatch" || tag == "hub_refused") failure.remedy = Remedy::next_endpoint;
      return tl::unexpected(std::move(failure));
    }
    const int status = answer->response.status;
    if (sink.wrong_range() || status == 416) {
      if (auto cleared = partial.clear(); !cleared)
        return fetch_failure(cleared.error(), Remedy::none);
      kept_offset_ = false;
      return fetch_failure({ErrorKind::failed, "hub_refused",
                            fmt::format("{} answers with other bytes than it was asked for; use "
                                        "another --endpoint",
                                        answer->url.origin())},
                           Remedy::retry);
    }
    if (status != 200 && status != 206) return tl::unexpected(failure_of_answer(*answer));
    if (!about.if_range.empty() && !answer->if_range.empty() &&
        about.if_range != answer->if_range) {
      if (auto cleared = partial.clear(); !cleared)
        return fetch_failure(cleared.error(), Remedy::none);
      return fetch_failure(
          {ErrorKind::failed, "hub_unavailable",
           excerpt(file_.path) + " changed at the hub while it was downloaded; try "
                                 "again"},
          Remedy::retry);
    }
    if (sink.size() && partial.size() < *sink.size())
      return fetch_failure(
          {ErrorKind::failed, "connection_lost",
           fmt::format("{} broke off after {} of {} bytes of {}", answer->url.origin(),
                       partial.size(), *sink.size(), excerpt(file_.path))},
          Remedy::retry);
    return answer;
  }

  FetchResult<FetchedFile> finish(FetchedFile fetched, const std::string& name) {
    if (!fetched.commit.empty()) {
      if (auto status = fetcher_.cache_.link(fetched.commit, file_.path, name); !status)
        return fetch_failure(status.error(), Remedy::none);
    }
    return fetched;
  }

  static constexpr std::uint64_t kNoOffset = UINT64_MAX;

  Fetcher& fetcher_;
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
  const RetryPolicy& policy = options_.retry;
  std::minstd_rand random{std::random_device{}()};
  Attempt attempt(*this, **hub, endpoint, file, progress, stop);
  int failures = 0;
  for (int total = 1;; ++total) {
    auto fetched = attempt.run();
    if (fetched || fetched.error().remedy != Remedy::retry) return fetched;
    FetchFailure& failure = fetched.error();
    failures = attempt.progressed() ? 1 : failures + 1;
    const double luck = std::uniform_real_distribution<double>(0, 1)(random);
    const auto delay = retry_delay(policy, failures, failure.retry_after, luck);
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
    pause_for(policy, *delay, stop);
    if (stop.stop_requested())
      return fetch_failure({ErrorKind::failed, "cancelled", "the download was stopped"},
                           Remedy::none);
  }
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
      if (options_.need_commit && file.sha256 && fetched.content.path == cache_.blob(*file.sha256))
        TRINITY_CHECK(cache_.link(commit, file.path, *file.sha256));
      return fetched;
    }
  }
  if (options_.offline)
    return fail(ErrorKind::missing, "not_in_cache",
                fmt::format("{} of {} is not in the cache, and nothing is downloaded offline; run "
                            "the command once with a network",
                            excerpt(file.path), repo_.id));
  std::optional<Error> first_error;
  std::size_t failed = 0;
  for (const Endpoint& endpoint : options_.endpoints) {
    // Without a hash in the pin, what is right is the word of the endpoint, so it must be a trusted
    // one.
    if (!file.sha256 && !endpoint.chosen_by_user) continue;
    auto fetched = fetch_from(endpoint, file, progress, stop);
    if (fetched) return std::move(*fetched);
    FetchFailure& failure = fetched.error();
    if (failure.remedy == Remedy::none) return tl::unexpected(std::move(failure.error));
    if (failed++ == 0) first_error = std::move(failure.error);
  }
  if (!first_error)
    return fail(ErrorKind::usage, "missing_endpoint", "no endpoint is given; give --endpoint");
  if (failed > 1)
    first_error->message += fmt::format("; other endpoints that failed too: {}", failed - 1);
  return tl::unexpected(std::move(*first_error));
}

}  // namespace trinity
