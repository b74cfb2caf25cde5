// Members over HTTP against a server on a real socket: the three dialects, streams, failures,
// cancellation.
#include "provider/http_member.h"

#include <gtest/gtest.h>

#include <future>

#include "base/json.h"
#include "fake_upstream.h"
#include "provider/openai_adapter.h"
#include "provider/pool.h"
#include "provider/upstream_dialect.h"

namespace trinity::provider {
namespace {

using std::chrono::milliseconds;
using testing::FakeUpstream;

std::shared_ptr<net::HttpClient> client() {
  static const auto one = std::make_shared<net::HttpClient>();
  return one;
}
std::shared_ptr<Timers> timers() {
  static const auto one = thread_timers();
  return one;
}

MemberConfig config_of(const FakeUpstream& upstream, MemberKind kind = MemberKind::openai) {
  MemberConfig config;
  config.name = "m";
  config.model = "the-model";
  config.kind = kind;
  config.url = *net::parse_url(upstream.url());
  config.key = Secret("top-secret-key");
  return config;
}

MemberRequest hello(bool stream = false) {
  MemberRequest request;
  request.request.messages = {{"system", {{chat::Part::Kind::text, "be brief"}}},
                              {"user", {{chat::Part::Kind::text, "hello"}}}};
  request.request.stream = stream;
  request.request_id = "req_7";
  request.deadline = milliseconds(20'000);
  return request;
}

tl::expected<chat::ChatReply, Failure> ask(const MemberConfig& config, MemberRequest request,
                                           std::string* streamed = nullptr) {
  HttpMember member(config, client(), timers());
  return call_and_wait(member, std::move(request), [streamed](const chat::Delta& delta) {
    if (streamed) *streamed += delta.text;
  });
}

constexpr const char* kReply =
    R"({"id":"x1","object":"chat.completion","created":1,"model":"the-model-v2","choices":[{"index":0,
       "message":{"role":"assistant","content":"hi there"},"finish_reason":"stop"}],
       "usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})";

std::string chunk(const std::string& delta, const std::string& finish = "null") {
  return R"(data: {"id":"x1","object":"chat.completion.chunk","created":1,"model":"v2","choices":[{"index":0,"delta":)" +
         delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
}

const std::vector<std::string> kStream = {
    chunk(R"({"role":"assistant","content":""})"),
    chunk(R"({"content":"hi "})"),
    chunk(R"({"content":"there"})"),
    chunk("{}", "\"stop\""),
    "data: "
    "{\"id\":\"x1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"v2\","
    "\"choices\":[],"
    "\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"total_tokens\":11}}\n\n",
    "data: [DONE]\n\n"};

TEST(HttpMember, OpenAiWhole) {
  FakeUpstream upstream(FakeUpstream::says(200, kReply));
  MemberConfig config = config_of(upstream);
  config.headers = {{"x-team", "blue"}, {"x-own", "env:X"}};
  config.secret_headers = {{"x-own", Secret("revealed")}};
  config.body["chat_template_kwargs"] = {{"enable_thinking", false}};
  config.max_output = 100;
  config.max_tokens_field = "max_completion_tokens";
  MemberRequest request = hello();
  request.request.sampling.max_tokens = 500;
  request.depth = 1;
  const auto reply = ask(config, request);
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->message.text(), "hi there");
  EXPECT_EQ(reply->model, "the-model-v2");
  EXPECT_EQ(reply->usage, (chat::Usage{9, 2, 0, 0, false}));
  ASSERT_EQ(upstream.requests().size(), 1u);
  const net::HttpRequest sent = upstream.requests()[0];
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.target, "/v1/chat/completions");
  EXPECT_EQ(sent.fields.get("authorization"), "Bearer top-secret-key");
  EXPECT_EQ(sent.fields.get("content-type"), "application/json");
  EXPECT_EQ(sent.fields.get("x-team"), "blue");
  EXPECT_EQ(sent.fields.get("x-own"), "revealed");
  EXPECT_EQ(sent.fields.get("x-request-id"), "req_7");
  EXPECT_EQ(sent.fields.get("x-trinity-depth"), "2");
  const Json body = *parse_json(sent.body);
  EXPECT_EQ(body["model"].as_string(), "the-model");
  EXPECT_EQ(body["messages"].size(), 2u);
  EXPECT_EQ(body["max_completion_tokens"].as_int64(), 100);
  EXPECT_EQ(body["chat_template_kwargs"]["enable_thinking"], Json(false));
}

