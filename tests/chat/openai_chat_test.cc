// OpenAI's chat completions: what clients send is read or refused by its path; what they get has
// every field that their libraries ask for.
#include "chat/openai_chat.h"

#include <gtest/gtest.h>

#include "chat/errors.h"
#include "chat/support.h"

namespace trinity::chat::openai {
namespace {

using testing::json;

const Envelope kEnvelope = {"chatcmpl-1", 1700000000, "trinity"};

std::string with(const std::string& fields,
                 const std::string& messages = R"([{"role":"user","content":"Hi"}])") {
  return R"({"model":"m","messages":)" + messages + (fields.empty() ? "" : "," + fields) + "}";
}

ChatRequest read(const std::string& body) {
  auto request = read_request(body);
  EXPECT_TRUE(request) << body << "\n" << request.error().message;
  return request.value_or(ChatRequest());
}

std::string refusal(const std::string& body) {
  const auto request = read_request(body);
  return request ? "read" : request.error().tag + ": " + request.error().message;
}

#define EXPECT_STARTS(text, start) EXPECT_TRUE((text).starts_with(start)) << (text)

TEST(OpenAiRequest, MessagesOfEveryRoleAreRead) {
  const ChatRequest request = read(with("", R"([
    {"role":"developer","content":"D"}, {"role":"system","content":[{"type":"text","text":"S"}]},
    {"role":"user","name":"ann","content":[{"type":"text","text":"a"},
      {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
      {"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},
      {"type":"file","file":{"file_id":"f1"}}]},
    {"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"add","arguments":"{\"a\":1}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"2"},
    {"role":"assistant","content":"x","refusal":"no","unknown":[1]}])"));
  ASSERT_EQ(request.messages.size(), 6u);
  EXPECT_EQ(request.messages[0].role, "developer");
  EXPECT_EQ(request.messages[1].text(), "S");
  const ChatMessage& user = request.messages[2];
  ASSERT_EQ(user.content.size(), 4u);
  EXPECT_EQ(user.content[1].media["image_url"]["detail"], Json("low"));
  EXPECT_TRUE(request.has_media(Part::Kind::audio));
  EXPECT_EQ(user.extra, (Json{{"name", "ann"}}));
  const ChatMessage& assistant = request.messages[3];
  EXPECT_TRUE(assistant.content.empty());
  EXPECT_EQ(assistant.reasoning, "hm");
  EXPECT_EQ(assistant.calls, (std::vector<Call>{{"c1", "add", "{\"a\":1}"}}));
  EXPECT_EQ(request.messages[4].call_id, "c1");
  EXPECT_EQ(request.messages[5].refusal(), "no");
  EXPECT_EQ(request.messages[5].extra, (Json{{"unknown", Json::array({1})}}));
}

TEST(OpenAiRequest, TheRouterReadsTextsCallsAndWordsForMedia) {
  const ChatRequest request = read(with("", R"([
    {"role":"developer","content":"D"},
    {"role":"user","content":[{"type":"text","text":"a"},
      {"type":"image_url","image_url":{"url":"u"}},
      {"type":"input_audio","input_audio":{"data":"AA","format":"wav"}},
      {"type":"file","file":{"file_id":"f1"}}]},
    {"role":"assistant","reasoning":"hm","tool_calls":[
      {"id":"c1","type":"function","function":{"name":"add","arguments":"{}"}}]}])"));
  EXPECT_EQ(router_message(request.messages[0]).role, "system");
  EXPECT_EQ(router_message(request.messages[1]).content, "a\n[image]\n[audio]\n[file]");
  const Message assistant = router_message(request.messages[2]);
  EXPECT_EQ(assistant.reasoning_content, "hm");
  ASSERT_EQ(assistant.tool_calls.size(), 1u);
  EXPECT_EQ(assistant.tool_calls[0].name, "add");
}

TEST(OpenAiRequest, EveryParameterIsReadAndTheRestIsKept) {
  const ChatRequest request = read(with(
      R"("temperature":0.5,"top_p":1,"frequency_penalty":-2,"presence_penalty":2,"seed":-7,
      "max_completion_tokens":0,"max_tokens":0,"stop":"\n","reasoning_effort":"none","n":2,
      "parallel_tool_calls":false,"logprobs":true,"top_logprobs":0,"stream":true,"user":null,
      "stream_options":{"include_usage":true,"include_obfuscation":false},"logit_bias":{"5":1},
      "tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
      "parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}},
      "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{},"strict":false}},
      "metadata":{"a":"b"},"trinity":{"events":true},"min_p":0.05)"));
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.max_tokens, 0);
  EXPECT_EQ(request.sampling.stop, std::vector<std::string>{"\n"});
  EXPECT_EQ(request.sampling.seed, -7);
  EXPECT_EQ(request.sampling.parallel_tool_calls, false);
  EXPECT_EQ(request.n, 2);
  EXPECT_TRUE(request.stream && request.include_usage && request.sampling.logprobs);
  EXPECT_EQ(request.tools[0].strict, true);
  EXPECT_EQ(request.tool_choice.name, "f");
  EXPECT_EQ(request.format.kind, OutputFormat::Kind::json_schema);
  EXPECT_EQ(request.format.strict, false);
  EXPECT_EQ(request.extra, json(R"({"user":null,"logit_bias":{"5":1},"metadata":{"a":"b"},
      "trinity":{"events":true},"min_p":0.05,"stream_options":{"include_obfuscation":false}})"));
  const Json written = json(write_request(request, "max_completion_tokens"));
  EXPECT_EQ(written["max_completion_tokens"], Json(0));
  EXPECT_FALSE(written.contains("max_tokens"));
  EXPECT_FALSE(written.contains("trinity"));
  EXPECT_EQ(written["min_p"], Json(0.05));
  EXPECT_EQ(written["stream_options"],
            (Json{{"include_usage", true}, {"include_obfuscation", false}}));
}

TEST(OpenAiRequest, WhatIsWrongIsNamedByItsPath) {
  const auto message = [](const std::string& one) { return refusal(with("", "[" + one + "]")); };
  EXPECT_STARTS(refusal("[]"), "invalid_request: the body: must be a JSON object, got array");
  EXPECT_STARTS(refusal("{}"), "invalid_request: model: is missing");
  EXPECT_STARTS(refusal(R"({"model":"m"})"), "invalid_request: messages: is missing");
  EXPECT_STARTS(refusal(with("", "[]")), "invalid_request: messages: must hold");
  EXPECT_STARTS(refusal(with("", "{}")), "invalid_request: messages: must be an array, got object");
  EXPECT_STARTS(message("true"), "invalid_request: messages[0]: must be an object, got boolean");
  EXPECT_STARTS(message(R"({"role":"robot","content":""})"), "invalid_request: messages[0].role: ");
  EXPECT_STARTS(message(R"({"role":"user"})"), "invalid_request: messages[0].content: is missing");
  EXPECT_STARTS(message(R"({"role":"user","content":[{"type":"text"}]})"),
                "invalid_request: messages[0].content[0].text: is missing");
  EXPECT_STARTS(message(R"({"role":"user","content":[{"type":"image_url","image_url":{}}]})"),
                "invalid_request: messages[0].content[0].image_url.url: is missing");
  EXPECT_STARTS(message(R"({"role":"user","content":[{"type":"smell"}]})"),
                "invalid_request: messages[0].content[0].type: smell");
  EXPECT_STARTS(message(R"({"role":"assistant","tool_calls":[{"id":"c"}]})"),
                "invalid_request: messages[0].tool_calls[0].function: must be an object, got null");
  EXPECT_STARTS(message(R"({"role":"tool","content":"x"})"),
                "invalid_request: messages[0].tool_call_id: is missing");
  EXPECT_STARTS(message(R"({"role":"function","name":"f","content":"x"})"), "unsupported_value: ");
  EXPECT_STARTS(refusal(with(R"("temperature":"warm")")),
                "invalid_request: temperature: must be a number, got string");
  EXPECT_STARTS(refusal(with(R"("temperature":3)")), "invalid_request: temperature: must be betw");
  EXPECT_STARTS(refusal(with(R"("stream":1)")), "invalid_request: stream: must be true or false");
  EXPECT_STARTS(refusal(with(R"("n":0)")), "invalid_request: n: ");
  EXPECT_STARTS(refusal(with(R"("max_tokens":1.5)")), "invalid_request: max_tokens: ");
  EXPECT_STARTS(refusal(with(R"("stop":["a",1])")), "invalid_request: stop[1]: must be a string");
  EXPECT_STARTS(refusal(with(R"("tool_choice":"some")")), "invalid_request: tool_choice: ");
  EXPECT_STARTS(refusal(with(R"("tools":[{"type":"custom"}])")),
                "unsupported_value: tools[0].type");
  EXPECT_STARTS(refusal(with(R"("metadata":[1])")), "invalid_request: metadata: must be an object");
  EXPECT_STARTS(refusal(with(R"("max_tokens":5,"max_completion_tokens":6)")),
                "invalid_request: max_tokens: differs");
}

TEST(OpenAiRequest, WhatIsNoJsonIsRefusedForItsCause) {
  EXPECT_STARTS(refusal(""), "invalid_json");
  EXPECT_STARTS(refusal(with(R"("a":1,"a":2)")), "duplicate_key");
  EXPECT_STARTS(refusal(with("", R"([{"role":"user","content":"\ud83d"}])")), "lone_surrogate");
  EXPECT_STARTS(refusal(with("", "[{\"role\":\"user\",\"content\":\"\xff\"}]")), "invalid_utf8");
  EXPECT_STARTS(refusal(with("\"a\":" + std::string(100, '[') + std::string(100, ']'))),
                "json_too_deep");
}

TEST(OpenAiRequest, TheErrorBodyNamesTheParameter) {
  const auto request = read_request(with(R"("temperature":"warm")"));
  ASSERT_FALSE(request);
  EXPECT_EQ(json(write_openai_error(request.error(), 400)),
            json(R"({"error":{"message":"temperature: must be a number, got string",
                 "type":"invalid_request_error","param":"temperature","code":"invalid_request"}})"));
}

TEST(OpenAiRequest, FieldsOfAnotherDialectStayThere) {
  ChatRequest request;
  request.model = "m";
  request.dialect = Dialect::anthropic;
  request.messages.push_back({"user", {{Part::Kind::text, "Hi"}}});
  request.messages[0].extra["thinking_blocks"] = Json::array();
  request.extra = {{"thinking", {{"type", "enabled"}}}, {"metadata", {{"user_id", "u"}}}};
  EXPECT_EQ(json(write_request(request)),
            json(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})"));
  request.dialect = Dialect::openai_responses;
  EXPECT_EQ(json(write_request(request))["metadata"], (Json{{"user_id", "u"}}));
}

TEST(OpenAiReply, EveryRequiredFieldIsThere) {
  ChatReply reply;
  reply.message.content.push_back({Part::Kind::text, "Hi"});
  reply.usage = Usage{10, 5, 4, 2};
  EXPECT_EQ(json(write_reply(reply, kEnvelope)),
            json(R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,
      "model":"trinity","choices":[{"index":0,"message":{"role":"assistant","content":"Hi",
      "refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],
      "usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,
      "prompt_tokens_details":{"cached_tokens":4},
      "completion_tokens_details":{"reasoning_tokens":2}}})"));
  EXPECT_EQ(write_reply(reply, kEnvelope).find("system_fingerprint"), std::string::npos);
}

TEST(OpenAiReply, CallsForceTheFinishReason) {
  ChatReply reply;
  reply.message.calls.push_back({"", "f", "{}"});
  const Json choice = json(write_reply(reply, kEnvelope))["choices"][0];
  EXPECT_EQ(choice["finish_reason"], Json("tool_calls"));
  EXPECT_TRUE(choice["message"]["content"].is_null());
  EXPECT_EQ(choice["message"]["tool_calls"][0]["id"], Json("call_0"));
  reply.finish = FinishReason::length;
  EXPECT_EQ(json(write_reply(reply, kEnvelope))["choices"][0]["finish_reason"], Json("length"));
}

TEST(OpenAiReply, AccentsOfServersAreRead) {
  const auto reply = [](const std::string& message, const std::string& more = "") {
    auto read =
        read_reply(R"({"id":"x","choices":[{"index":0,"message":)" + message + more + "}]}");
    EXPECT_TRUE(read) << read.error().message;
    return read.value_or(ChatReply());
  };
  // Ollama: arguments as an object, no id. Mistral: thoughts as a part. vLLM: `reasoning`.
  EXPECT_EQ(
      reply(R"({"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]})").message.calls,
      (std::vector<Call>{{"", "f", "{\"a\":1}"}}));
  const ChatReply mistral = reply(R"({"content":[{"type":"thinking","thinking":[{"type":"text",
      "text":"hm"}]},{"type":"text","text":"Hi"}]})");
  EXPECT_EQ(mistral.message.reasoning, "hm");
  EXPECT_EQ(mistral.message.text(), "Hi");
  EXPECT_EQ(reply(R"({"content":"a","reasoning":"b","reasoning_content":"b"})").message.reasoning,
            "b");
  EXPECT_EQ(reply(R"({"content":"a"})", R"(,"finish_reason":"eos")").finish, FinishReason::stop);
  EXPECT_EQ(reply(R"({"content":"a"})", R"(,"finish_reason":"tool_calls")").finish,
            FinishReason::stop);
  EXPECT_EQ(reply(R"({"content":"a"})", R"(,"finish_reason":"model_length")").finish,
            FinishReason::length);
  const ChatReply other = reply(R"({"content":"a","reasoning_details":[{"x":1}],"audio":null,
      "annotations":[]})");
  EXPECT_EQ(other.message.extra, json(R"({"reasoning_details":[{"x":1}]})"));
}

