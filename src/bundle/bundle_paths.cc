#include "bundle/bundle_paths.h"

#include <algorithm>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity {
namespace {

tl::unexpected<Error> outside(const std::string& name) {
  return fail(ErrorKind::invalid_input, "path_outside_bundle",
              "the manifest names the file \"" + excerpt(name) +
                  "\", which does not lie inside the bundle's folder; do not trust this bundle");
}

}  // namespace

Status require_inside(const std::string& relative) {
  const std::filesystem::path path(relative);
  if (relative.empty() || relative.find('\0') != std::string::npos || path.is_absolute() ||
      !path.has_filename() ||
      std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; }))
    return outside(relative);
  return {};
}

Result<std::filesystem::path> resolve_inside(const std::filesystem::path& folder,
                                             const std::string& relative) {
  TRINITY_CHECK(require_inside(relative));
  std::error_code error;
  const auto root = std::filesystem::weakly_canonical(folder, error);
  if (error) return outside(relative);
  const auto target = std::filesystem::weakly_canonical(folder / relative, error);
  if (error) return outside(relative);
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), target.begin(), target.end());
  if (end != root.end()) return outside(relative);
  return folder / relative;
}

}  // namespace trinity