TEST(HttpMember, OpenAiStreamed) {
  FakeUpstream upstream(FakeUpstream::streams(kStream));
  std::string streamed;
  const auto reply = ask(config_of(upstream), hello(true), &streamed);
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(streamed, "hi there");
  EXPECT_EQ(reply->message.text(), "hi there");
  EXPECT_EQ(reply->usage, (chat::Usage{9, 2, 0, 0, false}));
  const Json body = *parse_json(upstream.requests()[0].body);
  EXPECT_EQ(body["stream"], Json(true));
  EXPECT_EQ(body["stream_options"]["include_usage"], Json(true));  // asked for always
}

TEST(HttpMember, EventsMayBeCutAnywhere) {
  std::string all;
  for (const std::string& piece : kStream) all += piece;
  std::vector<std::string> bytes;
  for (std::size_t at = 0; at < all.size(); at += 7) bytes.push_back(all.substr(at, 7));
  FakeUpstream upstream(FakeUpstream::streams(bytes));
  std::string streamed;
  const auto reply = ask(config_of(upstream), hello(true), &streamed);
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(streamed, "hi there");
}

TEST(HttpMember, AStreamThatEndsWithoutAnEndIsAFailure) {
  for (const bool ends : {true, false}) {
    FakeUpstream upstream(FakeUpstream::streams({kStream[0], kStream[1]}, ends));
    std::string streamed;
    const auto reply = ask(config_of(upstream), hello(true), &streamed);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().failure, ends ? FailureClass::invalid_response : FailureClass::http)
        << reply.error().error.message;
    if (ends) {
      EXPECT_EQ(reply.error().error.tag, "invalid_provider_response");
    }
    EXPECT_TRUE(reply.error().sent);
  }
}

TEST(HttpMember, AStreamThatIsCutBehindItsEndIsWhole) {
  FakeUpstream upstream(FakeUpstream::streams({kStream[0], kStream[1], kStream[3]}, false));
  const auto reply = ask(config_of(upstream), hello(true));
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->message.text(), "hi ");
}

TEST(HttpMember, ErrorsInStreams) {
  FakeUpstream upstream(
      FakeUpstream::streams({kStream[0], kStream[1],
                             "data: {\"error\":{\"message\":\"This model's maximum context length "
                             "is 5\",\"type\":\"x\"}}\n\n"}));
  const auto reply = ask(config_of(upstream), hello(true));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, FailureClass::context_length) << reply.error().error.message;
  FakeUpstream garbage(FakeUpstream::streams({"data: {\"choices\": nonsense\n\n"}));
  const auto other = ask(config_of(garbage), hello(true));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().failure, FailureClass::invalid_response);
}

TEST(HttpMember, AnUpstreamThatDoesNotStreamIsPassedOnInPieces) {
  FakeUpstream upstream(FakeUpstream::says(200, kReply));
  std::string streamed;
  const auto reply = ask(config_of(upstream), hello(true), &streamed);
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(streamed, "hi there");
}

