// Replacement in one step: write a file of a random name beside the old one, flush, rename, flush
// the folder.
//
// The temporary name is new (O_EXCL), so that nothing of the user's is ever touched. The writer
// holds an advisory lock on it, which dies with the process: by that a leftover of a killed writer
// is known from the file of a living one. Writers of one file do not meet; the last rename wins.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/output_place.h"
#include "base/try.h"

namespace trinity {

namespace {

constexpr std::string_view kTemporaryBegin = ".trinity-";
constexpr std::string_view kTemporaryEnd = ".tmp";
constexpr std::size_t kRandomBytes = 8;

bool still_names(const std::filesystem::path& path, int descriptor) {
  struct stat by_name {};
  struct stat by_descriptor {};
  return ::lstat(path.c_str(), &by_name) == 0 && ::fstat(descriptor, &by_descriptor) == 0 &&
         by_name.st_dev == by_descriptor.st_dev && by_name.st_ino == by_descriptor.st_ino;
}

/// ".trinity-0123456789abcdef.tmp": short whatever the file is called, so that it always fits.
std::string temporary_name() {
  std::array<unsigned char, kRandomBytes> bytes{};
  // Names taken by chance are tried again, so it does not matter that the source may be dry.
  static_cast<void>(::getentropy(bytes.data(), bytes.size()));
  std::string name(kTemporaryBegin);
  for (const unsigned char byte : bytes) {
    name += "0123456789abcdef"[byte >> 4U];
    name += "0123456789abcdef"[byte & 15U];
  }
  return name.append(kTemporaryEnd);
}

/// Gives the new file the owner and mode of the one that it will replace. Where the group cannot be
/// kept, the group that it has instead gets no more than everybody.
int take_after(int descriptor, const struct stat& before) {
  mode_t mode = before.st_mode & 0777U;
  struct stat now {};
  if (::fstat(descriptor, &now) != 0) return errno;
  const bool other_owner = now.st_uid != before.st_uid;
  const bool other_group = now.st_gid != before.st_gid;
  if (other_owner || other_group) {
    const bool kept = ::fchown(descriptor, before.st_uid, before.st_gid) == 0;
    if (!kept && other_group && ::fchown(descriptor, static_cast<uid_t>(-1), before.st_gid) != 0)
      mode = (mode & ~mode_t{070}) | (mode & ((mode & mode_t{07}) << 3U));
  }
  return ::fchmod(descriptor, mode) == 0 ? 0 : errno;
}

tl::unexpected<Error> unwritable(const std::filesystem::path& path, int error_number) {
  return fail(ErrorKind::failed, "unwritable_file",
              "the file " + path.string() + " cannot be written (" + std::strerror(error_number) +
                  "); check the folder and its permissions");
}

Result<Descriptor> open_stream(const OutputPlace& place) {
  // A pipe is waited for: its reader may come later.
  Descriptor descriptor(place.descriptor >= 0
                            ? ::fcntl(place.descriptor, F_DUPFD_CLOEXEC, 0)
                            : ::open(place.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (!descriptor.is_open()) return unwritable(place.named, errno);
  return descriptor;
}

}  // namespace

bool is_temporary_name(std::string_view name) {
  return name.size() == kTemporaryBegin.size() + 2 * kRandomBytes + kTemporaryEnd.size() &&
         name.starts_with(kTemporaryBegin) && name.ends_with(kTemporaryEnd) &&
         name.substr(kTemporaryBegin.size(), 2 * kRandomBytes)
                 .find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void remove_leftovers(const std::filesystem::path& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (!is_temporary_name(at->path().filename().string())) continue;
    const Descriptor found(
        ::open(at->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!found.is_open() || ::flock(found.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (still_names(at->path(), found.get())) ::unlink(at->path().c_str());
  }
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path, Replace replace) {
  TRINITY_TRY(const OutputPlace place, find_output_place(path, replace));
  AtomicFile file;
  file.path_ = place.path;
  if (place.stream) {
    TRINITY_TRY(Descriptor stream, open_stream(place));
    file.straight_ = true;
    file.descriptor_ = stream.release();
    return file;
  }
  const bool takes_after = place.replaced && S_ISREG(place.replaced->st_mode);
  while (true) {
    file.temporary_ = place.path.parent_path() / temporary_name();
    // What replaces a file is nobody else's to read until it has that file's mode.
    Descriptor descriptor(::open(file.temporary_.c_str(),
                                 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                 takes_after ? 0600 : 0666));
    if (!descriptor.is_open() && errno == EEXIST) continue;
    if (!descriptor.is_open()) return unwritable(place.named, errno);
    // A file system without locks gives an error: go on without one.
    static_cast<void>(::flock(descriptor.get(), LOCK_EX | LOCK_NB));
    if (!still_names(file.temporary_, descriptor.get())) continue;  // taken for a leftover
    file.descriptor_ = descriptor.release();
    if (!takes_after) return file;
    if (const int wrong = take_after(file.descriptor_, *place.replaced); wrong != 0)
      return unwritable(place.named, wrong);
    return file;
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      straight_(other.straight_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(straight_, other.straight_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (descriptor_ < 0) return;
  // Only our own file: it is removed before the lock goes, so the name cannot be another writer's.
  if (!temporary_.empty() && still_names(temporary_, descriptor_)) ::unlink(temporary_.c_str());
  ::close(std::exchange(descriptor_, -1));
}

Status AtomicFile::failed(const char* action, int error_number) {
  const bool renamed = !straight_ && temporary_.empty();
  discard();
  const char* const outcome = straight_ ? "it may hold a part of the output"
                              : renamed ? "it has its name, but the disk may not hold all of it"
                                        : "what stood there before is unchanged";
  return fail(ErrorKind::failed, "write_failed",
              "the file " + path_.string() + " could not be " + action + " (" +
                  std::strerror(error_number) + "); " + outcome +
                  ": free some space or choose another place");
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
                  "the file " + path_.string() + " could not be read back (" +
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

/// A pipe or terminal has no disk to flush to: no error.
Status AtomicFile::flush_data() {
  if (::fsync(descriptor_) != 0 && !straight_) return failed("flushed", errno);
  return {};
}

Status AtomicFile::commit() {
  if (descriptor_ < 0) return failed("committed", EBADF);
  TRINITY_CHECK(flush_data());
  TRINITY_CHECK(publish());
  ::close(std::exchange(descriptor_, -1));
  flush_folder();
  return {};
}

Status AtomicFile::publish() {
  if (descriptor_ < 0) return failed("committed", EBADF);
  if (straight_) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed("renamed into place", errno);
  temporary_.clear();
  return {};
}

Status AtomicFile::flush() {
  if (descriptor_ < 0) return failed("flushed", EBADF);
  TRINITY_CHECK(flush_data());
  ::close(std::exchange(descriptor_, -1));
  flush_folder();
  return {};
}

/// The rename itself must survive a power cut. Some file systems cannot flush a folder: no error.
void AtomicFile::flush_folder() const {
  if (straight_) return;
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
