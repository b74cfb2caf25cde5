// The list of backends this program was built with.
//
// A backend is added by its own room and one line in registry.cc. Availability is asked at run
// time: a backend that cannot run here says why, and is never silently replaced by another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend_entry.h"

namespace trinity::backend {

const std::vector<BackendEntry>& backend_registry();

/// Null for an id that this build does not know.
const BackendEntry* find_backend(std::string_view id);

/// The stated limits of a lane; nothing for an id that this build does not know. "plugin:…" has
/// those that every plugin is held to.
std::optional<LaneTolerances> lane_tolerances(std::string_view id);

/// A backend that knows what this machine keeps of its claim (Backend::promise). `id` is one of the
/// registry, or "plugin:" and what stands for a plugin (backend_plugin/). Errors:
/// `unknown_backend` (lists the known ones), `backend_unavailable` (says why), those of plugins.
Result<std::unique_ptr<Backend>> create_backend(std::string_view id, const BackendOptions& options);

}  // namespace trinity::backend
