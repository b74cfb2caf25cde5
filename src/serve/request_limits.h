// What a client allows its own request: it can only tighten what the server allows.
//
//   {"model": "trinity", …, "trinity": {"max_calls": 4, "max_tokens": 20000, "max_cost_usd": 0.05,
//                                       "max_seconds": 30}}
//   x-trinity-timeout-ms: 30000
//   x-stainless-read-timeout: 600      the patience of OpenAI's and Anthropic's libraries
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <optional>

#include "base/json_value.h"
#include "ledger/amount.h"
#include "net/http.h"

namespace trinity::serve {

struct RequestLimits {
  ledger::Caps caps;                              // of all calls together
  std::optional<std::chrono::milliseconds> time;  // from the request's arrival
};

/// `own`: the object `trinity` of the body, or null. Errors: `invalid_request` with the field
/// first. A wait of the libraries that is no number is none.
Result<RequestLimits> read_request_limits(const net::Fields& fields, const Json* own);

}  // namespace trinity::serve
