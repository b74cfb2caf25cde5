// The header of a safetensors file: which tensors it holds, and where.
//
// Layout: header length (u64, little-endian), header (JSON: name -> dtype, shape, data_offsets; an
// optional __metadata__ of strings), payload. The header is read as a stream of events, so a
// hostile one costs memory in proportion to its length only, and that is limited to 100 MB.
//
// As the reference library does, the payload must be covered exactly: tensors may stand in any
// order, but holes, overlaps and bytes after the last tensor are refused. An element type that this
// program does not know is refused only when its tensor is read.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace trinity {

/// Where a tensor lies in its file.
struct TensorInfo {
  std::string name;
  std::string dtype_name;      // as written in the file
  std::optional<DType> dtype;  // empty if dtype_name is not known
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;  // bytes from the start of the file
  std::uint64_t size = 0;    // bytes
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;              // sorted by name, bytewise
  std::map<std::string, std::string> metadata;  // __metadata__, empty if absent
};

/// Reads and checks the header of a whole file in memory. Errors (all invalid_input):
///   safetensors_truncated             fewer than 8 bytes, or the header goes beyond the file
///   safetensors_header_too_long       a header of more than 100 MB
///   invalid_header_json, invalid_utf8, json_too_deep, duplicate_key   no strict JSON
///   invalid_header_entry              JSON, but not the layout above; a rank above 64
///   shape_overflow                    a shape with too many elements or bytes
///   safetensors_offsets_out_of_range  offsets reversed or beyond the payload
///   safetensors_size_mismatch         offsets and shape disagree
///   safetensors_overlap, safetensors_gap, safetensors_trailing_bytes
Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> file);

}  // namespace trinity
