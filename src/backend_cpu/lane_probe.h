// Does this machine keep what a CPU lane claims? A few milliseconds of arithmetic tell.
#pragma once

#include <optional>
#include <string>

#include "backend_cpu/cpu_backend.h"

namespace trinity::cpu {

/// One sentence on the promise that is not kept here; nothing when it is. The exact lanes compute
/// every kind of operation once and compare bits with the definition (a processor that flushes
/// subnormal numbers or a compiler that fuses where it must not would show). The bf16 lane, whose
/// kernels a library chooses, computes rows alone and in batches of many sizes and compares their
/// bits. The lane must be available.
std::optional<std::string> probe_lane(CpuLane lane);

}  // namespace trinity::cpu
