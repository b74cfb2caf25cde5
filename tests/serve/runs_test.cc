// Requests through the whole server: real sockets, the tiny router, scripted members.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <thread>

#include "provider/guarded_member.h"
#include "serve/member_request.h"
#include "serve/test_server.h"
#include "serve/turn_call.h"

namespace trinity::testing {
namespace {

using provider::FailureClass;
using provider::ScriptedStep;

TEST(Runs, AMemberThatIsNamedAnswersItself) {
  TestServer server(
      {{"alpha", {ScriptedStep::says("from alpha")}}, {"beta", {ScriptedStep::says("from beta")}}});
  const net::HttpResponse response = server.post("/v1/chat/completions", chat_body("beta"));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json body = json_of(response);
  EXPECT_EQ(body["choices"][0]["message"]["content"].as_string(), "from beta");
  EXPECT_EQ(body["model"].as_string(), "beta");
  EXPECT_EQ(response.fields.get("x-trinity-member"), "beta");
  EXPECT_TRUE(server.events->names().empty()) << "a direct call is no run";
}

TEST(Runs, TheLoopEndsWithAnAcceptedAnswerAndSaysHow) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}});
  const net::HttpResponse response = server.post("/v1/chat/completions", chat_body("trinity"));
  ASSERT_EQ(response.status, 200) << response.body;
  for (const char* field :
       {"x-request-id", "x-trinity-agent", "x-trinity-role", "x-trinity-member", "x-trinity-margin",
        "x-trinity-runner-up", "x-trinity-turns", "x-trinity-final-status", "x-trinity-verified",
        "x-trinity-router-ms", "x-trinity-upstream-ms", "x-trinity-overhead-ms",
        "x-trinity-cost-usd", "x-trinity-cached-tokens"})
    EXPECT_TRUE(response.fields.contains(field)) << field;
  const Json usage = json_of(response)["usage"];
  std::int64_t input = 0;
  for (const Json& turn : usage["trinity"]["turns"]) input += turn["input_tokens"].as_int64();
  EXPECT_EQ(usage["prompt_tokens"].as_int64(), input) << "the sum over all turns";
  const auto names = server.events->names();
  ASSERT_GE(names.size(), 7u);
  EXPECT_EQ(names.front(), "run_started");
  EXPECT_EQ(names.back(), "run_completed");
}

TEST(Runs, AMemberThatFailsIsReplacedByTheNextBest) {
  TestServer server({{"alpha", {ScriptedStep::fails(FailureClass::overloaded)}},
                     {"beta", {ScriptedStep::says("from beta")}}});
  const net::HttpResponse response = server.post("/v1/chat/completions", chat_body("trinity:fast"));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json_of(response)["choices"][0]["message"]["content"].as_string(), "from beta");
  EXPECT_EQ(response.fields.get("x-trinity-member"), "beta");
}

/// A member whose calls are the test's business.
class AskedMember : public provider::Member {
 public:
  using Asked = std::function<std::unique_ptr<provider::PendingCall>(provider::MemberReceiver)>;
  explicit AskedMember(Asked asked) : asked_(std::move(asked)) {}
  std::unique_ptr<provider::PendingCall> call(provider::MemberRequest,
                                              provider::MemberReceiver receiver) override {
    return asked_(std::move(receiver));
  }

 private:
  Asked asked_;
};

struct NotedCall : provider::PendingCall {
  explicit NotedCall(std::atomic<int>& gone) : gone_(gone) {}
  ~NotedCall() override { ++gone_; }
  void cancel() override {}
  std::atomic<int>& gone_;
};

