#include "telemetry/span_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/printable.h"
#include "net/http_client.h"
#include "trace/otlp.h"

namespace trinity::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kLargestAnswer = 64 << 10;

/// Statuses after which OTLP wants the same body once more.
bool may_help_later(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/// Spans that a collector has not taken though it took the body.
std::size_t rejected_of(const std::string& body) {
  const Result<Json> answer = parse_json(body);
  if (!answer) return 0;  // an empty or foreign one: nothing was rejected
  const Json& rejected = (*answer)["partialSuccess"]["rejectedSpans"];
  if (const auto number = rejected.to_uint64()) return static_cast<std::size_t>(*number);
  const std::string& text = rejected.as_string();
  std::size_t sum = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || sum > 1'000'000) return 0;
    sum = sum * 10 + static_cast<std::size_t>(c - '0');
  }
  return sum;
}

/// One request under way and whoever waits for it.
struct Exchange {
  std::mutex lock;
  std::condition_variable_any changed;
  bool done = false;
  net::HttpResponse response;
  std::optional<Error> error = Error{ErrorKind::failed, "cancelled", "the request was cancelled"};

  void end() {
    const std::scoped_lock held(lock);
    done = true;
    changed.notify_all();
  }
};

}  // namespace

Deliver deliver_to(net::Url url, net::Fields headers) {
  const auto client = std::make_shared<net::HttpClient>();
  return [client, url = std::move(url), headers = std::move(headers)](
             std::string body, milliseconds patience,
             const std::stop_token& stop) -> Result<net::HttpResponse> {
    net::OutgoingRequest request;
    request.url = url;
    request.fields = headers;
    request.fields.set("content-type", "application/json");
    request.fields.set("user-agent", "trinity");
    request.body = std::move(body);
    request.connect_deadline = request.total_deadline = std::max(patience, milliseconds(1));
    request.body_limit = kLargestAnswer;
    const auto exchange = std::make_shared<Exchange>();
    // The receiver's own end is the last word, of a request that is cancelled, too.
    std::shared_ptr<void> last(nullptr, [exchange](void*) { exchange->end(); });
    net::Receiver receiver;
    receiver.head = [exchange](int status, const net::Fields& fields) {
      exchange->response.status = status;
      exchange->response.fields = fields;
    };
    receiver.piece = [exchange](std::string_view piece) { exchange->response.body += piece; };
    receiver.ended = [exchange, last] { exchange->error.reset(); };
    receiver.failed = [exchange](Error error, bool) { exchange->error = std::move(error); };
    last.reset();
    const auto pending = client->send(std::move(request), std::move(receiver));
    std::unique_lock held(exchange->lock);
    if (!exchange->changed.wait(held, stop, [&] { return exchange->done; })) {
      held.unlock();
      pending->cancel();
      return fail(ErrorKind::failed, "cancelled", "the request was cancelled");
    }
    if (exchange->error) return tl::unexpected(std::move(*exchange->error));
    return std::move(exchange->response);
  };
}

SpanExporter::SpanExporter(SpanExporterOptions options)
    : options_(std::move(options)), thread_([this] { run(); }) {}

SpanExporter::~SpanExporter() { end(milliseconds(0)); }

void SpanExporter::add(std::vector<trace::Span> spans) {
  std::size_t dropped = 0;
  {
    const std::scoped_lock held(lock_);
    if (closing_) return;
    const std::size_t room = options_.queue - std::min(options_.queue, queue_.size());
    const std::size_t taken = std::min(room, spans.size());
    dropped = spans.size() - taken;
    std::move(spans.begin(), spans.begin() + static_cast<std::ptrdiff_t>(taken),
              std::back_inserter(queue_));
    if (queue_.size() >= options_.batch) changed_.notify_all();
  }
  if (dropped > 0) settle("queue_full", dropped, "more spans came than could be sent");
}

bool SpanExporter::end(milliseconds patience) {
  {
    std::unique_lock held(lock_);
    if (!closing_) {
      closing_ = true;
      deadline_ = Clock::now() + patience;
      changed_.notify_all();
      changed_.wait_until(held, deadline_, [&] { return ended_; });
    }
  }
  cut_.request_stop();
  if (thread_.joinable()) thread_.join();
  const std::scoped_lock held(lock_);
  return !lost_;
}

void SpanExporter::run() {
  std::unique_lock held(lock_);
  while (true) {
    changed_.wait_for(held, options_.interval,
                      [&] { return closing_ || queue_.size() >= options_.batch; });
    if (queue_.empty()) {
      if (closing_) break;
      continue;
    }
    if (closing_ && Clock::now() >= deadline_) {
      const std::size_t left = queue_.size();
      queue_.clear();
      lost_ = true;
      held.unlock();
      settle("undelivered", left, "the server ended before all spans were sent");
      held.lock();
      break;
    }
    const auto size = static_cast<std::ptrdiff_t>(std::min(options_.batch, queue_.size()));
    std::vector<trace::Span> batch(std::make_move_iterator(queue_.begin()),
                                   std::make_move_iterator(queue_.begin() + size));
    queue_.erase(queue_.begin(), queue_.begin() + size);
    held.unlock();
    send(std::move(batch));
    held.lock();
  }
  ended_ = true;
  changed_.notify_all();
}

void SpanExporter::send(std::vector<trace::Span> spans) {
  const std::string body = trace::otlp_json(options_.resource, spans);
  milliseconds pause = options_.pause;
  std::string why;
  for (int attempt = 1;; ++attempt) {
    milliseconds patience = options_.timeout;
    bool last = attempt >= options_.attempts;
    {
      const std::scoped_lock held(lock_);
      if (closing_) {
        last = true;
        patience =
            std::min(patience, std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now()));
      }
    }
    const Result<net::HttpResponse> answer = options_.deliver(body, patience, cut_.get_token());
    if (answer && answer->status >= 200 && answer->status < 300) {
      const std::size_t rejected = std::min(rejected_of(answer->body), spans.size());
      settle("exported", spans.size() - rejected, {});
      if (rejected > 0) settle("refused", rejected, "the collector rejected a part of a batch");
      return;
    }
    why = answer ? fmt::format("it answered {}", answer->status) : answer.error().message;
    if (answer && !may_help_later(answer->status)) {
      settle("refused", spans.size(), why);
      return;
    }
    std::unique_lock held(lock_);
    if (last || closing_) break;
    changed_.wait_for(held, pause, [&] { return closing_; });
    pause *= 2;
  }
  settle("undelivered", spans.size(), why);
}

/// Without the lock. An empty reason: they have arrived.
void SpanExporter::settle(const char* result, std::size_t spans, const std::string& why) {
  if (options_.count && spans > 0) options_.count(result, spans);
  bool says = false;
  {
    const std::scoped_lock held(lock_);
    if (why.empty()) {
      said_ = false;
    } else {
      lost_ = true;
      says = !std::exchange(said_, true);
    }
  }
  if (says && options_.notice)
    options_.notice(fmt::format(
        "spans are lost on their way to the collector: {}; requests are answered all the same, and "
        "/metrics counts what is lost (trinity_telemetry_spans_total)",
        printable(why, 300)));
}

}  // namespace trinity::telemetry
