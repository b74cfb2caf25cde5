// Spans of requests and their way to a collector: batches, bounds, losses, what a span says, and
// where the environment sends them.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>

#include "serve/test_server.h"
#include "telemetry/otlp_settings.h"
#include "telemetry/request_spans.h"

namespace trinity::testing {
namespace {

using std::chrono::milliseconds;
using telemetry::SpanExporter;
using telemetry::SpanExporterOptions;

/// A collector inside the test, which answers as it is told.
struct Collector {
  std::mutex lock;
  std::condition_variable changed;
  std::vector<Json> bodies;
  std::function<Result<net::HttpResponse>(std::size_t call, std::stop_token stop)> answer;
  std::map<std::string, std::size_t> counts;
  std::vector<std::string> notices;
  std::size_t calls = 0;

  SpanExporterOptions options() {
    SpanExporterOptions out;
    out.interval = milliseconds(1);
    out.pause = milliseconds(1);
    out.deliver = [this](const std::string& body, milliseconds,
                         std::stop_token stop) -> Result<net::HttpResponse> {
      std::size_t call = 0;
      {
        const std::scoped_lock held(lock);
        call = calls++;
      }
      Result<net::HttpResponse> answered =
          answer ? answer(call, std::move(stop)) : net::HttpResponse{200, {}, "{}"};
      const std::scoped_lock held(lock);
      if (answered && answered->status == 200) bodies.push_back(*parse_json(body));
      changed.notify_all();
      return answered;
    };
    out.notice = [this](const std::string& text) {
      const std::scoped_lock held(lock);
      notices.push_back(text);
    };
    out.count = [this](const char* result, std::size_t spans) {
      const std::scoped_lock held(lock);
      counts[result] += spans;
      changed.notify_all();
    };
    return out;
  }

  std::size_t count(const std::string& result) {
    const std::scoped_lock held(lock);
    return counts[result];
  }
  void wait_for(const std::string& result, std::size_t spans) {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return counts[result] >= spans; });
  }
  std::vector<Json> spans() {
    const std::scoped_lock held(lock);
    std::vector<Json> out;
    for (const Json& body : bodies)
      for (const Json& span : body["resourceSpans"][0]["scopeSpans"][0]["spans"])
        out.push_back(span);
    return out;
  }
};

std::vector<trace::Span> spans_of(std::size_t count) {
  std::vector<trace::Span> spans(count);
  for (trace::Span& span : spans) span.span_id = trace::fresh_span_id();
  return spans;
}

TEST(SpanExporter, SendsBatchesOfAtMostTheirSize) {
  Collector collector;
  SpanExporterOptions options = collector.options();
  options.batch = 10;
  SpanExporter exporter(std::move(options));
  exporter.add(spans_of(35));
  EXPECT_TRUE(exporter.end(std::chrono::seconds(30)));
  EXPECT_EQ(collector.count("exported"), 35u);
  EXPECT_GE(collector.bodies.size(), 4u);
  for (const Json& body : collector.bodies)
    EXPECT_LE(body["resourceSpans"][0]["scopeSpans"][0]["spans"].size(), 10u);
  exporter.add(spans_of(3));
  EXPECT_EQ(collector.count("exported"), 35u) << "it has ended";
}

TEST(SpanExporter, AFullQueueDropsAndSaysSoOnce) {
  Collector collector;
  std::atomic<bool> go = false;
  collector.answer = [&go](std::size_t, const std::stop_token&) -> Result<net::HttpResponse> {
    go.wait(false);
    return net::HttpResponse{200, {}, ""};
  };
  SpanExporterOptions options = collector.options();
  options.queue = 20;
  SpanExporter exporter(std::move(options));
  for (int n = 0; n < 10; ++n) exporter.add(spans_of(10));  // never waits
  EXPECT_GE(collector.count("queue_full"), 60u);
  go = true;
  go.notify_all();
  EXPECT_FALSE(exporter.end(std::chrono::seconds(30)));
  EXPECT_EQ(collector.count("queue_full") + collector.count("exported"), 100u);
  EXPECT_EQ(collector.notices.size(), 1u);
}

