// Traces of runs: what an event is, and the way that it takes.
//
// An event is a JSON object with schema_version 1, event, run_id and timestamp_ms, and the fields
// of its kind (trace/events.h writes them). It passes the redactor (trace/redact.h) and then a
// sink: a file of lines (trace/jsonl_sink.h) or memory (trace/memory_sink.h). No event carries the
// text of a prompt or an answer, hashes stand for them, unless TraceOptions::messages asks for what
// the router reads (trace/router_input.h).
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace trinity::trace {

inline constexpr int kSchemaVersion = 1;

enum class EventKind {
  run_started,
  turn_started,
  slm_extracted,
  route_selected,
  provider_called,
  turn_completed,
  run_completed,
  run_failed,
};
/// "run_started", ...
const char* event_name(EventKind kind);
/// Error: `invalid_event_type`.
Result<EventKind> parse_event_name(std::string_view name);

/// Where events go. `write` may be called from several threads.
class Sink {
 public:
  virtual ~Sink() = default;
  /// One event, redacted. An error ends the run that wrote it.
  virtual Status write(const Json& event) = 0;
};

/// What the key rule of redaction does: under `full` a field's name alone hides nothing. No event
/// has more in it for that.
enum class Content { hash, full };
/// Error: `invalid_trace_content`.
Result<Content> parse_content(std::string_view name);

struct TraceOptions {
  bool enabled = false;
  std::string run_id;  // empty: a fresh unique one
  Content content = Content::hash;
  bool messages = false;  // what the router reads is recorded, too: the text of the conversation
  std::shared_ptr<Sink> sink;
  std::vector<std::string> redaction_values;  // never leave; trimmed, blank ones mean nothing
  /// Milliseconds since 1970 on the system's clock; empty: that clock.
  std::function<std::int64_t()> now_ms;
};

/// The trace of one run. Writing to one that is not enabled does nothing. Copies write to the same
/// sink.
class Trace {
 public:
  /// One that is not enabled, with a fresh run id.
  Trace();
  /// Error: `invalid_trace_sink` (enabled without a sink).
  static Result<Trace> open(TraceOptions options);

  const std::string& run_id() const { return options_.run_id; }
  bool enabled() const { return options_.enabled; }
  bool records_messages() const { return options_.enabled && options_.messages; }
  /// `fields` is an object; the base fields are put before them. Errors: those of the sink.
  Status write(EventKind kind, const Json& fields) const;
  /// A text as `write` would let it out. What is to be cut is redacted before: of half a secret
  /// nobody knows that it is one.
  std::string redacted(std::string_view text) const;

 private:
  explicit Trace(TraceOptions options);
  TraceOptions options_;
};

/// A name that no other run has: 48 bits of time, then random ones, so that names sort by their
/// begin (UUID version 7).
std::string fresh_run_id();

/// Checks the base of an event that was read. Errors: `missing_required_field` (absent, or of
/// another type), `unsupported_schema_version`, `invalid_event_type`.
Status check_event(const Json& event);

}  // namespace trinity::trace