TEST(HttpMember, Anthropic) {
  FakeUpstream whole(FakeUpstream::says(200, R"({"id":"msg_1","type":"message","role":"assistant",
      "model":"c","content":[{"type":"text","text":"hi there"}],"stop_reason":"end_turn",
      "stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":2}})"));
  const auto reply = ask(config_of(whole, MemberKind::anthropic), hello());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->message.text(), "hi there");
  EXPECT_EQ(reply->usage->output, 2);
  const net::HttpRequest sent = whole.requests()[0];
  EXPECT_EQ(sent.target, "/v1/messages");
  EXPECT_EQ(sent.fields.get("x-api-key"), "top-secret-key");
  EXPECT_EQ(sent.fields.get("anthropic-version"), "2023-06-01");
  EXPECT_FALSE(sent.fields.contains("authorization"));
  EXPECT_EQ((*parse_json(sent.body))["max_tokens"].as_int64(), 8192);

  FakeUpstream events(FakeUpstream::streams(
      {"event: message_start\ndata: "
       "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
       "\"assistant\",\"model\":\"c\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_"
       "tokens\":9,\"output_tokens\":1}}}\n\n",
       "event: ping\ndata: {\"type\":\"ping\"}\n\n",
       "event: content_block_start\ndata: "
       "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
       "\"text\":\"\"}}\n\n",
       "event: content_block_delta\ndata: "
       "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
       "\"hi there\"}}\n\n",
       "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
       "event: message_delta\ndata: "
       "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}"
       ",\"usage\":{\"output_tokens\":2}}\n\n",
       "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"}));
  std::string streamed;
  const auto second = ask(config_of(events, MemberKind::anthropic), hello(true), &streamed);
  ASSERT_TRUE(second) << second.error().error.message;
  EXPECT_EQ(streamed, "hi there");
  EXPECT_EQ(second->usage, (chat::Usage{9, 2, 0, 0, false}));

  FakeUpstream busy(
      FakeUpstream::streams({"event: error\ndata: "
                             "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                             "\"message\":\"Overloaded\"}}\n\n"}));
  const auto third = ask(config_of(busy, MemberKind::anthropic), hello(true));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().failure, FailureClass::overloaded) << third.error().error.message;
}

TEST(HttpMember, Gemini) {
  const std::string answer =
      R"({"candidates":[{"content":{"parts":[{"text":"hi there"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":2,"totalTokenCount":11},"modelVersion":"g"})";
  FakeUpstream whole(FakeUpstream::says(200, answer));
  MemberConfig config = config_of(whole, MemberKind::gemini);
  config.model = "models/gemini x";
  const auto reply = ask(config, hello());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->message.text(), "hi there");
  EXPECT_EQ(reply->usage->input, 9);
  EXPECT_EQ(whole.requests()[0].target, "/v1/models/gemini%20x:generateContent");
  EXPECT_EQ(whole.requests()[0].fields.get("x-goog-api-key"), "top-secret-key");

  FakeUpstream events(FakeUpstream::streams({"data: " + answer + "\r\n\r\n"}));
  std::string streamed;
  const auto second = ask(config_of(events, MemberKind::gemini), hello(true), &streamed);
  ASSERT_TRUE(second) << second.error().error.message;
  EXPECT_EQ(streamed, "hi there");
  EXPECT_EQ(events.requests()[0].target, "/v1/models/the-model:streamGenerateContent?alt=sse");
}

TEST(HttpMember, FailuresAreClassifiedAndShowNoKey) {
  net::Fields fields;
  fields.set("retry-after-ms", "250");
  FakeUpstream upstream(FakeUpstream::says(
      429, R"({"error":{"message":"slow down, top-secret-key","type":"rate_limit_error"}})",
      fields));
  const auto reply = ask(config_of(upstream), hello());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, FailureClass::rate_limit);
  EXPECT_EQ(reply.error().retry_after, milliseconds(250));
  EXPECT_EQ(reply.error().status, 429);
  EXPECT_EQ(reply.error().error.message.find("top-secret"), std::string::npos);
  FakeUpstream html(FakeUpstream::says(200, "<html>welcome</html>"));
  const auto page = ask(config_of(html), hello());
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().failure, FailureClass::invalid_response);
  FakeUpstream hidden(FakeUpstream::says(200, R"({"error":{"message":"no","code":503}})"));
  const auto error = ask(config_of(hidden), hello());
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().failure, FailureClass::overloaded);
}

TEST(HttpMember, PP_10_AClosedPortFails) {
  FakeUpstream upstream(FakeUpstream::says(200, kReply));
  MemberConfig config = config_of(upstream);
  config.timeout = milliseconds(10);
  upstream.stop();
  MemberRequest request = hello();
  request.deadline = milliseconds(0);
  const auto reply = ask(config, request);
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().failure == FailureClass::http ||
              reply.error().failure == FailureClass::timeout)
      << reply.error().error.message;
}

