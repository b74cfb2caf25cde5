// Opening and reading regular files. Private to this room.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>

#include "base/descriptor.h"

namespace trinity::base_internal {

struct OpenedFile {
  Descriptor descriptor;
  std::uint64_t size = 0;  // bytes, at the time of opening
};

/// Opens an existing regular file for reading.
Result<OpenedFile> open_regular_file(const std::filesystem::path& path);

/// Reads up to `size` bytes, fewer only at the end of the file; -1 on error (errno is set).
std::int64_t read_fully(int descriptor, void* out, std::size_t size);

}  // namespace trinity::base_internal
