// The flag that names a pool of models, and the reading that follows from it.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "command_line/command_line.h"
#include "provider/pool.h"

namespace trinity::flags {

struct PoolFlags {
  std::filesystem::path pool;       // empty: the demo pool
  std::filesystem::path authority;  // of a governed run, instead of a pool
  bool require_governed = false;
  bool announce = true;  // say on standard error that the demo pool is in use
};

/// --pool
command_line::Flag add_pool_flag(command_line::Command& command, PoolFlags& flags);

/// The pool of the flags, its keys where they are. Errors: those of read_pool_file.
Result<provider::PoolConfig> read_pool_config(const PoolFlags& flags);

/// The pool of the flags, with the keys that its members name. A key comes from where the file says
/// and from nowhere else. Errors: those of read_pool_file and resolve_keys.
Result<provider::PoolConfig> load_pool_config(const PoolFlags& flags);

/// Its members, for a head of so many agents; 0: without slots. Errors: those of Pool::open.
Result<provider::Pool> open_pool(provider::PoolConfig pool, std::int64_t num_agents);

/// "the demo pool", or the file's name.
std::string describe_pool(const PoolFlags& flags);

/// What of the pool must not leave this program, for traces.
std::vector<std::string> pool_secrets(const provider::PoolConfig& pool);

}  // namespace trinity::flags
