#include "flags/pool_flags.h"

#include <cstdlib>

#include "base/try.h"
#include "flags/authority_flags.h"
#include "provider/pool_file.h"
#include "terminal/output.h"

namespace trinity::flags {
namespace {

std::optional<std::string> environment_value(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace

command_line::Flag add_pool_flag(command_line::Command& command, PoolFlags& flags) {
  return command
      .value("--pool", flags.pool,
             "pool file: the models and the slot of each, see docs/pool.md (without it: the demo "
             "pool, whose members compute inside this program)")
      .takes("FILE")
      .in("Pool");
}

Result<provider::PoolConfig> read_pool_config(const PoolFlags& flags) {
  if (is_governed(flags)) return governed_pool(flags);
  if (flags.pool.empty()) {
    if (flags.announce)
      terminal::note(
          "using the demo pool, seven members that compute inside this program; --pool names your "
          "own models");
    return provider::demo_pool_config();
  }
  return provider::read_pool_file(flags.pool);
}

Result<provider::PoolConfig> load_pool_config(const PoolFlags& flags) {
  TRINITY_TRY(provider::PoolConfig pool, read_pool_config(flags));
  if (!is_governed(flags)) TRINITY_CHECK(provider::resolve_keys(pool, environment_value));
  return pool;
}

Result<provider::Pool> open_pool(provider::PoolConfig pool, std::int64_t num_agents) {
  provider::PoolOptions options;
  options.num_agents = num_agents;
  return provider::Pool::open(std::move(pool), std::move(options));
}

std::string describe_pool(const PoolFlags& flags) {
  if (is_governed(flags)) return flags.authority.string();
  return flags.pool.empty() ? "the demo pool" : flags.pool.string();
}

std::vector<std::string> pool_secrets(const provider::PoolConfig& pool) {
  std::vector<std::string> secrets = pool.redaction_values;
  for (const provider::MemberConfig& member : pool.members) {
    if (!member.key.empty()) secrets.push_back(member.key.reveal());
    for (const auto& [name, secret] : member.secret_headers)
      if (!secret.empty()) secrets.push_back(secret.reveal());
  }
  return secrets;
}

}  // namespace trinity::flags
