// Runtime profiles: the names under which lanes are chosen. What is stated of a lane (its claim,
// margin floors, notes) is its entry's (backend/backend_entry.h).
//
// A profile never changes what is computed, only how. It is chosen at run time; one whose backend
// cannot run here says why and is never replaced silently. The reference's profile names are read
// as aliases: the lane is ours, while capabilities, floors and notes are those that the name has
// there (router/reference_profiles.h). `fast` is the fastest lane of this machine, `custom:BACKEND`
// runs any backend of the registry and `plugin:PATH` one from a shared library.
#pragma once

#include <trinity/error.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend_entry.h"

namespace trinity::router {

/// What a profile may be used for. A command that needs what its profile lacks is refused.
enum class Capability {
  qwen_runtime,      // run a model folder
  export_svd,        // decompose and export adapted tensors
  large_svd,         // decompose a matrix as tall as the vocabulary
  artifact_runtime,  // run an adapted bundle
};
/// The name that messages and `trinity profiles` use: "qwen_runtime", ...
const char* capability_name(Capability capability);

struct Capabilities {
  bool require_cuda = false;  // runs on an NVIDIA card or not at all
  bool qwen_runtime = true;
  bool export_svd = true;
  bool large_svd = true;
  bool artifact_runtime = true;
};

struct RuntimeProfile {
  std::string name;
  std::string backend;      // id in the backend registry
  std::string description;  // one line for people
  backend::Exactness exactness =
      backend::Exactness::decision_stable;  // what the lane claims; see promise_of
  backend::MarginFloors floors;
  std::vector<std::string> aliases;  // other names that mean this profile
  std::vector<std::string> notes;
  std::vector<std::string> warnings;  // what somebody who chose this name should know
  Capabilities capabilities;
  std::string default_slm_profile = "qwen_coordinator";
  std::string requested;     // the alias that was asked for; empty when it was the name itself
  std::string label_prefix;  // begin of the labels that the reference writes under this name

  /// The name that was asked for.
  const std::string& asked_for() const { return requested.empty() ? name : requested; }
  /// The name for reports: the one asked for, but a plugin's own name instead of its path.
  const std::string& shown_name() const { return name.starts_with("plugin:") ? name : asked_for(); }
};

/// The reserved name of the fastest lane of a machine.
inline constexpr std::string_view kFastProfile = "fast";

/// All profiles, the default first.
const std::vector<RuntimeProfile>& runtime_profiles();

/// Why a profile cannot be used here; nothing when it can.
std::optional<std::string> profile_unavailable(const RuntimeProfile& profile);

/// What this machine keeps of the profile's claim. Asked for the first time, it may run a probe of
/// milliseconds (backend_registry/lane_promise.h).
backend::LanePromise promise_of(const RuntimeProfile& profile);

/// What the lane of a profile is held to here; see held_to of backend_registry/lane_promise.h.
backend::Exactness held_to(const RuntimeProfile& profile);

/// The fastest lane that this machine has, under its own name. Error: `profile_unavailable`.
Result<RuntimeProfile> fast_profile();

/// The record of a name, an alias, `fast` or `custom:BACKEND`, whether it can run here or not; or
/// of `plugin:PATH`, which loads the plugin and is then named `plugin:<its name>`. Errors:
/// `unknown_profile` (lists the valid names), those of open_plugin.
Result<RuntimeProfile> find_profile(std::string_view name);

/// The same for a profile that is to run; an empty name means the default. Errors:
/// `unknown_profile`, `profile_unavailable` (names profile and reason),
/// `emily_fast_kernels_unavailable` (the same for the name emily_fast).
Result<RuntimeProfile> resolve_profile(std::string_view name);

/// A profile named "custom" over a backend of the registry, or over one that is named only: then
/// it is unavailable, naming it.
RuntimeProfile custom_profile(std::string_view backend);

bool has_capability(const RuntimeProfile& profile, Capability capability);
/// Error: `profile_lacks_capability(<profile>, <capability>)`.
Status require_capability(const RuntimeProfile& profile, Capability capability);

/// A copy with other floors; an axis that is not given keeps its floor.
RuntimeProfile with_margin_floors(RuntimeProfile profile, std::optional<double> agent,
                                  std::optional<double> role);

/// Whether an exported tensor may carry this label under this profile: exactly the profile's own
/// label or, under a name of the reference, one that begins as the reference's do. `path` names the
/// tensor. Error: `unaccepted_export_backend(<path>, <label>, <profile>)`.
Status accept_export_label(std::string_view path, std::string_view label,
                           const RuntimeProfile& profile);

}  // namespace trinity::router
