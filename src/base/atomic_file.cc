// Atomic replacement: write `<name>.tmp`, flush, rename, flush the folder.
//
// The temporary name is fixed, so two writers of one file meet there. An advisory lock on it tells
// a live writer (refused) from a leftover of a crash (overwritten). Between opening and locking the
// file may have been renamed away by its writer, so the name is checked again under the lock.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "base/file.h"

namespace trinity {

namespace {

bool still_names(const std::filesystem::path& path, int descriptor) {
  struct stat by_name {};
  struct stat by_descriptor {};
  return ::lstat(path.c_str(), &by_name) == 0 && ::fstat(descriptor, &by_descriptor) == 0 &&
         by_name.st_dev == by_descriptor.st_dev && by_name.st_ino == by_descriptor.st_ino;
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
  AtomicFile file;
  file.path_ = path;
  file.temporary_ = path;
  file.temporary_ += ".tmp";
  const auto unwritable = [&](int error_number) {
    return fail(ErrorKind::failed, "unwritable_file",
                "the file " + path.string() + " cannot be written (" + std::strerror(error_number) +
                    "); check the folder and its permissions");
  };
  struct stat target {};
  if (::stat(path.c_str(), &target) == 0 && S_ISDIR(target.st_mode)) return unwritable(EISDIR);
  while (true) {
    Descriptor descriptor(::open(file.temporary_.c_str(),
                                 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (descriptor.get() < 0) return unwritable(errno);
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) return unwritable(errno);
    if (!S_ISREG(status.st_mode)) return unwritable(EEXIST);
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      return fail(ErrorKind::failed, "file_busy",
                  "the file " + path.string() +
                      " is being written by another process; wait for it and try again");
    }  // a file system without locks gives another error: go on without one
    if (!still_names(file.temporary_, descriptor.get())) continue;
    if (::ftruncate(descriptor.get(), 0) != 0) return unwritable(errno);
    file.descriptor_ = descriptor.release();
    return file;
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (descriptor_ < 0) return;
  // Only our own file: it is removed before the lock goes, so the name cannot be another writer's.
  if (still_names(temporary_, descriptor_)) ::unlink(temporary_.c_str());
  ::close(std::exchange(descriptor_, -1));
}

Status AtomicFile::failed(const char* action, int error_number) {
  discard();
  return fail(
      ErrorKind::failed, "write_failed",
      "the file " + path_.string() + " could not be " + action + " (" +
          std::strerror(error_number) +
          "); what stood there before is unchanged: free some space or choose another place");
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  if (descriptor_ < 0) return failed("written", EBADF);
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    const ssize_t count = ::write(descriptor_, data, left);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("written", errno);
    data += count;
    left -= static_cast<std::size_t>(count);
  }
  return {};
}

Status AtomicFile::write(std::string_view text) {
  return write(std::as_bytes(std::span<const char>(text.data(), text.size())));
}

Status AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (descriptor_ < 0) return failed("written", EBADF);
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("written", errno);
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Status AtomicFile::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count =
        ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return fail(ErrorKind::failed, "unreadable_file",
                  "the file " + temporary_.string() + " could not be read back (" +
                      (count < 0 ? std::strerror(errno) : "it is too short") + "); try again");
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

void AtomicFile::start_writeback() const {
#ifdef __linux__
  ::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

Status AtomicFile::commit() {
  if (descriptor_ < 0) return failed("committed", EBADF);
  if (::fsync(descriptor_) != 0) return failed("flushed", errno);
  if (auto status = publish(); !status) return status;
  ::close(std::exchange(descriptor_, -1));
  flush_folder();
  return {};
}

Status AtomicFile::publish() {
  if (descriptor_ < 0) return failed("committed", EBADF);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("renamed into place", errno);
  return {};
}

Status AtomicFile::flush() {
  if (descriptor_ < 0) return failed("flushed", EBADF);
  if (::fsync(descriptor_) != 0) return failed("flushed", errno);
  ::close(std::exchange(descriptor_, -1));
  flush_folder();
  return {};
}

/// The rename itself must survive a power cut. Some file systems cannot flush a folder: no error.
void AtomicFile::flush_folder() const {
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) ::fsync(parent.get());
}

Status write_file_atomic(const std::filesystem::path& path, std::span<const std::byte> bytes,
                         Durability durability) {
  auto file = AtomicFile::create(path);
  if (!file) return tl::unexpected(std::move(file.error()));
  if (auto status = file->write(bytes); !status) return status;
  return durability == Durability::now ? file->commit() : file->publish();
}

Status write_file_atomic(const std::filesystem::path& path, std::string_view text,
                         Durability durability) {
  return write_file_atomic(path, std::as_bytes(std::span<const char>(text.data(), text.size())),
                           durability);
}

}  // namespace trinity
