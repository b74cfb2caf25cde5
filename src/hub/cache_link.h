// Showing a file of the cache under a second name: a symbolic link where the file system has them,
// else a hard link, else a copy (exFAT, some network shares). Private to this room, but for the
// functions that a test may replace.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

namespace trinity::hub {

/// Makes `link` show `target`; fails with std::errc::file_exists when there is something already.
using MakeLink = std::function<std::error_code(const std::filesystem::path& target,
                                               const std::filesystem::path& link)>;

/// Empty functions mean those of the system.
struct CacheLinks {
  MakeLink symbolic;
  MakeLink hard;
};

/// Puts a symbolic link to `target`, which is relative to the folder of `place`, there in one step,
/// whatever stood there.
std::error_code put_symbolic_link(const CacheLinks& links, const std::filesystem::path& target,
                                  const std::filesystem::path& place);
/// The same with another name of the file itself, which must be no symbolic link.
std::error_code put_hard_link(const CacheLinks& links, const std::filesystem::path& file,
                              const std::filesystem::path& place);

/// Copies a verified file in one step, and hashes what is copied: it may have changed since. The
/// folder must exist. Errors: `checksum_mismatch`, those of AtomicFile.
Status copy_verified(const std::filesystem::path& from, const std::string& sha256,
                     const std::filesystem::path& to);

}  // namespace trinity::hub
