// Anthropic's Messages: blocks to messages and back, thoughts with their signatures, events.
#include "chat/anthropic.h"

#include <gtest/gtest.h>

#include "chat/assembly.h"
#include "chat/sse.h"
#include "chat/support.h"

namespace trinity::chat::anthropic {
namespace {

using testing::json;

#define EXPECT_STARTS(text, start) EXPECT_TRUE((text).starts_with(start)) << (text)

const Envelope kEnvelope = {"msg_1", 1700000000, "trinity"};

ChatRequest read(const std::string& body) {
  auto request = read_request(body);
  EXPECT_TRUE(request) << body << "\n" << request.error().message;
  return request.value_or(ChatRequest());
}

std::string refusal(const std::string& body) {
  const auto request = read_request(body);
  return request ? "read" : request.error().tag + ": " + request.error().message;
}

const char* const kConversation = R"({"model":"m","max_tokens":100,"stream":true,
  "system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral"}}],
  "messages":[
    {"role":"user","content":[{"type":"text","text":"look"},
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
      {"type":"document","title":"T","source":{"type":"base64","media_type":"application/pdf","data":"BBBB"}},
      {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}}]},
    {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},
      {"type":"redacted_thinking","data":"xx"},{"type":"text","text":"I look."},
      {"type":"tool_use","id":"t1","name":"f","input":{"a":1}},
      {"type":"tool_use","id":"t2","name":"g","input":{}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"2"},
      {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"bad"}]},
      {"type":"text","text":"go on"}]}],
  "tools":[{"name":"f","description":"d","input_schema":{"type":"object"},
    "cache_control":{"type":"ephemeral"}},{"type":"custom","name":"g","input_schema":{}}],
  "tool_choice":{"type":"any","disable_parallel_tool_use":true},
  "temperature":0.5,"top_k":5,"stop_sequences":["x"],"metadata":{"user_id":"u"},
  "thinking":{"type":"enabled","budget_tokens":1024},
  "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}}})";

TEST(AnthropicRequest, BlocksBecomeMessages) {
  const ChatRequest request = read(kConversation);
  ASSERT_EQ(request.messages.size(), 6u);
  EXPECT_EQ(request.messages[0].role, "system");
  const ChatMessage& user = request.messages[1];
  ASSERT_EQ(user.content.size(), 4u);
  EXPECT_EQ(user.content[1].media["image_url"]["url"], Json("data:image/png;base64,AAAA"));
  EXPECT_EQ(user.content[2].media["file"]["filename"], Json("T"));
  EXPECT_EQ(router_message(user).content, "look\n[image]\n[file]\nplain");
  const ChatMessage& assistant = request.messages[2];
  EXPECT_EQ(assistant.reasoning, "hm");
  EXPECT_EQ(assistant.extra["thinking_blocks"].size(), 2u);
  EXPECT_EQ(assistant.calls, (std::vector<Call>{{"t1", "f", "{\"a\":1}"}, {"t2", "g", "{}"}}));
  EXPECT_EQ(request.messages[3].call_id, "t1");
  EXPECT_TRUE(request.messages[4].call_failed);
  EXPECT_EQ(request.messages[5].text(), "go on");
  EXPECT_EQ(request.tool_choice.kind, ToolChoice::Kind::required);
  EXPECT_EQ(request.sampling.parallel_tool_calls, false);
  EXPECT_EQ(request.sampling.reasoning_effort, "low");
  EXPECT_EQ(request.extra["metadata"]["user_id"], Json("u"));
}

TEST(AnthropicRequest, WhatIsReadIsWrittenAgain) {
  const auto written = write_request(read(kConversation));
  ASSERT_TRUE(written);
  Json expected = json(kConversation);
  expected["messages"][2]["content"][1]["content"] = "bad";
  expected["tools"][1].erase("type");
  EXPECT_EQ(json(*written), expected) << *written;
}