TEST(TurnCall, AMemberThatFailsAtOnceDoesNotTakeTheCallOfTheNextWithIt) {
  // The first fails inside the call that asks it, and that call returns only when the second has
  // been asked, on another thread.
  serve::Services services;
  services.timers = provider::thread_timers();
  std::atomic<int> first_gone = 0, second_gone = 0;
  std::latch second_asked(1);
  provider::MemberReceiver second_receiver;
  const auto guarded = [&](const std::string& name, AskedMember::Asked asked) {
    provider::PoolMember member;
    member.config.name = name;
    provider::GuardOptions options;
    options.name = name;
    options.retries = 0;
    member.member = std::make_shared<provider::GuardedMember>(
        std::make_unique<AskedMember>(std::move(asked)), options, services.timers);
    return member;
  };
  const provider::PoolMember first = guarded("first", [&](provider::MemberReceiver receiver) {
    receiver.failed({FailureClass::overloaded, {ErrorKind::failed, "overloaded", "no"}, {}, {}});
    second_asked.wait();
    // Nobody of the executor is at work any more when all of its threads are here.
    auto idle = std::make_shared<std::latch>(9);
    for (int n = 0; n < 8; ++n) services.executor.post([idle] { idle->arrive_and_wait(); });
    idle->arrive_and_wait();
    return std::make_unique<NotedCall>(first_gone);
  });
  const provider::PoolMember second = guarded("second", [&](provider::MemberReceiver receiver) {
    second_receiver = std::move(receiver);
    second_asked.count_down();
    return std::make_unique<NotedCall>(second_gone);
  });
  serve::TurnCallOptions options;
  options.candidates = {&first, &second};
  options.request = [](const provider::PoolMember&) { return provider::MemberRequest(); };
  std::string answered;
  const auto call = serve::TurnCall::make(
      services, std::move(options),
      [&](tl::expected<serve::TurnAnswer, serve::TurnFailure> answer) {
        answered = answer ? answer->member->config.name : answer.error().error.error.tag;
      });
  call->begin();
  EXPECT_EQ(second_gone, 0);
  second_receiver.done({});
  EXPECT_EQ(answered, "second");
}

TEST(Runs, WhatNoMemberCanDoIsSaidBeforeAnyIsAsked) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  const std::string image =
      R"({"model":"trinity","messages":[{"role":"user","content":[{"type":"text","text":"What?"},)"
      R"({"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]})";
  const net::HttpResponse response = server.post("/v1/chat/completions", image);
  EXPECT_EQ(response.status, 400) << response.body;
  EXPECT_EQ(json_of(response)["error"]["code"].as_string(), "unsupported_modality");
  EXPECT_NE(response.body.find("pictures"), std::string::npos);
}

TEST(Runs, AnUnknownModelIsAnErrorOrWhatItStandsFor) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  const net::HttpResponse refused = server.post("/v1/chat/completions", chat_body("gpt-4o"));
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "model_not_found");
  EXPECT_NE(refused.body.find("alpha"), std::string::npos) << "those that there are";
  server.services.names.unknown_model = "alpha";
  EXPECT_EQ(server.post("/v1/chat/completions", chat_body("gpt-4o")).status, 200);
}

TEST(Runs, AStreamHasItsPiecesInOrderAndEndsWithDone) {
  TestServer server({{"alpha", {ScriptedStep::says("one two three")}}});
  for (const char* model : {"alpha", "trinity:fast", "trinity"}) {
    const net::HttpResponse response = server.post("/v1/chat/completions", chat_body(model, true));
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.fields.get("x-accel-buffering"), "no");
    const std::vector<std::string> data = data_of(response.body);
    ASSERT_GE(data.size(), 3u) << response.body;
    EXPECT_EQ(data.back(), "[DONE]");
    std::string text;
    for (std::size_t n = 0; n + 1 < data.size(); ++n) {
      const Json chunk = *parse_json(data[n]);
      text += chunk["choices"][0]["delta"]["content"].as_string();
      EXPECT_EQ(chunk["object"].as_string(), "chat.completion.chunk");
    }
    EXPECT_EQ(text, "one two three") << model;
  }
}

TEST(Runs, AStreamThatBreaksEndsWithAnErrorAndNotWithDone) {
  ScriptedStep broken = ScriptedStep::fails(FailureClass::http);
  broken.text = "one two three four five six";
  broken.pieces_before = 2;
  TestServer server({{"alpha", {broken}}});
  const net::HttpResponse response = server.post("/v1/chat/completions", chat_body("alpha", true));
  const std::vector<std::string> data = data_of(response.body);
  ASSERT_FALSE(data.empty());
  EXPECT_NE(data.back().find("\"error\""), std::string::npos) << response.body;
}

