// How much a request takes longer through a server and a client of this room than without them.
//
//   net_pass_through [PAIRS]
//
// An upstream server answers at once; a gateway passes each request on to it over a kept
// connection. A plain socket asks both by turns, and what counts is the difference of a pair: what
// disturbs the machine disturbs both. Then a stream is cut by its client, and how long the
// gateway's handler takes to learn of it is counted.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <vector>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/raw_socket.h"

using trinity::net::Exchange;
using trinity::net::HttpClient;
using trinity::net::HttpResponse;
using trinity::net::HttpServer;
using trinity::testing::RawSocket;

namespace {

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

void report(const char* name, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  fmt::print("{:<24} p50 {:7.1f}  p90 {:7.1f}  p99 {:7.1f} us\n", name, values[values.size() / 2],
             values[values.size() * 9 / 10], values[values.size() * 99 / 100]);
}

/// One request that is passed on, and what has come back.
struct Passing {
  std::shared_ptr<Exchange> exchange;
  HttpResponse response;
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t pairs = 4000;
  if (argc > 1) std::from_chars(argv[1], argv[1] + std::string_view(argv[1]).size(), pairs);
  const std::string answer = R"({"choices":[{"message":{"content":")" + std::string(200, 'a') +
                             R"("}}],"usage":{"total_tokens":8}})";
  auto upstream = HttpServer::start({}, [&](const std::shared_ptr<Exchange>& exchange) {
    HttpResponse response;
    response.body = answer;
    exchange->respond(std::move(response));
  });
  HttpClient client;
  const auto url = trinity::net::parse_url(fmt::format("http://127.0.0.1:{}/v1", upstream->port()));
  auto gateway = HttpServer::start({}, [&](std::shared_ptr<Exchange> exchange) {
    auto passing = std::make_shared<Passing>();
    passing->exchange = std::move(exchange);
    trinity::net::OutgoingRequest request;
    request.url = *url;
    request.body = passing->exchange->request().body;
    trinity::net::Receiver receiver;
    receiver.head = [passing](int status, const trinity::net::Fields&) {
      passing->response.status = status;
    };
    receiver.piece = [passing](std::string_view piece) { passing->response.body += piece; };
    receiver.ended = [passing] { passing->exchange->respond(std::move(passing->response)); };
    receiver.failed = [passing](const trinity::Error&, bool) { passing->exchange.reset(); };
    // Held by the exchange's own callback: if the client goes, the call ends with it.
    const std::shared_ptr<Exchange> held = passing->exchange;
    auto pending = client.send(std::move(request), std::move(receiver));
    held->when_gone([pending = std::shared_ptr(std::move(pending))] { pending->cancel(); });
  });
  const std::string body(600, 'a');
  const std::string bytes = fmt::format(
      "POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
  RawSocket sockets[2] = {RawSocket::connect(upstream->port()),
                          RawSocket::connect(gateway->port())};
  std::vector<double> times[2], differences;
  for (std::size_t i = 0; i < pairs; ++i) {
    double pair[2] = {};
    for (std::size_t k = 0; k < 2; ++k) {
      const std::size_t which = (i + k) % 2;
      const auto begin = Clock::now();
      sockets[which].send(bytes);
      if (sockets[which].read_message().body != answer) return 1;
      pair[which] = microseconds_since(begin);
      times[which].push_back(pair[which]);
    }
    differences.push_back(pair[1] - pair[0]);
  }
  report("direct", times[0]);
  report("through", times[1]);
  report("difference of a pair", differences);

  std::vector<double> noticed;
  std::promise<void> gone;
  std::shared_ptr<Exchange> open;
  auto streams = HttpServer::start({}, [&](const std::shared_ptr<Exchange>& exchange) {
    open = exchange;
    exchange->begin({});
    exchange->when_gone([&] { gone.set_value(); });
    exchange->write("data: 0\n\n");
  });
  for (int i = 0; i < 200; ++i) {
    gone = {};
    RawSocket socket = RawSocket::connect(streams->port());
    socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    socket.read_through("data: 0\n\n\r\n");
    const auto begin = Clock::now();
    socket.close();
    gone.get_future().wait();
    noticed.push_back(microseconds_since(begin));
  }
  report("a client gone, noticed", noticed);
  return 0;
}
