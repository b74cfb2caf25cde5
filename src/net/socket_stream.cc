// Plain connections: a socket as a ByteStream, and how one is made.
//
// Reading waits until the system says that there is something and reads it into the loop's buffer,
// so that a connection that is only open holds none. A write goes to the system at once; what it
// does not take is kept in one string until it does.
#include <netdb.h>
#include <poll.h>

#include <boost/asio/post.hpp>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/thread_failure.h"
#include "net/event_loop_impl.h"

namespace trinity::net {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t kKeptCapacity = 4096;  // of the buffer of unsent bytes, once it is empty
constexpr std::chrono::seconds kNextAddress{1};

class SocketStream final : public ByteStream, public std::enable_shared_from_this<SocketStream> {
 public:
  SocketStream(EventLoop::Impl& loop, tcp::socket socket)
      : loop_(loop), socket_(std::move(socket)) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
  }

  void listen(Listener* listener) override {
    listener_ = listener;
    reading_ = listener != nullptr;
    wait_to_read();
  }
  void pause_reading() override { reading_ = false; }
  void resume_reading() override {
    reading_ = true;
    wait_to_read();
  }

  void write(std::string bytes) override {
    if (closed_ || broken_ || bytes.empty()) return;
    if (unsent() > 0) {
      unsent_.append(bytes);
      return;
    }
    error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(bytes), error);
    if (error && error != asio::error::would_block) return broken(error);
    if (sent == bytes.size()) return;
    unsent_ = std::move(bytes);
    offset_ = sent;
    wait_to_write();
  }

  std::size_t unsent() const override { return unsent_.size() - offset_; }

  void shut_down_writing() override {
    shut_down_ = true;
    if (closed_ || unsent() > 0) return;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  bool is_peer_gone() override {
    if (closed_ || ended_) return true;
    pollfd state{socket_.native_handle(), POLLRDHUP, 0};
    return ::poll(&state, 1, 0) > 0;
  }

  void close() override {
    listener_ = nullptr;
    closed_ = true;
    error_code ignored;
    socket_.close(ignored);
    unsent_ = std::string();
    offset_ = 0;
  }

 private:
  void wait_to_read() {
    if (!reading_ || waiting_to_read_ || closed_ || ended_) return;
    waiting_to_read_ = true;
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
      self->waiting_to_read_ = false;
      if (!error) self->read();
    });
  }

  void read() {
    if (closed_ || ended_ || !reading_) return;
    error_code error;
    const std::size_t got = socket_.read_some(asio::buffer(loop_.read_buffer), error);
    if (!error) {
      if (listener_) listener_->stream_read({loop_.read_buffer.data(), got});
    } else if (error == asio::error::eof) {
      end(true, "the other side closed it");
    } else if (error != asio::error::would_block && error != asio::error::interrupted) {
      return end(false, error.message());
    }
    wait_to_read();
  }

  void wait_to_write() {
    socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code error) {
      if (!error) self->write_more();
    });
  }

  void write_more() {
    if (closed_ || broken_) return;
    error_code error;
    const std::size_t sent =
        socket_.write_some(asio::buffer(unsent_.data() + offset_, unsent_.size() - offset_), error);
    if (error && error != asio::error::would_block && error != asio::error::interrupted)
      return broken(error);
    offset_ += sent;
    if (offset_ == unsent_.size()) {
      unsent_.clear();
      offset_ = 0;
      if (unsent_.capacity() > kKeptCapacity) unsent_ = std::string();
      if (shut_down_) shut_down_writing();
    } else {
      if (offset_ > unsent_.size() / 2) {
        unsent_.erase(0, offset_);
        offset_ = 0;
      }
      wait_to_write();
    }
    if (sent > 0 && listener_) listener_->stream_progressed();
  }

  /// A failed write is told from the loop, not from inside write(), whose caller is in the middle
  /// of something.
  void broken(error_code error) {
    broken_ = true;
    unsent_ = std::string();
    offset_ = 0;
    asio::post(loop_.context, [self = shared_from_this(), why = error.message()] {
      if (!self->closed_) self->end(false, why);
    });
  }

  void end(bool clean, const std::string& why) {
    if (std::exchange(ended_, true)) return;
    if (listener_) listener_->stream_ended(clean, why);
  }

  EventLoop::Impl& loop_;
  tcp::socket socket_;
  Listener* listener_ = nullptr;
  std::string unsent_;
  std::size_t offset_ = 0;
  bool reading_ = false, waiting_to_read_ = false;
  bool closed_ = false, broken_ = false, ended_ = false, shut_down_ = false;
};

using Addresses = tl::expected<std::vector<tcp::endpoint>, std::string>;

