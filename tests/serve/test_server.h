// A server over the tiny router and a pool of scripted members, and a client that asks it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "coordinate/run.h"
#include "net/http_client.h"
#include "serve/server.h"

namespace trinity::testing {

inline const Router& tiny_router() {
  static const Result<Router> router = Router::load({});
  return *router;
}

/// The events of a trace, in memory.
class EventList : public trace::Sink {
 public:
  Status write(const Json& event) override {
    const std::scoped_lock held(lock_);
    events_.push_back(event);
    return {};
  }
  std::vector<Json> all() const {
    const std::scoped_lock held(lock_);
    return events_;
  }
  std::vector<std::string> names() const {
    const std::scoped_lock held(lock_);
    std::vector<std::string> out;
    for (const Json& event : events_) out.emplace_back(event["event"].as_string());
    return out;
  }

 private:
  mutable std::mutex lock_;
  std::vector<Json> events_;
};

class TestServer {
  mutable std::mutex asked_lock_;  // before the server, which may be asking at its end
  std::vector<Json> asked_;

 public:
  using Scripts = std::map<std::string, std::vector<provider::ScriptedStep>>;

  explicit TestServer(Scripts scripts, serve::GateOptions gate = {},
                      std::shared_ptr<ledger::Ledger> ledger = nullptr) {
    provider::PoolConfig config;
    config.source = "test";
    for (const auto& [name, script] : scripts) {
      provider::MemberConfig member;
      member.name = name;
      member.kind = provider::MemberKind::scripted;
      member.model = name + "-model";
      member.context = 32'768;
      member.retries = 0;
      member.price = provider::Price{1'000'000, 2'000'000, std::nullopt};
      config.members.push_back(std::move(member));
      if (config.other_slots.empty()) config.other_slots = name;
    }
    // The first member answers for all slots but the odd ones, which are the second's.
    if (config.members.size() > 1)
      for (const std::int64_t slot : {1, 3, 5}) config.slots[slot] = config.members[1].name;
    services.timers = provider::thread_timers();
    for (auto& [name, script] : scripts)
      for (provider::ScriptedStep& step : script)
        step.heard = [this, name = name](const provider::MemberRequest& request) {
          const std::scoped_lock held(asked_lock_);
          Json& one = asked_.emplace_back(Json{{"member", name}});
          for (const chat::ChatMessage& message : request.request.messages)
            one["messages"].push_back({{"role", message.role}, {"text", message.text()}});
          one["max_tokens"] = request.request.sampling.max_tokens;
          one["deadline_ms"] = request.deadline.count();
        };
    provider::PoolOptions options;
    options.timers = services.timers;
    options.scripts = std::move(scripts);
    Result<provider::Pool> pool = provider::Pool::open(std::move(config), std::move(options));
    EXPECT_TRUE(pool) << pool.error().message;
    services.replace_pool(std::make_shared<const provider::Pool>(std::move(*pool)));
    services.router = &tiny_router();
    services.ledger = std::move(ledger);
    services.sink = events;
    services.names.default_profile = coordinate::LoopProfile::safe;
    auto started = serve::Server::start(services, {.http = {}, .gate = std::move(gate)});
    EXPECT_TRUE(started) << started.error().message;
    server = std::move(*started);
  }

  net::OutgoingRequest request(const std::string& method, const std::string& target,
                               std::string body = {}) const {
    net::OutgoingRequest out;
    out.url = *net::parse_url("http://127.0.0.1:" + std::to_string(server->port()) + target);
    out.method = method;
    out.body = std::move(body);
    out.total_deadline = std::chrono::seconds(60);
    return out;
  }

  net::HttpResponse get(const std::string& target) { return send(request("GET", target)); }
  net::HttpResponse post(const std::string& target, std::string body) {
    return send(request("POST", target, std::move(body)));
  }
  net::HttpResponse send(net::OutgoingRequest out) {
    Result<net::HttpResponse> response = client.fetch(std::move(out));
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : net::HttpResponse{0, {}, {}};
  }

  /// Of the members, in order.
  std::vector<Json> asked() const {
    const std::scoped_lock held(asked_lock_);
    return asked_;
  }

  std::shared_ptr<EventList> events = std::make_shared<EventList>();
  serve::Services services;
  std::unique_ptr<serve::Server> server;
  net::HttpClient client;
};

/// Every turn is in this role, whatever the router chooses.
inline void play_only(TestServer& server, const std::string& role) {
  for (auto& [id, name] : server.services.loop.role_names) name = role;
}

inline std::string chat_body(const std::string& model, bool stream = false) {
  return R"({"model":")" + model + R"(","stream":)" + (stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":"What is 6 times 7?"}]})";
}

inline Json json_of(const net::HttpResponse& response) {
  Result<Json> parsed = parse_json(response.body);
  EXPECT_TRUE(parsed) << response.body;
  return parsed ? *parsed : Json();
}

/// The `data` of a stream's events.
inline std::vector<std::string> data_of(const std::string& stream) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = stream.find("data: ", at)) != std::string::npos;) {
    const std::size_t end = std::min(stream.find('\n', at), stream.size());
    out.push_back(stream.substr(at + 6, end - at - 6));
    at = end;
  }
  return out;
}

}  // namespace trinity::testing
