// Where this program may keep what it can compute again.
#pragma once

#include <filesystem>
#include <string>

namespace trinity::flags {

/// <TRINITY_CACHE_DIR, else $XDG_CACHE_HOME/trinity, else $HOME/.cache/trinity>/<name>; empty when
/// none of them is set, or when TRINITY_CACHE_DIR is set to nothing.
std::filesystem::path cache_folder(const std::string& name);

}  // namespace trinity::flags
