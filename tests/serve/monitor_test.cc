// What a server shows of itself: the page, its status, runs that it remembers, events as they
// happen.
#include "serve/monitor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/sha256.h"
#include "chat/sse.h"
#include "cli/json_schema.h"
#include "serve/test_server.h"

namespace trinity::testing {
namespace {

using provider::FailureClass;
using provider::ScriptedStep;

/// What the schema says against it; empty: nothing.
std::string fault_of(const std::string& schema, const std::string& body) {
  return JsonSchemas::ours().fault_of(schema, nlohmann::json::parse(body));
}

net::HttpResponse get_as(TestServer& server, const std::string& target, const std::string& key,
                         const std::string& method = "GET") {
  net::OutgoingRequest request = server.request(method, target);
  request.fields.set("authorization", "Bearer " + key);
  return server.send(request);
}

net::HttpResponse page(TestServer& server, const std::string& path,
                       const std::string& method = "GET", const std::string& known = "") {
  net::OutgoingRequest request = server.request(method, path);
  request.fields.set("accept", "text/html,*/*;q=0.8");
  if (!known.empty()) request.fields.set("if-none-match", known);
  return server.send(request);
}

/// A stream of events that is read while it comes.
class Listening {
 public:
  explicit Listening(TestServer& server, const std::string& key = "") {
    net::OutgoingRequest request = server.request("GET", "/v1/trinity/events");
    request.total_deadline = std::chrono::seconds(120);
    if (!key.empty()) request.fields.set("authorization", "Bearer " + key);
    pending_ = server.client.send(
        request,
        {[this](int status, const net::Fields&) { tell([&] { status_ = status; }); },
         [this](std::string_view piece) { tell([&] { (void)reader_.feed(piece, events_); }); },
         [this] { tell([&] { ended_ = true; }); },
         [this](const Error&, bool) { tell([&] { cut_ = true; }); }});
    wait([&] { return status_ != 0; });
  }

  /// Waits until an event of this name has come, and gives all that came.
  std::vector<chat::SseEvent> until(const std::string& name) {
    wait([&] { return !events_.empty() && events_.back().event == name; });
    const std::scoped_lock held(lock_);
    return events_;
  }
  void until_ended() {
    wait([&] { return ended_; });
  }
  int status() const { return status_; }
  std::size_t count() const {
    const std::scoped_lock held(lock_);
    return events_.size();
  }
  void stop() { pending_->cancel(); }

 private:
  template <typename F>
  void tell(F&& change) {
    const std::scoped_lock held(lock_);
    change();
    changed_.notify_all();
  }
  template <typename F>
  void wait(F&& holds) {
    std::unique_lock held(lock_);
    EXPECT_TRUE(changed_.wait_for(held, std::chrono::seconds(60), holds));
  }