TEST(AnthropicRequest, WhatIsWrongIsNamedByItsPath) {
  const auto with = [](const std::string& block) {
    return refusal(R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":[)" + block +
                   "]}]}");
  };
  EXPECT_STARTS(refusal("{}"), "invalid_request: model: is missing");
  EXPECT_STARTS(refusal(R"({"model":"m","messages":[{"role":"user","content":"x"}]})"),
                "invalid_request: max_tokens: is missing");
  EXPECT_TRUE(read_request(R"({"model":"m","messages":[{"role":"user","content":"x"}]})", false));
  EXPECT_STARTS(with(R"({"type":"text"})"),
                "invalid_request: messages[0].content[0].text: is miss");
  EXPECT_STARTS(with("1"), "invalid_request: messages[0].content[0]: must be an object");
  EXPECT_STARTS(with(R"({"type":"smell"})"), "unsupported_value: messages[0].content[0].type");
  EXPECT_STARTS(with(R"({"type":"tool_result","tool_use_id":"x","content":[{"type":"smell"}]})"),
                "unsupported_value: messages[0].content[0].content[0].type");
  EXPECT_STARTS(with(R"({"type":"image","source":{"type":"base64","data":"A"}})"),
                "invalid_request: messages[0].content[0].source.media_type: is missing");
  EXPECT_STARTS(refusal(R"({"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],
                "tools":[{"type":"web_search_20250305","name":"web_search"}]})"),
                "unsupported_value: tools[0].type: web_search_20250305");
}

TEST(AnthropicRequest, OtherDialectsGoOutInItsWords) {
  ChatRequest request;
  request.model = "m";
  request.messages = {{"system", {{Part::Kind::text, "S"}}},
                      {"developer", {{Part::Kind::text, "D"}}},
                      {"user", {{Part::Kind::text, "a"}}},
                      {"assistant", {}, "unsigned thought", {{"c", "f", "{\"a\":"}}},
                      {"tool", {{Part::Kind::text, "b"}}, {}, {}, "c"},
                      {"user", {{Part::Kind::text, ""}}}};
  request.messages[3].extra["thinking_blocks"].push_back(
      {{"type", "thinking"}, {"thinking", "unsigned"}, {"signature", ""}});
  request.sampling.temperature = 1.5;
  request.sampling.seed = 7;
  request.extra["min_p"] = 0.1;
  const auto written = write_request(request, 10);
  ASSERT_TRUE(written);
  EXPECT_EQ(json(*written), json(R"({"model":"m","max_tokens":10,"temperature":1.0,
    "system":[{"type":"text","text":"S"},{"type":"text","text":"D"}],"messages":[
    {"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"c",
    "name":"f","input":{"invalid_arguments":"{\"a\":"}}]},{"role":"user","content":[
    {"type":"tool_result","tool_use_id":"c","content":"b"}]}]})"))
      << *written;
  request.messages.push_back({"user", {{Part::Kind::audio, "", {{"type", "input_audio"}}}}});
  EXPECT_EQ(write_request(request).error().tag, "unsupported_modality");
}

TEST(AnthropicReply, EveryFieldIsThere) {
  ChatReply reply;
  reply.message.content.push_back({Part::Kind::text, "Hi"});
  reply.message.calls.push_back({"t1", "f", "{\"a\":1}"});
  reply.usage = Usage{10, 5, 4, 2};
  EXPECT_EQ(json(write_reply(reply, kEnvelope)), json(R"({"id":"msg_1","type":"message",
    "role":"assistant","model":"trinity","content":[{"type":"text","text":"Hi","citations":null},
    {"type":"tool_use","id":"t1","name":"f","input":{"a":1},"caller":{"type":"direct"}}],
    "stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"container":null,
    "usage":{"cache_creation":null,"inference_geo":null,"service_tier":null,
    "cache_creation_input_tokens":0,"cache_read_input_tokens":4,"input_tokens":6,
    "output_tokens":5,"output_tokens_details":{"thinking_tokens":2},"server_tool_use":null}})"));
}

std::vector<SseEvent> events_of(const std::string& stream) {
  SseReader reader;
  std::vector<SseEvent> events;
  EXPECT_TRUE(reader.feed(stream, events));
  return events;
}

