// Sockets and timers on one thread, for the server and the client of this room.
//
// An EventLoop is a thread that waits for many sockets at once. Everything that belongs to one
// connection happens on its loop's thread, so that connections need no locks; other threads hand
// work over with `post`. The library behind it (Boost.Asio) is seen by event_loop.cc only.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace trinity::net {

class EventLoop : public std::enable_shared_from_this<EventLoop> {
 public:
  using Clock = std::chrono::steady_clock;
  struct Impl;

  /// Starts the thread. Errors: `out_of_threads`, `system_failure`.
  static Result<std::shared_ptr<EventLoop>> start();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Runs `work` on the thread, soon, in the order of the calls. False, and nothing is done, after
  /// stop().
  bool post(std::function<void()> work);
  bool is_current() const;
  /// Ends the thread and waits for it; work that has not begun is dropped. Called by the owner, on
  /// the thread itself too, which then ends when it gets there.
  void stop();

  Impl& impl() { return *impl_; }

 private:
  explicit EventLoop(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// Calls a function on the loop's thread when its time has come. To be used on that thread only.
/// Moving the time on costs nothing until the earlier one has passed.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> expired);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void set(EventLoop::Clock::time_point due);
  void clear();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// A connection's two directions of bytes, plain or TLS. To be used on its loop's thread only.
class ByteStream {
 public:
  /// Who is told. A function may close the stream, and destroy whoever owns it.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void stream_read(std::string_view bytes) = 0;
    /// Some of what was written has been taken by the system; unsent() says what has not.
    virtual void stream_progressed() = 0;
    /// There will be nothing more to read. `clean`: the other side has said so; else the connection
    /// broke, `why` says how. Nothing is called afterwards but stream_progressed if it was clean.
    virtual void stream_ended(bool clean, std::string_view why) = 0;
  };

  virtual ~ByteStream() = default;
  /// Begins to read. nullptr: nobody is told any more, and nothing is read.
  virtual void listen(Listener* listener) = 0;
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  /// Sends at once what the system takes and keeps the rest.
  virtual void write(std::string bytes) = 0;
  virtual std::size_t unsent() const = 0;
  /// Says that nothing more will be written.
  virtual void shut_down_writing() = 0;
  /// Whether the other side has ended its direction, also while reading is paused.
  virtual bool is_peer_gone() = 0;
  virtual void close() = 0;
};

/// Accepts connections.
class Acceptor {
 public:
  /// `next` names the loop of the next connection; `accepted` is called on that loop's thread.
  /// Every loop that is named must outlive this one's.
  using Next = std::function<EventLoop&()>;
  using Accepted =
      std::function<void(EventLoop& loop, std::shared_ptr<ByteStream> stream, std::string peer)>;
  /// Errors: `invalid_address`, `address_in_use`, `listen_failed`.
  static Result<std::unique_ptr<Acceptor>> open(std::shared_ptr<EventLoop> loop,
                                                const std::string& host, std::uint16_t port);
  ~Acceptor();
  std::uint16_t port() const;
  void begin(Next next, Accepted accepted);
  /// No more connections. From any thread.
  void close();

 private:
  struct State;
  Acceptor(std::shared_ptr<EventLoop> loop, std::shared_ptr<State> state);
  std::shared_ptr<EventLoop> loop_;
  std::shared_ptr<State> state_;
};

/// A connection being made. Destruction gives it up.
class Connecting {
 public:
  virtual ~Connecting() = default;
};

struct ConnectFailure {
  bool name_not_found = false;
  std::string why;
};
using Connected = std::function<void(tl::expected<std::shared_ptr<ByteStream>, ConnectFailure>)>;

/// Resolves a name (on a thread of its own) and tries its addresses one after the other, the next
/// one when one has failed or taken a second. To be called on the loop's thread; `connected` is
/// called there.
std::unique_ptr<Connecting> connect_to(EventLoop& loop, const std::string& host,
                                       const std::string& port, Connected connected);

}  // namespace trinity::net
