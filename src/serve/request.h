// A request on its way through the server: what came, who asked, and the fields that its answer
// will carry, whoever writes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"
#include "serve/api_error.h"
#include "serve/metrics.h"
#include "telemetry/request_spans.h"

namespace trinity::serve {

/// In whose words errors are told.
enum class Words { openai, anthropic };

class Request {
 public:
  using Clock = std::chrono::steady_clock;

  Request(std::shared_ptr<net::Exchange> exchange, std::string id, std::string path,
          std::string query);

  const net::HttpRequest& http() const { return exchange_->request(); }
  net::Exchange& exchange() const { return *exchange_; }
  /// Without a trailing slash and always with "/v1" where an interface has it.
  const std::string& path() const { return path_; }
  /// The value of a parameter of the query, decoded; nothing: it is not there.
  std::optional<std::string> parameter(std::string_view name) const;
  const std::string& id() const { return id_; }
  Clock::time_point arrived() const { return arrived_; }
  double age_ms() const;

  /// The name of the key that was shown; empty on a server without keys.
  std::string key;
  Words words = Words::openai;
  /// Of the answer, besides Content-Type.
  net::Fields fields;
  /// What is told of it to a collector of spans; nothing: none.
  std::shared_ptr<telemetry::RequestSpans> spans;
  /// Counts answers by path and status; nothing: nobody counts.
  Metrics::Counter* answers = nullptr;

  void answer(int status, std::string body, std::string_view type = "application/json");
  void fail(const ApiError& error);
  /// A streamed answer begins: status 200, server-sent events.
  void begin_events();
  /// Whoever answers from now on answers through what `wrap` makes of the exchange.
  void record(
      const std::function<std::shared_ptr<net::Exchange>(std::shared_ptr<net::Exchange>)>& wrap) {
    exchange_ = wrap(std::move(exchange_));
  }
  /// An answer that was given before, as it was.
  void replay(net::HttpResponse head, std::string pieces, bool streamed);
  /// The error as the end of a stream that has begun.
  std::string error_text(const ApiError& error) const;

 private:
  void count(int status) const;

  std::shared_ptr<net::Exchange> exchange_;
  std::string id_, path_, query_;
  Clock::time_point arrived_ = Clock::now();
};

/// "req_" and 26 characters that nobody has seen before.
std::string fresh_request_id();

}  // namespace trinity::serve
