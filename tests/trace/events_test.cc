// Events, their base, and the order in which a run has them.
#include "trace/events.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "hash/canonical.h"
#include "route/decision.h"
#include "trace/memory_sink.h"
#include "trace/order.h"

namespace trinity::trace {
namespace {

Trace memory_trace(const std::shared_ptr<MemorySink>& sink, TraceOptions options = {}) {
  options.enabled = true;
  options.sink = sink;
  return *Trace::open(std::move(options));
}

TEST(Trace, TR_1_AnEventHasItsBaseAndIsValid) {
  const auto sink = std::make_shared<MemorySink>();
  const Trace trace = memory_trace(sink);
  ASSERT_TRUE(trace.write(EventKind::turn_started, {{"turn", 0}}));
  const Json event = sink->events().at(0);
  EXPECT_EQ(event["schema_version"].as_int64(), 1);
  EXPECT_EQ(event["event"].as_string(), "turn_started");
  EXPECT_EQ(event["run_id"].as_string(), trace.run_id());
  EXPECT_GT(event["timestamp_ms"].to_int64().value_or(0), 1'700'000'000'000);
  EXPECT_TRUE(check_event(event));
}

TEST(Trace, TR_2_NamesOfKindsAreRead) {
  for (const EventKind kind :
       {EventKind::run_started, EventKind::turn_started, EventKind::slm_extracted,
        EventKind::route_selected, EventKind::provider_called, EventKind::turn_completed,
        EventKind::run_completed, EventKind::run_failed})
    EXPECT_EQ(parse_event_name(event_name(kind)).value(), kind);
  EXPECT_EQ(parse_event_name("run_finished").error().tag, "invalid_event_type");
}

TEST(Trace, ReadingRefusesWhatIsNoEvent) {
  const Json good = {
      {"schema_version", 1}, {"event", "run_failed"}, {"run_id", "r"}, {"timestamp_ms", 1}};
  ASSERT_TRUE(check_event(good));
  for (const char* field : {"schema_version", "event", "run_id", "timestamp_ms"}) {
    Json lacking = good;
    lacking.erase(field);
    const Status state = check_event(lacking);
    EXPECT_EQ(state.error().tag, "missing_required_field") << field;
    EXPECT_NE(state.error().message.find(field), std::string::npos);
    lacking[field] = Json::array();
    EXPECT_EQ(check_event(lacking).error().tag, "missing_required_field") << field;
  }
  Json other = good;
  other["schema_version"] = 2;
  EXPECT_EQ(check_event(other).error().tag, "unsupported_schema_version");
  other = good;
  other["event"] = "tool_called";
  EXPECT_EQ(check_event(other).error().tag, "invalid_event_type");
  EXPECT_EQ(check_event({}).error().tag, "missing_required_field");
}

TEST(Trace, TR_3_EqualMessagesHaveEqualHashes) {
  const std::vector<Message> messages = {{"user", "hello"}}, other = {{"user", "hello!"}};
  EXPECT_EQ(hash::trace_messages_hash(messages).value(),
            hash::trace_messages_hash(std::vector<Message>(messages)).value());
  EXPECT_NE(hash::trace_messages_hash(messages).value(), hash::trace_messages_hash(other).value());
}

TEST(Trace, TR_6_WritingRedactsByDefault) {
  const auto sink = std::make_shared<MemorySink>();
  TraceOptions options;
  options.redaction_values = {"sk-live"};
  options.run_id = "run of sk-live";
  const Trace trace = memory_trace(sink, options);
  ASSERT_TRUE(trace.write(EventKind::run_failed,
                          {{"api_key", "x"}, {"reason", Json::array({"http", "sk-live"})}}));
  const Json event = sink->events().at(0);
  EXPECT_EQ(event["api_key"].as_string(), "<redacted>");
  EXPECT_EQ(event["reason"][1].as_string(), "<redacted>");
  EXPECT_EQ(event["run_id"].as_string(), "run of <redacted>");
}

TEST(Trace, WithoutASinkItIsRefusedAndDisabledItWritesNothing) {
  TraceOptions options;
  options.enabled = true;
  const auto refused = Trace::open(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "invalid_trace_sink");
  EXPECT_NE(refused.error().message.find("sink_required"), std::string::npos);
  const auto sink = std::make_shared<MemorySink>();
  options.enabled = false;
  options.sink = sink;
  ASSERT_TRUE(Trace::open(options)->write(EventKind::run_failed, Json::object()));
  EXPECT_TRUE(sink->events().empty());
  EXPECT_TRUE(Trace().write(EventKind::run_failed, Json::object()));
}

TEST(Trace, RunIdsDifferAndSortByTheirBegin) {
  std::set<std::string> ids;
  for (int i = 0; i < 500; ++i) ids.insert(fresh_run_id());
  EXPECT_EQ(ids.size(), 500u);
  EXPECT_EQ(ids.begin()->size(), 36u);
  EXPECT_EQ((*ids.begin())[14], '7');
  EXPECT_NE(Trace().run_id(), Trace().run_id());
}

TEST(Events, AMaskedDecisionAndItsSeedsAreRecorded) {
  DecisionRule rule;
  rule.role_selection = SelectionMode::sample;
  rule.seed = std::int64_t{42};
  rule.masked_roles = {2};
  const std::vector<float> logits = {1, 2, 0, 0, 5};
  const Decision decision =
      *route::make_decision(*route::select_route(logits, 2, 3, rule), std::monostate{});
  const ExtractionFacts extraction{Json::object(), {1, 2, 8}, {1, 8}, "trinity.cpu"};
  const Selected selected{1, 0, "Worker", 1, "Thinker", true, "abc"};
  const Json fields = fields_of(RouteSelected{3, extraction, decision, selected});
  EXPECT_TRUE(fields["role_masked"].as_bool());
  EXPECT_EQ(fields["selection_seed"].as_int64(), 42);
  EXPECT_EQ(fields["role_seed"], Json::array({59, 73, 85}));
  EXPECT_TRUE(fields["agent_seed"].is_null());
  EXPECT_TRUE(fields["agent_probabilities"].is_null());
  EXPECT_EQ(fields["role_probabilities"][2].as_double(), 0.0);
  EXPECT_EQ(fields["route_logit_shape"], Json::array({1, 5}));
  EXPECT_EQ(fields["raw_selected_role"].as_string(), "Thinker");
  EXPECT_EQ(fields["selected_role_name"].as_string(), "Worker");
}

// ---- order --------------------------------------------------------------------------------------

Json event(const char* name, Json fields = Json::object()) {
  Json out = {{"schema_version", 1}, {"event", name}, {"run_id", "r"}, {"timestamp_ms", 1}};
  out.update(fields);
  return out;
}
Json in_turn(const char* name, int turn) { return event(name, {{"turn", turn}}); }
Json call(const char* status, int turn) {
  return event("provider_called", {{"turn", turn}, {"status", status}});
}

std::vector<Json> two_turns() {
  std::vector<Json> events = {event("run_started")};
  for (int turn = 0; turn < 2; ++turn)
    for (const Json& one :
         {in_turn("turn_started", turn), in_turn("slm_extracted", turn),
          in_turn("route_selected", turn), call("started", turn), call("ok", turn),
          event("turn_completed", {{"turn", turn}, {"final", turn == 1}})})
      events.push_back(one);
  events.push_back(in_turn("run_completed", 1));
  return events;
}

TEST(Order, AWholeRunIsInOrderAndNoPartOrExchangeOfItIs) {
  const std::vector<Json> events = two_turns();
  ASSERT_TRUE(check_order(events)) << check_order(events).error().message;
  for (std::size_t gone = 0; gone < events.size(); ++gone) {
    std::vector<Json> lacking = events;
    lacking.erase(lacking.begin() + static_cast<std::ptrdiff_t>(gone));
    // An answer may be dropped at the end of a run: a budget fired.
    EXPECT_EQ(check_order(lacking).has_value(), gone + 2 == events.size()) << gone;
    if (gone + 1 == events.size()) {
      EXPECT_EQ(check_order(lacking).error().tag, "unfinished_run");
      continue;
    }
    std::vector<Json> exchanged = events;
    std::swap(exchanged[gone], exchanged[gone + 1]);
    EXPECT_EQ(check_order(exchanged).error().tag, "event_out_of_order") << gone;
    std::vector<Json> twice = events;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(gone), events[gone]);
    EXPECT_EQ(check_order(twice).error().tag, "event_out_of_order") << gone;
  }
}

TEST(Order, RunsMayEndInATurnButNotInACall) {
  const auto ends = [](std::vector<Json> middle) {
    std::vector<Json> events = {event("run_started"), in_turn("turn_started", 0)};
    for (Json& one : middle) events.push_back(std::move(one));
    events.push_back(event("run_failed", {{"turn", 0}}));
    return check_order(events).has_value();
  };
  const Json extracted = in_turn("slm_extracted", 0), routed = in_turn("route_selected", 0);
  EXPECT_TRUE(ends({}));
  EXPECT_TRUE(ends({extracted}));
  EXPECT_TRUE(ends({extracted, routed}));
  EXPECT_TRUE(ends({extracted, routed, call("error", 0)}));  // never asked
  EXPECT_FALSE(ends({extracted, routed, call("started", 0)}));
  EXPECT_TRUE(ends({extracted, routed, call("started", 0), call("error", 0)}));
  EXPECT_TRUE(ends({extracted, routed, call("started", 0), call("ok", 0)}));
  EXPECT_TRUE(ends({extracted, routed, call("started", 0), call("error", 0), call("started", 0),
                    call("ok", 0)}));
  EXPECT_FALSE(ends({extracted, routed, call("ok", 0)}));
  EXPECT_FALSE(ends({extracted, call("error", 0)}));
  EXPECT_FALSE(ends({extracted, routed, call("lost", 0)}));
  EXPECT_FALSE(ends({extracted, routed, call("started", 1)}));
}

TEST(Order, EventsOfAnotherRunDoNotBelong) {
  std::vector<Json> events = two_turns();
  events[3]["run_id"] = "other";
  EXPECT_EQ(check_order(events).error().tag, "event_out_of_order");
}

}  // namespace
}  // namespace trinity::trace
