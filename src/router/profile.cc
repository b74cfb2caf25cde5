#include "router/profile.h"

#include <algorithm>

#include "backend/backend_label.h"
#include "backend_plugin/plugin_backend.h"
#include "backend_registry/lane_promise.h"
#include "backend_registry/registry.h"
#include "base/try.h"
#include "base/utf8.h"
#include "router/reference_profiles.h"

namespace trinity::router {
namespace {

/// A lane that other builds have: listed, so that its name gets a reason and not a shrug.
RuntimeProfile absent(std::string name, std::vector<std::string> aliases, std::string description) {
  RuntimeProfile out;
  out.name = out.backend = std::move(name);
  out.description = std::move(description);
  out.aliases = std::move(aliases);
  return out;
}

RuntimeProfile profile(std::string name, std::vector<std::string> aliases) {
  RuntimeProfile out;
  out.name = out.backend = std::move(name);
  if (const backend::BackendEntry* entry = backend::find_backend(out.backend)) {
    out.description = entry->description;
    out.exactness = entry->exactness;
    out.floors = entry->floors;
    out.notes = entry->notes;
  }
  out.aliases = std::move(aliases);
  return out;
}

bool is_alias(const RuntimeProfile& profile, std::string_view name) {
  return std::find(profile.aliases.begin(), profile.aliases.end(), name) != profile.aliases.end();
}

/// The lane under one of its aliases, with what that name means in the reference.
RuntimeProfile under_alias(RuntimeProfile profile, std::string_view alias) {
  profile.requested = alias;
  const ReferenceProfile* facts = find_reference_profile(alias);
  if (facts == nullptr) return profile;
  profile.capabilities = facts->capabilities;
  profile.floors = facts->floors;
  profile.default_slm_profile = facts->default_slm_profile;
  profile.label_prefix = facts->label_prefix;
  if (!facts->note.empty()) profile.notes.emplace_back(facts->note);
  if (!facts->hint.empty()) profile.warnings.emplace_back(facts->hint);
  return profile;
}

Result<RuntimeProfile> unknown_profile(std::string_view name) {
  std::string known;
  for (const RuntimeProfile& profile : runtime_profiles()) {
    known += (known.empty() ? "" : ", ") + profile.name;
    for (const std::string& alias : profile.aliases) known += ", " + alias;
  }
  return fail(ErrorKind::usage, "unknown_profile",
              "there is no profile \"" + excerpt(name) + "\"; valid are " + known +
                  ", fast, custom:BACKEND, plugin:PATH");
}

/// The profile of a backend in a shared library, which is loaded by this.
Result<RuntimeProfile> plugin_profile(std::string_view requested) {
  TRINITY_TRY(const auto plugin,
              plugin::open_plugin(requested.substr(plugin::kPluginBackendPrefix.size())));
  RuntimeProfile out;
  out.name = out.backend = std::string(plugin::kPluginBackendPrefix) + plugin->facts.name;
  if (requested != out.name) out.requested = requested;
  out.description = plugin->facts.description.empty() ? "backend plugin " + plugin->facts.name
                                                      : plugin->facts.description;
  out.exactness = plugin->facts.exactness;
  out.notes = {"loaded from " + excerpt(plugin->path.string())};
  if (!plugin->facts.version.empty()) out.notes.push_back("version " + plugin->facts.version);
  out.capabilities.export_svd = false;
  out.capabilities.large_svd = false;
  return out;
}

/// "emily (mlx, the counterpart of Emily)", or the name alone.
std::string full_name(const RuntimeProfile& profile) {
  if (profile.requested.empty()) return profile.name;
  const ReferenceProfile* facts = find_reference_profile(profile.requested);
  std::string text = profile.requested + " (" + profile.name;
  if (facts != nullptr) text += ", the counterpart of " + std::string(facts->counterpart);
  return text + ")";
}

}  // namespace

const std::vector<RuntimeProfile>& runtime_profiles() {
  // The first that can run is the default. cpu_f32 runs everywhere and stands first on every
  // machine, so that the same conversation gets the same answer out of the box everywhere; a faster
  // lane is chosen by name, or as "fast".
  static const std::vector<RuntimeProfile> profiles = {
      profile("cpu_f32", {"host_exla", "cpu"}),
      profile("cpu_bf16", {}),
      profile("cpu_int8", {}),
      profile("reference", {"binary", "cpu_binary", "scalar", "mock_tiny"}),
      profile("reference_bf16", {}),
      profile("reference_exact", {}),
      profile("reference_exact_int8", {}),
      absent("cuda", {"cuda_exla"}, "products on an NVIDIA card"),
      profile("mlx", {"emlx", "emily"}),
      profile("mlx_fast", {"emily_fast"}),
  };
  return profiles;
}

std::optional<std::string> profile_unavailable(const RuntimeProfile& profile) {
  if (profile.backend.starts_with(plugin::kPluginBackendPrefix)) {
    const std::string name = profile.backend.substr(plugin::kPluginBackendPrefix.size());
    if (plugin::find_loaded_plugin(name) != nullptr) return std::nullopt;
    return "plugin " + name + " is not loaded; name its path, plugin:PATH";
  }
  const backend::BackendEntry* entry = backend::find_backend(profile.backend);
  if (entry == nullptr) return "backend " + profile.backend + " is not part of this build";
  return entry->unavailable_reason();
}

backend::LanePromise promise_of(const RuntimeProfile& profile) {
  const backend::BackendEntry* entry = backend::find_backend(profile.backend);
  return entry != nullptr ? promise_of(*entry) : backend::LanePromise{profile.exactness, {}};
}

backend::Exactness held_to(const RuntimeProfile& profile) {
  return held_to(profile.exactness, promise_of(profile));
}

Result<RuntimeProfile> fast_profile() {
  // By what can run, which is what the processor has. With AVX512-BF16 or AMX products in bf16 come
  // first: int8 is faster still on short inputs there, but turns more decisions. Elsewhere int8 is
  // the fastest, and f32 runs on every machine.
  for (const char* name : {"cpu_bf16", "cpu_int8", "cpu_f32"}) {
    TRINITY_TRY(RuntimeProfile profile, find_profile(name));
    if (!profile_unavailable(profile)) return profile;
  }
  return fail(ErrorKind::missing, "profile_unavailable",
              "profile fast is unavailable: no backend for processors can run here; see trinity "
              "profiles");
}

Result<RuntimeProfile> find_profile(std::string_view name) {
  if (name == kFastProfile) return fast_profile();
  constexpr std::string_view kCustom = "custom:";
  if (name.starts_with(kCustom) && name.size() > kCustom.size())
    return custom_profile(name.substr(kCustom.size()));
  if (name.starts_with(plugin::kPluginBackendPrefix)) return plugin_profile(name);
  for (const RuntimeProfile& profile : runtime_profiles()) {
    if (profile.name == name) return profile;
    if (is_alias(profile, name)) return under_alias(profile, name);
  }
  return unknown_profile(name);
}

Result<RuntimeProfile> resolve_profile(std::string_view name) {
  if (name.empty()) {
    for (const RuntimeProfile& profile : runtime_profiles())
      if (!profile_unavailable(profile)) return profile;
    return fail(ErrorKind::missing, "profile_unavailable", "no runtime profile can run here");
  }
  TRINITY_TRY(RuntimeProfile profile, find_profile(name));
  const auto reason = profile_unavailable(profile);
  if (!reason) return profile;
  if (name == "emily_fast")
    return fail(ErrorKind::missing, "emily_fast_kernels_unavailable",
                "profile " + full_name(profile) + " is unavailable: " + *reason +
                    " (the reference needs Emily.Bumblebee.FastKernels of :emily, see its "
                    "guides/runtime_profiles.md)");
  return fail(ErrorKind::missing, "profile_unavailable",
              "profile " + full_name(profile) + " is unavailable: " + *reason);
}

RuntimeProfile custom_profile(std::string_view backend) {
  RuntimeProfile out = profile(std::string(backend), {});
  out.name = "custom";
  out.floors = {};  // a backend on trial: the lane's own floors and notes come with its name
  out.notes.clear();
  out.requested = "custom:" + std::string(backend);
  if (out.description.empty()) out.description = "backend " + out.backend;
  if (backend::find_backend(out.backend) == nullptr) out.label_prefix = out.backend;
  out.capabilities.export_svd = false;
  out.capabilities.large_svd = false;
  return out;
}

const char* capability_name(Capability capability) {
  switch (capability) {
    case Capability::qwen_runtime:
      return "qwen_runtime";
    case Capability::export_svd:
      return "export_svd";
    case Capability::large_svd:
      return "large_svd";
    case Capability::artifact_runtime:
      return "artifact_runtime";
  }
  return "unknown";
}

bool has_capability(const RuntimeProfile& profile, Capability capability) {
  switch (capability) {
    case Capability::qwen_runtime:
      return profile.capabilities.qwen_runtime;
    case Capability::export_svd:
      return profile.capabilities.export_svd;
    case Capability::large_svd:
      return profile.capabilities.large_svd;
    case Capability::artifact_runtime:
      return profile.capabilities.artifact_runtime;
  }
  return false;
}

Status require_capability(const RuntimeProfile& profile, Capability capability) {
  if (has_capability(profile, capability)) return {};
  const std::string flag = capability_name(capability);
  return fail(ErrorKind::usage, "profile_lacks_capability",
              "profile_lacks_capability(" + excerpt(profile.asked_for()) + ", " + flag +
                  "): this profile may not be used for it; choose another with --profile, see "
                  "trinity profiles");
}

RuntimeProfile with_margin_floors(RuntimeProfile profile, std::optional<double> agent,
                                  std::optional<double> role) {
  if (agent) profile.floors.agent = *agent;
  if (role) profile.floors.role = *role;
  return profile;
}

Status accept_export_label(std::string_view path, std::string_view label,
                           const RuntimeProfile& profile) {
  const std::string own = backend::own_backend_label(profile.backend);
  if (!own.empty() && label == own) return {};
  if (!profile.label_prefix.empty() && label.starts_with(profile.label_prefix)) return {};
  return fail(ErrorKind::invalid_input, "unaccepted_export_backend",
              "unaccepted_export_backend(" + excerpt(path) + ", " + excerpt(label) + ", " +
                  excerpt(profile.asked_for()) + "): the tensor was held by another backend than " +
                  "the profile's; export it again under this profile");
}

}  // namespace trinity::router
