// One call of an agent of a spec pool: which spec answers, through which adapter.
//
// The spec comes from the options (`agents`, a pool as a list or by name) and else from the legacy
// map, seven times the same hosted model. Messages are checked before anything is resolved.
// Adapters are functions from a spec and messages to a text:
//
//   mock        a fixed text, one looked up, or an echo of the last user message
//   inference   hosted providers and sessions, over a backend that the options bring along;
//               credentials are looked for first, so that without them nothing is called
//
// Credentials come with the options: nothing here reads the environment.
#pragma once

#include <trinity/message.h>

#include <functional>
#include <variant>

#include "provider/spec.h"

namespace trinity::provider {

struct DispatchOptions;

using Adapter = std::function<Result<std::string>(const ProviderSpec& spec,
                                                  const std::vector<Message>& messages,
                                                  const DispatchOptions& options)>;

/// What an inference backend is told of whom to ask.
struct InferenceClient {
  std::string provider;       // "openai", "gemini", ..., of a session its agent
  std::string backend;        // "hosted" or "agent_session_manager"
  std::string model;          // as the spec names it
  std::string backend_model;  // as a hosted backend names it: "google:..." of gemini
  std::string api_key;        // empty for sessions
  std::optional<std::string> base_url;
  Json metadata;       // agent_id, agent_name, provider_adapter, and what the caller adds
  Json query_opts;     // of the spec's metadata
  Json model_payload;  // of the spec's metadata
};
struct InferenceRequest {
  std::vector<Message> messages;
  std::int64_t max_tokens = 0;
  double temperature = 0;
  std::int64_t timeout_ms = 0;
  Json session;   // of the options; null without one
  Json metadata;  // of the options
};
using InferenceBackend =
    std::function<Result<std::string>(const InferenceClient&, const InferenceRequest&)>;

/// Keys by the name under which the reference takes them. They never reach a message or a log.
struct Credentials {
  std::string api_key, openai_api_key, gemini_api_key, google_api_key, anthropic_api_key;
};

struct DispatchOptions {
  std::optional<SpecPool> agents;
  std::variant<std::monostate, std::string, Json, SpecPool> provider_pool;  // a name or a list
  std::optional<std::string> provider_pool_name;
  NamedPools pools;  // in the place of the built-in ones, unless empty
  SlotMap slots;
  Adapter adapter;  // instead of the spec's own

  std::function<Result<std::string>(const ProviderSpec&, const std::vector<Message>&)> mock;
  std::optional<std::string> mock_response;
  Json mock_responses;  // by id, name, model or "default"

  Credentials credentials;
  InferenceBackend inference;
  std::optional<std::string> inference_base_url;
  Json inference_session, inference_metadata, inference_request_metadata;
};

/// The pool that these options mean. Errors: `invalid_provider_pool`, and those of named_pool and
/// read_pool.
Result<SpecPool> resolve_pool(const DispatchOptions& options);
/// And the spec of a slot in it.
Result<ProviderSpec> resolve_spec(std::int64_t agent, const DispatchOptions& options);
/// How many agents a pool has. Error: `unknown_pool`.
Result<std::int64_t> agent_count(std::string_view pool = "default", const NamedPools& pools = {});

/// Messages as {role, content} texts. Errors: `invalid_messages` (no list), `invalid_message`.
Result<std::vector<Message>> normalised_messages(const Json& messages);

/// The mock's answer. Errors are those of the function in the options.
Result<std::string> mock_answer(const ProviderSpec& spec, const std::vector<Message>& messages,
                                const DispatchOptions& options);
/// Errors: `missing_openai_api_key`, `missing_gemini_api_key`, `missing_anthropic_api_key`,
/// `invalid_inference_provider_call` (no backend, or a spec that is none of its),
/// `inference_error` around what the backend says.
Result<std::string> inference_answer(const ProviderSpec& spec, const std::vector<Message>& messages,
                                     const DispatchOptions& options);
/// The client and the request of inference_answer, for whoever shows what would be called.
Result<InferenceClient> inference_client(const ProviderSpec& spec, const DispatchOptions& options);

/// Asks an agent. Errors: those above and of resolve_spec, `unsupported_provider`.
Result<std::string> call_agent(std::int64_t agent, const Json& messages,
                               const DispatchOptions& options);
Result<std::string> call_agent(std::int64_t agent, const std::vector<Message>& messages,
                               const DispatchOptions& options);

}  // namespace trinity::provider
