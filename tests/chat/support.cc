#include "chat/support.h"

#include "chat/assembly.h"
#include "chat/reply_reading.h"

namespace trinity::chat::testing {
namespace {

constexpr const char* kPieces[] = {"a", "Hello ", "\"quoted\"", "\n",      "é",      "日本",
                                   "😀", "\\",     "data: ",     "{\"x\":", "\u2028", "\x01",
                                   "0", "\r\n",   "[DONE]",     "\t"};

const Json kImage = {{"type", "image_url"},
                     {"image_url", {{"url", "data:image/png;base64,iVBORw0KGgo="}}}};
const Json kRemoteImage = {{"type", "image_url"}, {"image_url", {{"url", "https://x.org/a.png"}}}};

Json schema_of(Random& random) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  schema["properties"][random.name()]["type"] = "string";
  return schema;
}

Part random_part(Random& random, Dialect dialect) {
  switch (random.below(6)) {
    case 0:
      return {Part::Kind::image, "", kImage};
    case 1:
      return {Part::Kind::image, "", kRemoteImage};
    case 2:
      if (dialect == Dialect::anthropic) break;
      return {Part::Kind::audio,
              "",
              {{"type", "input_audio"}, {"input_audio", {{"data", "AAAA"}, {"format", "wav"}}}}};
    case 3:
      if (dialect == Dialect::anthropic) break;
      return {Part::Kind::file, "", {{"type", "file"}, {"file", {{"file_id", random.name()}}}}};
    case 4:
      return {Part::Kind::text, random.text(), {}, {{"cache_control", {{"type", "ephemeral"}}}}};
    default:
      break;
  }
  return {Part::Kind::text, random.text()};
}

std::vector<Part> random_content(Random& random, Dialect dialect, bool may_hold_media) {
  std::vector<Part> content;
  if (random.chance(2) || !may_hold_media) {
    content.push_back({Part::Kind::text, random.text()});
  } else {
    for (std::size_t count = 1 + random.below(3); count > 0; --count)
      content.push_back(random_part(random, dialect));
  }
  return content;
}

void add_calls(Random& random, Dialect dialect, ChatMessage& message) {
  for (std::size_t count = 1 + random.below(3); count > 0; --count) {
    const bool is_spelled_badly = dialect == Dialect::openai_chat && random.chance(4);
    message.calls.push_back({"call_" + random.name() + std::to_string(random.below(1000000)),
                             random.name(), is_spelled_badly ? random.text() : random.arguments()});
    if (dialect == Dialect::openai_chat && random.chance(3))
      message.calls.back().extra["extra_content"]["google"]["thought_signature"] = random.name();
  }
}

void add_thoughts(Random& random, Dialect dialect, ChatMessage& message) {
  message.reasoning = random.text();
  if (dialect != Dialect::anthropic) return;
  message.extra["thinking_blocks"].push_back(
      {{"type", "thinking"}, {"thinking", *message.reasoning}, {"signature", random.name()}});
  if (random.chance(3))
    message.extra["thinking_blocks"].push_back(
        {{"type", "redacted_thinking"}, {"data", random.name()}});
}

ChatMessage random_assistant(Random& random, Dialect dialect) {
  ChatMessage message{"assistant"};
  if (random.chance(3)) add_thoughts(random, dialect, message);
  const bool calls = random.chance(2);
  if (!calls || random.chance(2)) message.content = random_content(random, dialect, false);
  if (calls) add_calls(random, dialect, message);
  if (dialect == Dialect::openai_chat && random.chance(5)) {
    message.content.push_back({Part::Kind::refusal, random.text()});
    message.extra["name"] = random.name();
  }
  return message;
}

void add_exchange(Random& random, Dialect dialect, std::vector<ChatMessage>& messages) {
  ChatMessage user{"user"};
  user.content = random_content(random, dialect, true);
  messages.push_back(std::move(user));
  if (random.chance(3)) return;
  ChatMessage assistant = random_assistant(random, dialect);
  std::vector<ChatMessage> results;
  for (const Call& call : assistant.calls) {
    ChatMessage result{"tool"};
    result.content = random_content(random, dialect, dialect == Dialect::anthropic);
    result.call_id = call.id;
    result.call_failed = dialect == Dialect::anthropic && random.chance(4);
    results.push_back(std::move(result));
  }
  messages.push_back(std::move(assistant));
  for (ChatMessage& result : results) messages.push_back(std::move(result));
}

Sampling random_sampling(Random& random, Dialect dialect) {
  Sampling sampling;
  const bool is_openai = dialect == Dialect::openai_chat;
  const double fraction = static_cast<double>(random.below(1000)) / 1000;
  if (random.chance(2)) sampling.temperature = is_openai ? 2 * fraction : fraction;
  if (random.chance(2)) sampling.top_p = fraction;
  if (random.chance(2)) sampling.top_k = random.below(100);
  if (random.chance(2) || !is_openai) sampling.max_tokens = 1 + random.below(100000);
  for (std::size_t count = random.below(3); count > 0; --count)
    sampling.stop.push_back(random.text());
  if (random.chance(3)) sampling.reasoning_effort = "high";
  if (!is_openai) return sampling;
  if (random.chance(2)) sampling.frequency_penalty = -fraction;
  if (random.chance(2)) sampling.presence_penalty = fraction;
  if (random.chance(2)) sampling.seed = static_cast<std::int64_t>(random.next());
  if (random.chance(2)) sampling.parallel_tool_calls = random.chance(2);
  if (random.chance(3)) sampling.top_logprobs = random.below(21);
  sampling.logprobs = random.chance(3);
  return sampling;
}

}  // namespace