  mutable std::mutex lock_;
  std::condition_variable changed_;
  chat::SseReader reader_;
  std::vector<chat::SseEvent> events_;
  int status_ = 0;
  bool ended_ = false, cut_ = false;
  std::unique_ptr<net::HttpClient::Pending> pending_;
};

/// A client that takes nothing of what it is sent, once `stuck`.
struct FakeExchange : net::Exchange {
  net::HttpRequest asked;
  std::string sent;
  bool ended = false, stuck = false;
  std::shared_ptr<bool> destroyed = std::make_shared<bool>(false);
  ~FakeExchange() override { *destroyed = true; }
  const net::HttpRequest& request() const override { return asked; }
  std::string peer() const override { return "127.0.0.1:1"; }
  void respond(net::HttpResponse) override {}
  void begin(net::HttpResponse) override {}
  void write(std::string piece) override { sent += piece; }
  void end() override { ended = true; }
  std::size_t pending_bytes() const override { return stuck ? sent.size() : 0; }
  void when_pending_at_most(std::size_t, std::function<void()>) override {}
  void when_gone(std::function<void()>) override {}
};

std::shared_ptr<serve::Request> request_of(const std::shared_ptr<FakeExchange>& exchange,
                                           const std::string& key = "") {
  auto request = std::make_shared<serve::Request>(exchange, "req_1", "/v1/trinity/events", "");
  request->key = key;
  return request;
}

serve::RunRecord run_named(const std::string& id, const std::string& key = "") {
  serve::RunRecord run;
  run.id = id;
  run.key = key;
  run.model = "trinity";
  run.profile = "safe";
  run.dialect = "chat";
  return run;
}

std::vector<std::string> ids_of(const std::string& list) {
  const Result<Json> parsed = parse_json(list);
  EXPECT_TRUE(parsed) << list;
  std::vector<std::string> ids;
  for (const Json& run : (*parsed)["runs"]) ids.emplace_back(run["id"].as_string());
  return ids;
}

TEST(Page, IsServedToBrowsersAndForbidsWhatIsNotItsOwn) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}});
  const net::HttpResponse plain = server.get("/");
  EXPECT_EQ(plain.fields.get("content-type"), "text/plain; charset=utf-8");
  EXPECT_NE(plain.body.find("POST /v1/chat/completions"), std::string::npos);
  const net::HttpResponse html = page(server, "/");
  ASSERT_EQ(html.status, 200);
  EXPECT_EQ(html.fields.get("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(html.fields.get("vary"), "Accept");
  EXPECT_NE(html.body.find("<!doctype html>"), std::string::npos);
  EXPECT_EQ(html.body.find("<script>"), std::string::npos) << "no inline scripts";
  EXPECT_EQ(html.body.find("style="), std::string::npos);
  for (const char* path : {"/", "/page/style.css", "/page/main.js", "/page/api.js", "/page/draw.js",
                           "/page/ask.js", "/page/story.js", "/page/icon.svg"}) {
    const net::HttpResponse file = page(server, path);
    ASSERT_EQ(file.status, 200) << path;
    EXPECT_FALSE(file.body.empty()) << path;
    EXPECT_EQ(file.body.find("innerHTML"), std::string::npos) << path;
    EXPECT_EQ(file.fields.get("x-content-type-options"), "nosniff") << path;
    EXPECT_EQ(file.fields.get("cache-control"), "no-cache") << path;
    const std::string_view policy = file.fields.get("content-security-policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self';")) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string_view::npos) << policy;
    const net::HttpResponse head = page(server, path, "HEAD");
    EXPECT_EQ(head.status, 200) << path;
    EXPECT_EQ(head.body, "") << path;
    EXPECT_EQ(head.fields.get("content-length"), std::to_string(file.body.size())) << path;
    const std::string tag(file.fields.get("etag"));
    EXPECT_EQ(page(server, path, "GET", tag).status, 304) << path;
    EXPECT_EQ(page(server, path, "GET", "\"other\", " + tag).status, 304) << path;
    EXPECT_EQ(page(server, path, "GET", "\"other\"").status, 200) << path;
  }
  EXPECT_EQ(page(server, "/page/index.htm").status, 404);
  EXPECT_EQ(page(server, "/page/..%2fserver.cc").status, 400) << "an encoded slash";
  EXPECT_EQ(server.post("/", "{}").status, 405);
  EXPECT_EQ(server.post("/page/main.js", "{}").fields.get("allow"), "GET, HEAD");
}

TEST(Monitor, AnswersAreWhatTheirSchemasSay) {
  auto ledger = ledger::Ledger::open(
      {.budgets = {
           {.subject = "all", .caps = {.micro_usd = 5'000'000, .calls = 100}},
           {.subject = "member:alpha", .period = ledger::Period::day, .caps = {.tokens = 9000}}}});
  ASSERT_TRUE(ledger);
  TestServer server({{"alpha",
                      {ScriptedStep::fails(FailureClass::overloaded, "too much"),
                       ScriptedStep::says("ACCEPT: 42")}},
                     {"beta", {ScriptedStep::says("ACCEPT: 42")}}},
                    {}, std::move(*ledger));
  EXPECT_EQ(fault_of("server_status", server.get("/v1/trinity/status").body), "");
  EXPECT_EQ(fault_of("server_runs", server.get("/v1/trinity/runs").body), "");
  for (const char* model : {"trinity", "trinity:author", "trinity:fast", "alpha", "beta"})
    server.post("/v1/chat/completions", chat_body(model));
  const std::string list = server.get("/v1/trinity/runs").body;
  EXPECT_EQ(fault_of("server_runs", list), "") << list;
  ASSERT_EQ(ids_of(list).size(), 5u);
  for (const std::string& id : ids_of(list)) {
    const net::HttpResponse story = server.get("/v1/trinity/runs/" + id);
    EXPECT_EQ(story.fields.get("cache-control"), "no-store");
    EXPECT_EQ(fault_of("server_run", story.body), "") << story.body;
  }
  const std::string status = server.get("/v1/trinity/status").body;
  EXPECT_EQ(fault_of("server_status", status), "") << status;
  const Json now = *parse_json(status);
  EXPECT_EQ(now["budgets"].size(), 3u);
  EXPECT_GE(now["totals"]["calls"].as_int64(), 5);
  EXPECT_GT(now["router"]["p99_ms"].as_double(), 0);
  EXPECT_EQ(server.get("/trinity/status").status, 200) << "without /v1";
  EXPECT_EQ(server.post("/v1/trinity/runs", "{}").status, 405);
}

