#include "hub/pull.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hub/pull_endpoints.h"
#include "hub/safe_path.h"
#include "net/redact.h"

namespace trinity::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kListenerInterval{100};
constexpr const char* kPulledManifest = "manifest.json";

/// Copies a verified file to its place.
Status copy_to(const fs::path& place, const CachedFile& content) {
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  if (error)
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("the folder {} cannot be made ({}); choose another --dest",
                            place.parent_path().string(), error.message()));
  return copy_verified(content.path, content.sha256, place);
}

/// The exception that is being handled, as a value.
Error error_of_exception() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::failed, "out_of_memory",
            "the memory does not suffice; fetch fewer files at a time with --jobs"};
  } catch (const std::exception& error) {
    return {ErrorKind::failed, "internal_error",
            fmt::format("{}; please report how this came about", error.what())};
  } catch (...) {
    return {ErrorKind::failed, "internal_error",
            "an unknown exception; please report how this came about"};
  }
}

/// The pull of one pin: a queue of files and the threads that work on it.
class Pull {
 public:
  Pull(const Pin& pin, const PullOptions& options)
      : pin_(pin),
        options_(options),
        cache_(options.cache, pin.repo, options.links),
        progress_(pin.files.size()),
        fetched_(pin.files.size()) {}

  Result<PullReport> run(const PullListener& listener) {
    TRINITY_CHECK(require_valid_pin(pin_));
    if (options_.cache.empty())
      return fail(ErrorKind::usage, "missing_cache",
                  "no cache folder is known; set HF_HUB_CACHE or give --cache");
    TRINITY_TRY(fetch_.endpoints, pull_endpoints(pin_, options_));
    fetch_.offline = options_.offline;
    fetch_.need_commit = !options_.destination;
    fetch_.network = options_.network;
    fetch_.retry = options_.retry;
    fetch_.lock_patience = options_.lock_patience;
    for (std::size_t i = 0; i < pin_.files.size(); ++i) {
      const PinFile& file = pin_.files[i];
      if (file.size) progress_[i].total = *file.size;
      if (!options_.destination) continue;
      TRINITY_TRY(fs::path place, resolve_in_folder(*options_.destination, file.path));
      places_.push_back(std::move(place));
    }
    work(listener);
    if (error_) return tl::unexpected(std::move(*error_));
    return report();
  }

 private:
  void work(const PullListener& listener) {
    const std::size_t workers = std::min<std::size_t>(
        static_cast<std::size_t>(std::max(1, options_.jobs)), pin_.files.size());
    std::vector<std::jthread> threads;
    try {
      start(workers, threads);
      std::unique_lock lock(mutex_);
      while (!changed_.wait_for(lock, kListenerInterval, [this] { return running_ == 0; })) {
        if (!listener) continue;
        lock.unlock();
        listener(progress());
        lock.lock();
      }
    } catch (...) {  // of the listener, or for want of memory: the threads are not to go on alone
      stop_.request_stop();
      throw;
    }
    if (listener && !error_) listener(progress());
  }

  /// A limit on threads, as containers have it, makes the pull slower and not impossible.
  void start(std::size_t workers, std::vector<std::jthread>& threads) {
    threads.reserve(workers);
    while (threads.size() < workers) {
      {
        const std::lock_guard lock(mutex_);
        ++running_;
      }
      try {
        threads.emplace_back([this] { run_thread(); });
      } catch (const std::system_error&) {
        const bool alone = threads.empty();
        if (alone) {
          run_thread();  // here then, and nobody listens
        } else {
          end_thread();
        }
        return;
      }
    }
  }

  void run_thread() noexcept {
    std::size_t at = 0;
    try {
      fetch_files(at);
    } catch (...) {
      stop_with(error_of_exception(), at);
    }
    end_thread();
  }

  void end_thread() {
    const std::lock_guard lock(mutex_);
    --running_;
    changed_.notify_all();
  }

  /// What stopped because of another file's failure is not the reason, so the first one counts.
  void stop_with(Error error, std::size_t i) {
    const std::lock_guard lock(mutex_);
    if (!error_)
      error_ = fail_in("pull failed for " + excerpt(pin_.files[i].path), std::move(error)).value();
    stop_.request_stop();
  }

  /// `at` is the file in hand.
  void fetch_files(std::size_t& at) {
    Fetcher fetcher(pin_.repo, cache_, fetch_);
    for (std::size_t i = next_++; i < pin_.files.size(); i = next_++) {
      if (stop_.stop_requested()) break;
      at = i;
      progress_[i].active = true;
      auto fetched = fetch_file(fetcher, i);
      progress_[i].active = false;
      if (!fetched) {
        stop_with(std::move(fetched.error()), i);
        break;
      }
      progress_[i].total = fetched->content.size;
      progress_[i].done = fetched->content.size;
      progress_[i].finished = true;
      fetched_[i] = std::move(*fetched);
    }
  }

