#include "hub/hub_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <string_view>

#include "base/sha256.h"
#include "hub/git_blob_hash.h"

namespace trinity::testing {
namespace {

constexpr int kPollMilliseconds = 20;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

HubRequestLine parse_request(std::string_view head) {
  HubRequestLine request;
  const std::size_t space = head.find(' ');
  request.method = head.substr(0, space);
  request.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
  for (std::size_t begin = head.find("\r\n") + 2; begin < head.size();) {
    const std::size_t end = std::min(head.find("\r\n", begin), head.size());
    const std::string_view line = head.substr(begin, end - begin);
    if (const std::size_t colon = line.find(": "); colon != std::string_view::npos)
      request.headers[lower(std::string(line.substr(0, colon)))] = line.substr(colon + 2);
    begin = end + 2;
  }
  return request;
}

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

HubServer::HubServer() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, generic, &size) != 0)
    throw std::runtime_error("no loopback socket");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_connections(); });
}

HubServer::~HubServer() {
  ending_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
  ::close(listener_);
}

std::string HubServer::url(const std::string& host) const {
  return fmt::format("http://{}:{}", host, port_);
}

void HubServer::put(const std::string& target, StoredFile file) {
  const std::lock_guard lock(mutex_);
  files_[target] = std::move(file);
}

void HubServer::set_handler(Handler handler) {
  const std::lock_guard lock(mutex_);
  handler_ = std::move(handler);
}

std::vector<HubRequestLine> HubServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t HubServer::count(const std::string& method, const std::string& part) const {
  const std::vector<HubRequestLine> all = requests();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& request) {
    return request.method == method && request.target.find(part) != std::string::npos;
  }));
}

void HubServer::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

bool HubServer::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, std::chrono::minutes(1),
                           [&] { return requests_.size() >= count; });
}

void HubServer::accept_connections() {
  while (!ending_) {
    pollfd ready{listener_, POLLIN, 0};
    if (::poll(&ready, 1, kPollMilliseconds) <= 0) continue;
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) connections_.emplace_back([this, connection] { answer(connection); });
  }
}

void HubServer::answer(int connection) {
  std::string head;
  std::array<char, 4096> buffer;
  while (!ending_ && head.find("\r\n\r\n") == std::string::npos) {
    pollfd ready{connection, POLLIN, 0};
    if (::poll(&ready, 1, kPollMilliseconds) == 0) continue;
    const ssize_t count = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    head.append(buffer.data(), static_cast<std::size_t>(count));
  }
  if (head.find("\r\n\r\n") != std::string::npos) {
    const HubRequestLine request = parse_request(head);
    const HubReply reply = reply_to(request);
    std::string text = fmt::format("HTTP/1.1 {} Answer\r\nConnection: close\r\n", reply.status);
    for (const auto& [name, value] : reply.headers) text += fmt::format("{}: {}\r\n", name, value);
    text +=
        fmt::format("Content-Length: {}\r\n\r\n", reply.content_length.value_or(reply.body.size()));
    send_all(connection, text.substr(0, reply.header_bytes.value_or(text.size())));
    if (request.method != "HEAD" && !reply.header_bytes)
      send_all(connection, reply.body.substr(0, reply.body_bytes.value_or(reply.body.size())));
    while (reply.hang && !ending_) {
      pollfd ready{connection, POLLIN, 0};
      if (::poll(&ready, 1, kPollMilliseconds) != 0) break;  // the client left
    }
  }
  ::shutdown(connection, SHUT_RDWR);
  ::close(connection);
}

HubReply HubServer::reply_to(const HubRequestLine& request) {
  Handler handler;
  std::optional<StoredFile> file;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    handler = handler_;
    if (const auto found = files_.find(request.target); found != files_.end()) file = found->second;
  }
  arrived_.notify_all();
  if (handler) {
    if (auto reply = handler(request)) return *reply;
  }
  if (file) return serve(*file, request);
  HubReply missing;
  missing.status = 404;
  missing.body = "Entry not found";
  return missing;
}

HubReply HubServer::serve(const StoredFile& file, const HubRequestLine& request) {
  HubReply reply;
  const std::string sha256 = sha256_hex(file.content);
  const std::string etag =
      file.large
          ? sha256
          : hub::git_blob_hash(std::as_bytes(std::span(file.content.data(), file.content.size())));
  if (!file.commit.empty()) reply.headers.emplace_back("X-Repo-Commit", file.commit);
  if (file.large) {
    reply.headers.emplace_back("X-Linked-Etag", fmt::format("\"{}\"", sha256));
    reply.headers.emplace_back("X-Linked-Size", fmt::format("{}", file.content.size()));
  }
  if (!file.redirect_to.empty()) {
    reply.status = 302;
    reply.headers.emplace_back("Location", file.redirect_to);
    reply.body = "Found. Redirecting";
    return reply;
  }
  reply.headers.emplace_back("ETag", fmt::format("\"{}\"", etag));
  reply.headers.emplace_back("Accept-Ranges", "bytes");
  const std::string range = request.header("range");
  const std::string if_range = request.header("if-range");
  std::size_t first = 0;
  constexpr std::string_view unit = "bytes=";
  const bool partial =
      range.starts_with(unit) && (if_range.empty() || if_range == fmt::format("\"{}\"", etag)) &&
      std::from_chars(range.data() + unit.size(), range.data() + range.size(), first).ec ==
          std::errc();
  if (!partial) {
    reply.body = file.content;
  } else if (first >= file.content.size()) {
    reply.status = 416;
    reply.headers.emplace_back("Content-Range", fmt::format("bytes */{}", file.content.size()));
  } else {
    reply.status = 206;
    reply.headers.emplace_back(
        "Content-Range",
        fmt::format("bytes {}-{}/{}", first, file.content.size() - 1, file.content.size()));
    reply.body = file.content.substr(first);
  }
  return reply;
}

}  // namespace trinity::testing
