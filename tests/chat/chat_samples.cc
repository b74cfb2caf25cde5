// Prints bodies, chunks and events of every kind as JSON lines, each with the name of the
// description that it must fit:
//   {"spec":"openai","schema":"CreateChatCompletionResponse","body":{...}}
// tests/python/check_chat_samples.py holds them against those descriptions.
#include <cstdio>

#include "chat/anthropic.h"
#include "chat/assembly.h"
#include "chat/errors.h"
#include "chat/openai_chat.h"
#include "chat/openai_responses.h"
#include "chat/sse.h"
#include "chat/support.h"

namespace trinity::chat {
namespace {

using testing::json;
using testing::Random;

void print(std::string_view spec, std::string_view schema, const std::string& body) {
  Json line = {{"spec", spec}, {"schema", schema}};
  line["body"] = json(body);
  std::puts(json_text(line).c_str());
}

/// Every event of a stream, by its type.
void print_events(std::string_view spec, const std::string& stream) {
  SseReader reader;
  std::vector<SseEvent> events;
  if (!reader.feed(stream, events)) std::abort();
  for (const SseEvent& event : events) print(spec, "event", event.data);
}

void print_openai(const ChatReply& reply, Envelope envelope, Random& random) {
  envelope.id = "chatcmpl-" + random.name();
  envelope.include_usage = random.chance(2);
  print("openai", "CreateChatCompletionResponse", openai::write_reply(reply, envelope));
  const char* const schema = "CreateChatCompletionStreamResponse";
  print("openai", schema, openai::write_first_chunk(envelope));
  print("openai", schema, openai::write_chunk({}, envelope, {{"trinity", {{"turn", 1}}}}));
  Assembly assembly;
  for (const Delta& piece : testing::pieces_of(reply, random))
    print("openai", schema, openai::write_chunk(assembly.add(piece), envelope));
  print("openai", schema, openai::write_usage_chunk(reply.usage.value_or(Usage()), envelope));
}

void print_responses(const ChatReply& reply, Envelope envelope, const Json& settings,
                     Random& random) {
  envelope.id = "resp_" + random.name();
  const std::string whole = responses::write_reply(reply, envelope, settings, 1700000009);
  responses::EventStream writer(envelope, settings);
  std::string stream = writer.begin();
  stream += writer.note("turn 1: A as Worker");
  for (const Delta& piece : testing::pieces_of(reply, random)) stream += writer.add(piece);
  stream += random.chance(8)
                ? writer.fail({ErrorKind::failed, "x", "Broke off"}, random.chance(2) ? 429 : 502)
                : writer.finish(reply.finish, reply.usage, 1700000009);
  for (const char* spec : {"openai", "openresponses"}) {
    print(spec, spec[4] == 'a' ? "Response" : "ResponseResource", whole);
    print_events(spec, stream);
  }
}

void print_anthropic(const ChatReply& reply, Envelope envelope, Random& random) {
  envelope.id = "msg_" + random.name();
  print("anthropic", "Message", anthropic::write_reply(reply, envelope));
  anthropic::EventStream writer(envelope);
  std::string stream = writer.begin();
  for (const Delta& piece : testing::pieces_of(reply, random)) stream += writer.add(piece);
  print_events("anthropic", stream + writer.finish(reply.finish, reply.usage));
}

void print_all() {
  Random random(21);
  std::vector<Json> settings;
  for (const char* body :
       {"{}",
        R"({"model":"m","input":"a","instructions":"I","temperature":0.5,"max_output_tokens":50,
            "metadata":{"a":"b"},"reasoning":{"effort":"low"},"tools":[{"type":"function","name":"f",
            "parameters":{"type":"object"}}],"tool_choice":{"type":"function","name":"f"},
            "text":{"verbosity":"low","format":{"type":"json_object"}},"truncation":"auto"})"})
    settings.push_back(responses::read_request(body)->settings);
  Envelope envelope = {"", 1700000000, "trinity"};
  for (int round = 0; round < 12; ++round) {
    ChatReply reply = testing::random_reply(random, Dialect::openai_chat);
    if (round == 0) reply = {};
    if (round == 1) reply.finish = FinishReason::content_filter;
    if (random.chance(3)) envelope.usage_extra = {{"turns", 3}};
    if (reply.usage && random.chance(4)) reply.usage->estimated = true;
    print_openai(reply, envelope, random);
    print_responses(reply, envelope, settings[round % settings.size()], random);
    print_anthropic(reply, envelope, random);
    print_anthropic(testing::random_reply(random, Dialect::anthropic), envelope, random);
    print("openai", "CreateChatCompletionRequest",
          openai::write_request(testing::random_request(random, Dialect::openai_chat)));
    print("anthropic", "CreateMessageParams",
          *anthropic::write_request(testing::random_request(random, Dialect::anthropic)));
  }
  const Error error = {ErrorKind::invalid_input, "invalid_request",
                       "messages[0].content: is wrong"};
  for (const int status : {400, 401, 402, 403, 404, 429, 500, 502, 503, 504, 529}) {
    print("openai", "ErrorResponse", write_openai_error(error, status));
    print("anthropic", "ErrorResponse",
          write_anthropic_error(error, status, status == 400 ? "" : "req_1"));
  }
}

}  // namespace
}  // namespace trinity::chat

int main() { trinity::chat::print_all(); }