  Result<FetchedFile> fetch_file(Fetcher& fetcher, std::size_t i) {
    const PinFile& file = pin_.files[i];
    if (!options_.destination) return fetcher.fetch(file, progress_[i], stop_.get_token());
    if (file.sha256) {
      if (auto present = in_place(i)) return std::move(*present);
    }
    TRINITY_TRY(FetchedFile fetched, fetcher.fetch(file, progress_[i], stop_.get_token()));
    if (!file.sha256) {
      const auto sha256 = sha256_file(places_[i]);
      if (sha256 && *sha256 == fetched.content.sha256) {
        if (fetched.source == FileSource::cache) fetched.source = FileSource::present;
        return fetched;
      }
    }
    // Once more, for links that came after the pull began.
    TRINITY_TRY(const fs::path place, resolve_in_folder(*options_.destination, file.path));
    std::error_code unknown;
    fetched.replaced = fs::exists(place, unknown);
    TRINITY_CHECK(copy_to(place, fetched.content));
    return fetched;
  }

  /// The file in the destination if it is the pinned one.
  std::optional<FetchedFile> in_place(std::size_t i) const {
    std::error_code error;
    if (!fs::is_regular_file(places_[i], error)) return std::nullopt;
    auto content = verify_content(places_[i], pin_.files[i], {});
    if (!content) return std::nullopt;
    FetchedFile present;
    present.content = std::move(*content);
    present.source = FileSource::present;
    return present;
  }

  PullProgress progress() const {
    PullProgress now;
    now.files = progress_.size();
    for (std::size_t i = 0; i < progress_.size(); ++i) {
      now.finished_files += progress_[i].finished ? 1 : 0;
      now.done_bytes += progress_[i].done;
      now.total_bytes += progress_[i].total;
      if (progress_[i].active) now.active.push_back(pin_.files[i].path);
    }
    return now;
  }

  Result<PullReport> report() {
    PullReport out;
    TRINITY_TRY(out.commit, common_commit());
    for (std::size_t i = 0; i < fetched_.size(); ++i) {
      const FetchedFile& f = fetched_[i];
      out.files.push_back({pin_.files[i].path, f.content.sha256, f.content.size, f.source,
                           f.content.verified, f.downloaded_bytes, f.resumed_from, f.endpoint,
                           f.replaced});
      out.downloaded_bytes += f.downloaded_bytes;
    }
    if (options_.destination) {
      out.folder = *options_.destination;
    } else {
      TRINITY_CHECK(complete_snapshot(out.commit));
      out.folder = cache_.snapshot(out.commit);
    }
    if (!pin_.manifest_sha256.empty()) TRINITY_CHECK(check_manifest(out.folder));
    return out;
  }

  /// The commit that the files came from. Files without a hash in the pin must all be of one.
  Result<std::string> common_commit() const {
    std::string commit;
    for (const FetchedFile& file : fetched_)
      if (file.source == FileSource::downloaded && !file.commit.empty()) commit = file.commit;
    for (const FetchedFile& file : fetched_)
      if (commit.empty()) commit = file.commit;
    for (std::size_t i = 0; i < fetched_.size(); ++i)
      if (!pin_.files[i].sha256 && !fetched_[i].commit.empty() && fetched_[i].commit != commit)
        return fail(ErrorKind::failed, "commit_mismatch",
                    fmt::format("{} moved on while its files were fetched; run the command again",
                                excerpt(pin_.repo.revision)));
    return commit;
  }

  /// Links files that the cache knew under another commit, or only by their hash.
  Status complete_snapshot(const std::string& commit) const {
    if (commit.empty())
      return fail(
          ErrorKind::failed, "missing_commit",
          "the hub does not say which commit it serves, so that the files have no folder in "
          "the cache; give --dest");
    for (std::size_t i = 0; i < fetched_.size(); ++i) {
      if (fetched_[i].commit == commit) continue;
      TRINITY_CHECK(
          cache_.link(commit, pin_.files[i].path, fetched_[i].content, HubCache::Without::a_copy));
    }
    return {};
  }

  Status check_manifest(const fs::path& folder) const {
    TRINITY_TRY(const std::string sha256, sha256_file(folder / kPulledManifest));
    if (sha256 == pin_.manifest_sha256) return {};
    return fail(
        ErrorKind::failed, "checksum_mismatch",
        fmt::format("{} does not have the manifest_sha256 of the pin; do not use the folder",
                    (folder / kPulledManifest).string()));
  }

  const Pin& pin_;
  const PullOptions& options_;
  HubCache cache_;
  FetchOptions fetch_;
  std::vector<fs::path> places_;  // in the destination
  std::vector<FileProgress> progress_;
  std::vector<FetchedFile> fetched_;
  std::atomic<std::size_t> next_{0};
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<PullReport> pull(const Pin& pin, const PullOptions& options, const PullListener& listener) {
  auto report = Pull(pin, options).run(listener);
  if (!report) return tl::unexpected(net::redacted(std::move(report.error()), options.token.text));
  return report;
}

}  // namespace trinity::hub
