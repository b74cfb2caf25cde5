// What failures of upstreams mean: bodies as servers send them, one a line.
#include "provider/failure.h"

#include <gtest/gtest.h>

namespace trinity::provider {
namespace {

struct Case {
  int status;
  const char* body;
  FailureClass expected;
};

const Upstream kUpstream{"coder", "qwen", "http://127.0.0.1:8080", {Secret("my-secret-key-123")}};

TEST(Failure, BodiesOfManyServers) {
  const std::vector<Case> cases = {
      // llama.cpp
      {400,
       R"({"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":2048}})",
       FailureClass::context_length},
      {500,
       R"({"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}})",
       FailureClass::unsupported},
      {500,
       R"({"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}})",
       FailureClass::unsupported},
      {503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})",
       FailureClass::overloaded},
      {401, R"({"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}})",
       FailureClass::credential},
      // OpenAI
      {429,
       R"({"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})",
       FailureClass::quota},
      {429,
       R"({"error":{"message":"Rate limit reached for gpt-4o-mini","type":"requests","param":null,"code":"rate_limit_exceeded"}})",
       FailureClass::rate_limit},
      {401,
       R"({"error":{"message":"Incorrect API key provided: sk-ab********wxyz.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}})",
       FailureClass::credential},
      {404,
       R"({"error":{"message":"The model `gpt-9` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}})",
       FailureClass::rejected},
      {400,
       R"({"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})",
       FailureClass::context_length},
      {400,
       R"({"error":{"message":"Unsupported parameter: 'max_tokens'","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}})",
       FailureClass::unsupported},
      {500,
       R"({"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}})",
       FailureClass::http},
      // Azure
      {400,
       R"({"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}})",
       FailureClass::content_filter},
      // Anthropic
      {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
       FailureClass::overloaded},
      {200, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
       FailureClass::overloaded},
      {429,
       R"({"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your rate limit"}})",
       FailureClass::rate_limit},
      {400,
       R"({"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}})",
       FailureClass::quota},
      {400,
       R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}})",
       FailureClass::context_length},
      {401,
       R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}})",
       FailureClass::credential},
      // Gemini
      {429,
       R"({"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED"}})",
       FailureClass::rate_limit},
      {400,
       R"({"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}})",
       FailureClass::credential},
      {503,
       R"({"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}})",
       FailureClass::overloaded},
      {504, R"({"error":{"code":504,"message":"Deadline expired","status":"DEADLINE_EXCEEDED"}})",
       FailureClass::timeout},
      // vLLM, Ollama, FastAPI, proxies
      {400,
       R"({"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400})",
       FailureClass::context_length},
      {404, R"({"error":"model 'llama9' not found"})", FailureClass::rejected},
      {400,
       R"({"error":{"message":"registry.ollama.ai/library/x does not support tools","type":"api_error","param":null,"code":null}})",
       FailureClass::unsupported},
      {422, R"({"detail":[{"loc":["body","messages"],"msg":"field required"}]})",
       FailureClass::rejected},
      {502, "<html><body>502 Bad Gateway</body></html>", FailureClass::http},
      {503, "", FailureClass::overloaded},
      {504, "upstream request timeout", FailureClass::timeout},
      {402, R"({"error":{"message":"Insufficient credits","code":402}})", FailureClass::quota},
      {413, "too large", FailureClass::rejected},
      {302, "", FailureClass::rejected},
      {200, R"({"error":{"message":"Provider returned error","code":429}})",
       FailureClass::rate_limit},
      {200, R"({"error":{"message":"something","code":null}})", FailureClass::http},
  };
  for (const Case& one : cases) {
    const Failure failure = http_failure(kUpstream, one.status, {}, one.body);
    EXPECT_STREQ(failure_class_name(failure.failure), failure_class_name(one.expected))
        << one.status << " " << one.body << "\n"
        << failure.error.message;
    EXPECT_EQ(failure.status, one.status);
    EXPECT_TRUE(failure.sent);
    EXPECT_NE(failure.error.message.find("member coder"), std::string::npos);
    EXPECT_EQ(failure.error.tag, one.status == 200 ? "upstream_error" : "http_error");
  }
}

TEST(Failure, MessagesSayWhatToDo) {
  const auto message = [](int status, const char* body) {
    return http_failure(kUpstream, status, {}, body).error.message;
  };
  EXPECT_NE(message(404, "").find("check url and model (qwen)"), std::string::npos);
  EXPECT_NE(message(401, "").find("check `key`"), std::string::npos);
  EXPECT_NE(message(301, "").find("write that address as url"), std::string::npos);
  EXPECT_NE(
      message(
          400,
          R"({"error":{"type":"exceed_context_size_error","message":"m","n_prompt_tokens":9000,"n_ctx":2048}})")
          .find("it holds 2048 tokens and was given 9000"),
      std::string::npos);
}

TEST(Failure, KeysDoNotComeBack) {
  const Failure failure = http_failure(
      kUpstream, 401, {},
      R"({"error":{"message":"bad key my-secret-key-123, or sk-ab********wxyz","type":"x"}})");
  EXPECT_EQ(failure.error.message.find("my-secret"), std::string::npos);
  EXPECT_EQ(failure.error.message.find("wxyz"), std::string::npos);
  EXPECT_LT(http_failure(kUpstream, 500, {}, std::string(1 << 20, 'x')).error.message.size(), 800u);
  const Failure transport = transport_failure(
      kUpstream, {ErrorKind::failed, "connect_failed", "to my-secret-key-123"}, false);
  EXPECT_EQ(transport.error.message.find("my-secret"), std::string::npos);
  EXPECT_EQ(transport.error.tag, "connect_failed");
  EXPECT_FALSE(transport.sent);
}

TEST(Failure, WhenToComeBack) {
  net::Fields fields;
  EXPECT_FALSE(retry_after_of(fields));
  fields.set("Retry-After", "2");
  EXPECT_EQ(retry_after_of(fields), std::chrono::milliseconds(2'000));
  fields.set("retry-after-ms", "1500.5");
  EXPECT_EQ(retry_after_of(fields), std::chrono::milliseconds(1'501));
  for (const char* bad : {"-1", "soon", "1e99", "nan", ""}) {
    net::Fields other;
    other.set("retry-after", bad);
    EXPECT_FALSE(retry_after_of(other)) << bad;
  }
}

TEST(Failure, ClassesOfTheTransport) {
  const auto of = [](const char* tag) {
    return transport_failure(kUpstream, {ErrorKind::failed, tag, "m"}, true).failure;
  };
  EXPECT_EQ(of("timeout"), FailureClass::timeout);
  EXPECT_EQ(of("connect_failed"), FailureClass::http);
  EXPECT_EQ(of("connection_lost"), FailureClass::http);
  EXPECT_EQ(of("invalid_response"), FailureClass::invalid_response);
  EXPECT_EQ(of("response_too_large"), FailureClass::invalid_response);
}

}  // namespace
}  // namespace trinity::provider
