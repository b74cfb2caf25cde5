// The loop itself, timers, and the acceptor.
//
// Posted work waits in a vector of ours and wakes the loop once, however much there is. A timer is
// armed for the earliest time it was ever set to and looks again when that has passed, so a
// deadline that moves with every byte costs an assignment.
#include "net/event_loop.h"

#include <fmt/format.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/thread_failure.h"
#include "net/event_loop_impl.h"

namespace trinity::net {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

void EventLoop::Impl::run() {
  while (true) {
    try {
      context.run();
      return;
    } catch (...) {
      // What a receiver throws has ended its own work; the others of this thread go on.
      continue;
    }
  }
}

void EventLoop::Impl::run_posted() {
  std::vector<std::function<void()>> work_to_do;
  {
    const std::lock_guard lock(mutex);
    work_to_do.swap(posted);
  }
  for (std::function<void()>& each : work_to_do) {
    try {
      each();
    } catch (...) {
      continue;  // as in run()
    }
    each = nullptr;  // what it held on to goes in order, too
  }
}

EventLoop::EventLoop(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::shared_ptr<EventLoop>> EventLoop::start() {
  try {
    auto impl = std::make_shared<Impl>();
    impl->thread = std::thread([impl] { impl->run(); });
    impl->id = impl->thread.get_id();
    return std::shared_ptr<EventLoop>(new EventLoop(std::move(impl)));
  } catch (...) {
    return caught_failure("wait for connections", "close other programs and try again");
  }
}

EventLoop::~EventLoop() { stop(); }

bool EventLoop::post(std::function<void()> work) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopped) return false;
  impl_->posted.push_back(std::move(work));
  // Under the lock, so that stop() cannot come between.
  if (impl_->posted.size() == 1)
    asio::post(impl_->context, [impl = impl_.get()] { impl->run_posted(); });
  return true;
}

bool EventLoop::is_current() const { return std::this_thread::get_id() == impl_->id; }

void EventLoop::stop() {
  std::vector<std::function<void()>> dropped;
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->stopped, true)) return;
    dropped.swap(impl_->posted);
  }
  impl_->work.reset();
  impl_->context.stop();
  if (is_current())
    impl_->thread.detach();  // it holds on to the inside until it ends
  else
    impl_->thread.join();
}

struct Timer::State {
  State(EventLoop& loop, std::function<void()> function)
      : timer(loop.impl().context), expired(std::move(function)) {}

  static void arm(const std::shared_ptr<State>& self) {
    self->armed = true;
    self->timer.expires_at(self->due);
    self->timer.async_wait([self, generation = ++self->generation](error_code) {
      if (generation == self->generation) self->rung(self);
    });
  }
  void rung(const std::shared_ptr<State>& self) {
    armed = false;
    if (!active) return;
    if (EventLoop::Clock::now() < due) return arm(self);
    active = false;
    expired();
  }

  asio::steady_timer timer;
  std::function<void()> expired;
  EventLoop::Clock::time_point due;
  bool active = false, armed = false;
  std::uint64_t generation = 0;
};

Timer::Timer(EventLoop& loop, std::function<void()> expired)
    : state_(std::make_shared<State>(loop, std::move(expired))) {}

Timer::~Timer() {
  state_->active = false;
  ++state_->generation;
  state_->timer.cancel();
}

void Timer::set(EventLoop::Clock::time_point due) {
  state_->due = due;
  state_->active = true;
  if (!state_->armed || due < state_->timer.expiry()) State::arm(state_);
}

void Timer::clear() { state_->active = false; }

struct Acceptor::State {
  explicit State(EventLoop& on) : loop(on), acceptor(on.impl().context), pause(on.impl().context) {}

  static void accept(const std::shared_ptr<State>& self) {
    EventLoop& target = self->next();
    self->acceptor.async_accept(target.impl().context,
                                [self, &target](error_code error, tcp::socket socket) {
                                  if (!error) hand_over(self, target, std::move(socket));
                                  if (!self->acceptor.is_open()) return;
                                  error ? again(self) : accept(self);
                                });
  }

