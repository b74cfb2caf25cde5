// Loading plugins, and which are loaded.
//
// A plugin is named by its path and known by its name. Loading is a matter of the whole process,
// like the loading of any shared library: what is loaded stays, the same file is loaded once, and
// one name means one file. Any thread may call these functions.
#pragma once

#include <trinity/error.h>

#include <filesystem>
#include <memory>
#include <string_view>

#include "backend_plugin/plugin_facts.h"

namespace trinity::plugin {

struct LoadedPlugin {
  std::filesystem::path path;  // real path of the library
  plugin::PluginFacts facts;
};

/// Loads the plugin at `path`; a relative path counts from the working folder, and nothing is
/// searched. `wanted_name` is the name it must have; empty = any. Loading it again gives the same
/// plugin. Errors: `plugin_not_found`, `plugin_not_a_file`, `plugin_not_a_library`,
/// `plugin_load_failed`, `plugin_missing_symbol`, those of read_plugin_facts, `plugin_exception`
/// (its function threw), `plugin_name_mismatch` (not the wanted name), `plugin_name_taken` (another
/// file with this name is loaded).
Result<std::shared_ptr<const LoadedPlugin>> load_plugin(const std::filesystem::path& path,
                                                        std::string_view wanted_name = {});

/// Null when no plugin of this name is loaded.
std::shared_ptr<const LoadedPlugin> find_loaded_plugin(std::string_view name);

/// The plugin that a user names behind "plugin:": PATH with a slash in it, NAME=PATH, or the name
/// of one that is loaded. A word without a slash is never a file, so that a name out of a file of
/// somebody else's loads nothing. Errors: those of load_plugin.
Result<std::shared_ptr<const LoadedPlugin>> open_plugin(std::string_view reference);

}  // namespace trinity::plugin
