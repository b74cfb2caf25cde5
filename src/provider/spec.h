// The specs of a pool: which model answers for which slot, as the published coordinator writes
// them.
//
// A pool comes as JSON or as values and is brought into one form once, before anything is called:
// ids are numbers, names and providers are known, limits are positive, and the list is ordered by
// id. What the rest of the program sees is checked. Pools of this program's own are TOML files
// (provider/pool_file.h), which say more.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::provider {

/// Who is asked, and how.
enum class Provider {
  openai,
  openai_compatible,
  gemini,
  gemini_ex,
  anthropic,
  asm_provider,  // "asm": a command-line agent behind a session manager
  agent_session_manager,
  mock,
};
/// "openai", ..., "asm", "agent_session_manager", "mock".
const char* provider_name(Provider provider);
/// Trimmed, without case, "-" as "_"; a leading ":" is that of a symbol. Error: `unknown_provider`.
Result<Provider> parse_provider(std::string_view text);

struct ProviderSpec {
  std::int64_t id = 0;
  std::string name;  // empty: agent_<id>
  Provider provider = Provider::openai;
  std::string model;
  std::optional<std::string> base_url;
  std::int64_t timeout_ms = 30'000;
  std::int64_t max_tokens = 200;
  double temperature = 0.2;
  Json metadata = Json::object();
  bool enabled = true;

  bool operator==(const ProviderSpec&) const = default;
};

/// Slot of the head -> id of a spec, where they are not the same.
using SlotMap = std::map<std::int64_t, std::int64_t>;
using SpecPool = std::vector<ProviderSpec>;
using NamedPools = std::map<std::string, SpecPool>;

/// One entry of a pool as JSON. Keys and providers may be written as symbols (":id"). Errors:
/// `invalid_provider_entry`, `invalid_id`, `invalid_model`, `invalid_integer`, `invalid_number`,
/// `invalid_base_url`, `unknown_provider`, `unknown_provider_name`.
Result<ProviderSpec> read_spec(const Json& entry);
/// The same checks of one that was made as a value; a missing name is filled in.
Result<ProviderSpec> checked_spec(ProviderSpec spec);

/// A whole pool: a list of entries, in one form and ordered by id, then checked. Errors: those of
/// read_spec, `invalid_pool`, and those of check_pool.
Result<SpecPool> read_pool(const Json& list);
Result<SpecPool> checked_pool(SpecPool specs);
/// In this order: `duplicate_provider_ids`, `duplicate_provider_names`, `non_contiguous_ids` (also
/// of an empty pool), `invalid_openai_compatible_spec`.
Status check_pool(const SpecPool& specs);

Json spec_json(const ProviderSpec& spec);

/// `default`, `mock` and `gemini_cli_asm`, seven slots each.
const NamedPools& built_in_pools();
/// The pool of this name among `configured`, which stand in the place of the built-in ones if there
/// are any. Error: `unknown_pool`.
Result<SpecPool> named_pool(std::string_view name, const NamedPools& configured = {});

/// The spec that answers for a slot. Errors: `unknown_agent`, `provider_disabled`.
Result<ProviderSpec> spec_of_slot(const SpecPool& pool, std::int64_t slot,
                                  const SlotMap& slots = {});
/// Whether every slot of a head has its spec, before anything is called. Errors:
/// `pool_smaller_than_head`; with a slot map `unknown_agent`.
Status check_pool_size(const SpecPool& pool, std::int64_t num_agents, const SlotMap& slots = {});

}  // namespace trinity::provider
