#include "base/inside_path.h"

#include <algorithm>

namespace trinity {

namespace fs = std::filesystem;

bool is_inside_name(const std::string& relative) {
  const fs::path path(relative);
  return !relative.empty() && relative.find('\0') == std::string::npos && !path.is_absolute() &&
         path.has_filename() && std::none_of(path.begin(), path.end(), [](const auto& part) {
           return part == ".." || part == ".";
         });
}

bool leads_inside(const fs::path& folder, const std::string& relative) {
  std::error_code error;
  const fs::path absolute = fs::absolute(folder, error);
  if (error) return false;
  const fs::path root = fs::weakly_canonical(absolute, error);
  if (error) return false;
  const fs::path target = fs::weakly_canonical(absolute / relative, error);
  if (error) return false;
  const auto end = std::mismatch(root.begin(), root.end(), target.begin(), target.end()).first;
  // A root of "/a/" ends with an empty part, which matches nothing.
  if (end != root.end() && !(end->empty() && std::next(end) == root.end())) return false;
  // A link that points nowhere is left as it is by weakly_canonical.
  for (auto part = fs::path(relative); !part.empty(); part = part.parent_path()) {
    const auto status = fs::symlink_status(folder / part, error);
    if (!error && fs::is_symlink(status) && !fs::exists(folder / part, error)) return false;
  }
  return true;
}

}  // namespace trinity
