// A server of HTTP/1.1: connections, limits and deadlines; what is answered is a handler's
// business.
//
// One or more threads run an event loop; no thread waits for a client. A handler is called on such
// a thread with an Exchange and must not block: it answers at once, or keeps the exchange and
// answers from any thread later. Streams are written piece by piece; a client that does not read
// holds up its own stream only (`pending_bytes`), and is dropped after `write_stall`.
//
// What two parsers could read differently is refused before a handler sees it (docs/serving.md).
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/http.h"

namespace trinity::net {

/// One request and its answer. Every function may be called from any thread, and after the client
/// has gone: it then does nothing.
class Exchange {
 public:
  virtual ~Exchange() = default;  // unanswered: 500 is answered

  virtual const HttpRequest& request() const = 0;
  /// "127.0.0.1:51234", "[::1]:51234".
  virtual std::string peer() const = 0;

  /// The whole answer. HEAD gets its fields only. Content-Length, Transfer-Encoding and Connection
  /// are the server's; a field "Connection: close" of the answer closes the connection behind it.
  virtual void respond(HttpResponse response) = 0;
  /// Begins a streamed answer (chunked; until the connection's end for HTTP/1.0), sent at once with
  /// what `head.body` has.
  virtual void begin(HttpResponse head) = 0;
  /// A piece of it, sent as it is.
  virtual void write(std::string piece) = 0;
  /// Its end. Without it (the exchange is destroyed) the connection is cut, which the client sees.
  virtual void end() = 0;
  /// Bytes that were written and the client's system has not yet taken from this process.
  virtual std::size_t pending_bytes() const = 0;
  /// `drained` is called once, on a thread of the server, when pending_bytes() is at most `bytes`,
  /// which may be at once; never after the client has gone. For a source that is to be slowed down.
  virtual void when_pending_at_most(std::size_t bytes, std::function<void()> drained) = 0;
  /// `gone` is called once if the client goes away before the answer has ended, on any thread; at
  /// once if it is gone already. Noticed within 100 ms, also before the first byte of the answer. A
  /// client that only ends its own direction counts as gone.
  virtual void when_gone(std::function<void()> gone) = 0;
};

struct ServerLimits {
  std::size_t header_bytes = 64 << 10;
  std::size_t header_fields = 100;
  std::size_t body_bytes = std::size_t{64} << 20;     // also after gzip
  std::size_t connections = 10'000;                   // one more is answered 503
  std::chrono::milliseconds header_deadline{10'000};  // from the first byte to the last of a header
  std::chrono::milliseconds idle{75'000};             // before the first byte of a request
  std::chrono::milliseconds body_deadline{30'000};    // plus a second for every 64 KiB that came
  std::chrono::milliseconds write_stall{30'000};      // no byte taken by the client
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 0;          // 0: any free one
  int threads = 1;
  bool encoded_slash = false;  // let "%2F" in a path through to the handler
  ServerLimits limits;
};

class HttpServer {
 public:
  using Handler = std::function<void(std::shared_ptr<Exchange>)>;

  /// Listens and serves until destruction. The process may open as many descriptors as the system
  /// allows it at all from then on. Errors: `invalid_address`, `address_in_use`, `listen_failed`.
  static Result<HttpServer> start(const ServerOptions& options, Handler handler);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  ~HttpServer();  // cuts what is open; not to be called by a handler

  std::uint16_t port() const;
  /// From now on answers say "Connection: close": clients that are to go elsewhere leave in order.
  void announce_end();
  /// No more connections, but for those that are made already: what they are about to send is
  /// answered too. Returns true when every exchange has ended, false when `patience` ran out first.
  /// Not to be called by a handler.
  bool drain(std::chrono::milliseconds patience);

  struct Counts {
    std::uint64_t connections = 0, requests = 0, refused = 0;  // since the start
    std::size_t open_connections = 0, open_exchanges = 0;
  };
  Counts counts() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trinity::net
