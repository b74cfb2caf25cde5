// A lock between processes that fill the same cache, kept as huggingface_hub keeps it: flock on a
// file of its own, which stays.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <utility>

#include "base/descriptor.h"

namespace trinity::hub {

class FileLock {
 public:
  /// Waits for the lock for at most `patience`. Errors: `file_busy`, `unwritable_file`,
  /// `cancelled`. On a file system without locks it holds nothing.
  static Result<FileLock> acquire(const std::filesystem::path& path,
                                  std::chrono::milliseconds patience, const std::stop_token& stop);

 private:
  explicit FileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  Descriptor descriptor_;  // the lock lasts as long as this is open
};

}  // namespace trinity::hub
