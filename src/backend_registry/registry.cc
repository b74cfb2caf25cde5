#include "backend_registry/registry.h"

#include "backend/reference/reference_entries.h"
#include "backend_cpu/cpu_entries.h"
#include "backend_mlx/mlx_entries.h"
#include "backend_plugin/plugin_backend.h"
#include "backend_registry/lane_promise.h"
#include "base/try.h"
#include "base/utf8.h"

namespace trinity::backend {

const std::vector<BackendEntry>& backend_registry() {
  static const std::vector<BackendEntry> entries = [] {
    std::vector<BackendEntry> all;
    for (const auto& folder : {reference_entries(), cpu::cpu_entries(), mlx_backend::mlx_entries()})
      all.insert(all.end(), folder.begin(), folder.end());
    return all;
  }();
  return entries;
}

const BackendEntry* find_backend(std::string_view id) {
  for (const BackendEntry& entry : backend_registry())
    if (entry.id == id) return &entry;
  return nullptr;
}

std::optional<LaneTolerances> lane_tolerances(std::string_view id) {
  if (id.starts_with(plugin::kPluginBackendPrefix)) return plugin::plugin_tolerances();
  const BackendEntry* entry = find_backend(id);
  return entry != nullptr ? std::optional(entry->tolerances) : std::nullopt;
}

Result<std::unique_ptr<Backend>> create_backend(std::string_view id,
                                                const BackendOptions& options) {
  if (id.starts_with(plugin::kPluginBackendPrefix))
    return plugin::create_plugin_backend(id.substr(plugin::kPluginBackendPrefix.size()), options);
  std::string known;
  for (const BackendEntry& entry : backend_registry()) {
    if (entry.id == id) {
      if (const auto reason = entry.unavailable_reason())
        return fail(ErrorKind::missing, "backend_unavailable",
                    "backend " + entry.id + " cannot run here: " + *reason);
      TRINITY_TRY(std::unique_ptr<Backend> backend, entry.create(options));
      backend->set_promise(promise_of(entry));
      return backend;
    }
    known += (known.empty() ? "" : ", ") + entry.id;
  }
  return fail(ErrorKind::usage, "unknown_backend",
              "there is no backend \"" + excerpt(id) + "\"; known are " + known);
}

}  // namespace trinity::backend
