// File names that a downloaded manifest may give, and those it may not.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>

namespace trinity::bundle {

/// Refuses absolute names, `.` and `..`, empty names and NUL. Error `path_outside_bundle`.
Status require_inside(const std::string& relative);

/// The file under `folder`, after following symbolic links it must still lie inside. Error
/// `path_outside_bundle`; a missing file is no error here.
Result<std::filesystem::path> resolve_inside(const std::filesystem::path& folder,
                                             const std::string& relative);

}  // namespace trinity::bundle
