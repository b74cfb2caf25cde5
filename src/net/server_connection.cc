// A connection goes from head to body to answering to flushing, and back to head if it is kept. A
// refusal, and an answer that closes, end in lingering: what the client still sends is read and
// dropped for a moment, because closing over unread bytes would take the answer away from it.
#include "net/server_connection.h"

#include <algorithm>
#include <utility>

namespace trinity::net {
namespace {

using Clock = EventLoop::Clock;

constexpr std::size_t kBacklogBytes = 64 << 10;  // of requests that wait for an answer before them
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr std::chrono::milliseconds kFirstRequest{500};  // of a connection, in a drain
constexpr std::chrono::milliseconds kGoneCheck{50};      // while reading is paused
constexpr std::size_t kKeptInput = 4096;

}  // namespace

ServerConnection::ServerConnection(ServerShared& shared, ConnectionSet& owner, EventLoop& loop,
                                   std::shared_ptr<ByteStream> stream, std::string peer)
    : shared_(shared),
      owner_(owner),
      loop_(loop),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      timer_(loop, [this] { timer_rang(); }),
      since_(Clock::now()),
      progress_(since_) {
  ++shared_.connections;
  ++shared_.open_connections;
}

ServerConnection::~ServerConnection() {
  stream_->close();
  --shared_.open_connections;
}

void ServerConnection::begin() {
  stream_->listen(this);
  if (shared_.draining) expect_request();  // it was on its way here when the drain began
  set_timer();
}

void ServerConnection::turn_away() {
  stream_->listen(this);
  refuse({503, "the server has as many connections as it may"});
}

void ServerConnection::close() {
  if (state_ == State::closed) return;
  const auto self = shared_from_this();
  state_ = State::closed;
  timer_.clear();
  stream_->close();
  in_ = std::string();
  after_answer();
  stop_expecting();
  owner_.erase(this);
}

void ServerConnection::finish_up() {
  if (state_ != State::head && state_ != State::body) return;
  if (state_ == State::head && in_.empty() && served_) return close();
  expect_request();
  set_timer();
}

void ServerConnection::expect_request() {
  if (std::exchange(expecting_, true)) return;
  if (in_.empty() && state_ == State::head) since_ = Clock::now();
  const std::lock_guard lock(shared_.mutex);
  ++shared_.open_exchanges;
}

void ServerConnection::stop_expecting() {
  if (!std::exchange(expecting_, false)) return;
  {
    const std::lock_guard lock(shared_.mutex);
    --shared_.open_exchanges;
  }
  shared_.exchange_ended.notify_all();
}

/// Whoever waits learns how the exchange ended; the state is the caller's business.
void ServerConnection::after_answer() {
  const auto answer = std::exchange(answer_, nullptr);
  if (!answer) return;
  answer->finish(!ended_);
  {
    const std::lock_guard lock(shared_.mutex);
    --shared_.open_exchanges;
  }
  shared_.exchange_ended.notify_all();
}

void ServerConnection::stream_read(std::string_view bytes) {
  const auto self = shared_from_this();
  if (state_ == State::lingering || state_ == State::closed) return;
  if (in_.empty() && state_ == State::head) since_ = Clock::now();
  in_.append(bytes);
  advance();
  set_timer();
}

void ServerConnection::stream_progressed() {
  const auto self = shared_from_this();
  progress_ = Clock::now();
  note_progress();
  if (state_ == State::head) advance();
  set_timer();
}

void ServerConnection::stream_ended(bool clean, std::string_view) {
  const auto self = shared_from_this();
  peer_ended_ = true;
  // An answer that is whole is still delivered; anything else has nobody to go to.
  if (clean && state_ == State::flushing) return;
  close();
}

void ServerConnection::advance() {
  if (std::exchange(advancing_, true)) return;  // an answer from inside its handler
  bool took_one = false;  // request; those that were sent with it wait for the others' turn
  for (bool more = true; more;) {
    more = false;
    if (state_ == State::head && !in_.empty() && std::exchange(took_one, true)) {
      go_on_later();
    } else if (state_ == State::head) {
      more = !in_.empty() && read_head();
    } else if (state_ == State::body) {
      more = read_body();
    } else if (state_ == State::lingering || state_ == State::closed) {
      in_ = std::string();
    }
  }
  advancing_ = false;
  if (state_ == State::lingering || state_ == State::closed) return;
  // What waits here for its turn is limited; the rest waits with the client's system.
  const bool waits = going_on_ || state_ == State::answering || state_ == State::flushing;
  const bool full = waits && in_.size() > kBacklogBytes;
  if (std::exchange(paused_, full) == full) return;
  full ? stream_->pause_reading() : stream_->resume_reading();
}

/// A client that sends many requests at once must not keep all others waiting.
void ServerConnection::go_on_later() {
  if (std::exchange(going_on_, true)) return;
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->going_on_ = false;
    if (self->state_ != State::head) return;
    self->advance();
    self->set_timer();
  });
}

