// A lock between processes that fill the same cache, kept as huggingface_hub keeps it: flock on a
// file of its own, which stays.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <filesystem>
#include <stop_token>

namespace trinity {

class FileLock {
 public:
  /// Waits for the lock for at most `patience`. Errors: `file_busy`, `unwritable_file`,
  /// `cancelled`. On a file system without locks it holds nothing.
  static Result<FileLock> acquire(const std::filesystem::path& path,
                                  std::chrono::milliseconds patience, const std::stop_token& stop);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace trinity
