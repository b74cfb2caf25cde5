// A download that is not whole yet: `<blob>.incomplete`. What was written stays when the program
// ends, however it ends, and is continued later.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace trinity::hub {

class PartialFile {
 public:
  /// Opens or makes it. Error `unwritable_file`.
  static Result<PartialFile> open(const std::filesystem::path& path);
  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&& other) noexcept;
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

  /// Whether the disk takes `bytes` more. Error `disk_full`.
  Status require_space(std::uint64_t bytes) const;
  /// Appends. Errors: `disk_full`, `write_failed`.
  Status append(std::span<const std::byte> bytes);
  /// Starts again from nothing. Error `write_failed`.
  Status clear();
  /// Flushes to the disk and renames to `target`. Error `write_failed`.
  Status commit(const std::filesystem::path& target);
  void remove();

 private:
  PartialFile() = default;
  Error write_error(int error_number) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace trinity::hub