TEST(OpenAiReply, WhatIsNoReplyIsAnError) {
  const auto tag = [](const char* body) {
    const auto reply = read_reply(body);
    return reply ? std::string("read") : reply.error().tag;
  };
  for (const char* body : {"", "null", "[]", "{}", "<html>", R"({"choices":[]})",
                           R"({"choices":[{"message":null}]})", R"({"choices":{"message":{}}})"})
    EXPECT_EQ(tag(body), "invalid_response") << body;
  EXPECT_EQ(tag(R"({"error":{"message":"no","type":"server_error"}})"), "upstream_error");
  EXPECT_EQ(tag(R"({"error":"no"})"), "upstream_error");
  EXPECT_EQ(tag(R"({"choices":[{"message":{"content":"a"},"finish_reason":"error"}]})"),
            "upstream_error");
}

TEST(OpenAiStream, ChunksHaveOneChoiceAndTheUsageChunkNone) {
  Envelope envelope = kEnvelope;
  EXPECT_EQ(json(write_first_chunk(envelope)),
            json(R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,
      "model":"trinity","choices":[{"index":0,"delta":{"role":"assistant","content":"",
      "refusal":null},"logprobs":null,"finish_reason":null}]})"));
  envelope.include_usage = true;
  const Json life = json(write_chunk({}, envelope, {{"trinity", {{"turn", 1}}}}));
  EXPECT_EQ(life["choices"],
            json(R"([{"index":0,"delta":{},"logprobs":null,"finish_reason":null}])"));
  EXPECT_TRUE(life.contains("usage") && life["usage"].is_null());
  EXPECT_EQ(life["trinity"]["turn"], Json(1));
  const Json usage = json(write_usage_chunk({3, 4}, envelope));
  EXPECT_TRUE(usage["choices"].is_array() && usage["choices"].empty());
  EXPECT_EQ(usage["usage"]["total_tokens"], Json(7));
  EXPECT_FALSE(json(write_chunk({}, kEnvelope)).contains("usage"));
}

