// What a client allows its own request, what is left of budgets, and the same request twice.
#include <gtest/gtest.h>

#include <thread>

#include "serve/idempotency.h"
#include "serve/request_limits.h"
#include "serve/test_server.h"

namespace trinity::testing {
namespace {

using provider::FailureClass;
using provider::ScriptedStep;

std::string limited_body(const std::string& model, const std::string& own, bool stream = false) {
  return R"({"model":")" + model + R"(","trinity":)" + own + R"(,"stream":)" +
         (stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":"What is 6 times 7?"}]})";
}

TEST(RequestLimits, AreReadStrictlyAndTheTightestCounts) {
  net::Fields fields;
  fields.set("x-stainless-read-timeout", "600");
  const Json own = {{"max_calls", 3}, {"max_cost_usd", 0.25}, {"max_seconds", 90.5}};
  const auto limits = serve::read_request_limits(fields, &own);
  ASSERT_TRUE(limits) << limits.error().message;
  EXPECT_EQ(limits->caps, (ledger::Caps{.micro_usd = 250'000, .tokens = {}, .calls = 3}));
  EXPECT_EQ(limits->time, std::chrono::milliseconds(90'500));
  fields.set("x-trinity-timeout-ms", "1500");
  EXPECT_EQ(serve::read_request_limits(fields, &own)->time, std::chrono::milliseconds(1'500));
  fields.set("x-stainless-read-timeout", "not given");
  EXPECT_TRUE(serve::read_request_limits(fields, nullptr)) << "a library's own field";
  TestServer server({{"alpha", {ScriptedStep::says("42")}}});
  for (const auto& [bad, param] : std::vector<std::pair<std::string, std::string>>{
           {R"({"max_calls":-1})", "trinity.max_calls"},
           {R"({"max_calls":1.5})", "trinity.max_calls"},
           {R"({"max_tokens":"7"})", "trinity.max_tokens"},
           {R"({"max_cost_usd":"1"})", "trinity.max_cost_usd"},
           {R"({"max_seconds":-2})", "trinity.max_seconds"},
           {R"([])", "trinity"}}) {
    const net::HttpResponse refused =
        server.post("/v1/chat/completions", limited_body("alpha", bad));
    EXPECT_EQ(refused.status, 400) << bad;
    EXPECT_EQ(json_of(refused)["error"]["param"].as_string(), param) << refused.body;
  }
  for (const char* bad : {"0", "-3", "soon", "1e999"}) {
    net::OutgoingRequest request =
        server.request("POST", "/v1/chat/completions", chat_body("alpha"));
    request.fields.set("x-trinity-timeout-ms", bad);
    const net::HttpResponse refused = server.send(request);
    EXPECT_EQ(refused.status, 400) << bad;
    EXPECT_EQ(json_of(refused)["error"]["param"].as_string(), "x-trinity-timeout-ms");
  }
  EXPECT_TRUE(server.asked().empty());
}

TEST(RequestLimits, EndARunWithItsAnswerOrBeforeAnyCall) {
  TestServer server({{"alpha", {ScriptedStep::says("42")}}});
  play_only(server, "Worker");
  const net::HttpResponse two =
      server.post("/v1/chat/completions", limited_body("trinity", R"({"max_calls":2})"));
  ASSERT_EQ(two.status, 200) << two.body;
  EXPECT_EQ(server.asked().size(), 2u);
  EXPECT_EQ(two.fields.get("x-trinity-final-status"), "budget_exceeded");
  EXPECT_EQ(two.fields.get("x-trinity-budget-left"), "0 calls of this request");
  for (const char* nothing :
       {R"({"max_calls":0})", R"({"max_cost_usd":0.000001})", R"({"max_tokens":3})"}) {
    for (const char* model : {"trinity", "alpha"}) {
      const net::HttpResponse refused =
          server.post("/v1/chat/completions", limited_body(model, nothing));
      EXPECT_EQ(refused.status, 402) << nothing << model << refused.body;
      EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "budget_exceeded");
    }
  }
  EXPECT_EQ(server.asked().size(), 2u) << "nobody was asked in vain";
}

TEST(RequestLimits, ShortenAnAnswerThatWouldNotFit) {
  TestServer server({{"alpha", {ScriptedStep::says("42")}}});
  ASSERT_EQ(
      server.post("/v1/chat/completions", limited_body("alpha", R"({"max_tokens":60})")).status,
      200);
  EXPECT_EQ(server.asked().back()["max_tokens"].as_int64(), 60 - 9);
  // 9 tokens at 1 micro-USD, the others at 2.
  ASSERT_EQ(
      server.post("/v1/chat/completions", limited_body("alpha", R"({"max_cost_usd":0.000109})"))
          .status,
      200);
  EXPECT_EQ(server.asked().back()["max_tokens"].as_int64(), 50);
}

TEST(RequestLimits, CutOffAMemberThatWritesOn) {
  ScriptedStep endless;
  for (int n = 0; n < 500; ++n) endless.text += "and so on ";
  endless.hangs = true;
  endless.pieces_before = 10'000;
  TestServer server({{"alpha", {endless}}});
  const net::HttpResponse cut =
      server.post("/v1/chat/completions", limited_body("alpha", R"({"max_tokens":60})", true));
  EXPECT_NE(cut.body.find("budget_exceeded"), std::string::npos) << cut.body.substr(0, 300);
  while (server.services.pool()->find("alpha")->member->health().in_flight != 0)
    std::this_thread::yield();
}

TEST(RequestLimits, PatienceEndsACall) {
  ScriptedStep hangs;
  hangs.hangs = true;
  TestServer server({{"alpha", {hangs}}});
  for (const auto& [model, status] : {std::pair{"alpha", 504}, std::pair{"trinity", 402}}) {
    net::OutgoingRequest request = server.request("POST", "/v1/chat/completions", chat_body(model));
    request.fields.set("x-trinity-timeout-ms", "30");
    const net::HttpResponse late = server.send(request);
    EXPECT_EQ(late.status, status) << late.body;
    EXPECT_EQ(
        server.post("/v1/chat/completions", limited_body(model, R"({"max_seconds":0.03})")).status,
        status);
  }
}

TEST(BudgetLeft, IsThatOfTheBudgetThatIsUsedUpMost) {
  using ledger::Period;
  auto ledger = ledger::Ledger::open(
      {.budgets = {
           {.subject = "all", .period = Period::day, .caps = {.calls = 10}},
           {.subject = "member:*", .period = Period::total, .caps = {.calls = 1'000}},
           {.subject = "member:beta", .period = Period::month, .caps = {.micro_usd = 900}}}});
  ASSERT_TRUE(ledger);
  TestServer server({{"alpha", {ScriptedStep::says("42")}}}, {}, std::move(*ledger));
  const auto left = [&](const std::string& own, bool stream) {
    return std::string(server.post("/v1/chat/completions", limited_body("alpha", own, stream))
                           .fields.get("x-trinity-budget-left"));
  };
  EXPECT_EQ(left("null", false), "9 calls of all a day");
  EXPECT_EQ(left("null", true), "9 calls of all a day") << "a stream says it at its beginning";
  EXPECT_EQ(left(R"({"max_cost_usd":0.00002})", false), "0.000009 usd of this request");
  auto none = ledger::Ledger::open({});
  TestServer free({{"alpha", {ScriptedStep::says("42")}}}, {}, std::move(*none));
  EXPECT_FALSE(free.post("/v1/chat/completions", chat_body("alpha"))
                   .fields.contains("x-trinity-budget-left"));
}

net::HttpResponse post_with_key(TestServer& server, const std::string& key, std::string body) {
  net::OutgoingRequest request = server.request("POST", "/v1/chat/completions", std::move(body));
  request.fields.set("idempotency-key", key);
  return server.send(request);
}

TEST(Idempotency, TheSameRequestTwiceIsOne) {
  TestServer server({{"alpha", {ScriptedStep::says("one"), ScriptedStep::says("two")}}});
  for (const bool stream : {false, true}) {
    const std::string key = stream ? "k2" : "k1";
    const net::HttpResponse first = post_with_key(server, key, chat_body("trinity:fast", stream));
    const net::HttpResponse again = post_with_key(server, key, chat_body("trinity:fast", stream));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.fields.get("x-request-id"), first.fields.get("x-request-id"));
    EXPECT_EQ(again.fields.get("content-type"), first.fields.get("content-type"));
    EXPECT_EQ(again.fields.get("x-trinity-idempotent-replay"), "true");
    EXPECT_FALSE(first.fields.contains("x-trinity-idempotent-replay"));
    const net::HttpResponse other = post_with_key(server, key, chat_body("alpha", stream));
    EXPECT_EQ(other.status, 422) << other.body;
    EXPECT_EQ(json_of(other)["error"]["code"].as_string(), "idempotency_key_reused");
  }
  EXPECT_EQ(server.asked().size(), 2u);
  EXPECT_EQ(post_with_key(server, "k3", chat_body("trinity:fast")).status, 200);
  EXPECT_EQ(server.asked().size(), 3u);
  EXPECT_EQ(post_with_key(server, std::string(300, 'k'), chat_body("alpha")).status, 400);
}

TEST(Idempotency, TheSecondWaitsForTheFirstAndAForgottenOneIsDoneAnew) {
  ScriptedStep hangs;
  hangs.hangs = true;
  auto ledger = ledger::Ledger::open(
      {.budgets = {{.subject = "all", .period = ledger::Period::total, .caps = {.calls = 1}}}});
  ASSERT_TRUE(ledger);
  TestServer server({{"alpha", {hangs, ScriptedStep::says("at last")}}}, {}, std::move(*ledger));
  net::OutgoingRequest request = server.request("POST", "/v1/chat/completions", chat_body("alpha"));
  request.fields.set("idempotency-key", "k");
  auto pending = server.client.send(
      request, net::Receiver{[](int, const net::Fields&) {}, [](std::string_view) {}, [] {},
                             [](const Error&, bool) {}});
  while (server.services.pool()->find("alpha")->member->health().in_flight == 0)
    std::this_thread::yield();
  const net::HttpResponse early = post_with_key(server, "k", chat_body("alpha"));
  EXPECT_EQ(early.status, 409) << early.body;
  EXPECT_EQ(early.fields.get("x-should-retry"), "true");
  EXPECT_EQ(post_with_key(server, "k", chat_body("alpha", true)).status, 422);
  pending->cancel();
  net::HttpResponse retried;
  do {
    retried = post_with_key(server, "k", chat_body("alpha"));
  } while (retried.status == 409);
  EXPECT_EQ(retried.status, 402) << "the call that was cut off is charged: " << retried.body;
  ASSERT_TRUE(server.services.ledger->set_budgets({}));
  const net::HttpResponse answered = post_with_key(server, "k", chat_body("alpha"));
  EXPECT_EQ(answered.status, 200) << "what cost nothing is not kept: " << answered.body;
  EXPECT_EQ(post_with_key(server, "k", chat_body("alpha")).body, answered.body);
  EXPECT_EQ(server.asked().size(), 2u);
}

struct RecordedExchange : net::Exchange {
  net::HttpRequest asked;
  net::HttpResponse answer;
  const net::HttpRequest& request() const override { return asked; }
  std::string peer() const override { return "127.0.0.1:1"; }
  void respond(net::HttpResponse response) override { answer = std::move(response); }
  void begin(net::HttpResponse) override {}
  void write(std::string) override {}
  void end() override {}
  std::size_t pending_bytes() const override { return 0; }
  void when_pending_at_most(std::size_t, std::function<void()>) override {}
  void when_gone(std::function<void()>) override {}
};

TEST(Idempotency, IsBoundedInTimeAndBytesAndEachKeyHasItsOwn) {
  std::chrono::steady_clock::time_point now{};
  serve::Idempotency results(
      {.kept = std::chrono::seconds(600), .bytes = 10'000, .answer_bytes = 6'000},
      [&now] { return now; });
  const auto ask = [&](const std::string& key, const std::string& owner, std::size_t size) {
    const auto exchange = std::make_shared<RecordedExchange>();
    exchange->asked.fields.set("idempotency-key", key);
    const auto request =
        std::make_shared<serve::Request>(exchange, "req_1", "/v1/chat/completions", "");
    request->key = owner;
    if (!results.admit(request)) return false;
    request->answer(200, std::string(size, 'x'));
    return true;
  };
  EXPECT_TRUE(ask("a", "alice", 10));
  EXPECT_FALSE(ask("a", "alice", 10));
  EXPECT_TRUE(ask("a", "bob", 10)) << "another's key";
  now += std::chrono::seconds(601);
  EXPECT_TRUE(ask("a", "alice", 10)) << "ten minutes later";
  EXPECT_TRUE(ask("large", "alice", 7'000));
  EXPECT_TRUE(ask("large", "alice", 7'000)) << "too large to be kept";
  for (int n = 0; n < 20; ++n) EXPECT_TRUE(ask("n" + std::to_string(n), "alice", 3'000));
  EXPECT_LE(results.size(), 3u);
  EXPECT_FALSE(ask("n19", "alice", 3'000));
  EXPECT_TRUE(ask("n1", "alice", 3'000)) << "the oldest went first";
}

}  // namespace
}  // namespace trinity::testing
