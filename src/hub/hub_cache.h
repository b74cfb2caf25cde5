// The Hugging Face cache on disk, shared with other programs so that nothing is downloaded twice.
//
//   <root>/models--o--n/blobs/<etag>                 contents, named by what the hub calls them
//   <root>/models--o--n/snapshots/<commit>/<path>    links to blobs, or the files themselves where
//   the
//                                                    file system has no links
//   <root>/models--o--n/refs/<revision>              the commit that a tag or branch meant
//   <root>/.locks/models--o--n/<etag>.lock           held while a blob is written
//
// A file of the cache is believed only after its content was hashed. Nothing is written that is
// there already, so that a complete cache may be read-only.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "hub/cache_link.h"
#include "hub/pin.h"
#include "hub/repo.h"

namespace trinity::hub {

/// What vouches for a file's content.
enum class Verified {
  pin,      // the SHA-256 of the pin
  hub_lfs,  // the SHA-256 that the hub states (X-Linked-Etag)
  hub_git   // the git hash that the hub states
};
/// "pin", "hub_sha256", "hub_git".
const char* verified_name(Verified verified);

struct CachedFile {
  std::filesystem::path path;  // the blob, or the file of the snapshot
  std::string sha256;
  std::uint64_t size = 0;
  Verified verified = Verified::pin;
};

/// The hash of a file and how it is vouched for. `etag` is what the hub calls the content, possibly
/// empty. Errors: `checksum_mismatch` when the pin or the etag contradicts, `unverifiable_file`
/// when neither states a hash, and read errors.
Result<CachedFile> verify_content(const std::filesystem::path& path, const PinFile& file,
                                  const std::string& etag);

class HubCache {
 public:
  HubCache(std::filesystem::path root, const Repo& repo, CacheLinks links = {});

  std::filesystem::path blob(const std::string& name) const;
  std::filesystem::path partial(const std::string& name) const;
  std::filesystem::path lock(const std::string& name) const;
  std::filesystem::path snapshot(const std::string& commit) const;

  /// The commit that the revision means as far as the cache knows; empty if it does not.
  std::string known_commit() const;

  /// The file if its content is here and right. For a file without a pinned hash `commit` must be
  /// known. Errors: `not_in_cache`; `unverifiable_file` when it is here, but nothing states its
  /// hash; `size_mismatch` and `checksum_mismatch` when it is here and wrong.
  Result<CachedFile> find(const PinFile& file, const std::string& commit) const;

  /// What a snapshot gets where neither symbolic nor hard links can be made.
  enum class Without { nothing, a_copy };

  /// Shows a verified file in the snapshot of a commit, unless it is there, and notes the
  /// revision's commit, if that can be written. Errors: `unwritable_file`, `invalid_commit`, those
  /// of copy_verified.
  Status link(const std::string& commit, const std::string& path, const CachedFile& content,
              Without links) const;

 private:
  std::filesystem::path root_;
  std::filesystem::path folder_;
  std::string locks_name_;
  Repo repo_;
  CacheLinks links_;
};

/// The blob's name: the hub's etag where it is the hash it claims to be, else the content's
/// SHA-256.
std::string blob_name(const std::string& etag, const CachedFile& content);

/// Whether this may be a commit's folder name.
bool is_commit_name(const std::string& commit);

}  // namespace trinity::hub