TEST(Monitor, AStorySaysWhoWasChosenHowClearlyAndWhatItCost) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}});
  const net::HttpResponse answer = server.post("/v1/chat/completions", chat_body("trinity"));
  const std::string id(answer.fields.get("x-request-id"));
  const Json story = json_of(server.get("/v1/trinity/runs/" + id));
  const Json& run = story["run"];
  EXPECT_EQ(run["state"].as_string(), "ended");
  EXPECT_EQ(run["final_status"].as_string(), answer.fields.get("x-trinity-final-status"));
  EXPECT_EQ(run["conversation_id"].as_string(), answer.fields.get("x-conversation-id"));
  EXPECT_EQ(std::to_string(run["turns"].as_int64()), answer.fields.get("x-trinity-turns"));
  EXPECT_EQ(story["turns"].size(), run["path"].size());
  const Json usage = json_of(answer)["usage"];
  EXPECT_EQ(run["input_tokens"].as_int64(), usage["prompt_tokens"].as_int64());
  EXPECT_DOUBLE_EQ(run["cost_usd"].as_double(), usage["trinity"]["cost_usd"].as_double());
  for (std::size_t n = 0; n < story["turns"].size(); ++n) {
    const Json& turn = story["turns"][n];
    const Json& told = usage["trinity"]["turns"][n];
    EXPECT_EQ(turn["member"].as_string(), told["member"].as_string());
    EXPECT_EQ(turn["role"].as_string(), told["role"].as_string());
    EXPECT_DOUBLE_EQ(turn["margin"].as_double(), told["margin"].as_double());
    EXPECT_EQ(turn["agents"].size(), 7u);
    EXPECT_EQ(turn["roles"].size(), 3u);
    EXPECT_EQ(turn["verdict"].is_string(), turn["role"].as_string() == "Verifier");
    EXPECT_EQ(turn["state"].as_string(), "done");
  }
  EXPECT_TRUE(story["turns"][0]["roles"][2]["masked"].as_bool()) << "there was no answer to judge";
  const std::string text = server.get("/v1/trinity/runs/" + id).body;
  EXPECT_EQ(text.find("6 times 7"), std::string::npos) << "no prompt is kept";
  EXPECT_EQ(text.find("ACCEPT: 42"), std::string::npos) << "no answer is kept";
}

TEST(Monitor, FailuresFallbacksAndMembersPassedOverAreTold) {
  TestServer server({{"alpha", {ScriptedStep::fails(FailureClass::overloaded, "key sk-secret-1")}},
                     {"beta", {ScriptedStep::says("from beta")}}});
  server.services.redact({"sk-secret-1"});
  server.post("/v1/chat/completions", chat_body("trinity:fast"));
  server.post("/v1/chat/completions", chat_body("alpha"));
  const std::string list = server.get("/v1/trinity/runs").body;
  EXPECT_EQ(list.find("sk-secret-1"), std::string::npos) << list;
  EXPECT_EQ(server.get("/v1/trinity/status").body.find("sk-secret-1"), std::string::npos);
  const Json runs = *parse_json(list);
  const Json& direct = runs["runs"][0];
  EXPECT_EQ(direct["profile"].as_string(), "member");
  EXPECT_EQ(direct["final_status"].as_string(), "upstream_overloaded");
  EXPECT_FALSE(direct["error"].as_string().empty());
  const Json failed =
      json_of(server.get("/v1/trinity/runs/" + std::string(direct["id"].as_string())));
  EXPECT_EQ(failed["turns"][0]["state"].as_string(), "failed");
  const Json& routed = runs["runs"][1];
  EXPECT_EQ(routed["profile"].as_string(), "fast");
  EXPECT_EQ(routed["path"][0]["member"].as_string(), "beta");
}