std::string Random::text() {
  std::string text;
  for (std::size_t count = 1 + below(6); count > 0; --count)
    text += kPieces[below(std::size(kPieces))];
  return text;
}

std::string Random::name() {
  std::string name;
  for (std::size_t count = 1 + below(12); count > 0; --count)
    name += "abcdefghijklmnopqrstuvwxyz_"[below(27)];
  return name;
}

std::string Random::arguments() {
  Json object = Json::object();
  for (std::size_t count = below(3); count > 0; --count) object[name()] = text();
  if (chance(2)) object["n"] = below(100);
  return json_text(object);
}

ChatRequest random_request(Random& random, Dialect dialect) {
  ChatRequest request;
  const bool is_openai = dialect == Dialect::openai_chat;
  request.dialect = dialect;
  request.model = random.name();
  if (random.chance(2)) {
    ChatMessage system{is_openai && random.chance(2) ? "developer" : "system"};
    system.content = random_content(random, dialect, false);
    request.messages.push_back(std::move(system));
  }
  for (std::size_t count = 1 + random.below(3); count > 0; --count)
    add_exchange(random, dialect, request.messages);
  for (std::size_t count = random.below(3); count > 0; --count) {
    Tool tool{random.name(), random.chance(2) ? random.text() : ""};
    if (!is_openai || random.chance(2)) tool.parameters = schema_of(random);
    if (random.chance(2)) tool.strict = random.chance(2);
    if (random.chance(3)) tool.extra["cache_control"]["type"] = "ephemeral";
    request.tools.push_back(std::move(tool));
  }
  request.sampling = random_sampling(random, dialect);
  if (!request.tools.empty()) {
    request.tool_choice.kind = static_cast<ToolChoice::Kind>(random.below(5));
    if (request.tool_choice.kind == ToolChoice::Kind::named)
      request.tool_choice.name = request.tools[0].name;
  }
  if (is_openai) request.format.kind = static_cast<OutputFormat::Kind>(random.below(3));
  if (!is_openai && random.chance(3)) request.format.kind = OutputFormat::Kind::json_schema;
  if (request.format.kind == OutputFormat::Kind::json_schema) {
    request.format.schema = schema_of(random);
    if (is_openai) {
      request.format.name = random.name();
      if (random.chance(2)) request.format.description = random.text();
      if (random.chance(2)) request.format.strict = random.chance(2);
    }
  }
  request.stream = random.chance(2);
  request.include_usage = !is_openai || (request.stream && random.chance(2));
  if (is_openai && random.chance(4)) request.n = 1 + random.below(8);
  if (random.chance(2)) request.extra["metadata"]["user_id"] = random.name();
  if (is_openai && random.chance(2)) request.extra["min_p"] = 0.05;
  if (!is_openai && random.chance(2))
    request.extra["thinking"] = {{"type", "enabled"}, {"budget_tokens", 1024}};
  return request;
}

ChatReply random_reply(Random& random, Dialect dialect) {
  ChatReply reply;
  reply.id = "chatcmpl-" + random.name();
  reply.model = random.name();
  reply.message = random_assistant(random, dialect);
  reply.message.extra.erase("name");
  if (reply.message.extra.empty()) reply.message.extra = Json();
  reply.finish = settled_finish(random.chance(4) ? FinishReason::length : FinishReason::stop,
                                !reply.message.calls.empty());
  if (dialect != Dialect::openai_chat || random.chance(2)) {
    Usage& usage = reply.usage.emplace();
    usage.cached_input = random.below(100);
    usage.input = usage.cached_input + random.below(1000);
    usage.reasoning = random.below(100);
    usage.output = usage.reasoning + random.below(1000);
  }
  if (dialect == Dialect::openai_chat && random.chance(3)) {
    Json& list = reply.logprobs["content"] = Json::array();
    for (int i = 0; i < 3; ++i)
      list.push_back({{"token", random.text()},
                      {"logprob", -0.5},
                      {"bytes", nullptr},
                      {"top_logprobs", Json::array()}});
    reply.logprobs["refusal"] = Json();
  }
  return reply;
}

std::vector<Delta> pieces_of(const ChatReply& reply, Random& random) {
  std::vector<Delta> pieces;
  const auto cut = [&](const std::string& text, const auto& put) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at + 1 + random.below(8);
      while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
      put(pieces.emplace_back(), text.substr(at, end - at));
      at = std::min(end, text.size());
    }
  };
  const ChatMessage& message = reply.message;
  cut(message.reasoning.value_or(""),
      [](Delta& delta, std::string piece) { delta.reasoning = std::move(piece); });
  if (!message.extra.is_null()) pieces.emplace_back().extra = message.extra;
  cut(message.text(), [](Delta& delta, std::string piece) { delta.text = std::move(piece); });
  cut(message.refusal().value_or(""),
      [](Delta& delta, std::string piece) { delta.refusal = std::move(piece); });
  for (std::size_t i = 0; i < message.calls.size(); ++i) {
    const Call& call = message.calls[i];
    pieces.emplace_back().calls.push_back({i, call.id, call.name, "", call.extra});
    cut(call.arguments, [&](Delta& delta, std::string piece) {
      delta.calls.push_back({i, "", "", std::move(piece)});
    });
  }
  for (const Json& one : reply.logprobs["content"]) {
    Json& list = pieces.emplace_back().logprobs["content"] = Json::array();
    list.push_back(one);
    pieces.back().logprobs["refusal"] = Json();
  }
  pieces.emplace_back().finish = reply.finish;
  if (reply.usage) pieces.emplace_back().usage = reply.usage;
  pieces.front().id = reply.id;
  pieces.front().model = reply.model;
  return pieces;
}

}  // namespace trinity::chat::testing
