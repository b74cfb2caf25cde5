// Opening a shared library and finding one function in it.
#pragma once

#include <trinity/error.h>

#include <filesystem>

namespace trinity::plugin {

/// Loads with every symbol bound at once (a missing one fails here, not in the middle of a
/// computation) and visible to nobody else. Never unloaded: code of the library may be running or
/// be referred to from anywhere. `path` must be absolute. Errors: `plugin_not_a_library` (no
/// complete ELF file: the loader of the system may crash on a cut one), `plugin_load_failed` (with
/// the system's reason).
Result<void*> open_shared_object(const std::filesystem::path& path);

/// Error: `plugin_missing_symbol`.
Result<void*> find_symbol(void* library, const char* symbol, const std::filesystem::path& path);

}  // namespace trinity::plugin