TEST(Monitor, UnknownRunsAreNotFoundWhateverTheirNames) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  for (const char* id :
       {"req_unknown", "%22%3Cscript%3E", "%00", "a%20b", "%E2%80%AE", "..%41", "%25", "x?y=1"}) {
    const net::HttpResponse refused = server.get(std::string("/v1/trinity/runs/") + id);
    EXPECT_TRUE(refused.status == 404 || refused.status == 400) << id << refused.status;
    EXPECT_EQ(refused.body.find("<script>"), std::string::npos);
    if (refused.status == 404) {
      EXPECT_EQ(json_of(refused)["error"]["code"].as_string(), "unknown_run") << id;
    }
  }
  EXPECT_EQ(server.get("/v1/trinity/nothing").status, 404);
  EXPECT_EQ(server.send(server.request("HEAD", "/v1/trinity/runs")).status, 200);
  EXPECT_EQ(server.send(server.request("HEAD", "/v1/trinity/events")).status, 200);
}

TEST(Monitor, WhatClientsNameThemselvesIsCutAndMadeVisible) {
  TestServer server({{"alpha", {ScriptedStep::says("hi")}}});
  server.services.names.unknown_model = "alpha";
  net::OutgoingRequest request = server.request("POST", "/v1/chat/completions",
                                                chat_body(std::string(5000, 'x') + R"(\u202e)"));
  request.fields.set("x-conversation-id", "\xff\xfe<b>");
  ASSERT_EQ(server.send(request).status, 200);
  const std::string list = server.get("/v1/trinity/runs").body;
  EXPECT_EQ(fault_of("server_runs", list), "");
  EXPECT_LT(list.size(), 2000u);
  EXPECT_NE(list.find("\\\\xff\\\\xfe<b>"), std::string::npos) << list;
}

TEST(Monitor, AKeySeesItsOwnRunsAndBudgets) {
  auto ledger = ledger::Ledger::open(
      {.budgets = {{.subject = "key:*", .period = ledger::Period::day, .caps = {.calls = 50}}}});
  ASSERT_TRUE(ledger);
  const std::string alice = "alices-secret-key-1", bob = "bobs-secret-key-123";
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}},
                    {.keys = {{"alice", sha256_hex(alice)}, {"bob", sha256_hex(bob)}}},
                    std::move(*ledger));
  EXPECT_EQ(page(server, "/").status, 200) << "the page holds no data";
  EXPECT_EQ(page(server, "/page/main.js").status, 200);
  for (const char* path : {"status", "runs", "runs/req_1", "events"})
    EXPECT_EQ(server.get(std::string("/v1/trinity/") + path).status, 401) << path;

  Listening bobs(server, bob), alices(server, alice);
  net::OutgoingRequest request =
      server.request("POST", "/v1/chat/completions", chat_body("trinity"));
  request.fields.set("authorization", "Bearer " + alice);
  const std::string id(server.send(request).fields.get("x-request-id"));
  alices.until("run_completed");
  EXPECT_EQ(ids_of(get_as(server, "/v1/trinity/runs", alice).body), std::vector{id});
  EXPECT_TRUE(ids_of(get_as(server, "/v1/trinity/runs", bob).body).empty());
  EXPECT_EQ(get_as(server, "/v1/trinity/runs/" + id, alice).status, 200);
  EXPECT_EQ(get_as(server, "/v1/trinity/runs/" + id, bob).status, 404);
  request.fields.set("authorization", "Bearer " + bob);
  server.send(request);
  for (const chat::SseEvent& event : bobs.until("run_completed"))
    EXPECT_EQ(event.data.find(id), std::string::npos) << "an event of another key";

  const Json status = json_of(get_as(server, "/v1/trinity/status", alice));
  EXPECT_EQ(status["key"].as_string(), "alice");
  ASSERT_EQ(status["budgets"].size(), 1u);
  EXPECT_EQ(status["budgets"][0]["subject"].as_string(), "key:alice");
}

