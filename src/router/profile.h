// Runtime profiles: named combinations of backend, margin floors and notes.
//
// A profile never changes what is computed, only how. It is chosen at run time; one whose backend
// cannot run here says why and is never replaced silently. The reference's profile names are read
// as aliases.
#pragma once

#include <trinity/error.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"

namespace trinity {

/// The smallest margins a lane tolerates in the prompt evaluation.
struct MarginFloors {
  double agent = 0.24;
  double role = 1.06;
};

struct RuntimeProfile {
  std::string name;
  std::string backend;      // id in the backend registry
  std::string description;  // one line for people
  Exactness exactness = Exactness::decision_stable;
  MarginFloors floors;
  std::vector<std::string> aliases;  // other names that mean this profile
  std::vector<std::string> notes;
};

/// All profiles, the preferred default first.
const std::vector<RuntimeProfile>& runtime_profiles();

/// Why a profile cannot be used here; nothing when it can.
std::optional<std::string> profile_unavailable(const RuntimeProfile& profile);

/// Looks up a name or an alias; an empty name means the best available profile. Errors:
/// `unknown_profile` (lists the valid names), `profile_unavailable` (names profile and reason).
Result<RuntimeProfile> resolve_profile(std::string_view name);

}  // namespace trinity
