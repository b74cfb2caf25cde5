#include "hub/fetch_attempt.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hub/download_sink.h"
#include "hub/file_lock.h"

namespace trinity::hub {
namespace {

class NoBody final : public BodySink {
 public:
  Result<bool> begin(const HttpResponse&) override { return false; }
  Status write(std::span<const std::byte>) override { return {}; }
};

bool is_hash(const std::string& etag) { return is_sha256_hex(etag) || is_commit_id(etag); }

/// A refusal that may concern HEAD alone: the server does not know the method, or the request was
/// redirected to an address that is signed for GET.
bool may_refuse_head_alone(const HubAnswer& answer) {
  const int status = answer.response.status;
  if (status == 405 || status == 501) return true;
  if (status < 400 || status >= 500 || status == 408 || status == 425 || status == 429)
    return false;
  return answer.left_endpoint || (answer.redirected && (status == 400 || status == 403));
}

}  // namespace

FetchResult<FetchedFile> FetchAttempt::run() {
  progressed_ = false;
  auto about = ask();
  if (!about) return tl::unexpected(std::move(about.error()));
  if (auto status = check(*about); !status)
    return fetch_failure(status.error(), Remedy::next_endpoint);
  const std::string name = name_of(*about);
  FetchedFile fetched;
  fetched.commit = commit_of(*about);
  if (auto here = in_cache(*about, name, fetched.commit)) {
    fetched.content = std::move(*here);
    return finish(std::move(fetched));
  }
  auto lock = FileLock::acquire(cache_.lock(name), options_.lock_patience, stop_);
  if (!lock) return fetch_failure(lock.error(), Remedy::none);
  // Another program may have fetched it meanwhile.
  if (auto here = in_cache(*about, name, fetched.commit)) {
    fetched.content = std::move(*here);
    return finish(std::move(fetched));
  }
  fetched.source = FileSource::downloaded;
  fetched.endpoint = endpoint_.url.origin();
  return download(*about, name, std::move(fetched));
}

FetchResult<HubAnswer> FetchAttempt::ask() {
  NoBody no_body;
  auto about =
      client_.send(endpoint_, {resolve_target(repo_, file_.path), true, 0, ""}, no_body, stop_);
  if (!about) return about;
  const int status = about->response.status;
  if (is_success(status) || is_redirect(status)) return about;
  // GET will tell. Without any hash only the endpoint's own refusal of HEAD is worth that: else a
  // large file would be fetched in vain.
  const bool at_endpoint = !about->redirected;
  if (may_refuse_head_alone(*about) && (at_endpoint || file_.sha256 || is_hash(about->etag))) {
    about->response = {};
    about->if_range.clear();
    return about;
  }
  return tl::unexpected(failure_of_answer(*about));
}

FetchFailure FetchAttempt::failure_of_answer(const HubAnswer& answer) const {
  return failure_of_status(answer.response,
                           asked_for(endpoint_, repo_, excerpt(file_.path), answer));
}

Status FetchAttempt::check(const HubAnswer& about) const {
  const std::string where = endpoint_.url.origin();
  const bool answered = about.response.status != 0;
  if (answered && !file_.sha256 && !is_hash(about.etag))
    return fail(ErrorKind::failed, "unverifiable_file",
                fmt::format("{} states no hash of {} and none is pinned; put its sha256 into a "
                            "pin, or use another --endpoint",
                            where, excerpt(file_.path)));
  if (is_commit_id(repo_.revision) && !about.commit.empty() && about.commit != repo_.revision)
    return fail(ErrorKind::failed, "commit_mismatch",
                fmt::format("{} serves commit {} instead of {}; use another --endpoint", where,
                            excerpt(about.commit), repo_.revision));
  if (file_.sha256 && is_sha256_hex(about.etag) && about.etag != *file_.sha256)
    return fail(ErrorKind::failed, "checksum_mismatch",
                fmt::format("{} has the hash {} at {}, but the pin says {}; it was not downloaded",
                            excerpt(file_.path), about.etag, where, *file_.sha256));
  if (const auto pinned = file_.pinned_size(); pinned && about.size && *pinned != *about.size)
    return tl::unexpected(size_mismatch(where, file_.path, *about.size, {pinned, true}));
  return {};
}

/// What the answer says about the commit, if it may be believed.
std::string FetchAttempt::commit_of(const HubAnswer& answer) const {
  if (is_commit_id(repo_.revision)) return repo_.revision;
  return endpoint_.chosen_by_user && is_commit_name(answer.commit) ? answer.commit : std::string();
}

/// The name of the partial file: what identifies the content, else the place it comes from.
std::string FetchAttempt::name_of(const HubAnswer& about) const {
  if (is_hash(about.etag)) return about.etag;
  if (file_.sha256) return *file_.sha256;
  return sha256_hex(endpoint_.url.text + resolve_target(repo_, file_.path) + "\n" + about.commit +
                    "\n" + about.etag);
}

/// The file as a blob, or in the snapshot where the file system has no links. Another program may
/// have fetched it, or this one under another revision.
std::optional<CachedFile> FetchAttempt::in_cache(const HubAnswer& about, const std::string& name,
                                                 const std::string& commit) const {
  std::vector<std::filesystem::path> places = {cache_.blob(name)};
  if (!commit.empty()) places.push_back(cache_.snapshot(commit) / file_.path);
  for (const std::filesystem::path& place : places) {
    std::error_code error;
    if (!std::filesystem::exists(place, error)) continue;
    if (auto content = verify_content(place, file_, about.etag)) return std::move(*content);
  }
  return std::nullopt;
}

FetchResult<FetchedFile> FetchAttempt::download(const HubAnswer& about, const std::string& name,
                                                FetchedFile fetched) {
  auto partial = PartialFile::open(cache_.partial(name));
  if (!partial) return fetch_failure(partial.error(), Remedy::none);
  const auto pinned = file_.pinned_size();
  const std::optional<std::uint64_t> size = pinned ? pinned : about.size;
  const bool identified = file_.sha256 || !about.etag.empty();
  if (!identified || (size && partial->size() > *size)) {
    if (auto status = partial->clear(); !status) return fetch_failure(status.error(), Remedy::none);
  }
  if (first_offset_ == kNoOffset) first_offset_ = partial->size();
  std::string etag = about.etag;
  if (!size || partial->size() < *size || *size == 0) {
    auto answer = transfer(about, *partial, size);
    if (!answer) return tl::unexpected(std::move(answer.error()));
    if (etag.empty()) etag = answer->etag;
    if (fetched.commit.empty()) fetched.commit = commit_of(*answer);
  }
  auto content = verified(*partial, etag);
  if (!content) return tl::unexpected(std::move(content.error()));
  content->path = cache_.blob(blob_name(etag, *content));
  if (auto status = partial->commit(content->path); !status)
    return fetch_failure(status.error(), Remedy::none);
  fetched.content = std::move(*content);
  fetched.downloaded_bytes = downloaded_;
  fetched.resumed_from = kept_offset_ ? first_offset_ : 0;
  return finish(std::move(fetched));
}

/// The whole partial file if its hash is right; else it is dropped.
FetchResult<CachedFile> FetchAttempt::verified(PartialFile& partial, const std::string& etag) {
  auto content = verify_content(partial.path(), file_, etag);
  if (content) return std::move(*content);
  const std::string& tag = content.error().tag;
  if (tag != "checksum_mismatch" && tag != "unverifiable_file")
    return fetch_failure(content.error(), Remedy::none);
  partial.remove();
  if (tag == "unverifiable_file") return fetch_failure(content.error(), Remedy::next_endpoint);
  // Once more from the beginning: the part from before may have been the bad one.
  const bool again = mismatches_++ == 0;
  first_offset_ = 0;
  return fetch_failure(content.error(), again ? Remedy::retry : Remedy::next_endpoint);
}

/// Fetches what the partial file lacks.
FetchResult<HubAnswer> FetchAttempt::transfer(const HubAnswer& about, PartialFile& partial,
                                              std::optional<std::uint64_t> size) {
  const std::uint64_t before = partial.size();
  DownloadSink sink(endpoint_.url.origin(), file_, partial, {size, file_.pinned_size().has_value()},
                    progress_);
  auto answer = client_.send(
      endpoint_, {resolve_target(repo_, file_.path), false, before, about.if_range}, sink, stop_);
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
  // Nothing is missing: an earlier run ended after the last byte, and no size was known.
  if (status == 416 && before > 0 &&
      total_of_content_range(answer->response.header("content-range")) == before)
    return answer;
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
  if (!about.if_range.empty() && !answer->if_range.empty() && about.if_range != answer->if_range) {
    if (auto cleared = partial.clear(); !cleared)
      return fetch_failure(cleared.error(), Remedy::none);
    return fetch_failure(
        {ErrorKind::failed, "hub_unavailable",
         excerpt(file_.path) + " changed at the hub while it was downloaded; try again"},
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

/// A pull into a folder needs no snapshot: there a link is made if it can be had for nothing.
FetchResult<FetchedFile> FetchAttempt::finish(FetchedFile fetched) {
  if (fetched.commit.empty()) return fetched;
  const auto without =
      options_.need_commit ? HubCache::Without::a_copy : HubCache::Without::nothing;
  const auto linked = cache_.link(fetched.commit, file_.path, fetched.content, without);
  if (!linked && options_.need_commit) return fetch_failure(linked.error(), Remedy::none);
  return fetched;
}

}  // namespace trinity::hub