TEST(Monitor, EventsTellARunAsItHappensAndEndWithTheServer) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}});
  Listening listening(server);
  EXPECT_EQ(listening.status(), 200);
  server.post("/v1/chat/completions", chat_body("trinity", true));
  const std::vector<chat::SseEvent> events = listening.until("run_completed");
  ASSERT_GE(events.size(), 4u);
  EXPECT_EQ(events.front().event, "run_started");
  for (std::size_t n = 0; n < events.size(); ++n) {
    EXPECT_EQ(fault_of("server_event", events[n].data), "") << events[n].data;
    const Json data = *parse_json(events[n].data);
    EXPECT_EQ(data["event"].as_string(), events[n].event);
    const bool of_turn = n > 0 && n + 1 < events.size();
    EXPECT_EQ(data["turn"].is_object(), of_turn) << events[n].data;
    if (of_turn) {
      EXPECT_EQ(events[n].event, n % 2 == 1 ? "turn_started" : "turn_completed");
    }
  }
  EXPECT_TRUE(server.server->drain(std::chrono::seconds(30))) << "listeners do not hold it up";
  listening.until_ended();
}

TEST(Monitor, AClientThatGoesAwayLeavesACancelledRun) {
  ScriptedStep hangs;
  hangs.hangs = true;
  TestServer server({{"alpha", {hangs}}});
  for (const char* model : {"trinity", "alpha"}) {
    Listening listening(server);
    auto pending =
        server.client.send(server.request("POST", "/v1/chat/completions", chat_body(model)),
                           net::Receiver{[](int, const net::Fields&) {}, [](std::string_view) {},
                                         [] {}, [](const Error&, bool) {}});
    listening.until("turn_started");
    EXPECT_EQ(json_of(server.get("/v1/trinity/runs"))["runs"][0]["state"].as_string(), "running");
    pending->cancel();
    const Json run = (*parse_json(listening.until("run_completed").back().data))["run"];
    EXPECT_EQ(run["final_status"].as_string(), "cancelled") << model;
  }
}

TEST(Monitor, ListenersThatWentAreForgotten) {
  TestServer server({{"alpha", {ScriptedStep::says("ACCEPT: 42")}}});
  {
    Listening one(server), other(server);
    EXPECT_EQ(server.services.runs->listeners(), 2u);
    one.stop();
    other.stop();
  }
  while (server.services.runs->listeners() > 0)
    server.post("/v1/chat/completions", chat_body("alpha"));
}

