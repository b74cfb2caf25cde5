#include "provider/openai_adapter.h"

#include <fmt/format.h>

#include <cmath>

#include "base/try.h"
#include "provider/http_member.h"

namespace trinity::provider {
namespace {

Result<MemberConfig> config_of(const ProviderSpec& spec, const Credentials& keys) {
  if (spec.provider != Provider::openai && spec.provider != Provider::openai_compatible)
    return fail(ErrorKind::unsupported, "unsupported_provider",
                fmt::format("provider {} is {}, which this adapter does not speak to", spec.id,
                            provider_name(spec.provider)));
  MemberConfig config;
  config.key = Secret(keys.api_key.empty() ? keys.openai_api_key : keys.api_key);
  if (config.key.empty())
    return fail(ErrorKind::missing, "missing_openai_api_key",
                "there is no key for OpenAI: pass one; nothing was called");
  std::string base = spec.base_url.value_or("");
  if (base.empty() && spec.provider == Provider::openai_compatible)
    return fail(ErrorKind::invalid_input, "missing_provider_base_url",
                fmt::format("provider {} has no base_url: say where it listens", spec.id));
  if (base.empty()) base = "https://api.openai.com/v1";
  while (base.ends_with('/')) base.pop_back();
  if (spec.model.empty())
    return fail(ErrorKind::invalid_input, "invalid_model",
                fmt::format("provider {} has no model: name one", spec.id));
  if (spec.max_tokens <= 0 || !std::isfinite(spec.temperature) || spec.temperature < 0)
    return fail(
        ErrorKind::invalid_input, "invalid_payload",
        fmt::format("provider {} would send max_tokens {} and temperature {}: give a number "
                    "above 0, and one from 0 on",
                    spec.id, spec.max_tokens, spec.temperature));
  TRINITY_TRY(config.url, net::parse_url(base));
  config.name = spec.name.empty() ? fmt::format("agent_{}", spec.id) : spec.name;
  config.model = spec.model;
  config.timeout = std::chrono::milliseconds(spec.timeout_ms);
  config.connect_timeout = config.timeout;
  return config;
}

}  // namespace

Adapter openai_adapter(std::shared_ptr<net::HttpClient> client, std::shared_ptr<Timers> timers) {
  return [client = std::move(client), timers = std::move(timers)](
             const ProviderSpec& spec, const std::vector<Message>& messages,
             const DispatchOptions& options) -> Result<std::string> {
    TRINITY_TRY(MemberConfig config, config_of(spec, options.credentials));
    HttpMember member(std::move(config), client, timers);
    MemberRequest request;
    for (const Message& message : messages) {
      chat::ChatMessage& made = request.request.messages.emplace_back();
      made.role = message.role;
      made.content.push_back({chat::Part::Kind::text, message.content});
    }
    request.request.sampling.max_tokens = spec.max_tokens;
    request.request.sampling.temperature = spec.temperature;
    auto reply = call_and_wait(member, std::move(request));
    if (!reply) return tl::unexpected<Error>(std::move(reply.error().error));
    return reply->message.text();
  };
}

}  // namespace trinity::provider
