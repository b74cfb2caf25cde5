// Spans on their way to a collector: a bounded queue, and a thread that sends batches of it.
//
// Whoever adds spans never waits. What finds no room, and what the collector does not take, is
// dropped and counted; it is said once, and again only when spans had arrived in between. A batch
// that the collector could not take just now is sent again after a pause that grows.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "net/http.h"
#include "net/url.h"
#include "trace/span.h"

namespace trinity::telemetry {

/// Sends a body and waits for the answer, at most so long, and not beyond `stop`.
using Deliver = std::function<Result<net::HttpResponse>(
    std::string body, std::chrono::milliseconds patience, std::stop_token stop)>;
/// By HTTP, with a client of its own.
Deliver deliver_to(net::Url url, net::Fields headers);

struct SpanExporterOptions {
  Json resource = Json::object();  // who sends
  Deliver deliver;
  std::size_t queue = 4096;                   // spans that may wait
  std::size_t batch = 512;                    // spans of one body
  std::chrono::milliseconds interval{5'000};  // after which fewer are sent, too
  std::chrono::milliseconds timeout{10'000};  // of one body
  int attempts = 4;
  std::chrono::milliseconds pause{1'000};          // before the second attempt; doubles
  std::function<void(const std::string&)> notice;  // what is to be said
  /// "exported", "queue_full", "undelivered" or "refused", and how many spans. On any thread.
  std::function<void(const char* result, std::size_t spans)> count;
};

class SpanExporter {
 public:
  explicit SpanExporter(SpanExporterOptions options);
  ~SpanExporter();  // end(0)
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  /// After end(): nothing.
  void add(std::vector<trace::Span> spans);
  /// Sends what waits, each batch once, for at most so long; the rest is dropped. True when there
  /// was none. Once.
  bool end(std::chrono::milliseconds patience);

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void send(std::vector<trace::Span> spans);
  void settle(const char* result, std::size_t spans, const std::string& why);

  SpanExporterOptions options_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<trace::Span> queue_;
  bool closing_ = false, ended_ = false, said_ = false, lost_ = false;
  Clock::time_point deadline_;  // once it closes
  std::stop_source cut_;
  std::thread thread_;
};

}  // namespace trinity::telemetry
