// A server is an acceptor, loops, and for each loop the set of its connections.
#include "net/http_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/try.h"
#include "net/server_connection.h"

namespace trinity::net {
namespace {

/// A connection is a descriptor, and the usual limit of 1,024 is a habit from the time of select().
void allow_many_descriptors() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct HttpServer::Impl {
  struct Lane {
    std::shared_ptr<EventLoop> loop;
    ConnectionSet connections;  // touched on the loop's thread only
  };

  ServerShared shared;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::unique_ptr<Acceptor> acceptor;
  std::size_t next_lane = 0;  // on the first loop's thread

  ~Impl() {
    acceptor.reset();
    on_every_lane([](Lane& lane) {
      while (!lane.connections.empty()) {
        const std::shared_ptr<ServerConnection> connection = lane.connections.begin()->second;
        connection->close();
      }
    });
    for (const auto& lane : lanes) lane->loop->stop();
    for (const auto& lane : lanes) lane->connections.clear();  // accepted in between
  }

  /// Runs `task` on the thread of each loop and waits for all.
  template <typename Task>
  void on_every_lane(Task task) {
    for (const auto& lane : lanes) {
      // Shared: it must last until the other thread is through with it.
      const auto done = std::make_shared<std::promise<void>>();
      if (lane->loop->post([&, done] {
            task(*lane);
            done->set_value();
          }))
        done->get_future().wait();
    }
  }

  void accepted(EventLoop& loop, std::shared_ptr<ByteStream> stream, std::string peer) {
    for (const auto& lane : lanes) {
      if (lane->loop.get() != &loop) continue;
      const bool full = shared.open_connections >= shared.options.limits.connections;
      auto connection = std::make_shared<ServerConnection>(shared, lane->connections, loop,
                                                           std::move(stream), std::move(peer));
      lane->connections.emplace(connection.get(), connection);
      if (full)
        connection->turn_away();
      else
        connection->begin();
    }
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::start(const ServerOptions& options, Handler handler) {
  allow_many_descriptors();
  auto impl = std::make_unique<Impl>();
  impl->shared.options = options;
  impl->shared.handler = std::move(handler);
  for (int i = 0; i < std::max(1, options.threads); ++i) {
    auto lane = std::make_unique<Impl::Lane>();
    TRINITY_TRY(lane->loop, EventLoop::start());
    impl->lanes.push_back(std::move(lane));
  }
  TRINITY_TRY(impl->acceptor,
              Acceptor::open(impl->lanes.front()->loop, options.host, options.port));
  Impl* const self = impl.get();
  impl->acceptor->begin(
      [self]() -> EventLoop& { return *self->lanes[self->next_lane++ % self->lanes.size()]->loop; },
      [self](EventLoop& loop, std::shared_ptr<ByteStream> stream, std::string peer) {
        self->accepted(loop, std::move(stream), std::move(peer));
      });
  return HttpServer(std::move(impl));
}

std::uint16_t HttpServer::port() const { return impl_->acceptor->port(); }

void HttpServer::announce_end() { impl_->shared.leaving = true; }

bool HttpServer::drain(std::chrono::milliseconds patience) {
  ServerShared& shared = impl_->shared;
  shared.draining = true;
  impl_->acceptor->close();
  impl_->on_every_lane([](Impl::Lane& lane) {
    std::vector<std::shared_ptr<ServerConnection>> connections;
    for (const auto& [key, connection] : lane.connections) connections.push_back(connection);
    for (const auto& connection : connections) connection->finish_up();
  });
  std::unique_lock lock(shared.mutex);
  return shared.exchange_ended.wait_for(lock, patience, [&] { return shared.open_exchanges == 0; });
}

HttpServer::Counts HttpServer::counts() const {
  const ServerShared& shared = impl_->shared;
  return {shared.connections, shared.requests, shared.refused, shared.open_connections,
          shared.open_exchanges};
}

}  // namespace trinity::net
