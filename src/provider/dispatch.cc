#include "provider/dispatch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/printable.h"
#include "base/try.h"
#include "net/redact.h"

namespace trinity::provider {
namespace {

constexpr std::size_t kShownBytes = 200;

tl::unexpected<Error> unusable(std::string tag, std::string message) {
  return fail(ErrorKind::invalid_input, std::move(tag), std::move(message));
}

std::string shown_briefly(const Json& value) { return printable(json_text(value), kShownBytes); }

SpecPool legacy_pool() {
  SpecPool pool = built_in_pools().at("default");
  for (ProviderSpec& spec : pool) spec.name = fmt::format("agent_{}", spec.id);
  return pool;
}

/// The credential of a provider, or the error that it is missing.
Result<std::string> credential_of(Provider provider, const Credentials& keys) {
  const auto first = [](std::initializer_list<const std::string*> candidates) {
    for (const std::string* key : candidates)
      if (key->find_first_not_of(" \t\r\n") != std::string::npos) return *key;
    return std::string();
  };
  const auto demand = [](std::string key, std::string tag,
                         std::string_view what) -> Result<std::string> {
    if (!key.empty()) return key;
    return fail(ErrorKind::missing, std::move(tag),
                fmt::format("there is no key for {}: pass one; nothing was called", what));
  };
  switch (provider) {
    case Provider::openai:
    case Provider::openai_compatible:
      return demand(first({&keys.api_key, &keys.openai_api_key}), "missing_openai_api_key",
                    "OpenAI");
    case Provider::gemini:
    case Provider::gemini_ex:
      return demand(first({&keys.api_key, &keys.gemini_api_key, &keys.google_api_key}),
                    "missing_gemini_api_key", "Gemini");
    case Provider::anthropic:
      return demand(first({&keys.api_key, &keys.anthropic_api_key}), "missing_anthropic_api_key",
                    "Anthropic");
    case Provider::asm_provider:
    case Provider::agent_session_manager:
    case Provider::mock:
      return std::string();
  }
  return std::string();
}

bool is_session(Provider provider) {
  return provider == Provider::asm_provider || provider == Provider::agent_session_manager;
}

std::string text_of(const Json& value, std::string otherwise) {
  return value.is_string() && !value.as_string().empty() ? value.as_string() : otherwise;
}

}  // namespace

Result<SpecPool> resolve_pool(const DispatchOptions& options) {
  if (options.agents) return checked_pool(*options.agents);
  if (const auto* name = std::get_if<std::string>(&options.provider_pool))
    return named_pool(*name, options.pools);
  if (const auto* specs = std::get_if<SpecPool>(&options.provider_pool))
    return checked_pool(*specs);
  if (const auto* json = std::get_if<Json>(&options.provider_pool)) {
    if (json->is_string()) return named_pool(json->as_string(), options.pools);
    if (json->is_array()) return read_pool(*json);
    return unusable("invalid_provider_pool",
                    fmt::format("{} is no pool: give the name of one, or a list of providers",
                                shown_briefly(*json)));
  }
  if (options.provider_pool_name) return named_pool(*options.provider_pool_name, options.pools);
  return legacy_pool();
}

Result<ProviderSpec> resolve_spec(std::int64_t agent, const DispatchOptions& options) {
  TRINITY_TRY(const SpecPool pool, resolve_pool(options));
  return spec_of_slot(pool, agent, options.slots);
}

Result<std::int64_t> agent_count(std::string_view pool, const NamedPools& pools) {
  TRINITY_TRY(const SpecPool specs, named_pool(pool, pools));
  return static_cast<std::int64_t>(specs.size());
}

Result<std::vector<Message>> normalised_messages(const Json& messages) {
  if (!messages.is_array())
    return unusable("invalid_messages",
                    fmt::format("{} is no list of messages: give {{role, content}} objects",
                                shown_briefly(messages)));
  std::vector<Message> made;
  for (const Json& message : messages) {
    const auto text = [&](std::string_view key) -> const std::string* {
      const Json* value = message.find(key);
      if (!value) value = message.find(fmt::format(":{}", key));  // a symbol
      return value ? value->to_string() : nullptr;
    };
    const std::string* role = text("role");
    const std::string* content = text("content");
    if (!role || !content)
      return unusable(
          "invalid_message",
          fmt::format("invalid message {}: role and content are texts", shown_briefly(message)));
    made.push_back({*role, *content});
  }
  return made;
}

Result<std::string> mock_answer(const ProviderSpec& spec, const std::vector<Message>& messages,
                                const DispatchOptions& options) {
  if (options.mock) return options.mock(spec, messages);
  if (options.mock_response) return *options.mock_response;
  for (const std::string& key :
       {std::to_string(spec.id), spec.name, spec.model, std::string("default")})
    if (const Json* response = options.mock_responses.find(key); response && response->is_string())
      return response->as_string();
  const auto user = std::find_if(messages.rbegin(), messages.rend(),
                                 [](const Message& message) { return message.role == "user"; });
  return fmt::format("MOCK agent={} model={}: {}", spec.id, spec.model,
                     user == messages.rend() ? "no user message" : user->content);
}

Result<InferenceClient> inference_client(const ProviderSpec& spec, const DispatchOptions& options) {
  InferenceClient client;
  TRINITY_TRY(client.api_key, credential_of(spec.provider, options.credentials));
  const Json& metadata = spec.metadata;
  const std::string own =
      spec.provider == Provider::openai_compatible ? "openai" : provider_name(spec.provider);
  client.provider = text_of(metadata["inference_provider"], own);
  client.backend = text_of(metadata["inference_adapter"],
                           is_session(spec.provider) ? "agent_session_manager" : "hosted");
  client.model = spec.model;
  client.backend_model = client.backend == "hosted" && client.provider == "gemini"
                             ? "google:" + spec.model
                             : spec.model;
  client.base_url = spec.base_url ? spec.base_url : options.inference_base_url;
  client.metadata = {{"agent_id", spec.id},
                     {"agent_name", spec.name},
                     {"provider_adapter", provider_name(spec.provider)}};
  client.metadata.update(options.inference_metadata);
  client.query_opts = metadata["query_opts"];
  client.model_payload = metadata["model_payload"];
  return client;
}

Result<std::string> inference_answer(const ProviderSpec& spec, const std::vector<Message>& messages,
                                     const DispatchOptions& options) {
  if (spec.provider == Provider::mock)
    return unusable("invalid_inference_provider_call",
                    "a mock is not asked through an inference backend");
  TRINITY_TRY(const InferenceClient client, inference_client(spec, options));
  if (!options.inference)
    return unusable(
        "invalid_inference_provider_call",
        fmt::format("no inference backend was given for {}", provider_name(spec.provider)));
  InferenceRequest request;
  request.messages = messages;
  request.max_tokens = spec.max_tokens;
  request.temperature = spec.temperature;
  request.timeout_ms = spec.timeout_ms;
  request.session = options.inference_session;
  request.metadata = options.inference_request_metadata;
  Result<std::string> answer = options.inference(client, request);
  if (answer) return answer;
  const Error error = net::redacted(std::move(answer.error()), client.api_key);
  return fail(error.kind, "inference_error",
              fmt::format("provider {} ({}) failed: {}: {}", spec.id, client.provider, error.tag,
                          printable(error.message, kShownBytes * 2)));
}

Result<std::string> call_agent(std::int64_t agent, const std::vector<Message>& messages,
                               const DispatchOptions& options) {
  TRINITY_TRY(const ProviderSpec spec, resolve_spec(agent, options));
  if (options.adapter) return options.adapter(spec, messages, options);
  if (spec.provider == Provider::mock) return mock_answer(spec, messages, options);
  if (static_cast<int>(spec.provider) > static_cast<int>(Provider::mock))
    return fail(ErrorKind::unsupported, "unsupported_provider",
                fmt::format("no adapter asks provider {}", spec.id));
  return inference_answer(spec, messages, options);
}

Result<std::string> call_agent(std::int64_t agent, const Json& messages,
                               const DispatchOptions& options) {
  TRINITY_TRY(const std::vector<Message> normalised, normalised_messages(messages));
  return call_agent(agent, normalised, options);
}

}  // namespace trinity::provider
