// A loaded plugin as a Backend: the op contract in terms of the plugin's callbacks.
//
// The host checks what it passes in and what comes back, converts weights to f32, keeps keys and
// values, and composes what the plugin does not bring.
#pragma once

#include <memory>
#include <string_view>

#include "backend/backend_entry.h"
#include "backend_plugin/plugin_library.h"

namespace trinity::plugin {

/// Backend ids of plugins begin with this: "plugin:openblas".
inline constexpr std::string_view kPluginBackendPrefix = "plugin:";

/// What every plugin is held to: f32, in partial sums of its own. A plugin states no limits (the
/// interface is frozen without them), so one that rounds more is not a plugin's lane yet. Its
/// margin floors are the defaults of MarginFloors.
backend::LaneTolerances plugin_tolerances();

/// Errors: `plugin_failed`, `plugin_exception`, `plugin_null_handle`.
Result<std::unique_ptr<backend::Backend>> make_plugin_backend(
    std::shared_ptr<const LoadedPlugin> plugin, const backend::BackendOptions& options);

/// The same for what stands behind "plugin:"; see open_plugin.
Result<std::unique_ptr<backend::Backend>> create_plugin_backend(
    std::string_view reference, const backend::BackendOptions& options);

}  // namespace trinity::plugin
