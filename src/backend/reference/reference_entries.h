// The reference lanes' entries for the registry.
#pragma once

#include <vector>

#include "backend/backend_entry.h"

namespace trinity::backend {

std::vector<BackendEntry> reference_entries();

}  // namespace trinity::backend