Addresses look_up(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const int result = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &first);
  if (result != 0) return tl::unexpected<std::string>(::gai_strerror(result));
  std::vector<tcp::endpoint> found;
  for (const addrinfo* each = first; each; each = each->ai_next) {
    tcp::endpoint end;
    if (each->ai_addrlen > end.capacity()) continue;
    std::memcpy(end.data(), each->ai_addr, each->ai_addrlen);
    end.resize(each->ai_addrlen);
    found.push_back(end);
  }
  ::freeaddrinfo(first);
  return found;
}

/// The addresses of one name, tried one after the other. Everything but the look-up happens on the
/// loop's thread; what comes late finds `connected` gone.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(EventLoop::Impl& loop, Connected connected)
      : loop_(loop), connected_(std::move(connected)), timer_(loop.context) {}

  void begin(EventLoop& loop, const std::string& host, const std::string& port) {
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    std::uint16_t number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    if (!error) {
      addresses_.emplace_back(address, number);
      asio::post(loop_.context, [self = shared_from_this()] { self->try_next(); });
      return;
    }
    // A thread for each look-up: the system's is a call that cannot be given up.
    try {
      std::thread([self = weak_from_this(), where = loop.weak_from_this(), host, port] {
        Addresses found = look_up(host, port);
        const std::shared_ptr<EventLoop> back = where.lock();
        if (!back) return;
        back->post([self, found = std::move(found)]() mutable {
          if (const auto attempt = self.lock()) attempt->found(std::move(found));
        });
      }).detach();
    } catch (...) {
      const auto failure = caught_failure("look up " + host, "close other programs and try again");
      asio::post(loop_.context, [self = shared_from_this(), why = failure.value().message] {
        self->finish(tl::unexpected<ConnectFailure>(ConnectFailure{false, why}));
      });
    }
  }

  void give_up() {
    connected_ = nullptr;
    timer_.cancel();
    close_all();
  }

 private:
  void found(Addresses addresses) {
    if (!addresses || addresses->empty())
      return finish(tl::unexpected<ConnectFailure>(
          ConnectFailure{true, addresses ? "it has no address" : addresses.error()}));
    addresses_ = std::move(*addresses);
    try_next();
  }

  void try_next() {
    if (!connected_ || next_ == addresses_.size()) return;
    auto socket = std::make_shared<tcp::socket>(loop_.context);
    sockets_.push_back(socket);
    const tcp::endpoint end = addresses_[next_++];
    ++under_way_;
    socket->async_connect(end, [self = shared_from_this(), socket](error_code error) {
      --self->under_way_;
      if (!self->connected_) return;
      if (!error) return self->finish(make_socket_stream(self->loop_, std::move(*socket)));
      if (self->why_.empty()) self->why_ = error.message();
      if (self->next_ < self->addresses_.size())
        self->try_next();
      else if (self->under_way_ == 0)
        self->finish(tl::unexpected<ConnectFailure>(ConnectFailure{false, self->why_}));
    });
    if (next_ == addresses_.size()) return;
    timer_.expires_after(kNextAddress);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->try_next();
    });
  }

  void finish(tl::expected<std::shared_ptr<ByteStream>, ConnectFailure> result) {
    if (!connected_) return;
    const Connected connected = std::exchange(connected_, nullptr);
    timer_.cancel();
    close_all();
    connected(std::move(result));
  }

  void close_all() {
    error_code ignored;
    for (const auto& socket : sockets_)
      if (socket->is_open()) socket->close(ignored);  // the one that was taken is no longer open
    sockets_.clear();
  }

  EventLoop::Impl& loop_;
  Connected connected_;
  asio::steady_timer timer_;
  std::vector<tcp::endpoint> addresses_;
  std::size_t next_ = 0;
  int under_way_ = 0;
  std::vector<std::shared_ptr<tcp::socket>> sockets_;
  std::string why_;  // of the first address
};

class AttemptOwner final : public Connecting {
 public:
  explicit AttemptOwner(std::shared_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {}
  ~AttemptOwner() override { attempt_->give_up(); }

 private:
  std::shared_ptr<Attempt> attempt_;
};

}  // namespace

std::shared_ptr<ByteStream> make_socket_stream(EventLoop::Impl& loop, tcp::socket socket) {
  return std::make_shared<SocketStream>(loop, std::move(socket));
}

std::unique_ptr<Connecting> connect_to(EventLoop& loop, const std::string& host,
                                       const std::string& port, Connected connected) {
  auto attempt = std::make_shared<Attempt>(loop.impl(), std::move(connected));
  attempt->begin(loop, host, port);
  return std::make_unique<AttemptOwner>(std::move(attempt));
}

}  // namespace trinity::net