/// One head. False: more bytes are needed, or it was refused.
bool ServerConnection::read_head() {
  const ServerLimits& limits = shared_.options.limits;
  const auto too_long = [&] {
    refuse({431, "the header has more than " + std::to_string(limits.header_bytes) + " bytes"});
    return false;
  };
  const auto end = find_head_end(in_, scanned_);
  if (!end) {
    refuse(end.error());
    return false;
  }
  if (*end == 0) return in_.size() > limits.header_bytes ? too_long() : false;
  if (*end > limits.header_bytes) return too_long();
  auto head = parse_request_head(std::string_view(in_).substr(0, *end),
                                 {limits.header_fields, shared_.options.encoded_slash});
  if (!head) {
    refuse(head.error());
    return false;
  }
  in_.erase(0, *end);
  scanned_ = 0;
  head_ = std::move(*head);
  received_ = 0;
  gzip_ = head_.gzip ? std::make_unique<GzipReader>() : nullptr;
  if (head_.framing == Framing::none) {
    begin_exchange();
    return true;
  }
  if (head_.framing == Framing::fixed && head_.length > limits.body_bytes) {
    refuse({413, "the body has more than " + std::to_string(limits.body_bytes) + " bytes"});
    return false;
  }
  body_ = BodyReader(head_.framing, head_.length, BodyReader::Rules::strict);
  state_ = State::body;
  since_ = Clock::now();
  if (head_.expects_continue && in_.empty()) send("HTTP/1.1 100 Continue\r\n\r\n");
  return true;
}

bool ServerConnection::read_body() {
  const std::size_t limit = shared_.options.limits.body_bytes;
  std::string& body = head_.request.body;
  std::size_t used = 0;
  const char* wrong = nullptr;
  bool too_large = false;
  while (!body_.done() && !wrong && !too_large) {
    const BodyReader::Step step = body_.next(std::string_view(in_).substr(used));
    used += step.consumed;
    received_ += step.piece.size();
    wrong = step.wrong;
    if (gzip_) {
      const auto outcome = gzip_->feed(step.piece, body, limit);
      if (outcome == GzipReader::Outcome::damaged) wrong = "it is no gzip";
      too_large = outcome == GzipReader::Outcome::too_large;
    } else if (step.piece.size() > limit - body.size()) {
      too_large = true;
    } else {
      body.append(step.piece);
    }
    if (step.consumed == 0) break;
  }
  in_.erase(0, used);
  if (body_.done() && !wrong && !too_large && gzip_ && !gzip_->complete())
    wrong = "its gzip ends too early";
  if (too_large)
    refuse({413, "the body has more than " + std::to_string(limit) + " bytes"});
  else if (wrong)
    refuse({400, std::string("the body cannot be read: ") + wrong});
  else if (body_.done())
    begin_exchange();
  return state_ == State::answering || state_ == State::flushing || state_ == State::head;
}

void ServerConnection::send(std::string out) {
  if (out.empty()) return;
  if (stream_->unsent() == 0) progress_ = Clock::now();
  stream_->write(std::move(out));
}

/// After a write, or when bytes have left: counts what has not, and goes on when a whole answer
/// has.
void ServerConnection::note_progress() {
  if (const auto answer = answer_) answer->note_unsent(stream_->unsent());
  if (stream_->unsent() > 0 || state_ != State::flushing) return;
  after_answer();
  if (peer_ended_) return close();
  if (!keep_) return linger();
  state_ = State::head;
  since_ = Clock::now();
  if (in_.capacity() > kKeptInput && in_.empty()) in_ = std::string();
  if (shared_.draining && in_.empty()) linger();
}

void ServerConnection::linger() {
  state_ = State::lingering;
  stop_expecting();
  since_ = Clock::now();
  in_ = std::string();
  head_ = RequestHead();
  gzip_ = nullptr;
  stream_->shut_down_writing();
  if (std::exchange(paused_, false)) stream_->resume_reading();
  set_timer();
}

EventLoop::Clock::time_point ServerConnection::due() const {
  const ServerLimits& limits = shared_.options.limits;
  if (state_ != State::lingering && stream_->unsent() > 0) {
    const auto stalled = progress_ + limits.write_stall;
    return paused_ ? std::min(stalled, Clock::now() + kGoneCheck) : stalled;
  }
  switch (state_) {
    case State::head:
      if (!in_.empty()) return since_ + limits.header_deadline;
      return since_ + (expecting_ ? kFirstRequest : limits.idle);
    case State::body:
      return since_ + limits.body_deadline + std::chrono::seconds(received_ / (64 << 10));
    case State::lingering:
      return since_ + kLinger;
    case State::answering:
    case State::flushing:
    case State::closed:
      break;
  }
  return paused_ ? Clock::now() + kGoneCheck : Clock::time_point::max();
}

void ServerConnection::set_timer() {
  if (state_ == State::closed) return;
  const auto when = due();
  if (when == Clock::time_point::max())
    timer_.clear();
  else
    timer_.set(when);
}

void ServerConnection::timer_rang() {
  const auto self = shared_from_this();
  if (state_ == State::closed) return;
  if (paused_ && stream_->is_peer_gone()) return close();
  if (due() > Clock::now()) return set_timer();
  if (stream_->unsent() > 0 || state_ == State::lingering) return close();
  if (state_ == State::body) return refuse({408, "the body took too long"});
  if (state_ == State::head && !in_.empty()) return refuse({408, "the header took too long"});
  close();
}

}  // namespace trinity::net
