// Governed commands: pool and credentials come from one file, the authority, and from nowhere else.
#pragma once

#include <trinity/error.h>

#include "command_line/command_line.h"
#include "flags/pool_flags.h"

namespace trinity::flags {

/// --authority, --require-governed
void add_authority_flags(command_line::Command& command, PoolFlags& flags);

/// The pool of --authority: its members with the packet's key, which is the only one, and its
/// address where they have none of their own. Errors: those of reading a file and of
/// coordinate::materialize_authority, `governed_direct_fields_rejected` with --pool,
/// `governed_authority_required`.
Result<provider::PoolConfig> governed_pool(const PoolFlags& flags);
/// Whether --authority or --require-governed is given.
bool is_governed(const PoolFlags& flags);

}  // namespace trinity::flags
