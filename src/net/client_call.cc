// One request: connecting, waiting for the first byte, reading, done.
//
// A receiver's function may cancel the call, or throw; after each one the phase says whether to go
// on.
#include "net/client_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/thread_failure.h"
#include "net/http_writer.h"

namespace trinity::net {
namespace {

using Clock = EventLoop::Clock;

constexpr std::size_t kMaxHeadBytes = 256 << 10;
constexpr int kMaxInformational = 20;

std::string seconds(std::chrono::milliseconds time) {
  return fmt::format("{:.3g} s", static_cast<double>(time.count()) / 1000);
}

}  // namespace

ClientCall::ClientCall(ClientCore& core, std::shared_ptr<TlsContext> tls, OutgoingRequest request,
                       Receiver receiver)
    : core_(core),
      tls_(std::move(tls)),
      request_(std::move(request)),
      receiver_(std::make_shared<Receiver>(std::move(receiver))),
      origin_(request_.url.origin()),
      host_(request_.url.host),
      began_(Clock::now()) {
  // The text of an address is in one form: scheme, "://", authority, then path or query.
  const std::string& text = request_.url.text;
  const std::size_t begin = std::min(text.find("://") + 3, text.size());
  const std::size_t end = std::min(text.find_first_of("/?", begin), text.size());
  authority_ = text.substr(begin, end - begin);
  target_ = text.substr(end);
  if (!target_.starts_with('/')) target_.insert(0, "/");
  if (host_.starts_with('[')) host_ = host_.substr(1, host_.size() - 2);
}

ClientCall::~ClientCall() = default;

void ClientCall::begin() {
  ++core_.requests;
  timer_.emplace(*core_.loop, [this] { timer_rang(); });
  const auto is_method = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
  bool valid = !request_.method.empty() &&
               std::all_of(request_.method.begin(), request_.method.end(), is_method);
  for (const auto& [name, value] : request_.fields)
    valid = valid && is_field_name(name) && is_field_value(value);
  if (!valid)
    return fail(ErrorKind::usage, "invalid_request",
                fmt::format("the request to {} cannot be written; its method must be capital "
                            "letters and its fields text without line breaks",
                            origin_));
  if (auto kept = core_.take(origin_)) {
    reused_ = true;
    return write(std::move(kept));
  }
  connect();
}

void ClientCall::connect() {
  phase_ = Phase::connecting;
  phase_began_ = Clock::now();
  reused_ = false;
  connecting_ = connect_to(
      *core_.loop, host_, request_.url.port,
      [this](tl::expected<std::shared_ptr<ByteStream>, ConnectFailure> stream) {
        const auto self = shared_from_this();
        if (phase_ != Phase::connecting) return;
        if (stream) return connected(std::move(*stream));
        if (stream.error().name_not_found)
          return fail(ErrorKind::failed, "name_not_found",
                      fmt::format("the name {} leads nowhere ({}); check it and the network", host_,
                                  stream.error().why));
        fail(ErrorKind::failed, "connect_failed",
             fmt::format("no connection to {} ({}); check the address and that its server runs",
                         origin_, stream.error().why));
      });
  set_timer();
}

void ClientCall::connected(std::shared_ptr<ByteStream> stream) {
  ++core_.connections;
  const auto ready = [this](std::shared_ptr<ByteStream> secured) {
    auto connection = std::make_shared<ClientConnection>(core_, origin_, std::move(secured));
    connection->begin();
    write(std::move(connection));
  };
  if (request_.url.scheme != "https") return ready(std::move(stream));
  securing_ = begin_tls(
      *core_.loop, std::move(stream), *tls_, host_, [this, ready](const std::string& wrong) {
        const auto self = shared_from_this();
        if (phase_ != Phase::connecting) return;
        const auto secured = std::exchange(securing_, nullptr);
        if (wrong.empty()) return ready(secured);
        secured->close();
        fail(ErrorKind::failed, "tls_failed",
             fmt::format("the server of {} cannot be trusted ({}); check the address, or give the "
                         "file of the authority that vouches for it",
                         origin_, wrong));
      });
}

void ClientCall::write(std::shared_ptr<ClientConnection> connection) {
  phase_ = Phase::waiting;
  phase_began_ = Clock::now();
  connection_ = std::move(connection);
  connection_->use(this);
  std::string out;
  append_request_head(out, request_.method, target_, authority_, request_.fields,
                      request_.body.size());
  out += request_.body;
  const std::size_t bytes = out.size();
  connection_->stream().write(std::move(out));
  sent_ = sent_ || connection_->stream().unsent() < bytes;
  if (paused_) connection_->stream().pause_reading();
  set_timer();
}

void ClientCall::progressed() { sent_ = true; }

void ClientCall::received(std::string_view bytes) {
  const auto self = shared_from_this();
  got_bytes_ = true;
  phase_ = Phase::reading;
  phase_began_ = Clock::now();
  // Without a copy, unless something was left over.
  if (in_.empty()) {
    const std::size_t used = read(bytes);
    if (phase_ != Phase::done) in_.assign(bytes.substr(used));
  } else {
    in_.append(bytes);
    const std::size_t used = read(in_);
    if (phase_ != Phase::done) in_.erase(0, used);
  }
  if (phase_ != Phase::done) set_timer();
}

std::size_t ClientCall::read(std::string_view in) {
  std::size_t used = 0;
  while (!head_done_) {
    const std::size_t head = read_head(in.substr(used));
    if (head == 0) return used;
    used += head;
  }
  while (!body_.done() && !paused_) {
    const BodyReader::Step step = body_.next(in.substr(used));
    if (step.wrong) {
      fail(ErrorKind::failed, "invalid_response",
           fmt::format("the response of {} cannot be read: {}", origin_, step.wrong));
      return used;
    }
    used += step.consumed;
    body_bytes_ += step.piece.size();
    if (body_bytes_ > request_.body_limit) {
      fail(
          ErrorKind::failed, "response_too_large",
          fmt::format("the response of {} has more than {} bytes; ask for less, or raise the limit",
                      origin_, request_.body_limit));
      return used;
    }
    if (!step.piece.empty() && !tell(&Receiver::piece, step.piece)) return used;
    if (step.consumed == 0) break;
  }
  if (body_.done()) {
    if (used < in.size()) keep_alive_ = false;  // bytes that nobody asked for
    complete();
  }
  return used;
}

std::size_t ClientCall::read_head(std::string_view in) {
  const auto invalid = [this](const std::string& why) {
    fail(ErrorKind::failed, "invalid_response",
         fmt::format("{} does not answer in HTTP/1.1: {}", origin_, why));
    return std::size_t{0};
  };
  const auto end = find_head_end(in, scanned_);
  if (!end) return invalid(end.error().why);
  if (*end == 0 && in.size() <= kMaxHeadBytes) return 0;
  if (*end == 0 || *end > kMaxHeadBytes) return invalid("the header is too long");
  const auto head = parse_response_head(in.substr(0, *end));
  scanned_ = 0;
  if (!head) return invalid(head.error().why);
  if (head->status == 101) return invalid("it changes the protocol");
  if (head->status < 200) {
    if (++informational_ > kMaxInformational) return invalid("it says nothing but \"wait\"");
    return *end;
  }
  head_done_ = true;
  keep_alive_ = head->keep_alive;
  if (request_.method != "HEAD")
    body_ = BodyReader(head->framing, head->length, BodyReader::Rules::response);
  else if (head->framing == Framing::until_close)
    keep_alive_ = !lists_word(head->fields, "connection", "close");
  if (!tell(&Receiver::head, head->status, head->fields)) return 0;
  return *end;
}

void ClientCall::connection_ended(bool clean, std::string_view why) {
  const auto self = shared_from_this();
  peer_ended_ = true;
  if (reused_ && !got_bytes_ && !fresh_only_) {
    // The server had closed it while nobody used it; once, over a connection that is surely open.
    fresh_only_ = true;
    sent_ = false;
    const auto stale = std::exchange(connection_, nullptr);
    stale->close();
    return connect();
  }
  if (clean && head_done_ && body_.until_close()) return complete();
  fail(ErrorKind::failed, "connection_lost",
       fmt::format("{} closed the connection {} ({}); try again", origin_,
                   head_done_ ? "in the middle of its response" : "before its response", why));
}

void ClientCall::complete() {
  const auto receiver = receiver_;
  finish(keep_alive_ && !peer_ended_);
  if (cancelled || !receiver || !receiver->ended) return;
  try {
    receiver->ended();
  } catch (...) {
    return;  // there is nobody left to tell
  }
}

void ClientCall::fail(ErrorKind kind, const char* tag, std::string message) {
  const auto receiver = receiver_;
  finish(false);
  if (cancelled || !receiver || !receiver->failed) return;
  try {
    receiver->failed(Error{kind, tag, std::move(message)}, sent_);
  } catch (...) {
    return;
  }
}

void ClientCall::cancel() {
  cancelled = true;
  finish(false);
}

/// The call leaves everything; who holds it still may outlive the client.
void ClientCall::finish(bool keep_connection) {
  const auto self = shared_from_this();
  if (phase_ == Phase::done) return;
  phase_ = Phase::done;
  receiver_ = nullptr;
  timer_.reset();
  connecting_ = nullptr;
  if (securing_) std::exchange(securing_, nullptr)->close();
  if (const auto connection = std::exchange(connection_, nullptr)) {
    if (keep_connection && !paused_ && connection->stream().unsent() == 0)
      core_.keep(connection);
    else
      connection->close();
  }
  core_.calls.erase(this);
  --core_.open;
}

/// Calls a receiver's function; whether the call goes on.
template <typename Function, typename... Arguments>
bool ClientCall::tell(Function Receiver::*function, Arguments&&... arguments) {
  if (cancelled) {
    finish(false);
    return false;
  }
  const auto receiver = receiver_;
  try {
    if (const Function& told = *receiver.*function) told(std::forward<Arguments>(arguments)...);
  } catch (...) {
    const auto failure = caught_failure("receive a response", "send smaller requests");
    if (phase_ != Phase::done)
      fail(failure.value().kind, failure.value().tag.c_str(), failure.value().message);
  }
  return phase_ != Phase::done;
}

void ClientCall::pause() {
  if (phase_ == Phase::done || std::exchange(paused_, true)) return;
  if (connection_) connection_->stream().pause_reading();
  set_timer();
}

void ClientCall::resume() {
  if (phase_ == Phase::done || !std::exchange(paused_, false)) return;
  const auto self = shared_from_this();
  phase_began_ = Clock::now();
  if (head_done_) {
    const std::string held = std::exchange(in_, {});
    const std::size_t used = read(held);
    if (phase_ == Phase::done) return;
    in_.insert(0, held, used);
  }
  if (connection_ && !paused_) connection_->stream().resume_reading();
  set_timer();
}

void ClientCall::set_timer() {
  if (phase_ == Phase::done) return;
  const auto limit = phase_ == Phase::connecting ? request_.connect_deadline
                     : phase_ == Phase::waiting  ? request_.first_byte_deadline
                                                 : request_.idle_deadline;
  auto due = Clock::time_point::max();
  if (limit.count() > 0 && !(paused_ && phase_ == Phase::reading)) due = phase_began_ + limit;
  if (request_.total_deadline.count() > 0) due = std::min(due, began_ + request_.total_deadline);
  if (due == Clock::time_point::max())
    timer_->clear();
  else
    timer_->set(due);
}

void ClientCall::timer_rang() {
  const auto self = shared_from_this();
  if (request_.total_deadline.count() > 0 && Clock::now() >= began_ + request_.total_deadline)
    return fail(ErrorKind::failed, "timeout",
                fmt::format("{} took more than {} altogether; allow it more, or ask for less",
                            origin_, seconds(request_.total_deadline)));
  switch (phase_) {
    case Phase::connecting:
      return fail(ErrorKind::failed, "timeout",
                  fmt::format("no connection to {} within {}; check the address and the network",
                              origin_, seconds(request_.connect_deadline)));
    case Phase::waiting:
      return fail(ErrorKind::failed, "timeout",
                  fmt::format("no first byte from {} within {}; allow it more, or ask another",
                              origin_, seconds(request_.first_byte_deadline)));
    case Phase::reading:
      return fail(ErrorKind::failed, "timeout",
                  fmt::format("{} sent nothing more for {}; allow it more, or ask another", origin_,
                              seconds(request_.idle_deadline)));
    case Phase::idle:
    case Phase::done:
      return;
  }
}

}  // namespace trinity::net
