// The CPU lanes' entries for the registry.
#pragma once

#include <vector>

#include "backend/backend_entry.h"

namespace trinity {

std::vector<BackendEntry> cpu_entries();

}  // namespace trinity