TEST(Runs, AClientThatGoesAwayCancelsTheMember) {
  ScriptedStep hangs;
  hangs.hangs = true;
  TestServer server({{"alpha", {hangs}}});
  for (const bool stream : {false, true}) {
    for (const char* model : {"alpha", "trinity"}) {
      std::unique_ptr<net::HttpClient::Pending> pending = server.client.send(
          server.request("POST", "/v1/chat/completions", chat_body(model, stream)),
          net::Receiver{[](int, const net::Fields&) {}, [](std::string_view) {}, [] {},
                        [](const Error&, bool) {}});
      while (server.services.active.size() == 0) std::this_thread::yield();
      while (server.services.pool()->find("alpha")->member->health().in_flight == 0)
        std::this_thread::yield();
      pending->cancel();
      while (server.services.active.size() != 0) std::this_thread::yield();
      while (server.services.pool()->find("alpha")->member->health().in_flight != 0)
        std::this_thread::yield();
    }
  }
  EXPECT_EQ(server.services.pool()->find("alpha")->member->health().cancelled, 4u);
}

TEST(Runs, ABudgetGrantsExactlyItsNumberOfCalls) {
  auto ledger = ledger::Ledger::open(
      {.budgets = {{.subject = "all", .period = ledger::Period::total, .caps = {.calls = 5}}}});
  ASSERT_TRUE(ledger);
  TestServer server({{"alpha", {ScriptedStep::says("paid")}}}, {}, std::move(*ledger));
  std::atomic<int> answered = 0, refused = 0;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 40; ++n) {
      threads.emplace_back([&] {
        const net::HttpResponse response = server.post("/v1/chat/completions", chat_body("alpha"));
        (response.status == 200 ? answered : refused) += 1;
        if (response.status != 200) {
          EXPECT_EQ(response.status, 402) << response.body;
          EXPECT_EQ(json_of(response)["error"]["code"].as_string(), "budget_exceeded");
        }
      });
    }
  }
  EXPECT_EQ(answered, 5);
  EXPECT_EQ(refused, 35);
}

TEST(Runs, ToolsThatTheWorkerCallsEndTheAnswer) {
  chat::ChatReply calls;
  calls.message.role = "assistant";
  calls.message.calls.push_back({"c1", "weather", R"({"place":"Bern"})", {}});
  calls.finish = chat::FinishReason::tool_calls;
  ScriptedStep step;
  step.reply = calls;
  TestServer server({{"alpha", {step}}});
  // The scripted member claims no tools; the direct way does not ask.
  const std::string body =
      R"({"model":"alpha","messages":[{"role":"user","content":"Weather?"}],"tools":[{"type":)"
      R"("function","function":{"name":"weather","parameters":{"type":"object"}}}]})";
  const net::HttpResponse response = server.post("/v1/chat/completions", body);
  ASSERT_EQ(response.status, 200) << response.body;
  const Json choice = json_of(response)["choices"][0];
  EXPECT_EQ(choice["finish_reason"].as_string(), "tool_calls");
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"].as_string(), "weather");
}

TEST(MemberRequest, SaysWhatEarlierTurnsOfTheRunHaveAdded) {
  TestServer server({{"alpha", {ScriptedStep::says("x")}}});
  const std::shared_ptr<const provider::Pool> pool = server.services.pool();
  chat::ChatRequest asked;
  asked.messages = {{"user", {{chat::Part::Kind::text, "a"}}},
                    {"assistant", {{chat::Part::Kind::text, "b"}}},
                    {"user", {{chat::Part::Kind::text, "c"}}}};
  coordinate::CallStep step;
  step.role_name = "Worker";
  step.messages = {{"system", "prompt"}, {"user", "a"}, {"assistant", "b"}, {"user", "c"}};
  const auto earlier_turns = [&] {
    return serve::request_of_turn(*pool, pool->members().front(), asked, {},
                                  std::vector<std::optional<int>>(asked.messages.size()), step,
                                  false, false)
        .earlier_turns;
  };
  EXPECT_EQ(earlier_turns(), 0u);
  step.messages.insert(step.messages.end(), {{"assistant", "draft"}, {"assistant", "REVISE: no"}});
  EXPECT_EQ(earlier_turns(), 2u);
}

