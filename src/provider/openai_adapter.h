// The adapter of spec pools for everything with OpenAI's interface, over this program's own HTTP
// member: POST <base>/chat/completions with model, messages, max_tokens and temperature.
#pragma once

#include "net/http_client.h"
#include "provider/dispatch.h"
#include "provider/timers.h"

namespace trinity::provider {

/// Waits for each answer. Errors of the adapter: `unsupported_provider`, `missing_openai_api_key`,
/// `missing_provider_base_url` (openai_compatible), `invalid_model`, `invalid_payload`; of the
/// call: `http_error` with status and what the body says, `invalid_provider_response`, and those of
/// net::HttpClient.
Adapter openai_adapter(std::shared_ptr<net::HttpClient> client, std::shared_ptr<Timers> timers);

}  // namespace trinity::provider
