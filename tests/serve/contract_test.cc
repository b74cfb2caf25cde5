// What the server promises besides an answer: one answer a request, signatures that go home,
// budgets that others share, and the end of a run in the words of what ended it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/process.h"
#include "base/temporary_folder.h"
#include "ledger/redis_address.h"
#include "serve/member_request.h"
#include "serve/signatures.h"
#include "serve/test_server.h"

namespace trinity::testing {
namespace {

using provider::FailureClass;
using provider::ScriptedStep;

/// Every role of the router is played as this one.
chat::ChatMessage with_thought(const std::string& signature) {
  chat::ChatMessage message{"assistant"};
  message.extra["thinking_blocks"] =
      Json::array({{{"type", "thinking"}, {"thinking", "hm"}, {"signature", signature}}});
  message.calls.push_back({"c1", "weather", "{}", {{"extra_content", {{"google", 1}}}}});
  return message;
}

TEST(Signatures, GoBackToTheMemberThatMadeThem) {
  using serve::Maker;
  chat::ChatMessage made = with_thought("EqQB");
  serve::mark_signatures("claude", made.extra);
  const std::string marked = made.extra["thinking_blocks"][0]["signature"].as_string();
  EXPECT_TRUE(marked.starts_with("trinity-")) << marked;
  EXPECT_TRUE(marked.ends_with("-EqQB")) << marked;
  for (const bool named : {false, true}) {
    chat::ChatMessage own = made, others = made;
    serve::keep_own_signatures("claude", Maker::this_member, named, own);
    EXPECT_EQ(own, with_thought("EqQB"));
    serve::keep_own_signatures("other", Maker::another, named, others);
    EXPECT_TRUE(others.extra.is_null());
    EXPECT_TRUE(others.calls[0].extra.is_null());
    // A mark that somebody made up is nobody's.
    chat::ChatMessage forged = with_thought("trinity-0123456789abcdef-EqQB");
    serve::keep_own_signatures("claude", Maker::this_member, named, forged);
    EXPECT_TRUE(forged.extra.is_null());
  }
  chat::ChatMessage unmarked = with_thought("EqQB");
  serve::keep_own_signatures("claude", Maker::unknown, true, unmarked);
  EXPECT_EQ(unmarked, with_thought("EqQB")) << "the client named the member and knows";
  serve::keep_own_signatures("claude", Maker::unknown, false, unmarked);
  EXPECT_TRUE(unmarked.extra.is_null());
}

TEST(Signatures, AreMarkedInAnswersWholeAndStreamed) {
  chat::ChatReply reply;
  reply.message.role = "assistant";
  reply.message.content.push_back({chat::Part::Kind::text, "ACCEPT: 42"});
  reply.message.reasoning = "hm";
  reply.message.extra["thinking_blocks"] =
      Json::array({{{"type", "thinking"}, {"thinking", "hm"}, {"signature", "EqQB"}}});
  ScriptedStep step;
  step.reply = reply;
  TestServer server({{"alpha", {step}}});
  for (const std::string model : {"alpha", "trinity", "trinity:fast"}) {
    for (const std::string stream : {"false", "true"}) {
      const net::HttpResponse response = server.post(
          "/v1/messages", R"({"max_tokens":64,"model":")" + model + R"(","stream":)" + stream +
                              R"(,"messages":[{"role":"user","content":"Hi"}]})");
      ASSERT_EQ(response.status, 200) << response.body;
      EXPECT_NE(response.body.find("\"signature\":\"trinity-"), std::string::npos)
          << model << " " << stream << ": " << response.body;
      EXPECT_EQ(response.body.find("\"signature\":\"EqQB"), std::string::npos) << response.body;
    }
  }
}

TEST(Contract, SeveralAnswersAreRefusedAndNeverDropped) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}});
  for (const std::string model : {"alpha", "trinity", "trinity:fast"}) {
    const std::string rest =
        R"(,"model":")" + model + R"(","messages":[{"role":"user","content":"Hi"}]})";
    const net::HttpResponse refused = server.post("/v1/chat/completions", R"({"n":2)" + rest);
    EXPECT_EQ(refused.status, 400) << model << refused.body;
    EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "unsupported_value");
    EXPECT_EQ(json_of(refused)["error"]["param"].as_string(), "n");
    EXPECT_EQ(server.post("/v1/chat/completions", R"({"n":1)" + rest).status, 200) << model;
  }
}

