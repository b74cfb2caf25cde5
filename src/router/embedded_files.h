// Files compiled into the program (models/tiny), found by name.
#pragma once

#include <span>
#include <string_view>

namespace trinity {

struct EmbeddedFile {
  std::string_view name;
  std::string_view bytes;
};

/// Empty in a build without models/tiny.
std::span<const EmbeddedFile> embedded_files();

}  // namespace trinity
