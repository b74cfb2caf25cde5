// The inside of EventLoop, for the sources of this room that speak to Boost.Asio. No other file
// includes it.
//
// What waits in the context (handlers of sockets and timers) may hold on to streams and timers,
// which refer to this; nothing in it owns an EventLoop, or neither would ever end.
#pragma once

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "net/event_loop.h"

namespace trinity::net {

struct EventLoop::Impl {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
      context.get_executor()};
  std::thread thread;
  std::thread::id id;
  std::array<char, 64 * 1024> read_buffer;  // one read at a time: nothing waits in it
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  bool stopped = false;

  void run();
  void run_posted();
};

/// A connected socket as a stream.
std::shared_ptr<ByteStream> make_socket_stream(EventLoop::Impl& loop,
                                               boost::asio::ip::tcp::socket socket);

}  // namespace trinity::net