TEST(SpanExporter, WhatMayHelpLaterIsSentAgainAndOtherwiseNot) {
  Collector collector;
  collector.answer = [](std::size_t call, const std::stop_token&) -> Result<net::HttpResponse> {
    if (call == 0) return net::HttpResponse{503, {}, ""};
    if (call == 1) return fail(ErrorKind::failed, "connect_failed", "nobody listens");
    return net::HttpResponse{200, {}, R"({"partialSuccess":{"rejectedSpans":"2"}})"};
  };
  {
    SpanExporter exporter(collector.options());
    exporter.add(spans_of(5));
    collector.wait_for("refused", 2);
    exporter.end(std::chrono::seconds(30));
  }
  EXPECT_EQ(collector.calls, 3u);
  EXPECT_EQ(collector.count("exported"), 3u);

  Collector strict;
  strict.answer = [](std::size_t, const std::stop_token&) -> Result<net::HttpResponse> {
    return net::HttpResponse{400, {}, "no"};
  };
  SpanExporter exporter(strict.options());
  exporter.add(spans_of(5));
  strict.wait_for("refused", 5);
  EXPECT_EQ(strict.calls, 1u);
}

TEST(SpanExporter, ACollectorThatIsAwayIsGivenUp) {
  Collector collector;
  collector.answer = [](std::size_t, const std::stop_token&) -> Result<net::HttpResponse> {
    return fail(ErrorKind::failed, "connect_failed", "nobody listens");
  };
  SpanExporter exporter(collector.options());
  exporter.add(spans_of(5));
  collector.wait_for("undelivered", 5);
  exporter.add(spans_of(5));
  collector.wait_for("undelivered", 10);
  EXPECT_EQ(collector.calls, 8u) << "four attempts each";
  EXPECT_FALSE(exporter.end(std::chrono::seconds(30)));
  ASSERT_EQ(collector.notices.size(), 1u) << "said once";
  EXPECT_NE(collector.notices[0].find("nobody listens"), std::string::npos);
}

TEST(SpanExporter, TheEndCutsOffWhatHangs) {
  Collector collector;
  collector.answer = [](std::size_t, const std::stop_token& stop) -> Result<net::HttpResponse> {
    std::mutex lock;
    std::condition_variable_any never;
    std::unique_lock held(lock);
    never.wait(held, stop, [] { return false; });
    return fail(ErrorKind::failed, "cancelled", "cancelled");
  };
  SpanExporter exporter(collector.options());
  exporter.add(spans_of(5));
  EXPECT_FALSE(exporter.end(milliseconds(20)));
  EXPECT_EQ(collector.count("exported"), 0u);
}

// ---- requests -----------------------------------------------------------------------------------

Json attribute(const Json& span, const std::string& name) {
  for (const Json& one : span["attributes"])
    if (one["key"].as_string() == name) return one["value"];
  return {};
}

std::vector<Json> named(const std::vector<Json>& spans, const std::string& begin) {
  std::vector<Json> out;
  for (const Json& span : spans)
    if (span["name"].as_string().starts_with(begin)) out.push_back(span);
  return out;
}

/// Ids are unique, all are of one trace, times lie within those of the parent.
void expect_tree(const std::vector<Json>& spans) {
  std::map<std::string, Json> by_id;
  for (const Json& span : spans) {
    EXPECT_TRUE(by_id.emplace(span["spanId"].as_string(), span).second);
    EXPECT_EQ(span["traceId"], spans.front()["traceId"]);
    EXPECT_LE(std::stoll(span["startTimeUnixNano"].as_string()),
              std::stoll(span["endTimeUnixNano"].as_string()));
  }
  for (const Json& span : spans) {
    const auto parent = by_id.find(span["parentSpanId"].as_string());
    if (parent == by_id.end()) continue;
    EXPECT_GE(std::stoll(span["startTimeUnixNano"].as_string()),
              std::stoll(parent->second["startTimeUnixNano"].as_string()));
    EXPECT_LE(std::stoll(span["endTimeUnixNano"].as_string()),
              std::stoll(parent->second["endTimeUnixNano"].as_string()));
  }
}

struct TracedServer {
  explicit TracedServer(TestServer::Scripts scripts, std::vector<std::string> secrets = {})
      : server(std::move(scripts)),
        telemetry(std::make_shared<trinity::telemetry::Telemetry>(collector.options(),
                                                                  std::move(secrets))) {
    server.services.telemetry = telemetry;
  }
  std::vector<Json> spans() {
    EXPECT_TRUE(telemetry->end(std::chrono::seconds(60)));
    return collector.spans();
  }

  Collector collector;
  TestServer server;
  std::shared_ptr<trinity::telemetry::Telemetry> telemetry;
};

