// A client of HTTP/1.1 with connections kept alive for each origin, plain or TLS.
//
// Requests never block: a request is begun with a receiver, whose functions are called on the
// client's thread in order (head, body pieces, end or failure), and may be cancelled from any
// thread. A request over a kept connection that the server closed before its first byte is sent
// anew, once, over a fresh one; nothing else is repeated here. Redirects are not followed, codings
// are not undone, and no proxy is asked.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/url.h"

namespace trinity::net {

/// Where a request goes and how long it may take. A phase that is not given time has none.
struct OutgoingRequest {
  Url url;
  std::string method = "POST";
  Fields fields;  // Host, Content-Length and Connection are ours
  std::string body;
  std::chrono::milliseconds connect_deadline{10'000};  // name, connection, TLS
  std::chrono::milliseconds first_byte_deadline{0};    // from there to the response's first byte
  std::chrono::milliseconds idle_deadline{0};          // between two pieces of the response
  std::chrono::milliseconds total_deadline{0};         // from send() to the response's end
  std::size_t body_limit = std::size_t{64} << 20;      // of the response
};

/// What comes back, on the client's thread, which it must not hold up. Exactly one of `ended` and
/// `failed` is called, last, unless the request is cancelled, after which nothing more is begun to
/// be called (a call that another thread finds under way may still come to its end, so what the
/// functions use must live as long as they do).
struct Receiver {
  std::function<void(int status, const Fields& fields)> head;
  std::function<void(std::string_view piece)> piece;
  std::function<void()> ended;
  /// Tags: `connect_failed`, `tls_failed`, `name_not_found`, `timeout` (the message says which
  /// phase), `connection_lost`, `invalid_response`, `response_too_large`, and `invalid_request` for
  /// one that cannot be written. `sent`: bytes of the request left, so it may have had an effect.
  std::function<void(Error error, bool sent)> failed;
};

class HttpClient {
 public:
  struct Options {
    std::size_t idle_connections = 64;  // kept for each origin
    std::chrono::milliseconds keep_alive{30'000};
    std::string ca_file;  // PEM; instead of the system's authorities
  };
  HttpClient();
  explicit HttpClient(const Options& options);
  ~HttpClient();  // cancels what is open; when it returns, nothing is being called
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// A request under way. Destruction cancels it. Every function may be called from any thread.
  class Pending {
   public:
    virtual ~Pending() = default;
    /// Closes its connection at once.
    virtual void cancel() = 0;
    /// No more pieces, and nothing is read from the server, until resume(): whoever takes them is
    /// slower. Deadlines between pieces rest meanwhile.
    virtual void pause() = 0;
    virtual void resume() = 0;
  };
  std::unique_ptr<Pending> send(OutgoingRequest request, Receiver receiver);

  /// Waits for the whole response; for commands and tests, never from a receiver. Errors as in
  /// Receiver, and `cancelled` when the client ends meanwhile.
  Result<HttpResponse> fetch(OutgoingRequest request);

  struct Counts {
    std::uint64_t requests = 0, connections = 0;  // since the start
    std::size_t open = 0;                         // requests under way
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trinity::net
