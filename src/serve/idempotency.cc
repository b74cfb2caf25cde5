#include "serve/idempotency.h"

#include <optional>
#include <utility>

#include "base/sha256.h"

namespace trinity::serve {
namespace {

constexpr std::size_t kMostKeyBytes = 255;

using TimePoint = std::chrono::steady_clock::time_point;

/// An answer as it went out.
struct Answer {
  net::HttpResponse head;  // of a stream without its pieces
  std::string pieces;
  bool streamed = false;
};

bool is_worth_keeping(const net::HttpResponse& head) {
  return head.status == 200 || head.fields.get("x-should-retry") == "false";
}

}  // namespace

struct Idempotency::Kept {
  std::string body_hash;
  std::optional<Answer> answer;  // nothing: at work
  TimePoint since;
  std::size_t bytes = 0;
  std::uint64_t number = 0;  // of the request that is recorded
};

struct Idempotency::Shelf {
  Limits limits;
  Clock clock;
  mutable std::mutex lock;
  std::map<std::string, Kept> kept;
  std::list<std::string> order;  // of those that have an answer, the oldest first
  std::size_t bytes = 0;
  std::uint64_t last_number = 0;

  TimePoint now() const { return clock ? clock() : std::chrono::steady_clock::now(); }

  void forget_old() {
    while (!order.empty()) {
      const auto oldest = kept.find(order.front());
      if (oldest != kept.end() && bytes <= limits.bytes &&
          now() - oldest->second.since < limits.kept)
        return;
      if (oldest != kept.end()) {
        bytes -= oldest->second.bytes;
        kept.erase(oldest);
      }
      order.pop_front();
    }
  }

  void keep(const std::string& key, std::uint64_t number, Answer answer) {
    const std::scoped_lock held(lock);
    const auto found = kept.find(key);
    if (found == kept.end() || found->second.number != number) return;
    const std::size_t size = answer.pieces.size() + answer.head.body.size() + key.size() + 1024;
    if (!is_worth_keeping(answer.head) || size > limits.answer_bytes) {
      kept.erase(found);
      return;
    }
    found->second.answer = std::move(answer);
    found->second.bytes = size;
    found->second.since = now();
    bytes += size;
    order.push_back(key);
    forget_old();
  }

  /// Of a request that was never answered: its client has gone, or the server ended.
  void drop(const std::string& key, std::uint64_t number) {
    const std::scoped_lock held(lock);
    const auto found = kept.find(key);
    if (found != kept.end() && found->second.number == number && !found->second.answer)
      kept.erase(found);
  }
};

/// Passes an answer on and keeps a copy.
class Idempotency::Recorder : public net::Exchange {
 public:
  Recorder(std::shared_ptr<net::Exchange> exchange, std::shared_ptr<Shelf> shelf, std::string key,
           std::uint64_t number)
      : exchange_(std::move(exchange)),
        shelf_(std::move(shelf)),
        key_(std::move(key)),
        number_(number) {}
  ~Recorder() override { shelf_->drop(key_, number_); }

  const net::HttpRequest& request() const override { return exchange_->request(); }
  std::string peer() const override { return exchange_->peer(); }
  std::size_t pending_bytes() const override { return exchange_->pending_bytes(); }
  void when_pending_at_most(std::size_t bytes, std::function<void()> drained) override {
    exchange_->when_pending_at_most(bytes, std::move(drained));
  }
  void when_gone(std::function<void()> gone) override { exchange_->when_gone(std::move(gone)); }

  void respond(net::HttpResponse response) override {
    shelf_->keep(key_, number_, {response, {}, false});
    exchange_->respond(std::move(response));
  }
  void begin(net::HttpResponse head) override {
    {
      const std::scoped_lock held(lock_);
      answer_.head = head;
      answer_.streamed = true;
    }
    exchange_->begin(std::move(head));
  }
  void write(std::string piece) override {
    {
      const std::scoped_lock held(lock_);
      // One byte beyond the limit says that it was passed.
      if (answer_.pieces.size() <= shelf_->limits.answer_bytes) answer_.pieces += piece;
    }
    exchange_->write(std::move(piece));
  }
  void end() override {
    Answer answer;
    {
      const std::scoped_lock held(lock_);
      answer = std::move(answer_);
    }
    shelf_->keep(key_, number_, std::move(answer));
    exchange_->end();
  }

 private:
  std::shared_ptr<net::Exchange> exchange_;
  std::shared_ptr<Shelf> shelf_;
  std::string key_;
  std::uint64_t number_;
  std::mutex lock_;
  Answer answer_;
};

Idempotency::Idempotency(Limits limits, Clock clock) : shelf_(std::make_shared<Shelf>()) {
  shelf_->limits = limits;
  shelf_->clock = std::move(clock);
}

std::size_t Idempotency::size() const {
  const std::scoped_lock held(shelf_->lock);
  return shelf_->kept.size();
}

bool Idempotency::admit(const std::shared_ptr<Request>& request) {
  const net::HttpRequest& http = request->http();
  if (!http.fields.contains("idempotency-key")) return true;
  const std::string_view given = http.fields.get("idempotency-key");
  const auto refuse = [&](const char* tag, ErrorKind kind, const char* message) {
    ApiError error = api_error(Error{kind, tag, message});
    if (error.status == 409) {
      error.should_retry = true;
      error.retry_after = std::chrono::seconds(1);
    }
    request->fail(error);
    return false;
  };
  if (given.empty() || given.size() > kMostKeyBytes)
    return refuse("invalid_request", ErrorKind::invalid_input,
                  "idempotency-key: must have 1 to 255 bytes");
  std::string key = request->key + '\n';
  key += given;
  const std::string hash = sha256_hex(request->path() + '\n' + http.body);
  std::optional<Answer> again;
  {
    const std::scoped_lock held(shelf_->lock);
    shelf_->forget_old();
    const auto [found, is_new] = shelf_->kept.try_emplace(key);
    Kept& kept = found->second;
    if (is_new) {
      kept.body_hash = hash;
      kept.since = shelf_->now();
      kept.number = ++shelf_->last_number;
      request->record([&](std::shared_ptr<net::Exchange> exchange) {
        return std::make_shared<Recorder>(std::move(exchange), shelf_, key, kept.number);
      });
      return true;
    }
    if (kept.body_hash == hash) again = kept.answer.value_or(Answer{{0, {}, {}}, {}, false});
  }
  if (!again)
    return refuse("idempotency_key_reused", ErrorKind::invalid_input,
                  "idempotency-key: another request was sent under this key; give each its own");
  if (again->head.status == 0)  // it has no answer yet
    return refuse("idempotency_key_in_use", ErrorKind::failed,
                  "idempotency-key: the first request under this key is still at work; ask again "
                  "in a while");
  request->replay(std::move(again->head), std::move(again->pieces), again->streamed);
  return false;
}

}  // namespace trinity::serve