TEST(MemberRequest, TellsAVerifierWhichToolsWereCalled) {
  TestServer server({{"alpha", {ScriptedStep::says("x")}}});
  const std::shared_ptr<const provider::Pool> pool = server.services.pool();
  chat::ChatRequest asked;
  asked.messages.resize(3);
  asked.messages[1].role = "assistant";
  asked.messages[1].calls.push_back({"c1", "weather", R"({"place":"Bern"})", {}});
  coordinate::CallStep step;
  step.role_name = "Verifier";
  step.messages = {{"system", "prompt"}, {"user", "Weather?"}};
  step.messages.push_back(chat::router_message(asked.messages[1]));
  step.messages.push_back({"tool", "rain"});
  const auto made = serve::request_of_turn(*pool, pool->members().front(), asked, {},
                                           std::vector<std::optional<int>>(asked.messages.size()),
                                           step, false, false);
  EXPECT_EQ(made.request.messages[2].text(), R"([calls the tool weather with {"place":"Bern"}])");
  EXPECT_TRUE(made.request.messages[2].calls.empty());
}

TEST(Runs, WhatAToolGaveGoesToTheMemberThatCalledIt) {
  chat::ChatReply calls;
  calls.message.role = "assistant";
  calls.message.calls.push_back({"chatcmpl:tool/1", "weather", R"({"place":"Bern"})", {}});
  calls.finish = chat::FinishReason::tool_calls;
  ScriptedStep calling;
  calling.reply = calls;
  TestServer server({{"alpha", {calling, ScriptedStep::says("ACCEPT: it rains")}},
                     {"beta", {ScriptedStep::says("wrong member")}}});
  for (const provider::PoolMember& member : server.services.pool()->members())
    const_cast<provider::PoolMember&>(member).config.capabilities.tools =
        member.config.name == "alpha";
  const std::string tools =
      R"("tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}])";
  const std::string ask = R"({"role":"user","content":"Weather in Bern?"})";
  const net::HttpResponse first = server.post(
      "/v1/chat/completions", R"({"model":"trinity:fast","messages":[)" + ask + "]," + tools + "}");
  ASSERT_EQ(first.status, 200) << first.body;
  const Json choice = json_of(first)["choices"][0];
  ASSERT_EQ(choice["finish_reason"].as_string(), "tool_calls") << first.body;
  EXPECT_EQ(first.fields.get("x-trinity-final-status"), "tool_calls");
  const std::string id(choice["message"]["tool_calls"][0]["id"].as_string());
  EXPECT_LE(id.size(), 64u);
  EXPECT_EQ(id.find_first_of(":/"), std::string::npos);

  const std::string asked = json_text(choice["message"]);
  const net::HttpResponse second =
      server.post("/v1/chat/completions", R"({"model":"trinity:fast","messages":[)" + ask + "," +
                                              asked + R"(,{"role":"tool","tool_call_id":")" + id +
                                              R"(","content":"rain"}],)" + tools + "}");
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_EQ(second.fields.get("x-trinity-member"), "alpha");
  EXPECT_EQ(second.fields.get("x-trinity-pinned"), "tool_result");
}

TEST(ToolIds, AreReadBackAndCannotBeMadeUp) {
  serve::ToolIds ids("secret"), others("another");
  for (const std::string& own : {std::string("call_1"), std::string(9, 'a'), std::string(200, 'b'),
                                 std::string("a:b/c"), std::string()}) {
    const std::string id = ids.sign(6, 3, own);
    EXPECT_LE(id.size(), 64u);
    const auto origin = ids.read(id);
    ASSERT_TRUE(origin) << own;
    EXPECT_EQ(origin->slot, 6);
    EXPECT_EQ(origin->turn, 3);
    EXPECT_EQ(origin->id, own);
    EXPECT_FALSE(others.read(id));
    for (std::size_t n = 0; n < id.size(); ++n) {
      std::string changed = id;
      changed[n] = changed[n] == '1' ? '2' : '1';
      if (changed != id) {
        EXPECT_FALSE(ids.read(changed)) << n;
      }
    }
  }
  EXPECT_FALSE(ids.read("call_abc"));
  EXPECT_FALSE(ids.read(""));
}

TEST(Runs, TheOtherDialectsAnswerInTheirForms) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: hello")}}});
  const net::HttpResponse messages = server.post(
      "/v1/messages",
      R"({"model":"trinity","max_tokens":64,"messages":[{"role":"user","content":"Hi"}]})");
  ASSERT_EQ(messages.status, 200) << messages.body;
  EXPECT_EQ(json_of(messages)["type"].as_string(), "message");
  EXPECT_EQ(json_of(messages)["content"][0]["text"].as_string(), "ACCEPT: hello");
  const net::HttpResponse responses =
      server.post("/v1/responses", R"({"model":"trinity","input":"Hi"})");
  ASSERT_EQ(responses.status, 200) << responses.body;
  EXPECT_EQ(json_of(responses)["object"].as_string(), "response");
  EXPECT_EQ(json_of(responses)["status"].as_string(), "completed");
  const net::HttpResponse count =
      server.post("/v1/messages/count_tokens",
                  R"({"model":"trinity","messages":[{"role":"user","content":"Hi"}]})");
  EXPECT_GT(json_of(count)["input_tokens"].as_int64(), 0);
}