TEST(HttpMember, APartThatCannotBeCarriedIsUnsupported) {
  FakeUpstream upstream(FakeUpstream::says(200, kReply));
  MemberRequest request = hello();
  chat::Part audio;
  audio.kind = chat::Part::Kind::audio;
  audio.media =
      *parse_json(R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}})");
  request.request.messages[1].content.push_back(audio);
  const auto reply = ask(config_of(upstream, MemberKind::anthropic), request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, FailureClass::unsupported);
  EXPECT_FALSE(reply.error().sent);
  EXPECT_TRUE(upstream.requests().empty());
}

TEST(HttpMember, CancellingClosesTheConnection) {
  std::promise<void> gone;
  std::promise<void> arrived;
  FakeUpstream upstream([&](const std::shared_ptr<net::Exchange>& exchange) {
    net::HttpResponse head;
    head.fields.set("content-type", "text/event-stream");
    exchange->begin(std::move(head));
    exchange->write(kStream[0] + kStream[1]);
    exchange->when_gone([&gone, exchange] { gone.set_value(); });
  });
  HttpMember member(config_of(upstream), client(), timers());
  std::atomic<int> ends{0};
  std::atomic<bool> seen{false};
  MemberReceiver receiver;
  receiver.delta = [&](const chat::Delta& delta) {
    if (!delta.text.empty() && !seen.exchange(true)) arrived.set_value();
  };
  receiver.done = [&](chat::ChatReply) { ++ends; };
  receiver.failed = [&](Failure) { ++ends; };
  auto call = member.call(hello(true), std::move(receiver));
  ASSERT_EQ(arrived.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  call->cancel();
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(ends, 0);
}

TEST(HttpMember, ASilentUpstreamRunsOutOfTime) {
  std::shared_ptr<net::Exchange> kept;
  FakeUpstream upstream([&](const std::shared_ptr<net::Exchange>& exchange) { kept = exchange; });
  MemberRequest request = hello();
  request.deadline = milliseconds(50);
  const auto reply = ask(config_of(upstream), request);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, FailureClass::timeout) << reply.error().error.message;
  kept.reset();
}

TEST(HttpMember, RetriesThroughThePool) {
  std::atomic<int> count{0};
  FakeUpstream upstream([&](const std::shared_ptr<net::Exchange>& exchange) {
    if (++count < 3) {
      net::Fields fields;
      fields.set("retry-after-ms", "1");
      FakeUpstream::says(503, "{}", fields)(exchange);
    } else {
      FakeUpstream::says(200, kReply)(exchange);
    }
  });
  PoolConfig config;
  config.members = {config_of(upstream)};
  config.members[0].price = Price{1'000'000, 1'000'000, {}};
  config.other_slots = "m";
  const auto pool = Pool::open(config, {.client = client(), .timers = timers()});
  ASSERT_TRUE(pool) << pool.error().message;
  const PoolMember* member = pool->at_slot(6);
  ASSERT_TRUE(member);
  const auto reply = call_and_wait(*member->member, hello());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(count, 3);
  EXPECT_EQ(member->cost(*reply->usage), 11);
  EXPECT_EQ(member->member->health().retries, 2u);
  EXPECT_EQ(member->member->health().cost_micro_usd, 11);
}

