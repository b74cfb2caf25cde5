#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "base/regular_file.h"

namespace trinity {

namespace base_internal {

Result<OpenedFile> open_regular_file(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe without a writer would wait for ever before it could be refused.
  OpenedFile opened{Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
  if (opened.descriptor.get() < 0) {
    const int error_number = errno;
    if (error_number == ENOENT || error_number == ENOTDIR) {
      return fail(ErrorKind::missing, "missing_file",
                  "the file " + path.string() + " does not exist; check the path");
    }
    if (error_number == ENXIO || error_number == ENODEV) {
      return fail(ErrorKind::invalid_input, "not_a_regular_file",
                  path.string() + " is not a regular file; give the path of a file");
    }
    return fail(ErrorKind::failed, "unreadable_file",
                "the file " + path.string() + " cannot be opened (" + std::strerror(error_number) +
                    "); check its permissions");
  }
  struct stat status {};
  if (::fstat(opened.descriptor.get(), &status) != 0) {
    return fail(ErrorKind::failed, "unreadable_file",
                "the file " + path.string() + " cannot be examined (" + std::strerror(errno) + ")");
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::invalid_input, "not_a_regular_file",
                path.string() + " is a folder, pipe or device; give the path of a file");
  }
  opened.size = static_cast<std::uint64_t>(status.st_size);
  return opened;
}

std::int64_t read_fully(int descriptor, void* out, std::size_t size) {
  auto* target = static_cast<char*>(out);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(descriptor, target + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<std::int64_t>(done);
}

}  // namespace base_internal

namespace {

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  auto opened = base_internal::open_regular_file(path);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  MappedFile file;
  if (opened->size == 0) return file;  // an empty map is not allowed by the kernel
  if (opened->size > std::numeric_limits<std::size_t>::max()) {
    return fail(ErrorKind::failed, "mmap_failed", path.string() + " is too large to be mapped");
  }
  const auto size = static_cast<std::size_t>(opened->size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, opened->descriptor.get(), 0);
  if (address == MAP_FAILED) {
    return fail(ErrorKind::failed, "mmap_failed",
                "the file " + path.string() + " cannot be mapped (" + std::strerror(errno) + ")");
  }
  file.data_ = static_cast<const std::byte*>(address);
  file.size_ = size;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::advise_dontneed(std::size_t offset, std::size_t length) const {
  if (offset >= size_ || length == 0) return;
  const std::size_t page = page_size();
  const std::size_t end = offset + std::min(length, size_ - offset);
  // Whole pages only, so that a neighbour's bytes stay resident; the file's last page has none.
  const std::size_t first = (offset + page - 1) / page * page;
  const std::size_t last = end == size_ ? end : end / page * page;
  if (first < last) ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_bytes) {
  auto opened = base_internal::open_regular_file(path);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  const auto too_large = [&] {
    return fail(ErrorKind::invalid_input, "file_too_large",
                "the file " + path.string() + " is larger than the limit of " +
                    std::to_string(max_bytes) + " bytes; give a smaller file");
  };
  if (opened->size > max_bytes) return too_large();
  // The size is only a hint: the file may grow meanwhile, and some virtual files report zero.
  std::string text;
  std::size_t filled = 0;
  std::size_t chunk = static_cast<std::size_t>(opened->size) + 1;
  while (true) {
    text.resize(filled + chunk);
    const std::int64_t count =
        base_internal::read_fully(opened->descriptor.get(), text.data() + filled, chunk);
    if (count < 0) {
      return fail(ErrorKind::failed, "unreadable_file",
                  "the file " + path.string() + " cannot be read (" + std::strerror(errno) + ")");
    }
    filled += static_cast<std::size_t>(count);
    if (filled > max_bytes) return too_large();
    if (static_cast<std::size_t>(count) < chunk) break;
    chunk = std::min<std::size_t>(65536, max_bytes - filled) + 1;
  }
  text.resize(filled);
  return text;
}

}  // namespace trinity
