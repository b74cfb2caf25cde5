// File names that a pin or a hub may give, and those it may not. Such names come from elsewhere:
// they must not be able to reach a file outside the folder that is filled.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <string>
#include <vector>

namespace trinity::hub {

/// Refuses absolute names, "." and ".." and empty parts, backslashes, control characters,
/// ill-formed UTF-8 and names longer than file systems take. Error `path_outside_folder`.
Status require_safe_path(const std::string& relative);

/// Every name safe, none twice, none a folder of another, none the temporary name of another.
/// Errors: `path_outside_folder`, `conflicting_paths`.
Status require_safe_paths(const std::vector<std::string>& relative);

/// The file under `folder`; after following symbolic links it must still lie inside. The folder and
/// the file need not exist. Error `path_outside_folder`.
Result<std::filesystem::path> resolve_in_folder(const std::filesystem::path& folder,
                                                const std::string& relative);

}  // namespace trinity::hub
