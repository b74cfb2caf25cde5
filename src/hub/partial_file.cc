#include "hub/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace trinity::hub {

Result<PartialFile> PartialFile::open(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  PartialFile file;
  file.path_ = path;
  file.descriptor_ =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
  const auto unwritable = [&](const char* why) {
    return fail(ErrorKind::failed, "unwritable_file",
                fmt::format("the file {} cannot be written ({}); check the cache folder, or choose "
                            "another --cache",
                            path.string(), why));
  };
  struct stat status {};
  if (file.descriptor_ < 0 || ::fstat(file.descriptor_, &status) != 0)
    return unwritable(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return unwritable("something else than a file has its name");
  file.size_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

PartialFile& PartialFile::operator=(PartialFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Error PartialFile::write_error(int error_number) const {
  if (error_number == ENOSPC || error_number == EDQUOT)
    return {
        ErrorKind::failed, "disk_full",
        fmt::format("the disk of {} is full; free some space and run the command again, it goes "
                    "on where it stopped",
                    path_.parent_path().string())};
  return {ErrorKind::failed, "write_failed",
          fmt::format("the file {} cannot be written ({}); check the cache folder", path_.string(),
                      std::strerror(error_number))};
}

Status PartialFile::require_space(std::uint64_t bytes) const {
  struct statvfs disk {};
  if (::fstatvfs(descriptor_, &disk) != 0) return {};  // writing will tell
  const std::uint64_t available = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (bytes <= available) return {};
  return fail(ErrorKind::failed, "disk_full",
              fmt::format("{} needs {} more bytes, but {} are free; free some space and run the "
                          "command again",
                          path_.parent_path().string(), bytes, available));
}

Status PartialFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return tl::unexpected(write_error(errno));
    size_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status PartialFile::clear() {
  if (::ftruncate(descriptor_, 0) != 0) return tl::unexpected(write_error(errno));
  size_ = 0;
  return {};
}

Status PartialFile::commit(const std::filesystem::path& target) {
  if (::fsync(descriptor_) != 0 || ::rename(path_.c_str(), target.c_str()) != 0)
    return tl::unexpected(write_error(errno));
  const int folder = ::open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);  // some file systems cannot: no error
    ::close(folder);
  }
  return {};
}

void PartialFile::remove() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace trinity::hub
