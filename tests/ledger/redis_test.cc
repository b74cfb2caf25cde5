// Budgets in a Redis: the protocol, and two servers that share a cap with a real redis-server.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <barrier>
#include <thread>

#include "base/process.h"
#include "base/temporary_folder.h"
#include "ledger/ledger_support.h"
#include "ledger/redis_budget.h"
#include "ledger/redis_script.h"
#include "ledger/resp.h"

namespace trinity::testing {
namespace {

using ledger::Amount;
using ledger::Period;
using ledger::RedisBudget;
using ledger::RespReply;
using ledger::SharedGranted;

TEST(LedgerResp, WritesCommandsWithAnyBytes) {
  std::string out;
  ledger::append_resp_command(out, std::vector<std::string>{"SET", "a\r\n", ""});
  EXPECT_EQ(out, "*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$0\r\n\r\n");
}

TEST(LedgerResp, ReadsRepliesHoweverTheyAreCut) {
  const std::string bytes = "*4\r\n:-5\r\n$2\r\n\r\n\r\n$-1\r\n*1\r\n+OK\r\n-ERR no\r\n:7\r\n";
  std::string received;
  std::vector<RespReply> replies;
  for (const char byte : bytes) {
    received += byte;
    std::string_view rest = received;
    auto reply = take(ledger::take_resp_reply(rest));
    if (!reply) {
      EXPECT_EQ(rest.size(), received.size());
      continue;
    }
    replies.push_back(*reply);
    received.erase(0, received.size() - rest.size());
  }
  ASSERT_EQ(replies.size(), 3u);
  ASSERT_EQ(replies[0].elements.size(), 4u);
  EXPECT_EQ(replies[0].elements[0].integer, -5);
  EXPECT_EQ(replies[0].elements[1].text, "\r\n");
  EXPECT_EQ(replies[0].elements[2].type, RespReply::Type::nothing);
  EXPECT_EQ(replies[0].elements[3].elements[0].text, "OK");
  EXPECT_EQ(replies[1].type, RespReply::Type::error);
  EXPECT_EQ(replies[1].text, "ERR no");
  EXPECT_EQ(replies[2].integer, 7);
}

TEST(LedgerResp, RefusesWhatNoRedisSays) {
  for (const char* bytes :
       {"HTTP/1.1 400 Bad Request\r\n", "\r\n", ":\r\n", ":12a\r\n", "$-2\r\n", "$99999999999\r\n",
        "*5000\r\n", "$1\r\nabc", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
    std::string_view rest = bytes;
    const auto reply = ledger::take_resp_reply(rest);
    ASSERT_FALSE(reply) << bytes;
    EXPECT_EQ(reply.error().tag, "invalid_reply");
  }
  const std::string endless(10'000, '+');
  std::string_view rest = endless;
  EXPECT_FALSE(ledger::take_resp_reply(rest));
}

TEST(LedgerRedis, OnlyWindowsWithACapAreAsked) {
  const std::vector<ledger::Budget> budgets = {{"key:*", Period::day, {.micro_usd = 5}},
                                               {"all", Period::month, {.calls = 9}}};
  const auto windows =
      ledger::shared_windows(budgets, {"key:a", "member:m", "key:a", "all"}, "t", kNoon);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].key, "{t}:spent:2026-11-27:key:a");
  EXPECT_EQ(windows[1].key, "{t}:spent:2026-11:all");
}

int listening_socket(std::string& port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::listen(socket, 64) != 0)
    throw std::runtime_error("no port");
  port = std::to_string(ntohs(address.sin_port));
  return socket;
}

std::string free_port() {
  std::string port;
  ::close(listening_socket(port));
  return port;
}

ledger::RedisBudgetOptions options_for(const std::string& port,
                                       std::vector<ledger::Budget> budgets) {
  ledger::RedisBudgetOptions options;
  options.server.port = port;
  options.budgets = std::move(budgets);
  options.retry = std::chrono::milliseconds(1);
  return options;
}

TEST(LedgerRedis, WithoutAServerMoneyIsClosedAndTheRateOpen) {
  auto budget =
      take(RedisBudget::start(options_for(free_port(), {{"key:a", Period::day, {.micro_usd = 100}},
                                                        {"all", Period::day, {.calls = 1}}})));
  for (int i = 0; i < 3; ++i) {
    const SharedGranted money = budget->reserve_and_wait({"key:a"}, {10, 5, 1});
    ASSERT_FALSE(money);
    EXPECT_EQ(money.error().error.tag, "redis_unreachable");
    SharedGranted calls = budget->reserve_and_wait({"key:b"}, {10, 5, 1});
    ASSERT_TRUE(calls);
    EXPECT_FALSE(calls->is_shared());
    calls->settle({1, 1, 1});
  }
  EXPECT_FALSE(budget->flush());
}

TEST(LedgerRedis, AServerThatNeverAnswersHoldsNobodyForLong) {
  std::string port;
  const int silent = listening_socket(port);
  auto options = options_for(port, {{"all", Period::day, {.micro_usd = 100}}});
  options.server.timeout = std::chrono::milliseconds(20);
  auto budget = take(RedisBudget::start(options));
  const SharedGranted money = budget->reserve_and_wait({}, {10, 5, 1});
  ASSERT_FALSE(money);
  EXPECT_EQ(money.error().error.tag, "redis_unreachable");
  budget.reset();
  ::close(silent);
}

TEST(LedgerRedis, RefusesWrongBudgetsAndAmounts) {
  EXPECT_EQ(RedisBudget::start(options_for("1", {{"all", Period::day, {}}})).error().tag,
            "invalid_budget");
  EXPECT_EQ(RedisBudget::start(options_for("1", {{"all", Period::day, {.tokens = INT64_MAX}}}))
                .error()
                .tag,
            "invalid_budget");
  auto budget = take(RedisBudget::start(options_for("1", {})));
  EXPECT_EQ(budget->reserve_and_wait({}, {-1, 0, 0}).error().error.tag, "invalid_amount");
  EXPECT_EQ(budget->reserve_and_wait({"\n"}, {}).error().error.tag, "invalid_subject");
  EXPECT_TRUE(budget->reserve_and_wait({"key:a"}, {1, 1, 1}));  // no budget, nobody to ask
}

// With Debian's redis-server, when it is installed.
class LedgerWithRedis : public ::testing::Test {
 protected:
  void SetUp() override {
    port_ = free_port();
    start();
    if (!redis_)
      GTEST_SKIP() << "SKIPPED: no redis-server on this machine, so the scripts of shared budgets "
                      "are not tested; apt-get install redis-server";
    auto connection = server_connection();
    for (int tries = 0; !connection && tries < 2'000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      connection = server_connection();
    }
    ASSERT_TRUE(connection) << connection.error().message;
  }
  void start() {
    ProcessCommand command;
    command.program = "redis-server";
    command.words = {"redis-server",
                     "--port",
                     port_,
                     "--bind",
                     "127.0.0.1",
                     "--save",
                     "",
                     "--appendonly",
                     "yes",
                     "--dir",
                     folder_.path().string(),
                     "--requirepass",
                     "secret"};
    command.folder = folder_.path();
    auto child = ChildProcess::start(command);
    if (child) redis_.emplace(std::move(*child));
  }
  ledger::RedisServer server() const {
    ledger::RedisServer server;
    server.port = port_;
    server.password = "secret";
    return server;
  }
  Result<ledger::RedisConnection> server_connection() const {
    return ledger::RedisConnection::open(server());
  }
  std::unique_ptr<RedisBudget> budget(std::vector<ledger::Budget> budgets) {
    auto options = options_for(port_, std::move(budgets));
    options.server = server();
    return take(RedisBudget::start(options));
  }
  /// What a command answers as a number.
  std::int64_t ask(const std::vector<std::string>& words) {
    auto connection = take(server_connection());
    const RespReply reply = take(connection.exchange({words})).front();
    return reply.type == RespReply::Type::text && reply.text != "OK" ? std::stoll(reply.text)
                                                                     : reply.integer;
  }