TEST(Contract, AContextThatOneMemberDoesNotSayIsNotPromised) {
  provider::PoolConfig pool;
  pool.members.resize(2);
  pool.members[0].name = "a";
  pool.members[0].context = 8'192;
  pool.members[1].name = "b";
  EXPECT_FALSE(serve::context_floor(pool)) << "b may have less";
  EXPECT_TRUE(serve::model_list(pool, 0)["data"][0]["context_length"].is_null());
  pool.slots[0] = "a";
  EXPECT_EQ(serve::context_floor(pool), 8'192) << "b cannot be chosen";
  pool.slots[1] = "b";
  pool.members[1].context = 4'096;
  EXPECT_EQ(serve::context_floor(pool), 4'096);
  pool.members[0].capabilities.choices = true;
  EXPECT_TRUE(serve::model_list(pool, 0)["data"][0]["capabilities"].empty())
      << "several answers are not given";
}

TEST(Contract, AFailureThatWasOvercomeIsNotTheEndOfTheRun) {
  // The Verifier fails, another is asked and sends the answer back; then the router fails.
  TestServer server({{"alpha",
                      {ScriptedStep::fails(FailureClass::overloaded, "alpha was overloaded"),
                       ScriptedStep::says("REVISE: think again")}}});
  play_only(server, "Verifier");
  server.services.most_fallbacks = 0;
  server.services.loop.max_turns = 3;
  std::atomic<int> decisions = 0;
  server.services.decide = [&](const coordinate::DecideStep& step) -> Result<coordinate::Decided> {
    if (decisions++ > 0)
      return fail(ErrorKind::failed, "router_broke", "the router broke in the second turn");
    return coordinate::decide_with(tiny_router())(step);
  };
  const net::HttpResponse response =
      server.post("/v1/chat/completions",
                  R"({"model":"trinity","messages":[{"role":"user","content":"6*7?"},)"
                  R"({"role":"assistant","content":"42"},{"role":"user","content":"Sure?"}]})");
  EXPECT_EQ(response.status, 500) << response.body;
  EXPECT_NE(response.body.find("the router broke"), std::string::npos) << response.body;
  EXPECT_EQ(response.body.find("overloaded"), std::string::npos) << response.body;
  EXPECT_EQ(response.fields.get("x-should-retry"), "false") << "a member was paid";
}

TEST(Contract, ABudgetThatEndsARunLeavesItsAnswer) {
  auto ledger = ledger::Ledger::open(
      {.budgets = {{.subject = "all", .period = ledger::Period::total, .caps = {.calls = 1}}}});
  ASSERT_TRUE(ledger);
  TestServer server({{"alpha", {ScriptedStep::says("42")}}}, {}, std::move(*ledger));
  play_only(server, "Worker");
  const net::HttpResponse response = server.post("/v1/chat/completions", chat_body("trinity"));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json_of(response)["choices"][0]["message"]["content"].as_string(), "42");
  EXPECT_EQ(response.fields.get("x-trinity-final-status"), "budget_exceeded");
  EXPECT_EQ(response.fields.get("x-trinity-verified"), "false");
  EXPECT_EQ(server.post("/v1/chat/completions", chat_body("trinity")).status, 402);
}

TEST(RedisAddress, IsReadStrictlyAndShownWithoutItsPassword) {
  const auto read = [](std::string_view text) { return ledger::parse_redis_address(text); };
  const auto plain = read("redis://box");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(ledger::redis_address(*plain), "redis://box:6379/0");
  const auto whole = read("redis://me:p%40ss%2fword@[::1]:7000/3");
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->user, "me");
  EXPECT_EQ(whole->password, "p@ss/word");
  EXPECT_EQ(ledger::redis_address(*whole), "redis://[::1]:7000/3");
  EXPECT_EQ(read("redis://:secret@h:1/")->password, "secret");
  EXPECT_FALSE(ledger::is_redis_address("spent.db"));
  for (const char* bad :
       {"redis://", "redis://:6379", "redis://h:", "redis://h:0", "redis://h:70000", "redis://h/x",
        "redis://h/-1", "redis://secret@h", "redis://a:secret%zz@h", "redis://[::1",
        "redis://[::1]x", "redis://a b", "rediss://h", "http://h"}) {
    const auto refused = read(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().tag, "invalid_redis_address") << bad;
    EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  }
}