TEST(OpenAiAdapter, CallsOfSpecPools) {
  FakeUpstream upstream(FakeUpstream::says(200, kReply));
  DispatchOptions options;
  ProviderSpec spec;
  spec.provider = Provider::openai_compatible;
  spec.model = "m";
  spec.base_url = upstream.url("/v1/");
  options.adapter = openai_adapter(client(), timers());
  const std::vector<Message> messages = {{"user", "hello"}};
  const auto call = [&] {
    options.agents = SpecPool{spec};
    return call_agent(0, messages, options);
  };
  EXPECT_EQ(call().error().tag, "missing_openai_api_key");
  options.credentials.openai_api_key = "top-secret-key";
  EXPECT_EQ(call(), "hi there");
  const Json body = *parse_json(upstream.requests()[0].body);
  EXPECT_EQ(body["max_tokens"].as_int64(), 200);
  EXPECT_EQ(body["temperature"].as_double(), 0.2);
  EXPECT_EQ(upstream.requests()[0].target, "/v1/chat/completions");

  const auto adapt = [&] { return options.adapter(spec, messages, options).error().tag; };
  const ProviderSpec whole = spec;
  spec.base_url.reset();
  EXPECT_EQ(adapt(), "missing_provider_base_url");
  spec = whole;
  spec.model.clear();
  EXPECT_EQ(adapt(), "invalid_model");
  spec = whole;
  spec.max_tokens = 0;
  EXPECT_EQ(adapt(), "invalid_payload");
  spec = whole;
  spec.provider = Provider::gemini;
  EXPECT_EQ(adapt(), "unsupported_provider");

  FakeUpstream broken(FakeUpstream::says(500, R"({"error":{"message":"no top-secret-key"}})"));
  spec = whole;
  spec.base_url = broken.url();
  const auto refused = options.adapter(spec, messages, options);
  EXPECT_EQ(refused.error().tag, "http_error");
  EXPECT_NE(refused.error().message.find("500"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("top-secret"), std::string::npos);
  FakeUpstream empty(FakeUpstream::says(200, "{}"));
  spec.base_url = empty.url();
  EXPECT_EQ(adapt(), "invalid_provider_response");
}

TEST(HttpMember, AnswersOfEarlierTurnsAreFollowedByTheUsersWord) {
  FakeUpstream upstream(FakeUpstream::says(200, kReply));
  MemberRequest request = hello();
  for (const char* text : {"draft", "REVISE: no"})
    request.request.messages.push_back({"assistant", {{chat::Part::Kind::text, text}}});
  const auto roles_sent = [&](std::size_t earlier_turns) {
    request.earlier_turns = earlier_turns;
    EXPECT_TRUE(ask(config_of(upstream), request));
    std::string roles;
    const Json body = *parse_json(upstream.requests().back().body);
    for (const Json& message : body["messages"]) roles += message["role"].as_string().front();
    return roles;
  };
  // A client that names a member may well want its last message to be written on.
  EXPECT_EQ(roles_sent(0), "suaa");
  EXPECT_EQ(roles_sent(1), "suaau");
  EXPECT_EQ(roles_sent(2), "suauau");
  EXPECT_EQ(roles_sent(99), "suuuauau");
}

TEST(RequestFor, WhatAMemberGets) {
  MemberConfig config;
  config.model = "own";
  config.url = *net::parse_url("http://127.0.0.1:1/v1");
  config.defaults.temperature = 0.3;
  chat::ChatRequest request;
  request.model = "asked";
  request.messages = {{"developer", {{chat::Part::Kind::text, "d"}}}};
  request.extra = *parse_json(R"({"user":"u","store":true,"custom":1})");
  request.sampling.reasoning_effort = "low";
  const chat::ChatRequest plain = request_for(config, request);
  EXPECT_EQ(plain.model, "own");
  EXPECT_EQ(plain.messages[0].role, "system");
  EXPECT_EQ(plain.extra, *parse_json(R"({"custom":1})"));
  EXPECT_EQ(plain.sampling.temperature, 0.3);
  EXPECT_EQ(plain.sampling.reasoning_effort, "");
  config.forward = {"user"};
  config.capabilities.developer_role = config.capabilities.reasoning = true;
  request.sampling.temperature = 1;
  const chat::ChatRequest fuller = request_for(config, request);
  EXPECT_EQ(fuller.messages[0].role, "developer");
  EXPECT_EQ(fuller.extra, *parse_json(R"({"custom":1,"user":"u"})"));
  EXPECT_EQ(fuller.sampling.temperature, 1);
  EXPECT_EQ(fuller.sampling.reasoning_effort, "low");
  config.forward.reset();
  config.url = *net::parse_url("https://api.openai.com/v1");
  EXPECT_EQ(request_for(config, request).extra, request.extra);
}

}  // namespace
}  // namespace trinity::provider
