// Safetensors files: lazy reading through a memory map, and writing.
//
//   auto file = SafetensorsFile::open("model.safetensors");
//   auto view = file->tensor("model.norm.weight");   // no copy; pages are read on first touch
//   auto values = to_f32(*view);
//
// The writer is byte-exact: tensors sorted by name, contiguous, a compact header without padding or
// metadata, keys in the order dtype, shape, data_offsets. Equal tensors give equal files.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "tensor/safetensors_header.h"
#include "tensor/tensor.h"

namespace trinity {

class SafetensorsFile {
 public:
  /// Maps the file and checks its header. Errors: those of MappedFile::open and of
  /// parse_safetensors_header, with the path in the message, and `foreign_file` for another format
  /// (base/foreign_file.h).
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// All tensors, sorted by name.
  const std::vector<TensorInfo>& tensors() const { return header_.tensors; }
  std::vector<std::string> names() const;
  /// nullptr if there is no such tensor. The pointer lives as long as the file.
  const TensorInfo* find(std::string_view name) const;
  /// The header's __metadata__, empty if absent.
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  /// A view into the map; it lives as long as the file and survives moving it.
  /// Errors: `missing_tensor`, `unknown_dtype`.
  Result<TensorView> tensor(std::string_view name) const;
  /// Rows of a rank-2 tensor; errors: those of `tensor` and of row_slice.
  Result<TensorView> row_slice(std::string_view name, std::int64_t row_start,
                               std::int64_t row_count) const;
  /// Tells the kernel that a tensor's pages are not needed for now. Unknown names are ignored.
  void release(std::string_view name) const;

  const MappedFile& mapped() const { return mapped_; }

 private:
  SafetensorsFile() = default;

  std::filesystem::path path_;
  MappedFile mapped_;
  SafetensorsHeader header_;
};

struct NamedTensor {
  std::string name;
  TensorView view;
};

/// A tensor whose bytes are not there yet.
struct TensorDeclaration {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
};

/// The header for payloads that follow in the order of `tensors`, which must be sorted by name.
/// Errors: see write_safetensors.
Result<std::string> safetensors_header(std::span<const TensorDeclaration> tensors);

/// The 8 length bytes and the header that write_safetensors puts before the payload; `tensors` must
/// be sorted by name. Errors: see write_safetensors.
Result<std::string> safetensors_header(std::span<const NamedTensor> tensors);

/// Writes `tensors`, in any order, atomically to `path`. Errors: `duplicate_tensor`,
/// `invalid_tensor_name` (empty, no UTF-8, or __metadata__), `tensor_size_mismatch`,
/// `shape_overflow`, and those of AtomicFile.
Status write_safetensors(const std::filesystem::path& path, std::vector<NamedTensor> tensors,
                         Replace replace = Replace::name);

}  // namespace trinity
