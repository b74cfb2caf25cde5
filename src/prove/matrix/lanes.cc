#include "prove/matrix/lanes.h"

#include <algorithm>

#include "backend_registry/registry.h"
#include "base/try.h"

namespace trinity::prove {
namespace {

constexpr const char* kReference = "reference";

Result<MatrixLane> lane_of(const router::RuntimeProfile& profile, int threads) {
  const auto limits = backend::lane_tolerances(profile.backend);
  if (!limits)
    return fail(ErrorKind::unsupported, "lane_without_tolerances",
                "backend " + profile.backend +
                    " states no tolerances, so nothing can be said about its numbers; give it "
                    "some in its entry");
  MatrixLane lane;
  lane.name = profile.shown_name() == "custom" ? profile.backend : profile.shown_name();
  lane.backend = profile.backend;
  lane.limits = *limits;
  lane.floors = profile.floors;
  lane.exactness = profile.exactness;
  lane.promise = promise_of(profile);
  lane.create = [id = profile.backend, threads] { return backend::create_backend(id, {threads}); };
  return lane;
}

}  // namespace

Result<MatrixLanes> named_lanes(std::span<const std::string> profiles, int threads) {
  MatrixLanes out;
  for (const std::string& name : profiles) {
    TRINITY_TRY(const router::RuntimeProfile profile, router::resolve_profile(name));
    TRINITY_TRY(MatrixLane lane, lane_of(profile, threads));
    out.lanes.push_back(std::move(lane));
  }
  return out;
}

Result<MatrixLanes> available_lanes(int threads) {
  MatrixLanes out;
  for (const router::RuntimeProfile& profile : router::runtime_profiles()) {
    if (const auto reason = router::profile_unavailable(profile)) {
      out.missing.push_back({profile.name, *reason});
      continue;
    }
    TRINITY_TRY(MatrixLane lane, lane_of(profile, threads));
    out.lanes.push_back(std::move(lane));
  }
  std::stable_partition(out.lanes.begin(), out.lanes.end(),
                        [](const MatrixLane& lane) { return lane.name == kReference; });
  return out;
}

std::size_t oracle_lane(std::span<const MatrixLane> lanes) {
  for (std::size_t i = 0; i < lanes.size(); ++i)
    if (lanes[i].name == kReference) return i;
  return 0;
}

}  // namespace trinity::prove
