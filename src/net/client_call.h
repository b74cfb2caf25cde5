// The inside of the client: kept connections, and requests under way.
//
// All of it lives on the thread of the client's loop. A call takes a kept connection or makes one,
// writes its request, reads the response and gives the connection back; a connection that nobody
// uses still listens, so that one which the server closes leaves the pool at once.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_parser.h"
#include "net/tls_stream.h"

namespace trinity::net {

class ClientCall;
class ClientConnection;

struct ClientCore {
  HttpClient::Options options;
  std::shared_ptr<EventLoop> loop;
  std::map<std::string, std::vector<std::shared_ptr<ClientConnection>>> idle;  // by origin
  std::unordered_map<ClientCall*, std::shared_ptr<ClientCall>> calls;
  std::atomic<std::uint64_t> requests{0}, connections{0};
  std::atomic<std::size_t> open{0};

  /// The kept connection that was used last, or nullptr.
  std::shared_ptr<ClientConnection> take(const std::string& origin);
  void keep(std::shared_ptr<ClientConnection> connection);
  void forget(ClientConnection* connection);
  void close_all();
};

/// A connection to an origin, used by one call or by none.
class ClientConnection final : private ByteStream::Listener,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(ClientCore& core, std::string origin, std::shared_ptr<ByteStream> stream);
  ~ClientConnection() override;

  void begin() { stream_->listen(this); }
  void close();
  void use(ClientCall* call);
  void rest();  // nobody's, for as long as connections are kept

  const std::string& origin() const { return origin_; }
  ByteStream& stream() { return *stream_; }

 private:
  void stream_read(std::string_view bytes) override;
  void stream_progressed() override;
  void stream_ended(bool clean, std::string_view why) override;

  ClientCore& core_;
  const std::string origin_;
  std::shared_ptr<ByteStream> stream_;
  ClientCall* call_ = nullptr;
  Timer rest_;
};

class ClientCall final : public std::enable_shared_from_this<ClientCall> {
 public:
  ClientCall(ClientCore& core, std::shared_ptr<TlsContext> tls, OutgoingRequest request,
             Receiver receiver);
  ~ClientCall();

  void begin();
  void cancel();
  void pause();
  void resume();

  // From its connection:
  void received(std::string_view bytes);
  void progressed();
  void connection_ended(bool clean, std::string_view why);

  /// Set by whoever cancels, from any thread: what waits for its turn is not called any more.
  std::atomic<bool> cancelled{false};

 private:
  enum class Phase { idle, connecting, waiting, reading, done };

  void connect();
  void connected(std::shared_ptr<ByteStream> stream);
  void write(std::shared_ptr<ClientConnection> connection);
  std::size_t read(std::string_view in);
  /// Takes a head off the front of `in`; 0: there is none yet, or the call has ended.
  std::size_t read_head(std::string_view in);
  void complete();
  void fail(ErrorKind kind, const char* tag, std::string message);
  void finish(bool keep_connection);
  template <typename Function, typename... Arguments>
  bool tell(Function Receiver::*function, Arguments&&... arguments);
  void set_timer();
  void timer_rang();

  ClientCore& core_;
  std::shared_ptr<TlsContext> tls_;
  OutgoingRequest request_;
  std::shared_ptr<Receiver> receiver_;  // until the end: what it holds on to is let go then
  std::string origin_, host_, target_, authority_;

  Phase phase_ = Phase::idle;
  bool fresh_only_ = false, reused_ = false, sent_ = false, got_bytes_ = false;
  bool head_done_ = false, keep_alive_ = false, paused_ = false, peer_ended_ = false;
  int informational_ = 0;
  std::unique_ptr<Connecting> connecting_;
  std::shared_ptr<ByteStream> securing_;
  std::shared_ptr<ClientConnection> connection_;
  std::optional<Timer> timer_;
  EventLoop::Clock::time_point began_, phase_began_;

  std::string in_;
  std::size_t scanned_ = 0;
  std::uint64_t body_bytes_ = 0;
  BodyReader body_;
};

}  // namespace trinity::net
