// Gemini's generateContent: requests out, replies in, signatures kept.
#include "chat/gemini.h"

#include <gtest/gtest.h>

#include "chat/assembly.h"
#include "chat/support.h"

namespace trinity::chat::gemini {
namespace {

using testing::json;

TEST(GeminiRequest, MessagesToolsAndSettingsAreInItsWords) {
  ChatRequest request;
  request.messages = {
      {"system", {{Part::Kind::text, "S"}}},
      {"user",
       {{Part::Kind::text, "a"},
        {Part::Kind::image, "",
         json(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}})")},
        {Part::Kind::audio, "",
         json(R"({"type":"input_audio","input_audio":{"data":"BB","format":"wav"}})")}}},
      {"assistant", {{Part::Kind::text, "b"}}, {}, {{"c1", "f", "{\"x\":1}"}}},
      {"tool", {{Part::Kind::text, "{\"y\":2}"}}, {}, {}, "c1"},
      {"user", {{Part::Kind::text, "go on"}}}};
  request.messages[2].calls[0].extra["extra_content"]["google"]["thought_signature"] = "sig";
  request.tools.push_back({"f", "d", json(R"({"type":"object"})")});
  request.tool_choice = {ToolChoice::Kind::named, "f"};
  request.sampling.max_tokens = 5;
  request.sampling.temperature = 0.5;
  request.sampling.stop = {"x"};
  request.sampling.reasoning_effort = "low";
  request.format = {OutputFormat::Kind::json_schema, "n", "", json(R"({"type":"object"})")};
  const auto written = write_request(request);
  ASSERT_TRUE(written);
  EXPECT_EQ(json(*written), json(R"({"systemInstruction":{"parts":[{"text":"S"}]},"contents":[
    {"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AA"}},
      {"inlineData":{"mimeType":"audio/wav","data":"BB"}}]},
    {"role":"model","parts":[{"text":"b"},{"functionCall":{"name":"f","args":{"x":1},"id":"c1"},
      "thoughtSignature":"sig"}]},
    {"role":"user","parts":[{"functionResponse":{"name":"f","id":"c1","response":{"y":2}}},
      {"text":"go on"}]}],
    "tools":[{"functionDeclarations":[{"name":"f","description":"d",
      "parametersJsonSchema":{"type":"object"}}]}],
    "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}},
    "generationConfig":{"temperature":0.5,"maxOutputTokens":5,"stopSequences":["x"],
      "responseMimeType":"application/json","responseJsonSchema":{"type":"object"},
      "thinkingConfig":{"thinkingLevel":"low"}}})"))
      << *written;
}

TEST(GeminiRequest, AFileByNameIsRefused) {
  ChatRequest request;
  request.messages = {{"user", {{Part::Kind::file, "", json(R"({"file":{"file_id":"f"}})")}}}};
  EXPECT_EQ(write_request(request).error().tag, "unsupported_modality");
}

const char* const kReply = R"({"responseId":"r","modelVersion":"gemini","candidates":[{"content":
  {"role":"model","parts":[{"text":"hm","thought":true},{"text":"Hi"},{"functionCall":{"name":"f",
  "args":{"x":1}},"thoughtSignature":"sig"}]},"finishReason":"STOP"}],"usageMetadata":{
  "promptTokenCount":10,"candidatesTokenCount":3,"thoughtsTokenCount":4,
  "cachedContentTokenCount":2,"totalTokenCount":17}})";

TEST(GeminiReply, ThoughtsCallsAndUsageAreRead) {
  const auto reply = read_reply(kReply);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->message.reasoning, "hm");
  EXPECT_EQ(reply->message.text(), "Hi");
  ASSERT_EQ(reply->message.calls.size(), 1u);
  EXPECT_EQ(reply->message.calls[0].arguments, "{\"x\":1}");
  EXPECT_EQ(reply->message.calls[0].extra["extra_content"]["google"]["thought_signature"],
            Json("sig"));
  EXPECT_EQ(reply->finish, FinishReason::tool_calls);
  EXPECT_EQ(reply->usage, (Usage{10, 7, 2, 4}));
}

TEST(GeminiReply, ChunksAreTheWholeReply) {
  ChunkReader reader;
  Assembly assembly;
  for (
      const char* chunk :
      {R"({"responseId":"r","modelVersion":"gemini","candidates":[{"content":{"parts":[{"text":"h","thought":true}]}}]})",
       R"({"candidates":[{"content":{"parts":[{"text":"m","thought":true},{"text":"H"}]}}]})", "",
       R"({"candidates":[{"content":{"parts":[{"text":"i"},{"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"sig"}]}}]})",
       R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,
            "candidatesTokenCount":3,"thoughtsTokenCount":4,"cachedContentTokenCount":2}})"}) {
    auto delta = reader.read(chunk);
    ASSERT_TRUE(delta) << chunk;
    assembly.add(std::move(*delta));
  }
  EXPECT_EQ(*assembly.finish(), *read_reply(kReply));
}

TEST(GeminiReply, EndsAndErrorsAreTold) {
  EXPECT_EQ(read_reply(R"({"promptFeedback":{"blockReason":"SAFETY"}})")->finish,
            FinishReason::content_filter);
  EXPECT_EQ(read_reply(R"({"candidates":[{"finishReason":"MAX_TOKENS"}]})")->finish,
            FinishReason::length);
  EXPECT_EQ(
      read_reply(R"({"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]})").error().tag,
      "invalid_response");
  EXPECT_EQ(read_reply(R"({"candidates":[{"content":{}}]})").error().tag, "invalid_response");
  const auto error =
      read_reply(R"({"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}})");
  EXPECT_EQ(error.error().tag + ": " + error.error().message,
            "upstream_error: RESOURCE_EXHAUSTED: m");
}

}  // namespace
}  // namespace trinity::chat::gemini