TEST(RunLog, ForgetsTheOldestByNumberAndByBytes) {
  const auto log =
      std::make_shared<serve::RunLog>(serve::RunLogLimits{.runs = 3, .bytes = 20'000, .turns = 2});
  for (const char* id : {"a", "b", "c", "d"}) log->run_begins(run_named(id));
  EXPECT_EQ(ids_of(log->list("")), (std::vector<std::string>{"d", "c", "b"}));
  EXPECT_FALSE(log->story("", "a"));
  // A run that was forgotten goes on in vain.
  log->turn_begins(run_named("a"), 0, {{"turn", 0}});
  log->run_ends(run_named("a"));
  EXPECT_EQ(log->size(), 3u);

  const std::size_t before = log->bytes();
  const Json turn = {{"turn", std::string(3000, 'x')}};
  for (std::size_t n = 0; n < 10; ++n) log->turn_begins(run_named("d"), n, turn);
  EXPECT_LT(log->bytes(), before + 2 * 3100) << "two turns are kept";
  EXPECT_EQ((*parse_json(*log->story("", "d")))["turns"].size(), 2u);
  const Json large = {{"turn", std::string(15'000, 'x')}};
  log->turn_begins(run_named("c"), 0, large);
  EXPECT_LE(log->bytes(), 20'000u);
  EXPECT_FALSE(log->story("", "b")) << "the oldest went";
  log->turn_begins(run_named("d"), 0, {{"turn", std::string(50'000, 'x')}});
  EXPECT_EQ(ids_of(log->list("")), std::vector<std::string>{"d"}) << "the newest stays";
}

TEST(RunLog, CutsOffListenersThatDoNotReadAndSlowsNobody) {
  const auto log =
      std::make_shared<serve::RunLog>(serve::RunLogLimits{.listeners = 2, .pending_bytes = 10'000});
  const auto timers = std::make_shared<provider::ManualTimers>();
  auto slow = std::make_shared<FakeExchange>(), quick = std::make_shared<FakeExchange>();
  slow->stuck = true;
  const auto destroyed = slow->destroyed;
  ASSERT_TRUE(log->listen(request_of(slow), timers));
  ASSERT_TRUE(log->listen(request_of(quick), timers));
  EXPECT_FALSE(log->listen(request_of(std::make_shared<FakeExchange>()), timers)) << "two at most";
  const std::weak_ptr<FakeExchange> weak = slow;
  slow.reset();
  for (int n = 0; n < 100; ++n) {
    log->run_begins(run_named("run" + std::to_string(n)));
    if (const auto still = weak.lock()) {
      EXPECT_LE(still->sent.size(), 10'000u);
    }
  }
  EXPECT_TRUE(*destroyed) << "its stream was cut without an end";
  EXPECT_EQ(log->listeners(), 1u);
  EXPECT_NE(quick->sent.find("run99"), std::string::npos);
  EXPECT_TRUE(log->listen(request_of(std::make_shared<FakeExchange>()), timers))
      << "a place is free";

  quick->sent.clear();
  timers->advance(std::chrono::seconds(16));
  EXPECT_EQ(quick->sent, ": at work\n\n") << "a sign of life";
  timers->advance(std::chrono::seconds(15));
  EXPECT_EQ(quick->sent, ": at work\n\n: at work\n\n");
  log->close_listeners();
  EXPECT_TRUE(quick->ended);
  EXPECT_FALSE(log->listen(request_of(std::make_shared<FakeExchange>()), timers)) << "it ends";
}

TEST(RunLog, TakesReportsFromManyThreads) {
  const auto log = std::make_shared<serve::RunLog>(serve::RunLogLimits{.runs = 20});
  const auto timers = std::make_shared<provider::ManualTimers>();
  const auto exchange = std::make_shared<FakeExchange>();
  ASSERT_TRUE(log->listen(request_of(exchange), timers));
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&, thread] {
        for (int n = 0; n < 100; ++n) {
          serve::RunRecord run = run_named(std::to_string(thread) + "." + std::to_string(n));
          log->run_begins(run);
          log->turn_begins(run, 0, {{"turn", 0}});
          log->turn_ends(run, 0, {{"turn", 0}});
          run.running = false;
          log->run_ends(run);
          (void)log->list("");
        }
      });
  }
  chat::SseReader reader;
  std::vector<chat::SseEvent> events;
  ASSERT_TRUE(reader.feed(exchange->sent, events));
  EXPECT_EQ(events.size(), 1600u);
  EXPECT_EQ(log->size(), 20u);
}

TEST(Metrics, QuantilesComeFromTheBuckets) {
  serve::Metrics metrics;
  auto& time = metrics.histogram("time_seconds", "Time.", {"member"});
  EXPECT_FALSE(time.quantile(0.5));
  for (int n = 0; n < 98; ++n) time.observe({"a"}, 0.0015);
  time.observe({"b"}, 0.04);
  time.observe({"b"}, 0.04);
  EXPECT_EQ(time.count(), 100u);
  EXPECT_GT(*time.quantile(0.5), 0.001);
  EXPECT_LE(*time.quantile(0.5), 0.002);
  EXPECT_GT(*time.quantile(0.99), 0.02);
  EXPECT_LE(*time.quantile(0.99), 0.05);
  time.observe({"b"}, 1000);
  EXPECT_EQ(*time.quantile(1), 100) << "beyond the last bound nothing is known";
  auto& calls = metrics.counter("calls_total", "Calls.", {"member", "result"});
  calls.add({"a", "ok"}, 3);
  calls.add({"b", "ok"}, 4);
  calls.add({"b", "timeout"});
  EXPECT_EQ(calls.sum(), 8);
  EXPECT_EQ(calls.sum("ok"), 7);
}

}  // namespace
}  // namespace trinity::testing
