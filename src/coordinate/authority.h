// Governed runs: pool and credentials come from one packet and from nowhere else.
//
// The packet names who authorised the run (five references), the pool, and where it wants an API
// key and a base URL. Whoever calls may then give neither pool nor credentials nor a stand-in for
// the members beside it. The environment is never asked.
#pragma once

#include <trinity/error.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json_value.h"

namespace trinity::coordinate {

/// What a caller gives directly that a governed run takes from its packet alone.
struct DirectFields {
  bool agents = false;
  bool mock_agent_fn = false;
  bool provider_pool = false;
  bool provider_pool_name = false;
  bool agent_pool_opts = false;
};

/// Reads and checks the packet's pool, and gives it in its normal form.
using PoolReader = std::function<Result<Json>(const Json& pool)>;

struct GovernedRun {
  Json provider_pool;  // as the PoolReader gave it
  std::string authority_ref, workflow_ref, runtime_ref, provider_pool_ref, credential_ref;
  std::optional<std::string> api_key, base_url;
  /// For the members: credential_ref, governed_authority_ref, inference_metadata,
  /// inference_request_metadata, and api_key and inference_base_url where they are given.
  Json agent_pool_opts;
  std::vector<std::string> redaction_values;  // given ones, API key and base URL
};

/// Errors: `invalid_governed_authority` (no object, or a field of a wrong type),
/// `governed_direct_fields_rejected`, `missing_governed_ref` (absent or blank),
/// `governed_provider_pool_required`, those of the reader.
Result<GovernedRun> materialize_authority(const Json& packet, const DirectFields& direct,
                                          const PoolReader& read_pool = {});

/// The fields that are given, in the order of the struct; the error of a governed run where there
/// are any.
Status refuse_direct_fields(const DirectFields& direct);

}  // namespace trinity::coordinate
