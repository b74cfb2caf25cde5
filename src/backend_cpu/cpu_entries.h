// The CPU lanes' entries for the registry.
#pragma once

#include <vector>

#include "backend/backend_entry.h"

namespace trinity::cpu {

std::vector<backend::BackendEntry> cpu_entries();

}  // namespace trinity::cpu
