#include "bundle/bundle_paths.h"

#include "base/inside_path.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::bundle {
namespace {

tl::unexpected<Error> outside(const std::string& name) {
  return fail(ErrorKind::invalid_input, "path_outside_bundle",
              "the manifest names the file \"" + excerpt(name) +
                  "\", which does not lie inside the bundle's folder; do not trust this bundle");
}

}  // namespace

Status require_inside(const std::string& relative) {
  if (!is_inside_name(relative)) return outside(relative);
  return {};
}

Result<std::filesystem::path> resolve_inside(const std::filesystem::path& folder,
                                             const std::string& relative) {
  TRINITY_CHECK(require_inside(relative));
  if (!leads_inside(folder, relative)) return outside(relative);
  return folder / relative;
}

}  // namespace trinity::bundle
