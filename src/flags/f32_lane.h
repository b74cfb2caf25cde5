// The backend of commands that multiply recorded factors: a lane that keeps all digits of f32.
#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"
#include "command_line/command_line.h"
#include "router/profile.h"

namespace trinity::flags {

struct F32LaneFlags {
  std::string profile;
  int threads = 0;
};

/// --profile (also --runtime-profile) and --threads.
void add_f32_lane_flags(command_line::Command& command, F32LaneFlags& flags);

struct F32Lane {
  router::RuntimeProfile profile;
  std::unique_ptr<backend::Backend> backend;
};

/// The profile of the flags; without one cpu_f32, else the reference lane. Errors: those of
/// resolve_profile and create_backend, `profile_lacks_f32_products`.
Result<F32Lane> open_f32_lane(const F32LaneFlags& flags);

}  // namespace trinity::flags
