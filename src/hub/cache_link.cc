#include "hub/cache_link.h"

#include <fmt/format.h>

#include <fstream>
#include <random>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"

namespace trinity::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBlock = std::size_t{1} << 20;

std::error_code put(const MakeLink& make, const fs::path& target, const fs::path& place) {
  std::error_code error = make(target, place);
  if (error != std::errc::file_exists) return error;
  // Another pull may put the same link there now, so the name is one that nobody else has.
  fs::path temporary = place;
  temporary += fmt::format(".{:08x}.tmp", std::random_device{}());
  error = make(target, temporary);
  if (error) return error;
  fs::rename(temporary, place, error);
  std::error_code ignored;
  fs::remove(temporary, ignored);  // stays when both were names of one file
  return error;
}

}  // namespace

std::error_code put_symbolic_link(const CacheLinks& links, const fs::path& target,
                                  const fs::path& place) {
  if (links.symbolic) return put(links.symbolic, target, place);
  return put(
      [](const fs::path& to, const fs::path& link) {
        std::error_code error;
        fs::create_symlink(to, link, error);
        return error;
      },
      target, place);
}

std::error_code put_hard_link(const CacheLinks& links, const fs::path& file,
                              const fs::path& place) {
  if (links.hard) return put(links.hard, file, place);
  return put(
      [](const fs::path& to, const fs::path& link) {
        std::error_code error;
        fs::create_hard_link(to, link, error);
        return error;
      },
      file, place);
}

Status copy_verified(const fs::path& from, const std::string& sha256, const fs::path& to) {
  TRINITY_TRY(AtomicFile file, AtomicFile::create(to));
  std::ifstream in(from, std::ios::binary);
  std::vector<char> block(kCopyBlock);
  Sha256 hash;
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0) {
    const auto bytes =
        std::as_bytes(std::span<const char>(block.data(), static_cast<std::size_t>(in.gcount())));
    hash.update(bytes);
    TRINITY_CHECK(file.write(bytes));
  }
  if (hash.hex() != sha256)
    return fail(ErrorKind::failed, "checksum_mismatch",
                fmt::format("{} changed in the cache while it was copied; run the command again",
                            from.string()));
  return file.commit();
}

}  // namespace trinity::hub
