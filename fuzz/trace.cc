// Any bytes as a trace: every line is an event or a fault with a clear error, any run can be told
// and checked, each turn that begins is handed on for a replay, and no secret is left by the
// redactor. Any bytes as a traceparent, too.
#include <cstdint>

#include "base/json.h"
#include "input.h"
#include "replay/recorded_turn.h"
#include "report/render_text.h"
#include "trace/order.h"
#include "trace/reader.h"
#include "trace/redact.h"
#include "trace/span.h"
#include "trace/story.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trinity;
  const std::string text = fuzz::bytes_or_edit(
      data, size,
      R"({"schema_version":1,"event":"run_started","run_id":"r","timestamp_ms":1,"num_agents":7})"
      "\n"
      R"({"schema_version":1,"event":"turn_started","run_id":"r","timestamp_ms":2,"turn":0,)"
      R"("router_input":{"kept":0,"messages":[{"role":"user","content":"hello"}],)"
      R"("input_mode":"plain","masked_roles":[2],"needs":["tools"]},"transcript_hash":)"
      R"("f08a41138f0ae20bd9529ec45f6bccf323fd400841a625fae74682481abe83f3"})"
      "\n"
      R"({"schema_version":1,"event":"route_selected","run_id":"r","timestamp_ms":2,"turn":0,)"
      R"("agent_logits":[1,2],"role_logits":[1,2,3],"selected_agent":1,"raw_selected_role_id":1,)"
      R"("agent_selection_mode":"sample","agent_seed":[1,2,3],"selection_temperature":1.0})"
      "\n"
      R"({"schema_version":1,"event":"provider_called","run_id":"r","timestamp_ms":3,"turn":0,)"
      R"("status":"error","error":"Bearer x of https://a:b@c/","agent_logits":[1,2]})"
      "\n"
      R"({"schema_version":1,"event":"run_failed","run_id":"r","timestamp_ms":4,"reason":["a","b"]})");
  const trace::TraceLog log = trace::read_trace(text);
  for (const trace::TraceFault& fault : log.faults) fuzz::require_clear(fault.error);
  std::size_t begun = 0, handed_on = 0;
  replay::TurnReader turns([&handed_on](const replay::RecordedTurn&) -> Status {
    ++handed_on;
    return {};
  });
  for (const Json& event : log.events) {
    begun += event["event"].as_string() == "turn_started" ? 1 : 0;
    fuzz::require(turns.read(event).has_value(), "a trace ends no replay");
  }
  fuzz::require(turns.finish().has_value() && handed_on == begun, "every turn is handed on");
  if (const auto context = trace::read_traceparent(text.substr(0, 60), text))
    fuzz::require(trace::read_traceparent(trace::traceparent_of(*context)).has_value(),
                  "what is written can be read");
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