TEST(Telemetry, ARunIsATraceOfItsTurnsDecisionsAndCalls) {
  TracedServer traced({{"alpha", {provider::ScriptedStep::says("ACCEPT: 42")}}});
  net::OutgoingRequest request =
      traced.server.request("POST", "/v1/chat/completions", chat_body("trinity"));
  request.fields.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const net::HttpResponse response = traced.server.send(std::move(request));
  ASSERT_EQ(response.status, 200) << response.body;
  const auto turns =
      static_cast<std::size_t>(std::stoul(std::string(response.fields.get("x-trinity-turns"))));
  const std::vector<Json> spans = traced.spans();
  expect_tree(spans);
  ASSERT_EQ(named(spans, "POST /v1/chat/completions").size(), 1u);
  EXPECT_EQ(named(spans, "turn").size(), turns);
  EXPECT_EQ(named(spans, "route").size(), turns);
  EXPECT_EQ(named(spans, "chat alpha-model").size(), turns);
  const Json root = named(spans, "POST")[0];
  EXPECT_EQ(root["traceId"].as_string(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(root["parentSpanId"].as_string(), "b7ad6b7169203331") << "the client's trace goes on";
  EXPECT_EQ(root["kind"].as_int64(), 2);
  EXPECT_EQ(attribute(root, "http.response.status_code")["intValue"].as_string(), "200");
  EXPECT_EQ(attribute(root, "gen_ai.request.model")["stringValue"].as_string(), "trinity");
  EXPECT_EQ(attribute(root, "trinity.request_id")["stringValue"].as_string(),
            response.fields.get("x-request-id"));
  EXPECT_EQ(attribute(root, "trinity.final_status")["stringValue"].as_string(),
            response.fields.get("x-trinity-final-status"));
  std::set<std::string> turn_ids;
  for (const Json& turn : named(spans, "turn")) {
    EXPECT_EQ(turn["parentSpanId"], root["spanId"]);
    turn_ids.insert(turn["spanId"].as_string());
  }
  for (const char* name : {"route", "chat"})
    for (const Json& span : named(spans, name))
      EXPECT_TRUE(turn_ids.contains(span["parentSpanId"].as_string())) << name;
  const Json call = named(spans, "chat")[0];
  EXPECT_EQ(call["kind"].as_int64(), 3);
  EXPECT_EQ(attribute(call, "gen_ai.operation.name")["stringValue"].as_string(), "chat");
  EXPECT_EQ(attribute(call, "trinity.member")["stringValue"].as_string(), "alpha");
  EXPECT_GT(std::stoll(attribute(call, "gen_ai.usage.input_tokens")["intValue"].as_string()), 0);
  EXPECT_FALSE(attribute(named(spans, "route")[0], "trinity.margin.agent").is_null());
  EXPECT_FALSE(traced.server.events->names().empty()) << "events go on to the file";
}

TEST(Telemetry, NoSpanHasTheTextOfAMessageUnlessTheTraceRecordsIt) {
  for (const bool messages : {false, true}) {
    TracedServer traced({{"alpha", {provider::ScriptedStep::says("ACCEPT: zebra")}}},
                        {"sk-secret"});
    traced.server.services.trace_messages = messages;
    const net::HttpResponse response = traced.server.post(
        "/v1/chat/completions",
        R"({"model":"trinity","messages":[{"role":"user","content":"giraffe sk-secret"}]})");
    ASSERT_EQ(response.status, 200) << response.body;
    std::string all;
    for (const Json& span : traced.spans()) all += json_text(span);
    EXPECT_EQ(all.find("giraffe") != std::string::npos, messages);
    EXPECT_EQ(all.find("sk-secret"), std::string::npos);
  }
}

TEST(Telemetry, AttemptsAreCallsOfTheirOwnAndAMemberByNameHasOne) {
  TracedServer traced(
      {{"alpha", {provider::ScriptedStep::fails(provider::FailureClass::overloaded)}},
       {"beta", {provider::ScriptedStep::says("from beta")}}});
  ASSERT_EQ(traced.server.post("/v1/chat/completions", chat_body("trinity:fast")).status, 200);
  ASSERT_EQ(traced.server.post("/v1/chat/completions", chat_body("beta", true)).status, 200);
  const std::vector<Json> spans = traced.spans();
  const std::vector<Json> failed = named(spans, "chat alpha"), good = named(spans, "chat beta");
  ASSERT_EQ(good.size(), 2u);
  for (const Json& call : failed) {
    EXPECT_EQ(call["status"]["code"].as_int64(), 2);
    EXPECT_EQ(attribute(call, "error.type")["stringValue"].as_string(), "overloaded");
  }
  for (const Json& call : good) EXPECT_FALSE(call.contains("status"));
  EXPECT_EQ(named(spans, "POST").size(), 2u);
}

TEST(Telemetry, ATraceThatIsNotRecordedIsPassedOnAndLeavesNoSpan) {
  Collector collector;
  const auto telemetry = std::make_shared<trinity::telemetry::Telemetry>(
      collector.options(), std::vector<std::string>{});
  net::HttpRequest http;
  http.method = "POST";
  http.fields.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
  http.fields.set("tracestate", "vendor=1");
  {
    const auto spans = telemetry->begin(http, "/v1/messages", "req_1");
    provider::MemberRequest request;
    const std::size_t call = spans->begin_call({}, request);
    EXPECT_EQ(request.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    EXPECT_EQ(request.tracestate, "vendor=1");
    spans->end_call(call, {}, {}, std::nullopt);
    spans->answered(200);
  }
  http.fields.remove("traceparent");
  {
    const auto spans = telemetry->begin(http, "/v1/messages", "req_2");
    provider::MemberRequest request;
    spans->begin_call({}, request);
    const auto context = trace::read_traceparent(request.traceparent);
    ASSERT_TRUE(context);
    EXPECT_TRUE(context->sampled);
    EXPECT_EQ(request.tracestate, "") << "it belongs to the header that is not there";
  }
  EXPECT_TRUE(telemetry->end(std::chrono::seconds(60)));
  const std::vector<Json> spans = collector.spans();
  ASSERT_EQ(spans.size(), 2u) << "the second request and its call, which was left open";
  expect_tree(spans);
}

// ---- settings -----------------------------------------------------------------------------------

Result<std::optional<telemetry::OtlpSettings>> settings(
    const std::string& flag, const std::map<std::string, std::string>& environment) {
  return telemetry::otlp_settings(flag, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

std::string url_of(const std::string& flag, const std::map<std::string, std::string>& environment) {
  const auto read = settings(flag, environment);
  EXPECT_TRUE(read);
  return read && *read ? (*read)->url.text : "";
}

TEST(OtlpSettings, TheFlagComesFirstThenTheTracesThenAllSignals) {
  const std::map<std::string, std::string> both = {
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318"},
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/own/path"}};
  EXPECT_EQ(url_of("", {}), "");
  EXPECT_EQ(url_of("http://flag:4318", both), "http://flag:4318/v1/traces");
  EXPECT_EQ(url_of("http://flag:4318/v1/traces", both), "http://flag:4318/v1/traces");
  EXPECT_EQ(url_of("", both), "http://traces:4318/own/path");
  EXPECT_EQ(url_of("", {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/"}}),
            "http://all:4318/v1/traces");
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"OTEL_SDK_DISABLED", "true"}, {"OTEL_TRACES_EXPORTER", "none"}}) {
    auto off = both;
    off[name] = value;
    EXPECT_EQ(url_of("", off), "") << name;
    EXPECT_NE(url_of("http://flag:4318", off), "") << name;
  }
  EXPECT_EQ(settings("ftp://x", {}).error().tag, "invalid_url");
}

TEST(OtlpSettings, HeadersAreDecodedAndSecret) {
  const auto read = settings(
      "http://c:4318", {{"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20long%20key, x-other = 1,"},
                        {"OTEL_SERVICE_NAME", "mine"},
                        {"OTEL_RESOURCE_ATTRIBUTES", "service.name=theirs,deployment=prod"},
                        {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"},
                        {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}});
  ASSERT_TRUE(read && *read);
  const telemetry::OtlpSettings& found = **read;
  EXPECT_EQ(found.headers.get("api-key"), "a long key");
  EXPECT_EQ(found.headers.get("x-other"), "1");
  EXPECT_EQ(found.secrets, (std::vector<std::string>{"a long key"}));
  EXPECT_EQ(found.resource["service.name"].as_string(), "mine");
  EXPECT_EQ(found.resource["deployment"].as_string(), "prod");
  EXPECT_EQ(found.timeout, milliseconds(2500));
  ASSERT_EQ(found.remarks.size(), 1u);
  EXPECT_NE(found.remarks[0].find("grpc"), std::string::npos);
  EXPECT_EQ(settings("http://c", {{"OTEL_EXPORTER_OTLP_HEADERS", "no equals"}}).error().tag,
            "invalid_otlp_headers");
  EXPECT_EQ(settings("http://c", {{"OTEL_EXPORTER_OTLP_HEADERS", "a=%0Ab"}}).error().tag,
            "invalid_otlp_headers");
  EXPECT_EQ(settings("http://c", {{"OTEL_EXPORTER_OTLP_TIMEOUT", "soon"}}).error().tag,
            "invalid_otlp_timeout");
  const auto own = settings("http://c", {{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "k=own"},
                                         {"OTEL_EXPORTER_OTLP_HEADERS", "k=all"}});
  EXPECT_EQ((*own)->headers.get("k"), "own");
}

}  // namespace
}  // namespace trinity::testing
