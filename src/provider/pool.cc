#include "provider/pool.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "base/try.h"
#include "provider/demo_member.h"
#include "provider/http_member.h"

namespace trinity::provider {
namespace {

Result<std::unique_ptr<Member>> made(const MemberConfig& config, const PoolOptions& options) {
  switch (config.kind) {
    case MemberKind::demo: {
      const std::string persona = config.persona.empty() ? config.name : config.persona;
      const std::vector<std::string>& known = demo::persona_names();
      if (std::find(known.begin(), known.end(), persona) == known.end())
        return fail(ErrorKind::invalid_input, "invalid_pool_file",
                    fmt::format("member {} of kind demo has no persona {}: write persona = one of "
                                "{}",
                                printable(config.name, 60), printable(persona, 60),
                                fmt::join(known, ", ")));
      return std::unique_ptr<Member>(std::make_unique<demo::DemoMember>(persona, options.timers));
    }
    case MemberKind::scripted: {
      const auto script = options.scripts.find(config.name);
      return std::unique_ptr<Member>(std::make_unique<ScriptedMember>(
          config.name,
          script == options.scripts.end() ? std::vector<ScriptedStep>() : script->second,
          options.timers));
    }
    case MemberKind::openai:
    case MemberKind::anthropic:
    case MemberKind::gemini:
      break;
  }
  if (!config.key_source.empty() && config.key.empty())
    return fail(ErrorKind::missing, "missing_key",
                fmt::format("the key of member {} was not fetched from {}",
                            printable(config.name, 60), printable(config.key_source, 200)));
  return std::unique_ptr<Member>(
      std::make_unique<HttpMember>(config, options.client, options.timers));
}

template <typename T>
void fill_from_role(std::optional<T>& value, const std::optional<T>& otherwise) {
  if (!value) value = otherwise;
}

}  // namespace

std::optional<std::int64_t> PoolMember::cost(const chat::Usage& usage) const {
  if (!config.price) return std::nullopt;
  return cost_micro_usd(*config.price, usage);
}

Result<Pool> Pool::open(PoolConfig config, PoolOptions options) {
  Pool pool;
  if (options.num_agents > 0) {
    TRINITY_TRY(pool.slots_, slot_table(config, options.num_agents));
  }
  if (!options.timers) options.timers = thread_timers();
  const bool remote =
      std::any_of(config.members.begin(), config.members.end(), [](const MemberConfig& member) {
        return member.kind != MemberKind::demo && member.kind != MemberKind::scripted;
      });
  if (remote && !options.client) options.client = std::make_shared<net::HttpClient>();
  for (const MemberConfig& member : config.members) {
    TRINITY_TRY(std::unique_ptr<Member> inner, made(member, options));
    GuardOptions guard;
    guard.name = printable(member.name, 60);
    guard.max_parallel = member.max_parallel;
    guard.max_waiting = static_cast<std::size_t>(std::max(0, member.max_waiting));
    guard.retries = member.retries;
    guard.timeout = member.timeout;
    guard.breaker = options.breaker;
    guard.price = member.price;
    guard.count = options.count;
    pool.members_.push_back({member, std::make_shared<GuardedMember>(
                                         std::move(inner), std::move(guard), options.timers)});
  }
  pool.config_ = std::move(config);
  return pool;
}

const PoolMember* Pool::find(std::string_view name) const {
  for (const PoolMember& member : members_)
    if (member.config.name == name) return &member;
  return nullptr;
}

const PoolMember* Pool::at_slot(std::int64_t slot) const {
  if (slot < 0 || slot >= static_cast<std::int64_t>(slots_.size())) return nullptr;
  return find(slots_[static_cast<std::size_t>(slot)]);
}

chat::Sampling Pool::sampling_of(std::string_view role) const {
  const auto found = config_.roles.find(std::string(role));
  return found == config_.roles.end() ? chat::Sampling() : found->second;
}

std::string Pool::slot_label(std::int64_t slot) const {
  const PoolMember* member = at_slot(slot);
  if (!member) return fmt::format("slot {} (nothing)", slot);
  const MemberConfig& config = member->config;
  return config.model == config.name ? config.name
                                     : fmt::format("{} ({})", config.name, config.model);
}

void apply_sampling(const chat::Sampling& role, chat::Sampling& request) {
  fill_from_role(request.temperature, role.temperature);
  fill_from_role(request.top_p, role.top_p);
  fill_from_role(request.top_k, role.top_k);
  fill_from_role(request.seed, role.seed);
  fill_from_role(request.max_tokens, role.max_tokens);
  fill_from_role(request.frequency_penalty, role.frequency_penalty);
  fill_from_role(request.presence_penalty, role.presence_penalty);
  if (request.stop.empty()) request.stop = role.stop;
  if (request.reasoning_effort.empty()) request.reasoning_effort = role.reasoning_effort;
}

}  // namespace trinity::provider
