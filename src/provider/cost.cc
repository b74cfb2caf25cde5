#include "provider/cost.h"

#include <algorithm>
#include <limits>

#include "base/json.h"

namespace trinity::provider {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kTokensOfMessage = 4;    // role and marks of a turn
constexpr std::int64_t kTokensOfMedia = 1'000;  // an image takes several hundred and more

std::int64_t tokens_of(std::string_view text, const TokenCounter& count) {
  if (count) return std::max<std::int64_t>(0, count(text));
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

std::int64_t tokens_of(const chat::ChatMessage& message, const TokenCounter& count) {
  std::int64_t tokens = 0;
  for (const chat::Part& part : message.content)
    tokens +=
        part.text.empty() && !part.media.is_null() ? kTokensOfMedia : tokens_of(part.text, count);
  if (message.reasoning) tokens += tokens_of(*message.reasoning, count);
  for (const chat::Call& call : message.calls)
    tokens += tokens_of(call.name, count) + tokens_of(call.arguments, count);
  return tokens;
}

}  // namespace

std::int64_t cost_micro_usd(const Price& price, const chat::Usage& usage) {
  const Wide input = std::max<std::int64_t>(0, usage.input);
  const Wide cached = std::clamp<Wide>(usage.cached_input, 0, input);
  const Wide output = std::max<Wide>({0, usage.output, usage.reasoning});
  const Wide sum = (input - cached) * price.input +
                   cached * price.cached_input.value_or(price.input) + output * price.output;
  const Wide micro = (sum + 999'999) / 1'000'000;
  return static_cast<std::int64_t>(std::min<Wide>(micro, std::numeric_limits<std::int64_t>::max()));
}

std::int64_t estimated_input(const chat::ChatRequest& request, const TokenCounter& count) {
  std::int64_t tokens = 0;
  for (const chat::ChatMessage& message : request.messages)
    tokens += kTokensOfMessage + tokens_of(message, count);
  for (const chat::Tool& tool : request.tools)
    tokens += kTokensOfMessage + tokens_of(tool.name, count) + tokens_of(tool.description, count) +
              tokens_of(json_text(tool.parameters), count);
  if (!request.format.schema.is_null())
    tokens += tokens_of(json_text(request.format.schema), count);
  return tokens;
}

chat::Usage estimated_usage(const chat::ChatRequest& request, const chat::ChatMessage& reply,
                            const TokenCounter& count) {
  chat::Usage usage;
  usage.input = estimated_input(request, count);
  usage.output = tokens_of(reply, count);
  if (reply.reasoning) usage.reasoning = tokens_of(*reply.reasoning, count);
  usage.estimated = true;
  return usage;
}

}  // namespace trinity::provider
