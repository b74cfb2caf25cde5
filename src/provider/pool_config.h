// What a pool is made of: members, which slot of the head each answers for, and how roles sample.
//
// Read from a TOML file (provider/pool_file.h), made from the specs of the published coordinator
// (pool_of_specs), or built in (demo_pool_config). provider/pool.h makes members of it.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_value.h"
#include "chat/chat.h"
#include "net/url.h"
#include "provider/cost.h"
#include "provider/secret.h"
#include "provider/spec.h"

namespace trinity::provider {

enum class MemberKind { openai, anthropic, gemini, demo, scripted };
/// "openai", ...
const char* member_kind_name(MemberKind kind);

/// What a member can do besides reading and writing text.
struct Capabilities {
  bool tools = false;
  bool vision = false;
  bool audio = false;
  bool files = false;
  bool json = false;            // answers in JSON when told to
  bool schema = false;          // keeps to a JSON schema
  bool reasoning = false;       // takes reasoning_effort
  bool developer_role = false;  // tells developers' messages from the system's
  bool logprobs = false;
  bool choices = false;  // several answers at once

  bool operator==(const Capabilities&) const = default;
};
/// "tools", ... with where it is kept.
std::vector<std::pair<std::string, bool Capabilities::*>> capability_names();

struct MemberConfig {
  std::string name;
  MemberKind kind = MemberKind::openai;
  net::Url url;       // of an HTTP member: what stands before /chat/completions and its kin
  std::string model;  // as the upstream names it
  /// "env:NAME" or "file:/path"; empty without a key.
  std::string key_source;
  Secret key;                                  // what it led to, see resolve_keys
  std::map<std::string, std::string> headers;  // values may be sources, too
  std::map<std::string, Secret> secret_headers;

  std::optional<std::int64_t> context;     // tokens of prompt and answer
  std::optional<std::int64_t> max_output;  // tokens of an answer
  Capabilities capabilities;
  std::optional<Price> price;  // of local servers, nothing; of hosted ones unknown without it

  int max_parallel = 8;
  int max_waiting = 256;                       // calls that wait for their turn; more are refused
  int retries = 2;                             // of one call, where asking again may help
  std::chrono::milliseconds timeout{120'000};  // of a call, its retries and waiting included
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};  // between two pieces of a stream

  std::string max_tokens_field = "max_tokens";  // of kind openai
  /// Optional fields of a client's request that the upstream takes, such as "user". Without a list
  /// api.openai.com gets all of them and every other host none: many refuse what they do not know.
  std::optional<std::vector<std::string>> forward;
  Json body = Json::object();  // fields of every request
  chat::Sampling defaults;     // where neither the request nor its role says anything
  std::string persona;         // of kind demo: which of them

  int line = 0;  // of the file; 0: of none
};

struct PoolConfig {
  std::string source;  // the file, or "demo"
  std::vector<MemberConfig> members;
  std::map<std::int64_t, std::string> slots;    // slot of the head -> member; may be partial
  std::string other_slots;                      // the member for the slots that are not named
  std::map<std::string, chat::Sampling> roles;  // "Thinker", "Worker", "Verifier"
  std::vector<std::string> redaction_values;    // that must not leave, besides the keys

  const MemberConfig* find(std::string_view name) const;
};

/// The member of every slot of a head. Without `slots` and `other_slots`, slot i is the i-th
/// member. Errors: `pool_smaller_than_head`.
Result<std::vector<std::string>> slot_table(const PoolConfig& pool, std::int64_t num_agents);

/// The value of an environment variable, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Fetches the keys that the members name. Errors: `missing_key`, `unreadable_file` and its kin.
Status resolve_keys(PoolConfig& pool, const Environment& environment);

/// A spec pool as members. Sessions cannot be asked by this program: `unsupported_provider`. Keys
/// are looked for under the usual names of the environment (OPENAI_API_KEY, ...).
Result<PoolConfig> pool_of_specs(const SpecPool& specs, const SlotMap& slots = {});

/// Seven members that compute, offline (provider/demo_member.h).
PoolConfig demo_pool_config();

}  // namespace trinity::provider
