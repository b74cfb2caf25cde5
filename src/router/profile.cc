#include "router/profile.h"

#include <algorithm>

#include "backend/registry.h"
#include "base/utf8.h"

namespace trinity {
namespace {

const BackendEntry* find_backend(std::string_view id) {
  for (const BackendEntry& entry : backend_registry())
    if (entry.id == id) return &entry;
  return nullptr;
}

/// A lane that other builds have: listed, so that its name gets a reason and not a shrug.
RuntimeProfile absent(std::string name, std::vector<std::string> aliases, MarginFloors floors,
                      std::string description) {
  RuntimeProfile out;
  out.name = out.backend = std::move(name);
  out.description = std::move(description);
  out.floors = floors;
  out.aliases = std::move(aliases);
  return out;
}

RuntimeProfile profile(std::string name, std::vector<std::string> aliases,
                       std::vector<std::string> notes) {
  RuntimeProfile out;
  out.name = out.backend = std::move(name);
  if (const BackendEntry* entry = find_backend(out.backend)) {
    out.description = entry->description;
    out.exactness = entry->exactness;
  }
  out.aliases = std::move(aliases);
  out.notes = std::move(notes);
  return out;
}

bool names(const RuntimeProfile& profile, std::string_view name) {
  return profile.name == name ||
         std::find(profile.aliases.begin(), profile.aliases.end(), name) != profile.aliases.end();
}

}  // namespace

const std::vector<RuntimeProfile>& runtime_profiles() {
  // In order of preference as the default: the fastest lane whose decisions follow f32 closely
  // comes first. int8 changes more decisions than bf16, so it is never chosen by itself.
  static const std::vector<RuntimeProfile> profiles = {
      profile("cpu_bf16", {}, {"needs AVX512-BF16"}),
      profile("cpu_f32", {"host_exla", "cpu"}, {"the lane for comparisons between backends"}),
      profile("cpu_int8", {}, {"needs AVX512-VNNI", "chosen by name only"}),
      profile("reference", {"binary", "cpu_binary", "scalar", "mock_tiny"}, {"slow by design"}),
      profile("reference_bf16", {}, {"slow by design", "reproduces PyTorch's bf16 rounding order"}),
      absent("cuda", {"cuda_exla"}, {}, "products on an NVIDIA card"),
      absent("mlx", {"emlx", "emily"}, {0.33, 0.82}, "Apple's MLX, composed operations"),
      absent("mlx_fast", {"emily_fast"}, {0.33, 0.82}, "Apple's MLX with its fused kernels"),
  };
  return profiles;
}

std::optional<std::string> profile_unavailable(const RuntimeProfile& profile) {
  const BackendEntry* entry = find_backend(profile.backend);
  if (entry == nullptr) return "backend " + profile.backend + " is not part of this build";
  return entry->unavailable_reason();
}

Result<RuntimeProfile> resolve_profile(std::string_view name) {
  if (name.empty()) {
    for (const RuntimeProfile& profile : runtime_profiles())
      if (!profile_unavailable(profile)) return profile;
    return fail(ErrorKind::missing, "profile_unavailable", "no runtime profile can run here");
  }
  std::string known;
  for (const RuntimeProfile& profile : runtime_profiles()) {
    if (names(profile, name)) {
      if (const auto reason = profile_unavailable(profile))
        return fail(ErrorKind::missing, "profile_unavailable",
                    "profile " + profile.name + " is unavailable: " + *reason);
      return profile;
    }
    known += (known.empty() ? "" : ", ") + profile.name;
    for (const std::string& alias : profile.aliases) known += ", " + alias;
  }
  return fail(ErrorKind::usage, "unknown_profile",
              "there is no profile \"" + excerpt(name) + "\"; valid are " + known);
}

}  // namespace trinity
