// Spans of requests: the request itself, its turns, each decision of the router and each call of a
// member.
//
//   POST /v1/chat/completions          server
//     turn                             internal
//       route                          internal: the router's decision
//       chat MODEL                     client: a call of a member, each attempt one
//
// Turns and decisions are told by the events of the run's trace, on their way to its file; calls by
// whoever makes them. Names of attributes are those of OpenTelemetry's conventions for HTTP and for
// generative AI where there are any, else they begin with "trinity.". No span has the text of a
// message unless the trace records messages, and what a trace must not hold is taken out.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/chat.h"
#include "net/http.h"
#include "provider/member.h"
#include "provider/pool_config.h"
#include "telemetry/span_exporter.h"
#include "trace/span.h"
#include "trace/trace.h"

namespace trinity::telemetry {

class RequestSpans;

class Telemetry : public std::enable_shared_from_this<Telemetry> {
 public:
  /// `secrets`: values that no span may hold.
  Telemetry(SpanExporterOptions options, std::vector<std::string> secrets);

  /// A request has come. It goes on with the trace of its `traceparent`; where that says that the
  /// trace is not recorded, nothing is, and the header is passed on.
  std::shared_ptr<RequestSpans> begin(const net::HttpRequest& request, const std::string& path,
                                      const std::string& request_id);
  /// Waits for requests that are under way and sends what waits, for at most so long. True when
  /// nothing was lost.
  bool end(std::chrono::milliseconds patience);

 private:
  friend class RequestSpans;
  void take(std::vector<trace::Span> spans);

  std::vector<std::string> secrets_;
  std::mutex lock_;
  std::condition_variable changed_;
  std::size_t open_ = 0;
  SpanExporter exporter_;
};

/// The spans of one request, from any thread. They are sent when the last one who knows it lets go.
class RequestSpans : public trace::Sink {
 public:
  RequestSpans(std::shared_ptr<Telemetry> telemetry, const net::HttpRequest& request,
               const std::string& path, const std::string& request_id);
  ~RequestSpans() override;

  bool recording() const { return recording_; }
  /// The status of the answer's header.
  void answered(int status);
  /// An attribute of the request's own span.
  void note(std::string_view name, Json value);
  /// Events of the run go on to this sink, which may be nothing.
  void pass_on_to(std::shared_ptr<trace::Sink> next) { next_ = std::move(next); }
  Status write(const Json& event) override;

  /// A decision without a run, which began then.
  void decided(std::chrono::steady_clock::time_point begin);

  static constexpr std::size_t kNoSpan = static_cast<std::size_t>(-1);
  /// A member is asked; the request gets the header that goes to it.
  std::size_t begin_call(const provider::MemberConfig& member, provider::MemberRequest& request);
  void end_call(std::size_t span, const chat::ChatReply& reply, const chat::Usage& usage,
                std::optional<std::int64_t> cost_micro_usd);
  /// `type`: a failure's name. A span that has ended, or is none, stays as it is.
  void fail_call(std::size_t span, std::string_view type);

 private:
  std::int64_t now_ns() const;
  std::int64_t ns_of(std::chrono::steady_clock::time_point time) const;
  std::size_t open(std::string name, trace::Span::Kind kind, std::size_t parent);
  void close(std::size_t span);
  void take_event(const Json& event);

  const std::shared_ptr<Telemetry> telemetry_;
  const std::int64_t begin_ns_;  // of the system's clock; what follows is measured from it
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  trace::SpanContext context_;
  bool recording_ = true;
  std::shared_ptr<trace::Sink> next_;
  std::mutex lock_;
  std::vector<trace::Span> spans_;  // the first is the request's own; end 0: open
  std::size_t turn_ = kNoSpan, route_ = kNoSpan;
};

/// Where the events of a run go: through the spans of its request, if it has any, to the file of
/// traces, if there is one. Nothing: they go nowhere.
std::shared_ptr<trace::Sink> sink_of(const std::shared_ptr<RequestSpans>& spans,
                                     std::shared_ptr<trace::Sink> file);

}  // namespace trinity::telemetry
