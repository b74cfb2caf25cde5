#include "coordinate/authority.h"

#include "base/try.h"
#include "coordinate/words.h"
#include "trace/redact.h"

namespace trinity::coordinate {
namespace {

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorKind::usage, "invalid_governed_authority",
              what + "; give an object with the five references and a provider_pool");
}

Result<std::string> required_ref(const Json& packet, const char* field) {
  const std::string* const text = packet[field].to_string();
  if (text != nullptr && !trimmed(*text).empty()) return *text;
  return fail(ErrorKind::usage, "missing_governed_ref",
              std::string("the governed authority has no ") + field +
                  "; a governed run needs all five references");
}

Result<std::optional<std::string>> optional_text(const Json& packet, const char* field) {
  const Json& value = packet[field];
  if (value.is_null()) return std::optional<std::string>();
  const std::string* const text = value.to_string();
  if (text == nullptr) return invalid(std::string(field) + " of the authority is not a text");
  return std::optional<std::string>(*text);
}

Result<std::vector<std::string>> given_values(const Json& packet) {
  const Json& values = packet["redaction_values"];
  std::vector<std::string> out;
  if (values.is_null()) return out;
  if (values.is_string()) return std::vector<std::string>{values.as_string()};
  if (!values.is_array()) return invalid("redaction_values of the authority are no list");
  for (const Json& value : values) {
    if (!value.is_string()) return invalid("redaction_values of the authority are not all texts");
    out.push_back(value.as_string());
  }
  return out;
}

Json opts_of(const GovernedRun& run) {
  Json opts = {{"credential_ref", run.credential_ref},
               {"governed_authority_ref", run.authority_ref},
               {"inference_metadata",
                {{"authority_ref", run.authority_ref},
                 {"workflow_ref", run.workflow_ref},
                 {"runtime_ref", run.runtime_ref},
                 {"provider_pool_ref", run.provider_pool_ref},
                 {"credential_ref", run.credential_ref}}},
               {"inference_request_metadata",
                {{"authority_ref", run.authority_ref},
                 {"credential_ref", run.credential_ref},
                 {"provider_pool_ref", run.provider_pool_ref}}}};
  if (run.api_key) opts["api_key"] = *run.api_key;
  if (run.base_url) opts["inference_base_url"] = *run.base_url;
  return opts;
}

}  // namespace

Status refuse_direct_fields(const DirectFields& direct) {
  std::string names;
  const auto add = [&names](bool given, const char* name) {
    if (given) names += (names.empty() ? "" : ", ") + std::string(name);
  };
  add(direct.agents, "agents");
  add(direct.mock_agent_fn, "mock_agent_fn");
  add(direct.provider_pool, "provider_pool");
  add(direct.provider_pool_name, "provider_pool_name");
  add(direct.agent_pool_opts, "agent_pool_opts");
  if (names.empty()) return {};
  return fail(ErrorKind::usage, "governed_direct_fields_rejected",
              "a governed run takes its pool and credentials from its authority alone, but these "
              "were given beside it: " +
                  names + "; leave them out");
}

Result<GovernedRun> materialize_authority(const Json& packet, const DirectFields& direct,
                                          const PoolReader& read_pool) {
  if (!packet.is_object())
    return invalid("the governed authority is a " + std::string(packet.type_name()));
  TRINITY_CHECK(refuse_direct_fields(direct));
  GovernedRun run;
  TRINITY_TRY(run.authority_ref, required_ref(packet, "authority_ref"));
  TRINITY_TRY(run.workflow_ref, required_ref(packet, "workflow_ref"));
  TRINITY_TRY(run.runtime_ref, required_ref(packet, "runtime_ref"));
  TRINITY_TRY(run.provider_pool_ref, required_ref(packet, "provider_pool_ref"));
  TRINITY_TRY(run.credential_ref, required_ref(packet, "credential_ref"));
  const Json& pool = packet["provider_pool"];
  if (pool.is_null() || (pool.is_array() && pool.empty()))
    return fail(ErrorKind::usage, "governed_provider_pool_required",
                "the governed authority has no provider_pool; a governed run uses no other");
  run.provider_pool = pool;
  if (read_pool) {
    TRINITY_TRY(run.provider_pool, read_pool(pool));
  }
  TRINITY_TRY(run.api_key, optional_text(packet, "api_key"));
  TRINITY_TRY(run.base_url, optional_text(packet, "base_url"));
  TRINITY_TRY(std::vector<std::string> secrets, given_values(packet));
  if (run.api_key) secrets.push_back(*run.api_key);
  if (run.base_url) secrets.push_back(*run.base_url);
  run.redaction_values = trace::redaction_values(secrets);
  run.agent_pool_opts = opts_of(run);
  return run;
}

}  // namespace trinity::coordinate
