// NumPy's .npy files, format versions 1 to 3: one little-endian array in C order.
//
// Layout: magic "\x93NUMPY", version, header length (u16 in version 1, u32 later), a header that is
// a Python dictionary literal with the keys descr, fortran_order and shape, then the elements.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/file.h"
#include "tensor/tensor.h"

namespace trinity {

/// Reads a whole file in memory; the view points into it. Types: <f8 <f4 <f2 <i8 <i4 <i2 |i1 <u8
/// <u4 <u2 |u1 |b1. Errors:
///   npy_truncated, npy_not_npy, npy_unsupported_version, npy_header_too_long (above 64 KiB),
///   npy_invalid_header, npy_big_endian, npy_fortran_order, npy_object_dtype, unsupported_dtype,
///   shape_overflow, npy_trailing_bytes
Result<TensorView> parse_npy(std::span<const std::byte> file);

/// A mapped .npy file.
class NpyFile {
 public:
  /// Errors: those of MappedFile::open and of parse_npy, with the path in the message, and
  /// `foreign_file`.
  static Result<NpyFile> open(const std::filesystem::path& path);
  /// Lives as long as the file and survives moving it.
  const TensorView& view() const { return view_; }

 private:
  NpyFile() = default;
  MappedFile mapped_;
  TensorView view_;
};

/// The bytes before the payload, as NumPy writes them (version 1.0, padded to a multiple of 64).
/// Errors: `unsupported_dtype` (bf16), `npy_header_too_long`, and those of byte_count.
Result<std::string> npy_header(const TensorView& tensor);

/// Writes a version 1.0 file atomically. Errors: those of npy_header and of AtomicFile, and
/// `tensor_size_mismatch`.
Status write_npy(const std::filesystem::path& path, const TensorView& tensor,
                 Replace replace = Replace::name);

}  // namespace trinity
