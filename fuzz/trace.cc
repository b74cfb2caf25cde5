// Any bytes as a trace: every line is an event or a fault with a clear error, any run can be told
// and checked, and no secret is left by the redactor.
#include <cstdint>

#include "base/json.h"
#include "input.h"
#include "report/render_text.h"
#include "trace/order.h"
#include "trace/reader.h"
#include "trace/redact.h"
#include "trace/story.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trinity;
  const std::string text = fuzz::bytes_or_edit(
      data, size,
      R"({"schema_version":1,"event":"run_started","run_id":"r","timestamp_ms":1,"num_agents":7})"
      "\n"
      R"({"schema_version":1,"event":"turn_started","run_id":"r","timestamp_ms":2,"turn":0})"
      "\n"
      R"({"schema_version":1,"event":"provider_called","run_id":"r","timestamp_ms":3,"turn":0,)"
      R"("status":"error","error":"Bearer x of https://a:b@c/","agent_logits":[1,2]})"
      "\n"
      R"({"schema_version":1,"event":"run_failed","run_id":"r","timestamp_ms":4,"reason":["a","b"]})");
  const trace::TraceLog log = trace::read_trace(text);
  for (const trace::TraceFault& fault : log.faults) fuzz::require_clear(fault.error);
  const std::vector<std::string> secrets = trace::redaction_values({"secret-7", "r"});
  const trace::Redactor redactor(trace::Content::hash, secrets);
  for (const trace::RunSummary& run : trace::runs_of(log)) {
    const auto events = trace::events_of(log, run.run_id);
    if (!events) continue;  // a run without a name
    (void)trace::check_order(*events);
    const std::string told = report::render_text(trace::run_story(*events), report::Style());
    fuzz::require(is_valid_utf8(told), "the story is valid UTF-8");
    fuzz::require(told.find('\x1b') == std::string::npos, "the story obeys nobody");
    for (const Json& event : *events)
      fuzz::require(json_text(redactor.value(event)).find("secret-7") == std::string::npos,
                    "no secret is left");
  }
  return 0;
}
