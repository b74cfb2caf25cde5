// What the built server adds to a request: ninja serve_latency && bin/serve_latency [PAIRS]
//
// An upstream in this process answers at once as OpenAI's chat does. `trinity serve` has it as a
// member. A plain socket asks the upstream itself, the server for the member by its name, and the
// server for a routed turn, by turns: what counts is the difference of neighbours, which
// disturbances of the machine have in common. Then requests leave at fixed times, whether or not
// earlier ones were answered (an open loop: a slow answer delays none of the others' clocks), and
// then as many as sixteen connections carry.
//
// Another proxy is measured beside it, in the same run, with
//   serve_latency PAIRS UPSTREAM_PORT PROXY_PORT
// if it passes the model "upstream" on to http://127.0.0.1:UPSTREAM_PORT/v1, with the key sk-1234.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/temporary_folder.h"
#include "cli/run_program.h"
#include "net/http_server.h"
#include "net/raw_socket.h"

using trinity::net::Exchange;
using trinity::net::HttpResponse;
using trinity::net::HttpServer;
using trinity::testing::RawSocket;

namespace trinity::testing {
void check_records(const Words&, const Environment&, const Outcome&, const std::string&) {}
}  // namespace trinity::testing

namespace {

using Clock = std::chrono::steady_clock;
using Times = std::vector<double>;

constexpr const char* kAnswer =
    R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"The capital of France is Paris, which has been its seat of government for most of the last thousand years."}}],"usage":{"prompt_tokens":20,"completion_tokens":24,"total_tokens":44}})";

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

void report(const char* name, Times values) {
  std::sort(values.begin(), values.end());
  if (values.empty()) return;
  const auto at = [&](double part) {
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
  };
  fmt::print("{:<44} p50 {:8.1f}  p90 {:8.1f}  p99 {:8.1f} us\n", name, at(0.5), at(0.9), at(0.99));
  std::fflush(stdout);
}

std::string request_for(const std::string& model, const std::string& question) {
  const std::string body = fmt::format(
      R"({{"model":"{}","messages":[{{"role":"system","content":"You answer briefly."}},{{"role":"user","content":"{}"}}]}})",
      model, question);
  return fmt::format(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Authorization: Bearer sk-1234\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body);
}

/// Microseconds of one request; ends the program if it is not answered.
double ask(RawSocket& socket, const std::string& bytes, double* router_us = nullptr) {
  const auto begin = Clock::now();
  socket.send(bytes);
  const RawSocket::Message message = socket.read_message();
  const double time = microseconds_since(begin);
  if (message.status() != 200) {
    fmt::print("not answered: {}{}\n", message.head, message.body);
    std::exit(1);
  }
  if (router_us != nullptr) {
    constexpr std::string_view name = "x-trinity-router-ms: ";
    const std::size_t found = message.head.find(name);
    *router_us = found == std::string::npos
                     ? std::nan("")
                     : std::stod(message.head.substr(found + name.size())) * 1e3;
  }
  return time;
}

/// A request every `interval`, over as many connections as it takes: from when it should have left.
Times open_loop(std::uint16_t port, const std::string& bytes, std::size_t count,
                std::chrono::nanoseconds interval) {
  constexpr std::size_t connections = 32;
  Times times(count);
  std::atomic<std::size_t> next = 0;
  const auto begin = Clock::now() + std::chrono::milliseconds(50);
  std::vector<std::thread> threads;
  for (std::size_t c = 0; c < connections; ++c)
    threads.emplace_back([&] {
      RawSocket socket = RawSocket::connect(port);
      for (std::size_t i; (i = next++) < count;) {
        const auto due = begin + interval * static_cast<std::int64_t>(i);
        std::this_thread::sleep_until(due);
        ask(socket, bytes);
        times[i] = microseconds_since(due);
      }
    });
  for (std::thread& thread : threads) thread.join();
  return times;
}

