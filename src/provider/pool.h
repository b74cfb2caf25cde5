// The pool as it runs: members made of their configuration, each within its limits, and the slot of
// the head that each answers for.
//
//   auto config = read_pool_file("pool.toml");
//   resolve_keys(*config, environment);
//   auto pool = Pool::open(std::move(*config), {.num_agents = 7});
//   pool->at_slot(decision.agent_id)->member->call(request, receiver);
#pragma once

#include "net/http_client.h"
#include "provider/guarded_member.h"
#include "provider/pool_config.h"
#include "provider/scripted_member.h"

namespace trinity::provider {

struct PoolMember {
  MemberConfig config;
  std::shared_ptr<GuardedMember> member;

  /// Of what a call has used, in micro-USD; nothing where no price is known.
  std::optional<std::int64_t> cost(const chat::Usage& usage) const;
};

struct PoolOptions {
  std::int64_t num_agents = 7;                   // of the head; 0: no slots
  std::shared_ptr<net::HttpClient> client = {};  // nothing: one of its own
  std::shared_ptr<Timers> timers = {};           // nothing: real time
  BreakerOptions breaker = {};
  TokenCounter count = {};
  /// What the members of kind scripted say, by name.
  std::map<std::string, std::vector<ScriptedStep>> scripts = {};
};

class Pool {
 public:
  /// `config` with its keys resolved. Errors: those of slot_table, `invalid_pool_file` (a persona
  /// that there is not).
  static Result<Pool> open(PoolConfig config, PoolOptions options = {});

  const PoolConfig& config() const { return config_; }
  const std::vector<PoolMember>& members() const { return members_; }
  /// Names of the members of all slots.
  const std::vector<std::string>& slots() const { return slots_; }

  /// nullptr where there is none.
  const PoolMember* find(std::string_view name) const;
  const PoolMember* at_slot(std::int64_t slot) const;
  /// How a role samples, where its request says nothing; for a role that is not named, nothing.
  chat::Sampling sampling_of(std::string_view role) const;

  /// "coder", "qwen2.5-coder", ...: what a slot means, for every surface that shows one.
  std::string slot_label(std::int64_t slot) const;

 private:
  PoolConfig config_;
  std::vector<PoolMember> members_;
  std::vector<std::string> slots_;
};

/// `request` with what a role says where it says nothing itself.
void apply_sampling(const chat::Sampling& role, chat::Sampling& request);

}  // namespace trinity::provider
