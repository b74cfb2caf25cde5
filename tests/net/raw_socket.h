// Sockets as a peer of the server and the client under test: bytes exactly as a test wants them.
//
// Every wait has a bound of half a minute, so that a failure is no hang; no test passes because of
// it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace trinity::testing {

class RawSocket {
 public:
  explicit RawSocket(int descriptor) : fd_(descriptor) {
    timeval bound{30, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  RawSocket(RawSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { close(); }

  static RawSocket connect(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("a test cannot connect");
    return RawSocket(fd);
  }

  int descriptor() const { return fd_; }

  /// False when the other side has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Everything up to and with `mark`; without it when the other side ends first.
  std::string read_through(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos && read_some()) {
    }
    const std::size_t at = buffer_.find(mark);
    return take(at == std::string::npos ? buffer_.size() : at + mark.size());
  }
  std::string read_bytes(std::size_t count) {
    while (buffer_.size() < count && read_some()) {
    }
    return take(std::min(count, buffer_.size()));
  }
  std::string read_all() {
    while (read_some()) {
    }
    return take(buffer_.size());
  }
  /// A response with Content-Length, or a chunked one, undone.
  struct Message {
    std::string head, body;
    int status() const { return head.size() > 12 ? std::stoi(head.substr(9, 3)) : 0; }
  };
  Message read_message(bool has_body = true) {
    Message message;
    message.head = read_through("\r\n\r\n");
    const std::size_t length = message.head.find("Content-Length: ");
    if (!has_body) return message;
    if (length != std::string::npos) {
      message.body = read_bytes(std::stoul(message.head.substr(length + 16)));
    } else if (message.head.find("chunked") != std::string::npos) {
      while (true) {
        const std::string line = read_through("\r\n");
        if (line.empty()) break;
        const std::size_t size = std::stoul(line, nullptr, 16);
        message.body += read_bytes(size);
        read_through("\r\n");
        if (size == 0) break;
      }
    }
    return message;
  }

  /// Whether the other side has ended: nothing more can be read.
  bool ends() { return buffer_.empty() && !read_some(); }

  void shut_down_writing() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Closes it with a reset.
  void reset() {
    linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

 private:
  bool read_some() {
    char bytes[65536];
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t count) {
    std::string taken = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return taken;
  }

  int fd_;
  std::string buffer_;
};

/// A server that does with each connection, counted from 0, what a test says.
class FaultServer {
 public:
  using Script = std::function<void(int index, RawSocket& socket)>;

  explicit FaultServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("a test cannot listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept(); });
  }
  ~FaultServer() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void accept() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd, index = connections_++] {
        RawSocket socket(fd);
        script_(index, socket);
        const std::lock_guard held(mutex_);
        std::erase(open_, fd);
        socket.close();
      });
    }
  }

  Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace trinity::testing
