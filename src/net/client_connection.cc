// Kept connections and their pool.
#include <algorithm>
#include <utility>

#include "net/client_call.h"

namespace trinity::net {

std::shared_ptr<ClientConnection> ClientCore::take(const std::string& origin) {
  const auto found = idle.find(origin);
  if (found == idle.end()) return nullptr;
  std::shared_ptr<ClientConnection> connection = std::move(found->second.back());
  found->second.pop_back();
  if (found->second.empty()) idle.erase(found);
  return connection;
}

void ClientCore::keep(std::shared_ptr<ClientConnection> connection) {
  auto& kept = idle[connection->origin()];
  connection->rest();
  kept.push_back(std::move(connection));
  if (kept.size() <= std::max<std::size_t>(options.idle_connections, 1)) return;
  const std::shared_ptr<ClientConnection> oldest = std::move(kept.front());
  kept.erase(kept.begin());
  oldest->close();
}

void ClientCore::forget(ClientConnection* connection) {
  const auto found = idle.find(connection->origin());
  if (found == idle.end()) return;
  std::erase_if(found->second, [&](const auto& kept) { return kept.get() == connection; });
  if (found->second.empty()) idle.erase(found);
}

void ClientCore::close_all() {
  while (!calls.empty()) {
    const std::shared_ptr<ClientCall> call = calls.begin()->second;
    call->cancel();
  }
  const auto kept = std::exchange(idle, {});
  for (const auto& [origin, resting] : kept)
    for (const auto& connection : resting) connection->close();
}

ClientConnection::ClientConnection(ClientCore& core, std::string origin,
                                   std::shared_ptr<ByteStream> stream)
    : core_(core),
      origin_(std::move(origin)),
      stream_(std::move(stream)),
      rest_(*core.loop, [this] {
        const auto self = shared_from_this();
        core_.forget(this);
        close();
      }) {}

ClientConnection::~ClientConnection() { stream_->close(); }

void ClientConnection::close() {
  call_ = nullptr;
  rest_.clear();
  stream_->close();
}

void ClientConnection::use(ClientCall* call) {
  call_ = call;
  rest_.clear();
}

void ClientConnection::rest() {
  call_ = nullptr;
  rest_.set(EventLoop::Clock::now() + core_.options.keep_alive);
}

void ClientConnection::stream_read(std::string_view bytes) {
  const auto self = shared_from_this();
  if (call_) return call_->received(bytes);
  core_.forget(this);  // bytes that nobody asked for
  close();
}

void ClientConnection::stream_progressed() {
  const auto self = shared_from_this();
  if (call_) call_->progressed();
}

void ClientConnection::stream_ended(bool clean, std::string_view why) {
  const auto self = shared_from_this();
  if (call_) return call_->connection_ended(clean, why);
  core_.forget(this);
  close();
}

}  // namespace trinity::net