TEST(Runs, RouteDecidesWithoutATurn) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  const Json one = json_of(server.post(
      "/v1/route", R"({"id":7,"messages":[{"role":"user","content":"What is 6 times 7?"}]})"));
  const Result<Decision> expected = tiny_router().route("What is 6 times 7?");
  ASSERT_TRUE(expected);
  EXPECT_EQ(one["id"].as_int64(), 7);
  EXPECT_EQ(one["agent_id"].as_int64(), expected->agent_id);
  EXPECT_EQ(one["member"].as_string(), "alpha");
  const Json many = json_of(
      server.post("/v1/route", R"({"inputs":[{"text":"user: a"},{"text":7},{"messages":[]}]})"));
  ASSERT_EQ(many["data"].size(), 3u);
  EXPECT_TRUE(many["data"][0]["error"].is_null());
  EXPECT_EQ(many["data"][1]["error"]["tag"].as_string(), "invalid_text");
  EXPECT_EQ(server.post("/v1/route", "{").status, 400);
  EXPECT_EQ(server.get("/v1/models/trinity:safe").status, 200);
  EXPECT_NE(server.get("/metrics").body.find("trinity_decision_seconds_count"), std::string::npos);
}

TEST(Runs, AConversationHasOneIdThroughItsTurns) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: yes")}}});
  const auto id_of = [&](const std::string& messages) {
    const net::HttpResponse response =
        server.post("/v1/chat/completions", R"({"model":"alpha","messages":[)" + messages + "]}");
    return std::string(response.fields.get("x-conversation-id"));
  };
  const std::string first = R"({"role":"user","content":"Hi"})";
  const std::string id = id_of(first);
  EXPECT_EQ(
      id_of(first + R"(,{"role":"assistant","content":"Hello"},{"role":"user","content":"So?"})"),
      id);
  EXPECT_NE(id_of(R"({"role":"user","content":"Hey"})"), id);
  net::OutgoingRequest named = server.request("POST", "/v1/chat/completions", chat_body("alpha"));
  named.fields.set("x-conversation-id", "my-conversation");
  EXPECT_EQ(server.send(named).fields.get("x-conversation-id"), "my-conversation");
}

TEST(Runs, AnAnnouncedEndIsSeenAtReadyzWhileAllElseIsAnswered) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  EXPECT_EQ(server.get("/readyz").status, 200);
  server.server->announce_end();
  EXPECT_EQ(server.get("/readyz").status, 503);
  EXPECT_EQ(server.get("/healthz").status, 200);
  EXPECT_EQ(server.post("/v1/chat/completions", chat_body("alpha")).status, 200);
}

TEST(Services, WhatIsRedactedBecomesOnlyMore) {
  serve::Services services;
  services.redact({"one", "two"});
  services.redact({"two", "three"});
  EXPECT_EQ(services.redacted(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST(Runs, ADrainFinishesWhatIsUnderWay) {
  ScriptedStep slow = ScriptedStep::says("late but whole", std::chrono::milliseconds(50));
  TestServer server({{"alpha", {slow}}});
  std::atomic<int> status = 0;
  std::jthread asking(
      [&] { status = server.post("/v1/chat/completions", chat_body("alpha")).status; });
  while (server.services.active.size() == 0) std::this_thread::yield();
  EXPECT_TRUE(server.server->drain(std::chrono::seconds(60)));
  asking.join();
  EXPECT_EQ(status, 200);
}

TEST(Runs, ACoordinatorBehindACoordinatorBehindACoordinatorIsRefused) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  net::OutgoingRequest request =
      server.request("POST", "/v1/chat/completions", chat_body("trinity"));
  request.fields.set("x-trinity-depth", "2");
  EXPECT_EQ(server.send(request).status, 400);
  request.fields.set("x-trinity-depth", "1");
  EXPECT_EQ(server.send(request).status, 200);
}

}  // namespace
}  // namespace trinity::testing
