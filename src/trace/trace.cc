#include "trace/trace.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "trace/redact.h"

namespace trinity::trace {
namespace {

constexpr std::array<std::pair<EventKind, const char*>, 8> kNames = {{
    {EventKind::run_started, "run_started"},
    {EventKind::turn_started, "turn_started"},
    {EventKind::slm_extracted, "slm_extracted"},
    {EventKind::route_selected, "route_selected"},
    {EventKind::provider_called, "provider_called"},
    {EventKind::turn_completed, "turn_completed"},
    {EventKind::run_completed, "run_completed"},
    {EventKind::run_failed, "run_failed"},
}};

std::int64_t system_now_ms() {
  using std::chrono::milliseconds;
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Random bytes of the kernel; should it give none, bytes that at least no other call gets.
std::array<std::uint8_t, 10> random_bytes() {
  std::array<std::uint8_t, 10> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) == static_cast<ssize_t>(bytes.size()))
    return bytes;
  static std::atomic<std::uint64_t> count{0};
  const auto process = static_cast<std::uint64_t>(::getpid());
  const std::uint64_t number = (process << 32) + count.fetch_add(1);
  for (std::size_t i = 0; i < 8; ++i)
    bytes[2 + i] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
  return bytes;
}

tl::unexpected<Error> lacks(const char* field, const char* what) {
  return fail(ErrorKind::invalid_input, "missing_required_field",
              std::string("the event has no ") + field + " that is " + what +
                  "; it was not written by this program, or was cut");
}

}  // namespace

const char* event_name(EventKind kind) {
  for (const auto& [known, name] : kNames)
    if (known == kind) return name;
  return "";
}

Result<EventKind> parse_event_name(std::string_view name) {
  for (const auto& [kind, known] : kNames)
    if (name == known) return kind;
  return fail(
      ErrorKind::invalid_input, "invalid_event_type",
      "'" + excerpt(name) + "' is no event of a run; see docs/trace.md for the eight kinds");
}

Result<Content> parse_content(std::string_view name) {
  if (name == "hash") return Content::hash;
  if (name == "full") return Content::full;
  return fail(ErrorKind::usage, "invalid_trace_content",
              "'" + excerpt(name) + "' is no content of a trace; give hash or full");
}

std::string fresh_run_id() {
  std::array<std::uint8_t, 16> bytes{};
  const auto now = static_cast<std::uint64_t>(system_now_ms());
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(now >> (8 * (5 - i)));
  const auto random = random_bytes();
  std::copy(random.begin(), random.end(), bytes.begin() + 6);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x70);  // version 7
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // variant of RFC 9562
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

Trace::Trace(TraceOptions options) : options_(std::move(options)) {
  if (options_.run_id.empty()) options_.run_id = fresh_run_id();
  options_.redaction_values = redaction_values(options_.redaction_values);
}

Trace::Trace() : Trace(TraceOptions{}) {}

Result<Trace> Trace::open(TraceOptions options) {
  if (options.enabled && !options.sink)
    return fail(ErrorKind::usage, "invalid_trace_sink",
                "invalid trace sink: sink_required; an enabled trace needs a file or another sink "
                "for its events");
  return Trace(std::move(options));
}

Status Trace::write(EventKind kind, const Json& fields) const {
  if (!options_.enabled) return {};
  const Redactor redactor(options_.content, options_.redaction_values);
  Json event = {{"schema_version", kSchemaVersion},
                {"event", event_name(kind)},
                {"run_id", redactor.text(options_.run_id)},
                {"timestamp_ms", options_.now_ms ? options_.now_ms() : system_now_ms()}};
  event.update(redactor.value(fields));
  return options_.sink->write(event);
}

std::string Trace::redacted(std::string_view text) const {
  return Redactor(options_.content, options_.redaction_values).text(text);
}

Status check_event(const Json& event) {
  const Json* const version = event.find("schema_version");
  if (version == nullptr || !version->is_number_integer())
    return lacks("schema_version", "a whole number");
  const Json* const name = event.find("event");
  if (name == nullptr || !name->is_string()) return lacks("event", "a text");
  const Json* const run = event.find("run_id");
  if (run == nullptr || !run->is_string()) return lacks("run_id", "a text");
  const Json* const time = event.find("timestamp_ms");
  if (time == nullptr || !time->is_number_integer()) return lacks("timestamp_ms", "a whole number");
  if (version->as_int64() != kSchemaVersion)
    return fail(ErrorKind::unsupported, "unsupported_schema_version",
                "the event has schema_version " + std::to_string(version->as_int64()) +
                    ", this program reads 1; read it with the version that wrote it");
  TRINITY_CHECK(parse_event_name(name->as_string()));
  return {};
}

}  // namespace trinity::trace
