#include "telemetry/request_spans.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <utility>

#include "base/json_writer.h"
#include "route/margins.h"
#include "trace/redact.h"

namespace trinity::telemetry {
namespace {

using trace::Span;

constexpr std::size_t kRoot = 0;

std::int64_t system_ns() {
  using std::chrono::nanoseconds;
  return std::chrono::duration_cast<nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// As OpenTelemetry names whoever provides a model.
const char* provider_name(provider::MemberKind kind) {
  return kind == provider::MemberKind::gemini ? "gcp.gemini" : provider::member_kind_name(kind);
}

std::optional<int> port_of(const std::string& text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<double> margin_of(const Json& logits) {
  std::vector<double> values;
  for (const Json& logit : logits) values.push_back(logit.as_double());
  return route::logit_margin(values);
}

}  // namespace

Telemetry::Telemetry(SpanExporterOptions options, std::vector<std::string> secrets)
    : secrets_(trace::redaction_values(secrets)), exporter_(std::move(options)) {}

std::shared_ptr<RequestSpans> Telemetry::begin(const net::HttpRequest& request,
                                               const std::string& path,
                                               const std::string& request_id) {
  {
    const std::scoped_lock held(lock_);
    ++open_;
  }
  return std::make_shared<RequestSpans>(shared_from_this(), request, path, request_id);
}

bool Telemetry::end(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  {
    std::unique_lock held(lock_);
    changed_.wait_until(held, deadline, [&] { return open_ == 0; });
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return exporter_.end(std::max(left, std::chrono::milliseconds(0)));
}

void Telemetry::take(std::vector<Span> spans) {
  try {
    const trace::Redactor redactor(trace::Content::hash, secrets_);
    for (Span& span : spans) {
      span.attributes = redactor.value(span.attributes);
      span.name = redactor.text(span.name);
    }
    exporter_.add(std::move(spans));
  } catch (const std::bad_alloc&) {  // these spans are lost, and nothing else
  }
  const std::scoped_lock held(lock_);
  --open_;
  changed_.notify_all();
}

RequestSpans::RequestSpans(std::shared_ptr<Telemetry> telemetry, const net::HttpRequest& request,
                           const std::string& path, const std::string& request_id)
    : telemetry_(std::move(telemetry)), begin_ns_(system_ns()) {
  const auto parent =
      trace::read_traceparent(request.fields.get("traceparent"), request.fields.get("tracestate"));
  if (parent) {
    context_ = *parent;
    recording_ = parent->sampled;
  } else {
    context_.trace_id = trace::fresh_trace_id();
  }
  if (!recording_) return;
  Span& root = spans_.emplace_back();
  root.trace_id = context_.trace_id;
  root.span_id = trace::fresh_span_id();
  if (parent) root.parent = parent->span_id;
  root.state = context_.state;
  root.name = request.method + " " + path;
  root.kind = Span::Kind::server;
  root.begin_ns = begin_ns_;
  root.attributes = {{"http.request.method", request.method},
                     {"http.route", path},
                     {"url.path", path},
                     {"trinity.request_id", request_id}};
}

RequestSpans::~RequestSpans() {
  std::vector<Span> done;
  if (recording_) {
    const std::scoped_lock held(lock_);
    const std::int64_t now = now_ns();
    for (Span& span : spans_)
      if (span.end_ns == 0) span.end_ns = now;
    done = std::move(spans_);
  }
  telemetry_->take(std::move(done));
}

std::int64_t RequestSpans::ns_of(std::chrono::steady_clock::time_point time) const {
  using std::chrono::nanoseconds;
  return begin_ns_ +
         std::max<std::int64_t>(0, std::chrono::duration_cast<nanoseconds>(time - begin_).count());
}

std::int64_t RequestSpans::now_ns() const { return ns_of(std::chrono::steady_clock::now()); }

void RequestSpans::answered(int status) {
  if (!recording_) return;
  const std::scoped_lock held(lock_);
  Span& root = spans_[kRoot];
  root.attributes["http.response.status_code"] = status;
  if (status < 500) return;
  root.failed = true;
  root.attributes["error.type"] = std::to_string(status);
}

void RequestSpans::note(std::string_view name, Json value) {
  if (!recording_) return;
  const std::scoped_lock held(lock_);
  spans_[kRoot].attributes[name] = std::move(value);
}

/// Under the lock.
std::size_t RequestSpans::open(std::string name, Span::Kind kind, std::size_t parent) {
  Span span;
  span.trace_id = context_.trace_id;
  span.span_id = trace::fresh_span_id();
  span.parent = spans_[parent].span_id;
  span.state = context_.state;
  span.name = std::move(name);
  span.kind = kind;
  span.begin_ns = now_ns();
  spans_.push_back(std::move(span));
  return spans_.size() - 1;
}

void RequestSpans::close(std::size_t span) {
  if (span != kNoSpan && spans_[span].end_ns == 0) spans_[span].end_ns = now_ns();
}

Status RequestSpans::write(const Json& event) {
  if (recording_) {
    const std::scoped_lock held(lock_);
    take_event(event);
  }
  return next_ ? next_->write(event) : Status();
}

/// Under the lock.
void RequestSpans::take_event(const Json& event) {
  const std::string& name = event["event"].as_string();
  Json& root = spans_[kRoot].attributes;
  if (name == "run_started") {
    root["trinity.loop_profile"] = event["loop_profile"];
    root["trinity.max_turns"] = event["max_turns"];
  } else if (name == "turn_started") {
    close(turn_);
    turn_ = open("turn", Span::Kind::internal, kRoot);
    spans_[turn_].attributes["trinity.turn"] = event["turn"];
    route_ = open("route", Span::Kind::internal, turn_);
    Json& attributes = spans_[route_].attributes;
    attributes["trinity.turn"] = event["turn"];
    attributes["trinity.message_count"] = event["message_count"];
    attributes["trinity.transcript_hash"] = event["transcript_hash"];
    if (const Json* input = event.find("router_input")) {
      std::string text;
      append_json(text, (*input)["messages"]);
      attributes["trinity.new_messages"] = std::move(text);
    }
  } else if (name == "route_selected" && route_ != kNoSpan) {
    Json& attributes = spans_[route_].attributes;
    attributes["trinity.agent_id"] = event["selected_agent"];
    attributes["trinity.role"] = event["raw_selected_role"];
    attributes["trinity.margin.agent"] = margin_of(event["agent_logits"]);
    attributes["trinity.margin.role"] = margin_of(event["role_logits"]);
    attributes["trinity.role_masked"] = event["role_masked"];
    close(route_);
    route_ = kNoSpan;
    Json& turn = spans_[turn_].attributes;
    turn["trinity.agent_id"] = event["selected_agent"];
    turn["trinity.role"] = event["selected_role_name"];
    turn["trinity.role_override"] = event["role_override_from_thinker"];
  } else if (name == "turn_completed" && turn_ != kNoSpan) {
    spans_[turn_].attributes["trinity.verdict"] = event["verifier_parse_status"];
    close(turn_);
    turn_ = kNoSpan;
  } else if (name == "run_completed") {
    root["trinity.final_status"] = event["final_status"];
    root["trinity.verified"] = event["verified"];
    close(turn_);
  } else if (name == "run_failed") {
    const Json& reason = event["reason"];
    root["trinity.final_status"] = reason.is_array() ? reason[0] : reason;
    for (const std::size_t span : {route_, turn_}) {
      if (span == kNoSpan) continue;
      spans_[span].failed = true;
      spans_[span].attributes["error.type"] = root["trinity.final_status"];
      close(span);
    }
  }
}

void RequestSpans::decided(std::chrono::steady_clock::time_point begin) {
  if (!recording_) return;
  const std::scoped_lock held(lock_);
  const std::size_t span = open("route", Span::Kind::internal, kRoot);
  spans_[span].begin_ns = ns_of(begin);
  close(span);
}

std::size_t RequestSpans::begin_call(const provider::MemberConfig& member,
                                     provider::MemberRequest& request) {
  trace::SpanContext context = context_;
  context.sampled = recording_;
  std::size_t place = kNoSpan;
  if (recording_) {
    const std::scoped_lock held(lock_);
    place = open("chat " + member.model, Span::Kind::client, turn_ == kNoSpan ? kRoot : turn_);
    Span& span = spans_[place];
    context.span_id = span.span_id;
    Json& attributes = span.attributes;
    attributes["gen_ai.operation.name"] = "chat";
    attributes["gen_ai.provider.name"] = provider_name(member.kind);
    attributes["gen_ai.request.model"] = member.model;
    const chat::Sampling& sampling = request.request.sampling;
    attributes["gen_ai.request.max_tokens"] = sampling.max_tokens;
    attributes["gen_ai.request.temperature"] = sampling.temperature;
    attributes["gen_ai.request.top_p"] = sampling.top_p;
    attributes["gen_ai.request.seed"] = sampling.seed;
    if (!member.url.host.empty()) {
      attributes["server.address"] = member.url.host;
      attributes["server.port"] = port_of(member.url.port);
    }
    attributes["trinity.member"] = member.name;
    attributes["trinity.stream"] = request.request.stream;
  }
  request.traceparent = trace::traceparent_of(context);
  request.tracestate = context.state;
  return place;
}

void RequestSpans::end_call(std::size_t span, const chat::ChatReply& reply,
                            const chat::Usage& usage, std::optional<std::int64_t> cost_micro_usd) {
  if (span == kNoSpan) return;
  const std::scoped_lock held(lock_);
  if (span >= spans_.size() || spans_[span].end_ns != 0) return;
  Json& attributes = spans_[span].attributes;
  if (!reply.model.empty()) attributes["gen_ai.response.model"] = reply.model;
  if (!reply.id.empty()) attributes["gen_ai.response.id"] = reply.id;
  attributes["gen_ai.response.finish_reasons"] =
      Json::array({chat::finish_reason_name(reply.finish)});
  attributes["gen_ai.usage.input_tokens"] = usage.input;
  attributes["gen_ai.usage.output_tokens"] = usage.output;
  attributes["gen_ai.usage.cache_read.input_tokens"] = usage.cached_input;
  attributes["trinity.usage.estimated"] = usage.estimated;
  if (cost_micro_usd) attributes["trinity.cost_usd"] = static_cast<double>(*cost_micro_usd) / 1e6;
  close(span);
}

void RequestSpans::fail_call(std::size_t span, std::string_view type) {
  if (span == kNoSpan) return;
  const std::scoped_lock held(lock_);
  if (span >= spans_.size() || spans_[span].end_ns != 0) return;
  spans_[span].failed = true;
  spans_[span].attributes["error.type"] = type;
  close(span);
}

std::shared_ptr<trace::Sink> sink_of(const std::shared_ptr<RequestSpans>& spans,
                                     std::shared_ptr<trace::Sink> file) {
  if (!spans || !spans->recording()) return file;
  spans->pass_on_to(std::move(file));
  return spans;
}

}  // namespace trinity::telemetry
