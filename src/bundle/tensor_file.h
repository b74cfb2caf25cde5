// The two kinds of safetensors files that an export writes piece by piece, hashing on the way.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "tensor/safetensors.h"

namespace trinity::bundle {

/// One tensor, payload appended in order. Appears under its name only on `publish`.
class TensorFile {
 public:
  /// Errors: those of AtomicFile and of safetensors_header.
  static Result<TensorFile> create(const std::filesystem::path& path,
                                   const TensorDeclaration& tensor);
  Status append(std::span<const std::byte> bytes);
  /// Puts the file under its name and gives its SHA-256; the disk may still be behind. Error:
  /// `tensor_size_mismatch` when the payload is incomplete.
  Result<std::string> publish();
  /// Waits until the disk has it.
  Status flush();
  /// Both.
  Result<std::string> finish();

 private:
  TensorFile(AtomicFile file, std::uint64_t size) : file_(std::move(file)), missing_(size) {}
  AtomicFile file_;
  Sha256 hash_;
  std::uint64_t missing_;            // payload bytes still to come
  std::uint64_t not_announced_ = 0;  // bytes written since the last start_writeback
};

/// Several tensors whose payloads arrive tensor by tensor in any order. The hash follows the file's
/// own order: it advances whenever the bytes next in line are there, reading back those that came
/// early.
class MergedTensorFile {
 public:
  /// `tensors` in any order.
  static Result<MergedTensorFile> create(const std::filesystem::path& path,
                                         std::vector<TensorDeclaration> tensors);
  /// Appends to the tensor's payload.
  Status append(const std::string& name, std::span<const std::byte> bytes);
  /// Whether the tensor's payload is complete.
  bool complete(const std::string& name) const;
  /// Hashes what can be hashed.
  Status advance_hash();
  /// The SHA-256 of the whole file.
  Result<std::string> finish();

 private:
  struct Region {
    std::uint64_t begin = 0, size = 0, written = 0;
  };
  explicit MergedTensorFile(AtomicFile file) : file_(std::move(file)) {}
  AtomicFile file_;
  Sha256 hash_;
  std::map<std::string, Region> regions_;  // in the file's order, which is by name
  std::uint64_t hashed_ = 0;               // bytes of the file that the hash has seen
  std::uint64_t not_announced_ = 0;
};

}  // namespace trinity::bundle
