#include "ledger/redis_connection.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::ledger {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

tl::unexpected<Error> unreachable(const RedisServer& server, const std::string& why) {
  return fail(ErrorKind::failed, "redis_unreachable",
              fmt::format("the Redis at {}:{} cannot be reached ({}); start it, or correct its "
                          "address",
                          server.host, server.port, why));
}

/// Whether the socket is ready for `events` before the deadline.
bool await(int socket, short events, Deadline end) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd one{socket, events, 0};
    const int ready = ::poll(&one, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

Result<Descriptor> connected(const RedisServer& server) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found);
  if (code != 0) return unreachable(server, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  const Deadline end = std::chrono::steady_clock::now() + server.timeout;
  std::string why = "it has no address";
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Descriptor socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                               one->ai_protocol));
    if (!socket.is_open()) {
      why = std::strerror(errno);
      continue;
    }
    int error = ::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof error;
      error = ETIMEDOUT;
      if (await(socket.get(), POLLOUT, end))
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    why = std::strerror(error);
  }
  return unreachable(server, why);
}

}  // namespace

RedisConnection::RedisConnection(Descriptor socket, RedisServer server)
    : socket_(std::move(socket)), server_(std::move(server)) {}

tl::unexpected<Error> RedisConnection::broken(const std::string& what) const {
  return unreachable(server_, what);
}

Result<RedisConnection> RedisConnection::open(const RedisServer& server) {
  TRINITY_TRY(Descriptor socket, connected(server));
  RedisConnection connection(std::move(socket), server);
  std::vector<std::vector<std::string>> greeting;
  if (!server.password.empty()) {
    greeting.push_back({"AUTH"});
    if (!server.user.empty()) greeting.back().push_back(server.user);
    greeting.back().push_back(server.password);
  }
  greeting.push_back({"SELECT", std::to_string(server.database)});
  TRINITY_TRY(const std::vector<RespReply> replies, connection.exchange(greeting));
  for (const RespReply& reply : replies)
    if (reply.type == RespReply::Type::error)
      return fail(ErrorKind::failed, "redis_refused",
                  fmt::format("the Redis at {}:{} refuses this program (\"{}\"); correct user, "
                              "password or number of the database",
                              server.host, server.port, excerpt(reply.text)));
  return connection;
}

Status RedisConnection::send(std::string_view bytes) {
  const Deadline end = std::chrono::steady_clock::now() + server_.timeout;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!await(socket_.get(), POLLOUT, end)) return broken("it takes nothing");
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
  return {};
}

Status RedisConnection::receive(Deadline end) {
  char bytes[16'384];
  for (;;) {
    const ssize_t size = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (size > 0) {
      received_.append(bytes, static_cast<std::size_t>(size));
      return {};
    }
    if (size == 0) return broken("it closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!await(socket_.get(), POLLIN, end)) return broken("it does not answer");
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
}

Result<std::vector<RespReply>> RedisConnection::exchange(
    const std::vector<std::vector<std::string>>& commands) {
  std::string bytes;
  for (const std::vector<std::string>& command : commands) append_resp_command(bytes, command);
  TRINITY_CHECK(send(bytes));
  const Deadline end = std::chrono::steady_clock::now() + server_.timeout;
  std::vector<RespReply> replies;
  while (replies.size() < commands.size()) {
    std::string_view rest = received_;
    TRINITY_TRY(std::optional<RespReply> reply, take_resp_reply(rest));
    if (!reply) {
      TRINITY_CHECK(receive(end));
      continue;
    }
    received_.erase(0, received_.size() - rest.size());
    replies.push_back(std::move(*reply));
  }
  return replies;
}

}  // namespace trinity::ledger
