#include "prove/built_in.h"

#include <span>

#include "base/embedded_file.h"

namespace trinity::prove {

/// Generated; see cmake/embed_files.cmake.
std::span<const EmbeddedFile> lab_files();

std::optional<std::string_view> built_in_lab_file(std::string_view name) {
  for (const EmbeddedFile& file : lab_files()) {
    const std::size_t slash = file.name.rfind('/');
    if (file.name.substr(slash == std::string_view::npos ? 0 : slash + 1) == name)
      return file.bytes;
  }
  return std::nullopt;
}

}  // namespace trinity::prove
