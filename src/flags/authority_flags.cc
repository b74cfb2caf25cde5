#include "flags/authority_flags.h"

#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "coordinate/authority.h"
#include "provider/spec.h"

namespace trinity::flags {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;

Result<Json> normal_pool(const Json& pool) {
  TRINITY_TRY(const provider::SpecPool specs, provider::read_pool(pool));
  Json list = Json::array();
  for (const provider::ProviderSpec& spec : specs) list.push_back(provider::spec_json(spec));
  return list;
}

/// The packet's address for those that have none of their own.
Json with_base_url(const Json& pool, const std::string& base_url) {
  Json list = Json::array();
  for (Json spec : pool) {
    if (spec.is_object() && std::as_const(spec)["base_url"].is_null() &&
        std::as_const(spec)[":base_url"].is_null())
      spec["base_url"] = base_url;
    list.push_back(std::move(spec));
  }
  return list;
}

}  // namespace

void add_authority_flags(command_line::Command& command, PoolFlags& flags) {
  command
      .value("--authority", flags.authority,
             "file of a governed run, a JSON object: who authorised it (five references), its pool "
             "and its key, which then come from nowhere else; see docs/pool.md")
      .takes("FILE")
      .in("Pool");
  command
      .toggle("--require-governed", flags.require_governed, "refuse to begin without --authority")
      .in("Pool");
}

bool is_governed(const PoolFlags& flags) {
  return !flags.authority.empty() || flags.require_governed;
}

Result<provider::PoolConfig> governed_pool(const PoolFlags& flags) {
  if (flags.authority.empty())
    return fail(ErrorKind::usage, "governed_authority_required",
                "this program runs governed conversations only; give a governed authority with "
                "--authority");
  TRINITY_TRY(const std::string text, read_text_file(flags.authority, kMostBytes));
  TRINITY_TRY(Json packet, parse_json(text));
  coordinate::DirectFields direct;
  direct.provider_pool = !flags.pool.empty();
  if (const std::string* const base_url = std::as_const(packet)["base_url"].to_string();
      base_url != nullptr && std::as_const(packet)["provider_pool"].is_array())
    packet["provider_pool"] = with_base_url(std::as_const(packet)["provider_pool"], *base_url);
  TRINITY_TRY(const coordinate::GovernedRun run,
              coordinate::materialize_authority(packet, direct, normal_pool));
  TRINITY_TRY(const provider::SpecPool specs, provider::read_pool(run.provider_pool));
  TRINITY_TRY(provider::PoolConfig pool, provider::pool_of_specs(specs));
  pool.source = flags.authority.string();
  pool.redaction_values = run.redaction_values;
  // Traces show the address without its path.
  if (run.base_url)
    if (const auto url = net::parse_url(*run.base_url))
      pool.redaction_values.push_back(url->origin());
  for (provider::MemberConfig& member : pool.members) {
    member.key_source.clear();  // the environment is never asked
    member.key = provider::Secret(run.api_key.value_or(""));
  }
  return pool;
}

}  // namespace trinity::flags
