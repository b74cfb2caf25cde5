#include "flags/f32_lane.h"

#include "backend_registry/registry.h"
#include "base/try.h"
#include "interchange/components.h"

namespace trinity::flags {
namespace {

Result<router::RuntimeProfile> chosen_profile(const std::string& name) {
  if (!name.empty()) return router::resolve_profile(name);
  auto fast = router::resolve_profile("cpu_f32");
  return fast ? fast : router::resolve_profile("reference");
}

}  // namespace

void add_f32_lane_flags(command_line::Command& command, F32LaneFlags& flags) {
  command
      .value("--runtime-profile,--profile", flags.profile,
             "profile of full f32 precision that computes (see trinity profiles); default cpu_f32")
      .takes("NAME");
  command.value("--threads", flags.threads, "worker threads (default: all processors)")
      .takes("N")
      .at_least(0);
}

Result<F32Lane> open_f32_lane(const F32LaneFlags& flags) {
  F32Lane lane;
  TRINITY_TRY(lane.profile, chosen_profile(flags.profile));
  TRINITY_TRY(lane.backend, backend::create_backend(lane.profile.backend, {flags.threads}));
  TRINITY_CHECK(interchange::require_f32_products(*lane.backend));
  return lane;
}

}  // namespace trinity::flags