  static void hand_over(const std::shared_ptr<State>& self, EventLoop& target, tcp::socket socket) {
    error_code ignored;
    const tcp::endpoint end = socket.remote_endpoint(ignored);
    const bool v6 = end.address().is_v6();
    std::string peer = fmt::format("{}{}{}:{}", v6 ? "[" : "", end.address().to_string(),
                                   v6 ? "]" : "", end.port());
    std::shared_ptr<ByteStream> stream = make_socket_stream(target.impl(), std::move(socket));
    if (&target == &self->loop) {
      self->accepted(target, std::move(stream), std::move(peer));
    } else {
      target.post([self, &target, stream = std::move(stream), peer = std::move(peer)] {
        self->accepted(target, stream, peer);
      });
    }
  }

  /// Closes, but first takes what waits in the system's queue: those clients believe that they are
  /// connected, and a request that they have sent would be lost.
  static void close(const std::shared_ptr<State>& self) {
    if (!self->acceptor.is_open()) return;
    error_code error;
    self->acceptor.non_blocking(true, error);
    while (!error && self->accepted) {
      EventLoop& target = self->next();
      tcp::socket socket(target.impl().context);
      self->acceptor.accept(socket, error);
      if (!error) hand_over(self, target, std::move(socket));
    }
    self->acceptor.close(error);
    self->pause.cancel();
  }

  /// The system is out of descriptors or memory: connections wait in its queue.
  static void again(const std::shared_ptr<State>& self) {
    self->pause.expires_after(std::chrono::milliseconds(50));
    self->pause.async_wait([self](error_code) {
      if (self->acceptor.is_open()) accept(self);
    });
  }

  EventLoop& loop;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  Next next;
  Accepted accepted;
  std::uint16_t port = 0;
};

Acceptor::Acceptor(std::shared_ptr<EventLoop> loop, std::shared_ptr<State> state)
    : loop_(std::move(loop)), state_(std::move(state)) {}
Acceptor::~Acceptor() { close(); }
std::uint16_t Acceptor::port() const { return state_->port; }

Result<std::unique_ptr<Acceptor>> Acceptor::open(std::shared_ptr<EventLoop> loop,
                                                 const std::string& host, std::uint16_t port) {
  error_code error;
  const auto address =
      asio::ip::make_address(host == "localhost" ? std::string("127.0.0.1") : host, error);
  if (error)
    return fail(ErrorKind::usage, "invalid_address",
                fmt::format("the server cannot listen at \"{}\": it is no IP address; give one of "
                            "this machine, for example 127.0.0.1",
                            host));
  auto state = std::make_shared<State>(*loop);
  const tcp::endpoint end(address, port);
  tcp::acceptor& acceptor = state->acceptor;
  acceptor.open(end.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(end, error);
  if (!error) acceptor.listen(4096, error);
  if (!error) state->port = acceptor.local_endpoint(error).port();
  const std::string place =
      fmt::format("{}{}{}:{}", address.is_v6() ? "[" : "", host, address.is_v6() ? "]" : "", port);
  if (error == asio::error::address_in_use)
    return fail(
        ErrorKind::failed, "address_in_use",
        fmt::format("another program listens at {}; stop it or choose another port", place));
  if (error == boost::system::errc::address_not_available)
    return fail(ErrorKind::usage, "invalid_address",
                fmt::format("{} is no address of this machine; give one that it has", place));
  if (error)
    return fail(ErrorKind::failed, "listen_failed",
                fmt::format("the server cannot listen at {} ({}); choose another address or port",
                            place, error.message()));
  return std::unique_ptr<Acceptor>(new Acceptor(std::move(loop), std::move(state)));
}

void Acceptor::begin(Next next, Accepted accepted) {
  state_->next = std::move(next);
  state_->accepted = std::move(accepted);
  loop_->post([state = state_] { State::accept(state); });
}

void Acceptor::close() {
  if (loop_->is_current())
    State::close(state_);
  else
    loop_->post([state = state_] { State::close(state); });
}

}  // namespace trinity::net
