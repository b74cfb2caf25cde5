// A POSIX file descriptor that closes itself. Private to this room.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <utility>

namespace trinity::base_internal {

class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor();
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

struct OpenedFile {
  Descriptor descriptor;
  std::uint64_t size = 0;  // bytes, at the time of opening
};

/// Opens an existing regular file for reading.
Result<OpenedFile> open_regular_file(const std::filesystem::path& path);

/// Reads up to `size` bytes, fewer only at the end of the file; -1 on error (errno is set).
std::int64_t read_fully(int descriptor, void* out, std::size_t size);

}  // namespace trinity::base_internal
