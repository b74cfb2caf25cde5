#include "flags/cache_folder.h"

#include <cstdlib>

namespace trinity::flags {

std::filesystem::path cache_folder(const std::string& name) {
  if (const char* own = std::getenv("TRINITY_CACHE_DIR"))
    return *own == '\0' ? std::filesystem::path() : std::filesystem::path(own) / name;
  const char* shared = std::getenv("XDG_CACHE_HOME");
  if (shared != nullptr && *shared == '/') return std::filesystem::path(shared) / "trinity" / name;
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/')
    return std::filesystem::path(home) / ".cache" / "trinity" / name;
  return {};
}

}  // namespace trinity::flags