double requests_a_second(std::uint16_t port, const std::string& bytes, std::size_t count) {
  std::atomic<std::size_t> next = 0;
  const auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (int c = 0; c < 16; ++c)
    threads.emplace_back([&] {
      RawSocket socket = RawSocket::connect(port);
      while (next++ < count) ask(socket, bytes);
    });
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(count) / microseconds_since(begin) * 1e6;
}

/// The server's port, as it says when it is ready.
std::uint16_t port_of(const trinity::testing::Process& server) {
  std::string text;
  char c = 0;
  while (text.find("/v1") == std::string::npos && ::read(server.err, &c, 1) == 1) text += c;
  const std::size_t at = text.rfind(':');
  return static_cast<std::uint16_t>(std::stoi(text.substr(at + 1)));
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int n, std::size_t otherwise) {
    std::size_t value = otherwise;
    if (argc > n) {
      const std::string_view text = argv[n];
      std::from_chars(text.data(), text.data() + text.size(), value);
    }
    return value;
  };
  const std::size_t pairs = number(1, 3000);
  const auto proxy = static_cast<std::uint16_t>(number(3, 0));
  trinity::net::ServerOptions options;
  options.port = static_cast<std::uint16_t>(number(2, 0));
  auto upstream = HttpServer::start(options, [](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.fields.set("content-type", "application/json");
    response.body = kAnswer;
    exchange->respond(std::move(response));
  });
  const trinity::testing::TemporaryFolder folder;
  const auto pool = folder.put(
      "pool.toml", fmt::format("[[member]]\nname = \"upstream\"\nkind = \"openai\"\nmodel = \"m\"\n"
                               "url = \"http://127.0.0.1:{}/v1\"\n[slots]\nothers = \"upstream\"\n",
                               upstream->port()));
  const trinity::testing::Process server({"serve", "--port", "0", "--pool", pool.string()});
  const std::uint16_t port = port_of(server);
  RawSocket direct = RawSocket::connect(upstream->port()), through = RawSocket::connect(port);
  const std::string question = "What is the capital of France, and since when?";
  const std::string member = request_for("upstream", question);
  const std::string routed = request_for("trinity:fast", question);
  for (int i = 0; i < 200; ++i) {
    ask(direct, member);
    ask(through, member);
    ask(through, routed);
  }
  Times straight, named, added, fast, fast_added, fast_router, fresh_added, fresh_router;
  for (std::size_t i = 0; i < pairs; ++i) {
    double own = 0, router = 0;
    const double a = ask(direct, member);
    const double b = ask(through, member);
    const double c = ask(through, routed, &own);
    const double d =
        ask(through, request_for("trinity:fast", fmt::format("{} No {}.", question, i)), &router);
    straight.push_back(a);
    named.push_back(b);
    added.push_back(b - a);
    fast.push_back(c);
    fast_added.push_back(c - b - own);
    fast_router.push_back(own);
    fresh_added.push_back(d - b - router);
    fresh_router.push_back(router);
  }
  report("upstream alone", straight);
  report("member by its name", named);
  report("  added to the upstream alone", added);
  report("routed turn, same question", fast);
  report("  router's own time", fast_router);
  report("  added to the member's and the router's", fast_added);
  report("routed turn, new question: router's own time", fresh_router);
  report("  added to the member's and the router's", fresh_added);
  report("1,000 requests a second, open loop",
         open_loop(port, member, 5000, std::chrono::milliseconds(1)));
  fmt::print("{:<44} {:.0f} requests a second\n", "sixteen connections, as fast as they go",
             requests_a_second(port, member, 20'000));
  if (proxy == 0) return 0;
  Times others, ours;
  RawSocket socket = RawSocket::connect(proxy);
  for (std::size_t i = 0; i < pairs / 10; ++i) {
    others.push_back(ask(socket, member));
    ours.push_back(ask(through, member));
  }
  report("the other proxy", others);
  report("  this server beside it", ours);
  fmt::print("{:<44} {:.0f} requests a second\n", "the other proxy, sixteen connections",
             requests_a_second(proxy, member, pairs / 10));
  return 0;
}
