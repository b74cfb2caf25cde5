// trinity serve: the pool behind one endpoint.
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/try.h"
#include "cli/commands.h"
#include "console/interruption.h"
#include "coordinate/run.h"
#include "flags/authority_flags.h"
#include "flags/loop_flags.h"
#include "flags/model_flags.h"
#include "flags/pool_flags.h"
#include "flags/telemetry_flags.h"
#include "ledger/redis_address.h"
#include "serve/budget_text.h"
#include "serve/server.h"
#include "telemetry/request_spans.h"
#include "terminal/output.h"

namespace trinity::cli {
namespace {

struct ServeFlags {
  flags::ModelFlags model;
  flags::PoolFlags pool;
  flags::LoopFlags loop;
  flags::TraceFlags trace;
  std::string host = "127.0.0.1";
  int port = 8080;
  std::filesystem::path api_keys;
  std::vector<std::string> origins, host_names;
  std::string unknown_model;
  std::vector<std::string> budgets;
  std::vector<std::string> ledgers;  // a file, a Redis, or both
  bool survives_power_cuts = false;
  std::string otlp;
  std::filesystem::path replica_secret;
  int notice_seconds = 0;
  int drain_seconds = 30;
  int threads = 1;
};

constexpr std::chrono::seconds kLastSpans{5};  // for what is still to be sent at the end

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<std::shared_ptr<const provider::Pool>> open_pool(const ServeFlags& flags,
                                                        std::int64_t num_agents) {
  TRINITY_TRY(provider::PoolConfig config, flags::load_pool_config(flags.pool));
  provider::PoolOptions options;
  options.num_agents = num_agents;
  TRINITY_TRY(provider::Pool pool, provider::Pool::open(std::move(config), std::move(options)));
  return std::make_shared<const provider::Pool>(std::move(pool));
}

void warn_of(const Error& error) { terminal::warn(error.message); }

/// The budgets, where they are kept: in a Redis if there is one, else in this server's own ledger.
Result<serve::Purse> open_purse(const ServeFlags& flags) {
  std::vector<ledger::Budget> budgets;
  for (const std::string& text : flags.budgets) {
    TRINITY_TRY(ledger::Budget budget, serve::parse_budget(text));
    budgets.push_back(std::move(budget));
  }
  std::filesystem::path file;
  std::optional<ledger::RedisServer> redis;
  for (const std::string& place : flags.ledgers) {
    const bool is_redis = ledger::is_redis_address(place);
    if (is_redis ? redis.has_value() : !file.empty())
      return fail(ErrorKind::usage, "two_ledgers",
                  "--ledger names two places of one kind; name at most one file and one Redis");
    if (is_redis) {
      TRINITY_TRY(redis, ledger::parse_redis_address(place));
    } else {
      file = place;
    }
  }
  serve::Purse purse;
  if (redis) {
    if (budgets.empty())
      return fail(ErrorKind::usage, "budget_missing",
                  "a Redis keeps budgets, and there is none; give one with --budget");
    if (const auto reached = ledger::RedisConnection::open(*redis); !reached)
      terminal::warn(reached.error().message +
                     "; until it can be reached, calls that a budget of money holds for are "
                     "refused and the others are not counted");
    TRINITY_TRY(purse.shared,
                ledger::RedisBudget::start(
                    {.server = *redis, .budgets = std::move(budgets), .notice = warn_of}));
    budgets.clear();
  }
  if (budgets.empty() && file.empty()) return purse;
  ledger::LedgerOptions options;
  options.budgets = std::move(budgets);
  options.database = file;
  options.survives_power_cuts = flags.survives_power_cuts;
  options.notice = warn_of;
  TRINITY_TRY(purse.own, ledger::Ledger::open(std::move(options)));
  return purse;
}

constexpr std::size_t kLeastSecretBytes = 16, kMostSecretBytes = 4096;

/// What replicas share; empty without a file.
Result<std::string> read_replica_secret(const std::filesystem::path& path) {
  if (path.empty()) return std::string();
  TRINITY_TRY(std::string secret, read_text_file(path, kMostSecretBytes));
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.size() < kLeastSecretBytes)
    return fail(ErrorKind::invalid_input, "invalid_replica_secret",
                fmt::format("{} holds less than {} bytes; write a longer random text into it, the "
                            "same for all replicas",
                            path.string(), kLeastSecretBytes));
  return secret;
}

std::atomic<bool> reload_wanted = false;

void want_reload(int) { reload_wanted = true; }

/// The new pool file, or the old pool and a sentence.
void reload(const ServeFlags& flags, serve::Services& services, std::int64_t num_agents) {
  Result<std::shared_ptr<const provider::Pool>> pool = open_pool(flags, num_agents);
  if (!pool) {
    terminal::warn("the pool file is not taken, and the pool stays as it was: " +
                   pool.error().message);
    return;
  }
  services.redact(flags::pool_secrets((*pool)->config()));
  services.replace_pool(std::move(*pool));
  terminal::note(fmt::format("the pool of {} is in use now", flags::describe_pool(flags.pool)));
}

void announce(const ServeFlags& flags, const serve::Server& server, const provider::Pool& pool) {
  const std::string address =
      fmt::format("http://{}:{}",
                  flags.host.find(':') == std::string::npos ? flags.host : "[" + flags.host + "]",
                  server.port());
  std::string slots;
  for (std::size_t n = 0; n < pool.slots().size(); ++n)
    slots += fmt::format("{}{} {}", n == 0 ? "" : ", ", n,
                         pool.slot_label(static_cast<std::int64_t>(n)));
  terminal::note("slots: " + slots);
  terminal::note(fmt::format("serving at {}/v1 ({}); Ctrl-C ends it", address,
                             flags.api_keys.empty() ? "without keys" : "with keys"));
}

/// Every thread's own arena takes a step when its peak comes by, for as long as anybody looks; a
/// server runs for months and has few threads that wait for each other.
void share_one_arena() {
#ifdef M_ARENA_MAX
  if (std::getenv("MALLOC_ARENA_MAX") == nullptr) ::mallopt(M_ARENA_MAX, 1);
#endif
}

Result<int> run_server(const ServeFlags& flags) {
  share_one_arena();
  if (!is_loopback(flags.host) && flags.api_keys.empty())
    return fail(ErrorKind::usage, "keys_needed",
                "a server that others reach needs keys: name a file of them with --api-keys, or "
                "listen on 127.0.0.1");
  serve::ServeOptions options;
  options.http.host = flags.host;
  options.http.port = static_cast<std::uint16_t>(flags.port);
  options.http.threads = flags.threads;
  options.http.encoded_slash = true;  // in the names of models
  options.gate.loopback = is_loopback(flags.host);
  options.gate.origins = flags.origins;
  options.gate.hosts = flags.host_names;
  if (!flags.api_keys.empty()) {
    TRINITY_TRY(options.gate.keys, serve::read_api_keys(flags.api_keys));
  }
  TRINITY_TRY(std::string secret, read_replica_secret(flags.replica_secret));
  TRINITY_TRY(coordinate::LoopOptions loop, flags::loop_options(flags.loop));
  TRINITY_TRY(const std::optional<telemetry::OtlpSettings> otlp,
              flags::otlp_settings_of(flags.otlp));
  TRINITY_TRY(serve::Purse purse, open_purse(flags));
  TRINITY_TRY(std::shared_ptr<trace::Sink> sink, flags::open_trace(flags.trace));
  TRINITY_TRY(const Router router, flags::load_router(flags.model, true));
  const std::int64_t num_agents = router.info().num_agents;
  TRINITY_TRY(auto pool, open_pool(flags, num_agents));

  loop.num_agents = static_cast<int>(num_agents);
  loop.num_roles = static_cast<int>(router.info().num_roles);
  loop.runtime_metadata = coordinate::runtime_metadata(router.info());
  serve::Services services(std::move(secret));
  services.router = &router;
  services.loop = std::move(loop);
  services.names.default_profile = flags.loop.loop;
  services.names.unknown_model = flags.unknown_model;
  services.redact(flags::pool_secrets(pool->config()));
  services.sink = std::move(sink);
  services.trace_messages = flags.trace.messages;
  if (otlp) services.telemetry = flags::open_telemetry(*otlp, services);
  services.timers = provider::thread_timers();
  services.ledger = std::move(purse.own);
  services.shared_budgets = std::move(purse.shared);
  services.replace_pool(pool);
  if (!flags.unknown_model.empty()) {
    const auto known = services.names.resolve(flags.unknown_model, pool->config());
    if (!known) return tl::unexpected(known.error());
  }

  const console::Interruption interruption;
  struct sigaction action = {};
  action.sa_handler = want_reload;
  sigaction(SIGHUP, &action, nullptr);
  TRINITY_TRY(const std::unique_ptr<serve::Server> server, serve::Server::start(services, options));
  announce(flags, *server, *pool);
  pool.reset();  // a reload is to let go of it, with its threads and connections
  while (interruption.signal() == 0) {
    pollfd waiting = {interruption.descriptor(), POLLIN, 0};
    poll(&waiting, 1, 1000);
    if (reload_wanted.exchange(false)) reload(flags, services, num_agents);
  }
  if (flags.notice_seconds > 0) {
    terminal::note(
        fmt::format("/readyz says 503, and for {} s more connections are taken; Ctrl-C "
                    "again ends it now",
                    flags.notice_seconds));
    server->announce_end();
    std::this_thread::sleep_for(std::chrono::seconds(flags.notice_seconds));
  }
  terminal::note(
      fmt::format("finishing what is under way, for at most {} s; Ctrl-C again ends it now",
                  flags.drain_seconds));
  if (!server->drain(std::chrono::seconds(flags.drain_seconds)))
    terminal::warn("some answers were not finished in time and were cut");
  if (services.telemetry) services.telemetry->end(kLastSpans);
  return 0;
}

void declare(command_line::Command& command, ServeFlags& flags) {
  flags::add_pool_flag(command, flags.pool);
  flags::add_authority_flags(command, flags.pool);
  flags::add_model_flags(command, flags.model);
  flags::add_tokenizer_flag(command, flags.model.tokenizer);
  flags::add_head_flag(command, flags.model.head);
  flags::add_adaptation_flags(command, flags.model);
  flags::add_prefix_cache_flag(command, flags.model);
  command.value("--host", flags.host, "address to listen on; others than this machine need keys")
      .takes("ADDRESS")
      .shows_default()
      .in("Server");
  command.value("--port", flags.port, "port; 0 takes any free one")
      .takes("N")
      .range(0, 65535)
      .shows_default()
      .in("Server");
  command
      .value("--api-keys", flags.api_keys,
             "file of the keys that clients must show: lines NAME = KEY or NAME = sha256:HEX")
      .takes("FILE")
      .in("Server");
  command
      .value("--origin", flags.origins,
             "origin whose pages may ask from a browser, such as https://chat.example.org")
      .takes("ORIGIN")
      .in("Server");
  command
      .value("--host-name", flags.host_names,
             "further host name under which a server on this machine alone is reached")
      .takes("NAME")
      .in("Server");
  command
      .value("--unknown-model", flags.unknown_model,
             "model that stands for names which nobody knows (without it: an error)")
      .takes("NAME")
      .in("Server");
  command.value("--server-threads", flags.threads, "threads for connections")
      .takes("N")
      .range(1, 256)
      .shows_default()
      .in("Server");
  command
      .value("--replica-secret", flags.replica_secret,
             "file of a random text that replicas behind one address share, so that each takes up "
             "tool calls of the others")
      .takes("FILE")
      .in("Server");
  command
      .value("--notice-seconds", flags.notice_seconds,
             "how long a server that is to end goes on taking connections while /readyz says 503, "
             "until a proxy in front has noticed")
      .takes("N")
      .range(0, 86400)
      .shows_default()
      .in("Server");
  command
      .value("--drain-seconds", flags.drain_seconds,
             "how long a server that is to end finishes what is under way")
      .takes("N")
      .range(0, 86400)
      .shows_default()
      .in("Server");
  command
      .value("--budget", flags.budgets,
             "cap on what a subject spends: key:NAME, member:NAME or all, "
             "=AMOUNT and usd, tokens or calls, /day, /month or /total; key:* is each key")
      .takes("BUDGET")
      .in("Budgets of the server");
  command
      .value("--ledger", flags.ledgers,
             "SQLite file that remembers what was spent (without it: until the server ends), or "
             "redis://HOST:PORT/N, whose budgets all servers that name it share")
      .takes("PLACE")
      .in("Budgets of the server");
  command
      .toggle("--survives-power-cuts", flags.survives_power_cuts,
              "wait for the disk at every reservation, so that not even a power cut forgets one")
      .used_when([&flags] { return !flags.ledgers.empty(); }, "concerns the file of --ledger")
      .in("Budgets of the server");
  flags::add_loop_flags(
      command, flags.loop, [] { return true; }, "");
  flags::add_trace_flags(
      command, flags.trace, [] { return true; }, "");
  flags::add_otlp_flag(command, flags.otlp);
  command.notes(
      "Clients name \"trinity\" as their model, a rule (trinity:safe, trinity:reference,\n"
      "trinity:author, trinity:fast) or a member of the pool. SIGHUP reads the pool file anew;\n"
      "requests that are under way keep the pool that they began with.\n\n"
      "Examples:\n"
      "  trinity serve\n"
      "  trinity serve --pool pool.toml --api-keys keys.txt --host 0.0.0.0 \\\n"
      "      --budget \"key:*=5usd/day\" --ledger spent.db --trace runs.jsonl");
}

}  // namespace

void add_serve(command_line::Command& commands) {
  add_command(commands, "serve", "Serve the pool as one model to any client", declare, run_server);
}

}  // namespace trinity::cli