  TemporaryFolder folder_;
  std::string port_;
  std::optional<ChildProcess> redis_;
};

TEST_F(LedgerWithRedis, TwoServersGrantExactlyTheCap) {
  const std::vector<ledger::Budget> budgets = {{"all", Period::day, {.micro_usd = 137 * 3 + 2}}};
  const std::unique_ptr<RedisBudget> servers[] = {budget(budgets), budget(budgets)};
  constexpr int threads_of_each = 100;
  std::atomic<int> granted = 0;
  std::barrier start(2 * threads_of_each);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2 * threads_of_each; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      for (int again = 0; again < 2; ++again) {
        SharedGranted one = servers[i % 2]->reserve_and_wait({"key:a"}, {3, 5, 1});
        if (!one) {
          EXPECT_EQ(one.error().error.tag, "budget_exceeded") << one.error().error.message;
          continue;
        }
        ++granted;
        if (i % 3 == 0) one->settle({3, 5, 1});
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(granted, 137);
}

TEST_F(LedgerWithRedis, SettlesOnceAndSaysWhatRefuses) {
  auto one = budget({{"key:*", Period::total, {.micro_usd = 100}}});
  SharedGranted first = one->reserve_and_wait({"key:a"}, {60, 5, 1});
  ASSERT_TRUE(first) << first.error().error.message;
  EXPECT_TRUE(first->is_shared());
  const SharedGranted refused = one->reserve_and_wait({"key:a"}, {60, 5, 1});
  ASSERT_FALSE(refused);
  ASSERT_TRUE(refused.error().refusal);
  EXPECT_EQ(refused.error().refusal->subject, "key:a");
  EXPECT_EQ(refused.error().refusal->limit, 100);
  EXPECT_EQ(refused.error().refusal->spent, 60);
  EXPECT_EQ(refused.error().refusal->asked, 60);
  EXPECT_TRUE(one->reserve_and_wait({"key:b"}, {60, 5, 1}));
  first->settle({10, 2, 1});
  first->settle({0, 0, 0});
  require(one->flush());
  EXPECT_EQ(ask({"HGET", "{trinity}:spent:total:key:a", "micro_usd"}), 10);
  EXPECT_EQ(ask({"HGET", "{trinity}:spent:total:key:a", "tokens"}), 2);
  EXPECT_TRUE(one->reserve_and_wait({"key:a"}, {90, 5, 1}));
  EXPECT_EQ(ask({"TTL", "{trinity}:spent:total:key:a"}), -1);
}

TEST_F(LedgerWithRedis, ScriptsThatAreSentAgainChangeNothing) {
  const auto windows =
      ledger::shared_windows({{"all", Period::day, {.calls = 2}}}, {"all"}, "t", kNoon);
  const auto reserve = ledger::reserve_command("r", windows, {5, 6, 1}, kNoon);
  const auto settle = ledger::settle_command("r", windows, {5, 6, 1}, {4, 7, 1});
  auto connection = take(server_connection());
  const auto replies = take(connection.exchange({reserve, reserve, settle, settle}));
  EXPECT_FALSE(take(ledger::refusal_in(replies[1], windows, {5, 6, 1})));
  EXPECT_TRUE(take(ledger::settled_in(replies[2])));
  EXPECT_FALSE(take(ledger::settled_in(replies[3])));
  EXPECT_EQ(ask({"HGET", windows[0].key, "micro_usd"}), 4);
  EXPECT_EQ(ask({"HGET", windows[0].key, "tokens"}), 7);
  EXPECT_EQ(ask({"HGET", windows[0].key, "calls"}), 1);
  // Twelve hours are left of that day, and two days are added.
  EXPECT_GT(ask({"TTL", windows[0].key}), 59 * 3'600);
  EXPECT_LE(ask({"TTL", windows[0].key}), 60 * 3'600);
}

TEST_F(LedgerWithRedis, SettlementsOutliveAnAbsence) {
  std::atomic<int> notices = 0;
  auto options = options_for(port_, {{"all", Period::total, {.micro_usd = 100}}});
  options.server = server();
  options.notice = [&](const Error&) { ++notices; };
  auto one = take(RedisBudget::start(options));
  SharedGranted first = one->reserve_and_wait({}, {60, 5, 1});
  ASSERT_TRUE(first);
  redis_.reset();  // killed
  first->settle({10, 2, 1});
  EXPECT_FALSE(one->flush());
  EXPECT_FALSE(one->reserve_and_wait({}, {1, 1, 1}));
  EXPECT_GE(notices, 1);
  start();
  while (!one->flush()) std::this_thread::yield();
  // Its own file may have lost the last second; then nothing is there to be settled.
  EXPECT_LE(ask({"HGET", "{trinity}:spent:total:all", "micro_usd"}), 10);
  EXPECT_TRUE(one->reserve_and_wait({}, {90, 1, 1}));
}

TEST_F(LedgerWithRedis, AWrongPasswordIsSaidWithoutIt) {
  auto options = options_for(port_, {{"all", Period::total, {.micro_usd = 100}}});
  options.server.password = "other";
  auto one = take(RedisBudget::start(options));
  const SharedGranted money = one->reserve_and_wait({}, {10, 5, 1});
  ASSERT_FALSE(money);
  EXPECT_EQ(money.error().error.tag, "redis_refused");
  EXPECT_EQ(money.error().error.message.find("other"), std::string::npos);
}

TEST_F(LedgerWithRedis, AServerThatCannotCountIsClosedForMoney) {
  ask({"CONFIG", "SET", "maxmemory", "1"});
  auto one = budget(
      {{"key:a", Period::total, {.micro_usd = 100}}, {"key:b", Period::total, {.calls = 100}}});
  const SharedGranted money = one->reserve_and_wait({"key:a"}, {10, 5, 1});
  ASSERT_FALSE(money);
  EXPECT_EQ(money.error().error.tag, "redis_failed") << money.error().error.message;
  const SharedGranted calls = one->reserve_and_wait({"key:b"}, {10, 5, 1});
  ASSERT_TRUE(calls);
  EXPECT_FALSE(calls->is_shared());
}

}  // namespace
}  // namespace trinity::testing
