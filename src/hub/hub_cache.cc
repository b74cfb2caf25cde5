#include "hub/hub_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hub/git_blob_hash.h"

namespace trinity::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRefBytes = 1024;

tl::unexpected<Error> unwritable(const fs::path& path, const std::error_code& error) {
  return fail(
      ErrorKind::failed, "unwritable_file",
      fmt::format("{} cannot be made ({}); check its permissions, or choose another --cache",
                  path.string(), error.message()));
}

/// Whether a place shows this content: the same file, or one with the same bytes.
bool shows(const fs::path& place, const CachedFile& content) {
  std::error_code error;
  if (fs::equivalent(place, content.path, error)) return true;
  if (fs::file_size(place, error) != content.size || error) return false;
  const auto sha256 = sha256_file(place);
  return sha256 && *sha256 == content.sha256;
}

}  // namespace

const char* verified_name(Verified verified) {
  switch (verified) {
    case Verified::pin:
      return "pin";
    case Verified::hub_lfs:
      return "hub_sha256";
    case Verified::hub_git:
      return "hub_git";
  }
  return "pin";
}

Result<CachedFile> verify_content(const fs::path& path, const PinFile& file,
                                  const std::string& etag) {
  CachedFile content;
  content.path = path;
  TRINITY_TRY(content.sha256, sha256_file(path));
  std::error_code error;
  content.size = fs::file_size(path, error);
  const auto mismatch = [&](const std::string& stated, const std::string& found,
                            const char* who = "the hub states") {
    return fail(
        ErrorKind::failed, "checksum_mismatch",
        fmt::format("{} has the hash {}, but {} {}; the file was altered or damaged, and is "
                    "not used",
                    excerpt(file.path), found, who, stated));
  };
  if (file.sha256) {
    if (content.sha256 != *file.sha256)
      return mismatch(*file.sha256, content.sha256, "the pin says");
    content.verified = Verified::pin;
  } else if (is_sha256_hex(etag)) {
    if (content.sha256 != etag) return mismatch(etag, content.sha256);
    content.verified = Verified::hub_lfs;
  } else if (is_commit_id(etag)) {  // 40 digits: a git hash
    TRINITY_TRY(const std::string git_hash, git_blob_hash_of_file(path));
    if (git_hash != etag) return mismatch(etag, git_hash);
    content.verified = Verified::hub_git;
  } else {
    return fail(
        ErrorKind::failed, "unverifiable_file",
        fmt::format("neither the pin nor the hub states a hash of {}; put its sha256 into a "
                    "pin, or use another --endpoint",
                    excerpt(file.path)));
  }
  return content;
}

HubCache::HubCache(fs::path root, const Repo& repo, CacheLinks links)
    : root_(std::move(root)),
      folder_(root_ / cache_folder_name(repo)),
      locks_name_(cache_folder_name(repo)),
      repo_(repo),
      links_(std::move(links)) {}

fs::path HubCache::blob(const std::string& name) const { return folder_ / "blobs" / name; }

fs::path HubCache::partial(const std::string& name) const {
  return folder_ / "blobs" / (name + ".incomplete");
}

fs::path HubCache::lock(const std::string& name) const {
  return root_ / ".locks" / locks_name_ / (name + ".lock");
}

fs::path HubCache::snapshot(const std::string& commit) const {
  return folder_ / "snapshots" / commit;
}

std::string HubCache::known_commit() const {
  if (is_commit_id(repo_.revision)) return repo_.revision;
  auto text = read_text_file(folder_ / "refs" / repo_.revision, kMaxRefBytes);
  if (!text) return {};
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  return is_commit_name(*text) ? *text : std::string();
}

Result<CachedFile> HubCache::find(const PinFile& file, const std::string& commit) const {
  std::error_code error;
  Result<CachedFile> found =
      fail(ErrorKind::missing, "not_in_cache",
           fmt::format("{} of {} is not in the cache", excerpt(file.path), repo_.id));
  if (file.sha256 && fs::exists(blob(*file.sha256), error)) {
    found = verify_content(blob(*file.sha256), file, {});
    if (found) return found;
  }
  if (commit.empty()) return found;
  const fs::path path = snapshot(commit) / file.path;
  if (!fs::exists(path, error)) return found;
  std::string etag;  // the name of a blob is the hub's word
  if (const fs::path target = fs::read_symlink(path, error); !error)
    etag = target.filename().string();
  const auto size = file.pinned_size();
  if (const auto bytes = fs::file_size(path, error); size && bytes != *size)
    return fail(ErrorKind::failed, "size_mismatch",
                fmt::format("{} has {} bytes, but the pin says {}; it is not used", path.string(),
                            bytes, *size));
  return verify_content(path, file, etag);
}

Status HubCache::link(const std::string& commit, const std::string& path, const CachedFile& content,
                      Without links) const {
  if (!is_commit_name(commit))
    return fail(ErrorKind::failed, "invalid_commit",
                "the hub calls the commit \"" + excerpt(commit) + "\", which is no commit id");
  const fs::path place = snapshot(commit) / path;
  std::error_code error;
  if (!shows(place, content)) {
    fs::create_directories(place.parent_path(), error);
    if (error) return unwritable(place.parent_path(), error);
    // The file itself: a link to a link would end with it.
    const fs::path file = fs::canonical(content.path, error);
    if (error) return unwritable(place, error);
    const fs::path name = file.filename();
    error = std::make_error_code(std::errc::operation_not_supported);
    std::error_code ignored;
    if (fs::equivalent(blob(name.string()), file, ignored))
      error = put_symbolic_link(links_, blob(name.string()).lexically_relative(place.parent_path()),
                                place);
    if (error) error = put_hard_link(links_, file, place);
    if (error && links == Without::nothing) return unwritable(place, error);
    if (error) TRINITY_CHECK(copy_verified(file, content.sha256, place));
  }
  if (repo_.revision == commit || known_commit() == commit) return {};
  const fs::path ref = folder_ / "refs" / repo_.revision;
  fs::create_directories(ref.parent_path(), error);
  auto written = write_file_atomic(ref, commit);
  // A complete cache may be read-only.
  const bool optional = !written && (written.error().tag == "read_only_file" ||
                                     written.error().tag == "unwritable_file" ||
                                     written.error().tag == "missing_folder");
  return optional ? Status() : written;
}

std::string blob_name(const std::string& etag, const CachedFile& content) {
  if (etag == content.sha256) return etag;
  if (is_commit_id(etag)) {
    const auto git_hash = git_blob_hash_of_file(content.path);
    if (git_hash && *git_hash == etag) return etag;
  }
  return content.sha256;
}

bool is_commit_name(const std::string& commit) {
  return !commit.empty() && commit.size() <= 64 &&
         std::all_of(commit.begin(), commit.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace trinity::hub
