// Reading and writing whole files: memory maps, small text files, replacement in one step.
//
// Reading: only regular files are opened (a folder, pipe or device is refused at once and never
// blocks). Large files are mapped and paged in by the kernel on first touch.
//
// Writing: the data go to a file of a random name in the same folder, are flushed to the disk and
// renamed over the old file. A crash or a full disk at any point leaves the old file or the new
// one, never a mix. A new file in the place of an old one keeps its mode and, where the system
// allows it, its owner; a read-only one is refused. See output_place.h for what a name may lead to.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace trinity {

/// A read-only memory map of a regular file. Moving keeps the addresses valid.
/// The file must not be shortened by others while it is mapped (the kernel answers with SIGBUS).
class MappedFile {
 public:
  /// Errors: `missing_file`, `not_a_regular_file`, `unreadable_file`, `mmap_failed`.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::size_t size() const { return size_; }

  /// Tells the kernel that the whole pages inside [offset, offset + length) are not needed for now:
  /// they leave this process's resident memory and are read again if touched. Ranges are clipped.
  void advise_dontneed(std::size_t offset, std::size_t length) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The bytes of a regular file of at most `max_bytes` bytes (UTF-8 is not checked here).
/// Errors: `missing_file`, `not_a_regular_file`, `unreadable_file`, `file_too_large`.
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

/// What is meant by a name under which something stands already.
enum class Replace {
  /// The name itself, in a folder of ours: a link there is replaced and never followed; a pipe or
  /// device is refused.
  name,
  /// What the name leads to, as the user of a command means it: links are followed, and a pipe, a
  /// device or a descriptor of this process (/dev/fd/N, /dev/stdout) is written straight into.
  target,
};

/// A file that appears under its name only when `commit` or `publish` succeeds. Destruction before
/// that removes the temporary file and leaves whatever stood under the name. What is written
/// straight into (`Replace::target`) has no temporary file: its bytes are out once they are
/// written.
class AtomicFile {
 public:
  /// Errors: `missing_folder`, `unwritable_file` (no permission, a folder, a loop of links),
  /// `read_only_file`.
  static Result<AtomicFile> create(const std::filesystem::path& path,
                                   Replace replace = Replace::name);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Appends bytes. Error: `write_failed`; the file is then discarded and later calls fail too.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text);
  /// Writes at a place; the file grows as needed. Not mixed with `write`. Error: `write_failed`.
  Status write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Reads back what was written. Error: `unreadable_file` (also when there is less).
  Status read_at(std::uint64_t offset, std::span<std::byte> bytes) const;
  /// Asks the kernel to begin writing to the disk, so that `commit` waits less.
  void start_writeback() const;
  /// Flushes to the disk and renames. Error: `write_failed`. Nothing may be written afterwards.
  Status commit();
  /// Renames without waiting for the disk: safe against a killed process at once, against a power
  /// cut only after `flush`. Error: `write_failed`. Nothing may be written afterwards.
  Status publish();
  /// Flushes what was published. Error: `write_failed`.
  Status flush();

 private:
  AtomicFile() = default;
  Status failed(const char* action, int error_number);
  Status flush_data();
  void discard();
  void flush_folder() const;

  std::filesystem::path path_;       // the final name, links followed where they are
  std::filesystem::path temporary_;  // empty: renamed already, or written straight into
  bool straight_ = false;
  int descriptor_ = -1;
};

/// Removes temporary files that killed writers left in the folder; those of living ones stay.
void remove_leftovers(const std::filesystem::path& folder);

/// Whether the file name is one that AtomicFile gives to a temporary file.
bool is_temporary_name(std::string_view name);

/// When a replacement must be on the disk.
enum class Durability {
  now,    // before the call returns
  later,  // whenever the system writes it; a killed process leaves the old file or the new one
};

/// Replaces `path` by `bytes` in one step (see AtomicFile for the errors).
Status write_file_atomic(const std::filesystem::path& path, std::span<const std::byte> bytes,
                         Durability durability = Durability::now);
Status write_file_atomic(const std::filesystem::path& path, std::string_view text,
                         Durability durability = Durability::now);

}  // namespace trinity
