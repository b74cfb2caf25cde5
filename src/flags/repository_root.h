// The folder that recorded paths are relative to.
#pragma once

#include <filesystem>

namespace trinity::flags {

/// The nearest folder at or above the working directory that holds a `.git`, else the working
/// directory.
inline std::filesystem::path repository_root() {
  std::error_code ignored;
  std::filesystem::path here = std::filesystem::current_path(ignored);
  for (std::filesystem::path folder = here; !folder.empty(); folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / ".git", ignored)) return folder;
    if (folder == folder.parent_path()) break;
  }
  return here;
}

}  // namespace trinity::flags
