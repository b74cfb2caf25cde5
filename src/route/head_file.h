// The file that holds a router head: one F32 tensor `trinity_router_head` [outputs, hidden].
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <span>

namespace trinity::route {

struct HeadMatrix {
  std::span<const float> weights;  // [outputs, hidden], row-major
  std::int64_t outputs = 0;
  std::int64_t hidden = 0;
};

/// Equal heads give equal bytes. Errors: those of write_safetensors.
Status write_head_file(const std::filesystem::path& path, const HeadMatrix& head);

/// Whether a file holds exactly these values. Errors: those of SafetensorsFile::open.
Result<bool> head_file_holds(const std::filesystem::path& path, const HeadMatrix& head);

}  // namespace trinity::route
