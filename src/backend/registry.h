// The list of backends this program was built with.
//
// A backend is added by its own folder and one line in registry.cc. Availability is asked at run
// time: a backend that cannot run here says why, and is never silently replaced by another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace trinity {

struct BackendOptions {
  int threads = 0;  // worker threads; 0 = all processors this process may use
};

struct BackendEntry {
  std::string id;
  std::string description;                           // one line for people
  Exactness exactness = Exactness::decision_stable;  // what the lane claims
  /// Why it cannot run on this machine; nothing when it can.
  std::optional<std::string> (*unavailable_reason)() = nullptr;
  Result<std::unique_ptr<Backend>> (*create)(const BackendOptions& options) = nullptr;
  /// A probe of milliseconds: one sentence that says which promise this machine does not keep,
  /// nothing when the claim holds here. Null: the claim needs no probe. It is asked through
  /// promise_of (backend/lane_promise.h), and makes the backends that it needs itself, not through
  /// create_backend, which asks it.
  std::optional<std::string> (*broken_promise)() = nullptr;
};

const std::vector<BackendEntry>& backend_registry();

/// Null for an id that this build does not know.
const BackendEntry* find_backend(std::string_view id);

/// A backend that knows what this machine keeps of its claim (Backend::promise). `id` is one of the
/// registry, or "plugin:" and what stands for a plugin (backend/plugin). Errors:
/// `unknown_backend` (lists the known ones), `backend_unavailable` (says why), those of plugins.
Result<std::unique_ptr<Backend>> create_backend(std::string_view id, const BackendOptions& options);

}  // namespace trinity
