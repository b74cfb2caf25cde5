// Spans of OpenTelemetry: stretches of time within a request, each with its parent, and the context
// that passes from one program to the next in the header `traceparent` (W3C Trace Context).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_value.h"

namespace trinity::trace {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

/// Random, never all zero.
TraceId fresh_trace_id();
SpanId fresh_span_id();
/// Lower-case hexadecimal digits.
std::string hex_of(const TraceId& id);
std::string hex_of(const SpanId& id);

/// Where a span belongs, as a header says it.
struct SpanContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = true;
  std::string state;  // `tracestate`, passed on as it came
};
/// Of the headers of a request; nothing where there is none that can be read, and the request then
/// begins a trace of its own.
std::optional<SpanContext> read_traceparent(std::string_view traceparent,
                                            std::string_view tracestate = {});
/// "00-…-…-01".
std::string traceparent_of(const SpanContext& context);

struct Span {
  enum class Kind { internal = 1, server = 2, client = 3 };  // their numbers in OTLP

  TraceId trace_id{};
  SpanId span_id{};
  SpanId parent{};  // all zero: none
  std::string state;
  std::string name;
  Kind kind = Kind::internal;
  std::int64_t begin_ns = 0, end_ns = 0;  // since 1970
  /// Name → text, number, truth, or list of texts.
  Json attributes = Json::object();
  bool failed = false;
};

}  // namespace trinity::trace
