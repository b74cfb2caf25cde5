// Any bytes as a body of any chat interface: read, or refused with a clear error; what was read can
// be written in every dialect, and reads the same when it was written once.
#include <cstdint>

#include "base/json.h"
#include "chat/anthropic.h"
#include "chat/errors.h"
#include "chat/gemini.h"
#include "chat/openai_chat.h"
#include "chat/openai_responses.h"
#include "input.h"

namespace {

using namespace trinity;
using namespace trinity::chat;
using fuzz::require;

constexpr const char* kBodies[] = {
    R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},)"
    R"({"type":"image_url","image_url":{"url":"data:image/png;base64,A"}}]},{"role":"assistant",)"
    R"("content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f",)"
    R"("arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}],"max_tokens":5})",
    R"({"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"document",)"
    R"("source":{"type":"text","data":"d"}}]},{"role":"assistant","content":[{"type":"thinking",)"
    R"("thinking":"t","signature":"s"},{"type":"tool_use","id":"c","name":"f","input":{}}]},)"
    R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"x"}]}]})",
    R"({"model":"m","input":[{"role":"user","content":"a"},{"type":"reasoning","summary":[]},)"
    R"({"type":"function_call","call_id":"c","name":"f","arguments":"{}"},)"
    R"({"type":"function_call_output","call_id":"c","output":"o"}],"text":{"format":{"type":"text"}}})",
    R"({"choices":[{"message":{"content":"a","tool_calls":[{"id":"c","function":{"name":"f",)"
    R"("arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}})",
    R"({"type":"message","content":[{"type":"thinking","thinking":"t","signature":"s"},)"
    R"({"type":"tool_use","id":"c","name":"f","input":{"a":1}}],"usage":{"input_tokens":1}})",
    R"({"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"functionCall":)"
    R"({"name":"f","args":{}},"thoughtSignature":"s"}]},"finishReason":"STOP"}]})"};

template <typename T>
bool read_or_refused(const Result<T>& result) {
  if (!result) fuzz::require_clear(result.error());
  return result.has_value();
}

void require_json(const std::string& text) {
  require(parse_json(text).has_value(), "what is written is JSON");
}

void require_writable(const ChatRequest& request) {
  require_json(openai::write_request(request));
  if (const auto body = anthropic::write_request(request)) require_json(*body);
  if (const auto body = gemini::write_request(request)) require_json(*body);
  for (const ChatMessage& message : request.messages)
    require(is_valid_utf8(router_message(message).content), "valid UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::size_t which = size == 0 ? 0 : data[0] % std::size(kBodies);
  const std::string body =
      fuzz::bytes_or_edit(data + (size > 0), size - (size > 0), kBodies[which]);
  const Envelope envelope = {"x", 1, "m"};
  if (const auto request = openai::read_request(body); read_or_refused(request)) {
    require_writable(*request);
    const std::string written = openai::write_request(*request);
    const auto again = openai::read_request(written);
    require(again && openai::write_request(*again) == written, "reads the same");
  }
  if (const auto request = anthropic::read_request(body); read_or_refused(request))
    require_writable(*request);
  if (const auto request = responses::read_request(body); read_or_refused(request)) {
    require_writable(request->call);
    require_json(responses::write_reply({}, envelope, request->settings, 1));
  }
  for (const auto& reply :
       {openai::read_reply(body), anthropic::read_reply(body), gemini::read_reply(body)}) {
    if (!read_or_refused(reply)) continue;
    require_json(openai::write_reply(*reply, envelope));
    require_json(anthropic::write_reply(*reply, envelope));
    require_json(responses::write_reply(*reply, envelope, {}, 1));
  }
  anthropic::EventReader events;
  gemini::ChunkReader chunks;
  read_or_refused(openai::read_chunk(body));
  read_or_refused(events.read(body));
  read_or_refused(chunks.read(body));
  const UpstreamFailure failure = upstream_failure(500, body);
  require(!failure.message.empty() && failure.message.size() <= 1000, "a bearable message");
  require(is_valid_utf8(failure.message), "valid UTF-8");
  return 0;
}