TEST(OpenAiStream, CallsAreNamedOnceAndAlwaysHaveAnIndex) {
  Delta delta;
  delta.calls.push_back({1, "c", "f", ""});
  EXPECT_EQ(
      json(write_chunk(delta, kEnvelope))["choices"][0]["delta"]["tool_calls"],
      json(R"([{"index":1,"id":"c","type":"function","function":{"name":"f","arguments":""}}])"));
  delta.calls = {{1, "", "", "{}"}};
  EXPECT_EQ(json(write_chunk(delta, kEnvelope))["choices"][0]["delta"]["tool_calls"],
            json(R"([{"index":1,"function":{"arguments":"{}"}}])"));
}

TEST(OpenAiStream, SignsOfLifeEndsAndErrorsAreTold) {
  EXPECT_EQ(*read_chunk(" [DONE]\r"), std::nullopt);
  for (const char* data :
       {"", " ", R"({"choices":[]})", R"({"choices":[{"delta":{}}]})",
        R"({"id":"x","choices":[{"delta":{"role":"assistant","content":""}}]})"}) {
    const auto delta = read_chunk(data);
    ASSERT_TRUE(delta && *delta) << data;
    EXPECT_TRUE((*delta)->empty()) << data;
  }
  EXPECT_EQ(read_chunk("{").error().tag, "invalid_response");
  const auto error = read_chunk(R"({"error":{"message":"Overloaded","type":"overloaded_error"}})");
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().tag + ": " + error.error().message,
            "upstream_error: overloaded_error: Overloaded");
}

}  // namespace
}  // namespace trinity::chat::openai
