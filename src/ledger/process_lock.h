// One process at a time: a lock file that names who holds it.
#pragma once

#include <trinity/error.h>

#include <filesystem>

#include "base/descriptor.h"

namespace trinity::ledger {

/// Locks `path`, which is made and stays; the lock lasts as long as the descriptor is open, and
/// ends with the process however it ends. Errors: `ledger_in_use`, `unwritable_ledger`.
Result<Descriptor> lock_for_this_process(const std::filesystem::path& path);

}  // namespace trinity::ledger
