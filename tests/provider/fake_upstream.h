// A server that answers as it is told and notes what it was asked, on a real socket.
#pragma once

#include <gtest/gtest.h>

#include <mutex>

#include "net/http_server.h"

namespace trinity::provider::testing {

class FakeUpstream {
 public:
  using Handler = std::function<void(const std::shared_ptr<net::Exchange>&)>;

  explicit FakeUpstream(Handler handler) : handler_(std::move(handler)) {
    auto server =
        net::HttpServer::start({}, [this](const std::shared_ptr<net::Exchange>& exchange) {
          {
            const std::lock_guard lock(mutex_);
            requests_.push_back(exchange->request());
          }
          handler_(exchange);
        });
    if (!server) ADD_FAILURE() << server.error().message;
    if (server) server_.emplace(std::move(*server));
  }

  std::string url(const std::string& path = "/v1") const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }
  std::vector<net::HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  void stop() { server_.reset(); }

  /// An answer of this status and body.
  static Handler says(int status, std::string body, net::Fields fields = {}) {
    return [=](const std::shared_ptr<net::Exchange>& exchange) {
      net::HttpResponse response{status, fields, body};
      if (!response.fields.contains("content-type"))
        response.fields.set("content-type", "application/json");
      exchange->respond(std::move(response));
    };
  }
  /// These pieces of a stream of events; without `ends` the connection is cut behind them.
  static Handler streams(std::vector<std::string> pieces, bool ends = true) {
    return [=](const std::shared_ptr<net::Exchange>& exchange) {
      net::HttpResponse head;
      head.fields.set("content-type", "text/event-stream; charset=utf-8");
      exchange->begin(std::move(head));
      for (const std::string& piece : pieces) exchange->write(piece);
      if (ends) exchange->end();
    };
  }

 private:
  mutable std::mutex mutex_;
  std::vector<net::HttpRequest> requests_;
  Handler handler_;
  std::optional<net::HttpServer> server_;
};

}  // namespace trinity::provider::testing
