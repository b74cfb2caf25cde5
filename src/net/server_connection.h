// One connection of a server: requests in, answers out, one at a time and in order.
//
// Everything here runs on the thread of the connection's loop, Answer apart, whose steps may come
// from any thread and are carried out in their order. Reading goes on while an answer is awaited:
// that is how a client that has gone is noticed. What it sends meanwhile waits, up to a limit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/event_loop.h"
#include "net/gzip_reader.h"
#include "net/http_parser.h"
#include "net/http_server.h"

namespace trinity::net {

class ServerConnection;

/// What all connections of a server share.
struct ServerShared {
  ServerOptions options;
  HttpServer::Handler handler;
  std::atomic<bool> leaving{false};   // answers say "Connection: close"
  std::atomic<bool> draining{false};  // and no connection is taken
  std::atomic<std::uint64_t> connections{0}, requests{0}, refused{0};
  std::atomic<std::size_t> open_connections{0};
  std::atomic<std::size_t> open_exchanges{0};  // in a drain also the requests that are expected
  std::mutex mutex;
  std::condition_variable exchange_ended;
};

/// The connections of one loop, which owns them.
using ConnectionSet = std::unordered_map<ServerConnection*, std::shared_ptr<ServerConnection>>;

/// What is to be done for an answer.
struct AnswerStep {
  enum class Kind { respond, begin, write, end, abandon };
  Kind kind;
  std::unique_ptr<HttpResponse> response;
  std::string piece;
};

/// The request and the steps of its answer: what an Exchange and its connection share.
class Answer : public std::enable_shared_from_this<Answer> {
 public:
  Answer(HttpRequest request, std::string peer, std::shared_ptr<EventLoop> loop,
         std::weak_ptr<ServerConnection> connection);

  const HttpRequest request;
  const std::string peer;

  void add(AnswerStep step);
  std::size_t pending_bytes() const { return queued_ + unsent_; }
  void when_pending_at_most(std::size_t bytes, std::function<void()> drained);
  void when_gone(std::function<void()> gone);

  // For the connection:
  std::vector<AnswerStep> take_steps();
  void note_unsent(std::size_t bytes);
  /// The answer has ended, or can no longer.
  void finish(bool gone);

 private:
  void carry_out();

  const std::shared_ptr<EventLoop> loop_;
  const std::weak_ptr<ServerConnection> connection_;
  std::atomic<std::size_t> queued_{0}, unsent_{0};
  std::mutex mutex_;
  std::vector<AnswerStep> steps_;
  bool scheduled_ = false, finished_ = false, gone_ = false;
  std::function<void()> when_gone_;
  std::size_t at_most_ = 0;
  std::function<void()> when_drained_;
};

class ServerConnection : private ByteStream::Listener,
                         public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(ServerShared& shared, ConnectionSet& owner, EventLoop& loop,
                   std::shared_ptr<ByteStream> stream, std::string peer);
  ~ServerConnection() override;

  void begin();
  /// Answers 503 and closes.
  void turn_away();
  /// Cuts it; whoever waits for its answer learns that the client has gone.
  void close();
  /// A drain begins: a kept connection that is idle closes, and one whose client may be about to
  /// send its request, or is sending it, is waited for.
  void finish_up();
  void carry_out(Answer& answer);

 private:
  enum class State { head, body, answering, flushing, lingering, closed };

  void stream_read(std::string_view bytes) override;
  void stream_progressed() override;
  void stream_ended(bool clean, std::string_view why) override;

  void advance();
  void go_on_later();
  bool read_head();
  bool read_body();
  void begin_exchange();
  void carry_out_step(AnswerStep& step, std::string& out);
  void write_head(const HttpResponse& response, bool streamed, std::string& out);
  void send(std::string out);
  void note_progress();
  void after_answer();
  void expect_request();
  void stop_expecting();
  void refuse(const Refusal& refusal);
  void linger();
  void set_timer();
  void timer_rang();
  EventLoop::Clock::time_point due() const;

  ServerShared& shared_;
  ConnectionSet& owner_;
  EventLoop& loop_;
  std::shared_ptr<ByteStream> stream_;
  const std::string peer_;
  Timer timer_;

  State state_ = State::head;
  bool advancing_ = false, paused_ = false, peer_ended_ = false;
  bool going_on_ = false;                    // advance() is called again
  bool served_ = false, expecting_ = false;  // a request; in a drain, the one that it may send
  std::string in_;
  std::size_t scanned_ = 0;
  EventLoop::Clock::time_point since_, progress_;  // of the phase; of writing
  std::size_t received_ = 0;                       // of the body, as it came

  RequestHead head_;
  BodyReader body_;
  std::unique_ptr<GzipReader> gzip_;
  std::shared_ptr<Answer> answer_;
  bool begun_ = false, ended_ = false, bodyless_ = false, chunked_ = false, keep_ = false;
};

}  // namespace trinity::net