std::string free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(socket);
  return std::to_string(ntohs(address.sin_port));
}

std::shared_ptr<ledger::RedisBudget> redis_budget(const std::string& port, ledger::Caps caps) {
  ledger::RedisBudgetOptions options;
  options.server = *ledger::parse_redis_address("redis://127.0.0.1:" + port);
  options.budgets = {{.subject = "all", .period = ledger::Period::total, .caps = caps}};
  options.retry = std::chrono::milliseconds(1);
  auto budget = ledger::RedisBudget::start(std::move(options));
  EXPECT_TRUE(budget);
  return std::move(*budget);
}

TEST(SharedBudgets, WithoutTheRedisMoneyIsClosedAndTheRateOpen) {
  const std::string port = free_port();
  TestServer money({{"alpha", {ScriptedStep::says("42")}}});
  money.services.shared_budgets = redis_budget(port, {.micro_usd = 1'000'000'000});
  const net::HttpResponse refused = money.post("/v1/chat/completions", chat_body("alpha"));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "redis_unreachable");
  EXPECT_EQ(refused.fields.get("x-should-retry"), "true") << "nothing was spent";
  TestServer rate({{"alpha", {ScriptedStep::says("42")}}});
  rate.services.shared_budgets = redis_budget(port, {.calls = 1});
  for (int n = 0; n < 3; ++n)
    EXPECT_EQ(rate.post("/v1/chat/completions", chat_body("alpha")).status, 200);
}

TEST(SharedBudgets, TwoServersGrantNoMoreThanOneCap) {
  TemporaryFolder folder;
  const std::string port = free_port();
  ProcessCommand command;
  command.program = "redis-server";
  command.words = {"redis-server",        "--port", port, "--bind",
                   "127.0.0.1",           "--save", "",   "--dir",
                   folder.path().string()};
  command.folder = folder.path();
  auto redis = ChildProcess::start(command);
  if (!redis)
    GTEST_SKIP() << "SKIPPED: no redis-server on this machine; apt-get install redis-server";
  ledger::RedisServer place = *ledger::parse_redis_address("redis://127.0.0.1:" + port);
  for (int tries = 0; tries < 2'000 && !ledger::RedisConnection::open(place); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  TestServer first({{"alpha", {ScriptedStep::says("42")}}});
  TestServer second({{"alpha", {ScriptedStep::says("42")}}});
  first.services.shared_budgets = redis_budget(port, {.micro_usd = 100'000'000, .calls = 7});
  second.services.shared_budgets = redis_budget(port, {.micro_usd = 100'000'000, .calls = 7});
  int answered = 0, refused = 0;
  for (int n = 0; n < 6; ++n)
    for (TestServer* server : {&first, &second}) {
      const int status = server->post("/v1/chat/completions", chat_body("alpha")).status;
      answered += status == 200;
      refused += status == 402;
    }
  EXPECT_EQ(answered, 7);
  EXPECT_EQ(refused, 5);
}

}  // namespace
}  // namespace trinity::testing
