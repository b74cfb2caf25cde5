#include "hub/safe_path.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/inside_path.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::hub {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::size_t kMaxPartBytes = 240;  // 255 less a temporary ending

tl::unexpected<Error> outside(const std::string& name) {
  return fail(ErrorKind::invalid_input, "path_outside_folder",
              "the file name \"" + excerpt(name) +
                  "\" does not stay inside the folder to fill; nothing was written for it, and its "
                  "source is not to be trusted");
}

bool is_safe_part(std::string_view part) {
  return !part.empty() && part.size() <= kMaxPartBytes && part != "." && part != "..";
}

}  // namespace

Status require_safe_path(const std::string& relative) {
  if (relative.size() > kMaxPathBytes || !is_valid_utf8(relative) ||
      std::any_of(relative.begin(), relative.end(), [](char c) {
        return c == '\\' || c == '\x7f' || static_cast<unsigned char>(c) < 0x20;
      }))
    return outside(relative);
  std::string_view rest = relative;
  while (true) {
    const std::size_t slash = rest.find('/');
    if (!is_safe_part(rest.substr(0, slash))) return outside(relative);
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Status require_safe_paths(const std::vector<std::string>& relative) {
  std::unordered_set<std::string_view> names;
  const auto conflict = [](const std::string& name) {
    return fail(ErrorKind::invalid_input, "conflicting_paths",
                "the file name \"" + excerpt(name) +
                    "\" is given twice or is in the way of another one; mend the list of files");
  };
  for (const std::string& name : relative) {
    TRINITY_CHECK(require_safe_path(name));
    if (!names.insert(name).second) return conflict(name);
  }
  for (const std::string& name : relative) {
    for (std::size_t slash = name.find('/'); slash != std::string::npos;
         slash = name.find('/', slash + 1)) {
      if (names.contains(std::string_view(name).substr(0, slash))) return conflict(name);
    }
  }
  return {};
}

Result<std::filesystem::path> resolve_in_folder(const std::filesystem::path& folder,
                                                const std::string& relative) {
  TRINITY_CHECK(require_safe_path(relative));
  if (!leads_inside(folder, relative)) return outside(relative);
  return folder / relative;
}

}  // namespace trinity::hub