TEST(AnthropicStream, EventsComeInTheirOrder) {
  EventStream stream(kEnvelope);
  Delta thought, signature, text, call;
  thought.reasoning = "hm";
  signature.extra["thinking_blocks"].push_back(
      {{"type", "thinking"}, {"thinking", "hm"}, {"signature", "sig"}});
  text.text = "Hi";
  call.calls.push_back({0, "t1", "f", "{\"a\":1}"});
  std::string all = stream.begin();
  all += stream.sign_of_life();
  for (const Delta& delta : {thought, signature, text, call}) all += stream.add(delta);
  all += stream.finish(FinishReason::stop, Usage{3, 4});
  std::string shape;
  for (const SseEvent& event : events_of(all)) {
    const Json data = json(event.data);
    EXPECT_EQ(data["type"], Json(event.event));
    shape += event.event;
    if (data.contains("index")) shape += " " + json_text(data["index"]);
    if (data["delta"].contains("type")) shape += " " + data["delta"]["type"].as_string();
    shape += "\n";
  }
  EXPECT_EQ(shape,
            "message_start\nping\n"
            "content_block_start 0\ncontent_block_delta 0 thinking_delta\n"
            "content_block_delta 0 signature_delta\ncontent_block_stop 0\n"
            "content_block_start 1\ncontent_block_delta 1 text_delta\ncontent_block_stop 1\n"
            "content_block_start 2\ncontent_block_delta 2 input_json_delta\ncontent_block_stop 2\n"
            "message_delta\nmessage_stop\n");
  EXPECT_NE(all.find(R"("stop_reason":"tool_use")"), std::string::npos);
}

TEST(AnthropicStream, ArgumentsThatAreNoJsonAreShownInsideOfSome) {
  EventStream stream(kEnvelope);
  Delta call, rest;
  call.calls.push_back({0, "t1", "f", "{\"a\":"});
  rest.calls.push_back({0, "", "", "oops"});
  std::string all = stream.begin();
  all += stream.add(call);
  all += stream.add(rest);
  all += stream.finish(FinishReason::tool_calls, {});
  std::vector<std::string> inputs;
  for (const SseEvent& event : events_of(all))
    if (const Json data = json(event.data); data["delta"].contains("partial_json"))
      inputs.push_back(data["delta"]["partial_json"].as_string());
  EXPECT_EQ(inputs, std::vector<std::string>{R"({"invalid_arguments":"{\"a\":oops"})"});
}

TEST(AnthropicStream, AnErrorIsAnEvent) {
  EventStream stream(kEnvelope);
  const auto events =
      events_of(stream.fail({ErrorKind::failed, "overloaded", "Busy"}, 529, "req_1"));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].event, "error");
  EXPECT_EQ(json(events[0].data)["error"]["type"], Json("overloaded_error"));
}

TEST(AnthropicStream, AnUpstreamsEventsAreRead) {
  EventReader reader;
  Assembly assembly;
  bool ended = false;
  for (
      const char* data :
      {R"({"type":"message_start","message":{"id":"msg_u","model":"claude","usage":
           {"input_tokens":5,"cache_read_input_tokens":10,"output_tokens":1}}})",
       R"({"type":"ping"})",
       R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}})",
       R"({"type":"content_block_stop","index":0})",
       R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})",
       R"({"type":"content_block_stop","index":1})", R"({"type":"brand_new_event"})",
       R"({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})",
       R"({"type":"message_stop"})"}) {
    const auto delta = reader.read(data);
    ASSERT_TRUE(delta) << data;
    ended = !*delta;
    if (*delta) assembly.add(**delta);
  }
  EXPECT_TRUE(ended);
  const auto reply = assembly.finish();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id, "msg_u");
  EXPECT_EQ(reply->message.reasoning, "hm");
  EXPECT_EQ(reply->message.extra["thinking_blocks"][0]["signature"], Json("sig"));
  EXPECT_EQ(reply->message.calls, (std::vector<Call>{{"t", "f", "{}"}}));
  EXPECT_EQ(reply->finish, FinishReason::tool_calls);
  EXPECT_EQ(reply->usage, (Usage{15, 9, 10, 0}));
  EXPECT_EQ(reader.read(R"({"type":"error","error":{"type":"overloaded_error","message":"Busy"}})")
                .error()
                .message,
            "overloaded_error: Busy");
}

}  // namespace
}  // namespace trinity::chat::anthropic
