// The server: paths, and what answers on them.
//
//   POST /v1/chat/completions, /v1/responses, /v1/messages     a run, or a member by its name
//   POST /v1/messages/count_tokens                             an estimate
//   POST /v1/route                                             a decision without a turn
//   GET  /v1/models[/ID]                                       the pool and its members
//   GET  /healthz, /readyz, /metrics
//   GET  /, /page/...                                          a page for people (page.h)
//   GET  /v1/trinity/...                                       what it shows (monitor.h)
#pragma once

#include <trinity/error.h>

#include <memory>

#include "net/http_server.h"
#include "serve/gate.h"
#include "serve/services.h"

namespace trinity::serve {

struct ServeOptions {
  net::ServerOptions http;
  GateOptions gate;
};

class Server {
 public:
  /// `services` must outlive it. Errors: those of net::HttpServer::start.
  static Result<std::unique_ptr<Server>> start(Services& services, const ServeOptions& options);
  ~Server();

  std::uint16_t port() const;
  /// /readyz says 503 from now on, and answers "Connection: close"; all else is answered as before.
  void announce_end();
  /// Besides, no connection is taken any more, and what is under way is
  /// finished; true when all of it was before `patience` ran out.
  bool drain(std::chrono::milliseconds patience);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trinity::serve
