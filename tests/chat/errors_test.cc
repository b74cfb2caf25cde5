// Errors: ours in each dialect's words, and what servers say in theirs.
#include "chat/errors.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "chat/support.h"

namespace trinity::chat {
namespace {

using testing::json;

TEST(Errors, TheParameterIsThePathInFrontOfTheMessage) {
  EXPECT_EQ(error_param({ErrorKind::invalid_input, "t", "messages[2].content: wrong"}),
            "messages[2].content");
  EXPECT_EQ(error_param({ErrorKind::invalid_input, "t", "the body: wrong"}), "");
  EXPECT_EQ(error_param({ErrorKind::invalid_input, "t", "no colon"}), "");
}

TEST(Errors, AnthropicsHaveTypeAndRequestId) {
  const Error error = {ErrorKind::invalid_input, "t", "max_tokens: is missing"};
  EXPECT_EQ(json(write_anthropic_error(error, 400, "req_1")),
            json(R"({"type":"error","error":{"type":"invalid_request_error",
                 "message":"max_tokens: is missing"},"request_id":"req_1"})"));
  EXPECT_TRUE(json(write_anthropic_error(error, 500, ""))["request_id"].is_null());
}

struct Case {
  const char* server;
  const char* body;
  const char* type;
  const char* code;
  const char* message;
};

TEST(Errors, BodiesOfEveryServerAreUnderstood) {
  const Case cases[] = {
      {"OpenAI",
       R"({"error":{"message":"Too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})",
       "invalid_request_error", "context_length_exceeded", "Too long"},
      {"llama.cpp",
       R"({"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":3000,"n_ctx":2048}})",
       "exceed_context_size_error", "400", "the request exceeds the available context size"},
      {"vLLM, older",
       R"({"object":"error","message":"No","type":"BadRequestError","param":null,"code":400})",
       "BadRequestError", "400", "No"},
      {"vLLM", R"({"error":{"message":"No","type":"NotFoundError","param":null,"code":404}})",
       "NotFoundError", "404", "No"},
      {"Anthropic",
       R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"})",
       "overloaded_error", "", "Overloaded"},
      {"Gemini",
       R"({"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}})",
       "INVALID_ARGUMENT", "400", "API key not valid."},
      {"Gemini, streamed", R"([{"error":{"code":503,"message":"Busy","status":"UNAVAILABLE"}}])",
       "UNAVAILABLE", "503", "Busy"},
      {"LiteLLM", R"({"error":{"message":"No","type":"None","param":"None","code":"400"}})", "",
       "400", "No"},
      {"Ollama", R"({"error":"model \"x\" not found"})", "", "", "model \"x\" not found"},
      {"OpenRouter",
       R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"slow down","provider_name":"P"}},"user_id":"u"})",
       "", "429", "Provider returned error: slow down"},
      {"FastAPI", R"({"detail":"Not Found"})", "", "", "Not Found"},
      {"FastAPI, faults",
       R"({"detail":[{"type":"missing","loc":["body","messages",0],"msg":"Field required"}]})", "",
       "", "body.messages.0: Field required"},
      {"Mistral",
       R"({"object":"error","message":{"detail":[{"loc":["body","n"],"msg":"bad"}]},"type":"invalid_request_error","code":null})",
       "invalid_request_error", "", "body.n: bad"},
      {"Cloudflare", R"({"success":false,"errors":[{"code":7003,"message":"No route"}]})", "",
       "7003", "No route"},
      {"a text", "upstream connect error\n", "", "", "upstream connect error"},
      {"a JSON text", "\"no\"", "", "", "no"},
      {"a page", "<html><head><title>502 Bad Gateway</title></head></html>", "", "",
       "an HTML page with the title \"502 Bad Gateway\""},
      {"nothing", "", "", "", "the server answered with status 500 and gave no reason"},
      {"an empty object", "{}", "", "", "the server answered with status 500 and gave no reason"},
      {"an unknown object", R"({"oops":1})", "", "", R"({"oops":1})"},
  };
  for (const Case& one : cases) {
    const UpstreamFailure failure = upstream_failure(500, one.body);
    EXPECT_EQ(failure.type, one.type) << one.server;
    EXPECT_EQ(failure.code, one.code) << one.server;
    EXPECT_EQ(failure.message, one.message) << one.server;
  }
}

TEST(Errors, NumbersBesideTheMessageAreRead) {
  const UpstreamFailure llama = upstream_failure(
      400, R"({"error":{"code":400,"message":"m","n_prompt_tokens":3000,"n_ctx":2048}})");
  EXPECT_EQ(llama.prompt_tokens, 3000);
  EXPECT_EQ(llama.context_tokens, 2048);
  const UpstreamFailure gemini = upstream_failure(
      429,
      R"({"error":{"code":429,"message":"m","details":[{"@type":"x"},{"retryDelay":"34.5s"}]}})");
  EXPECT_EQ(gemini.retry_after, std::chrono::milliseconds(34500));
}

TEST(Errors, ForeignTextIsCutAndMadePrintable) {
  const UpstreamFailure failure = upstream_failure(500, "\x1b[31m\xff" + std::string(5000, 'x'));
  EXPECT_LE(failure.message.size(), 1000u);
  EXPECT_TRUE(is_valid_utf8(failure.message));
  EXPECT_EQ(failure.message.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace trinity::chat
