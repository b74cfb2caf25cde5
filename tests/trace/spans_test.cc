// Spans and their form on the wire; what the router read, written turn by turn and read again.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "trace/otlp.h"
#include "trace/reader.h"
#include "trace/router_input.h"

namespace trinity::trace {
namespace {

constexpr const char* kHeader = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, IsReadAndWritten) {
  const auto context = read_traceparent(kHeader, "vendor=1");
  ASSERT_TRUE(context);
  EXPECT_EQ(hex_of(context->trace_id), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(hex_of(context->span_id), "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->state, "vendor=1");
  EXPECT_EQ(traceparent_of(*context), kHeader);
  const auto unsampled =
      read_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
  ASSERT_TRUE(unsampled);
  EXPECT_FALSE(unsampled->sampled);
  // A later version may say more behind it.
  EXPECT_TRUE(read_traceparent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
  EXPECT_EQ(read_traceparent(kHeader, "a\nb")->state, "");
  EXPECT_EQ(read_traceparent(kHeader, std::string(600, 'x'))->state, "");
}

TEST(Traceparent, WhatIsNoneIsRefused) {
  for (const char* wrong : {"", "00", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
                            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more"})
    EXPECT_FALSE(read_traceparent(wrong)) << wrong;
  std::mt19937 random(7);
  for (int n = 0; n < 2000; ++n) {  // no text takes it beyond its end
    std::string text = kHeader;
    text.resize(random() % 70, '-');
    if (!text.empty()) text[random() % text.size()] = static_cast<char>(random() % 256);
    (void)read_traceparent(text);
  }
}

TEST(Spans, IdsAreFreshAndNeverZero) {
  std::set<std::string> ids;
  for (int n = 0; n < 500; ++n) {
    ids.insert(hex_of(fresh_trace_id()));
    ids.insert(hex_of(fresh_span_id()));
  }
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(Otlp, ASpanHasTheFormOfTheProtocolInJson) {
  Span span;
  span.trace_id = read_traceparent(kHeader)->trace_id;
  span.span_id = read_traceparent(kHeader)->span_id;
  span.name = "chat m";
  span.kind = Span::Kind::client;
  span.begin_ns = 1'790'000'000'123'456'789;
  span.end_ns = span.begin_ns + 5;
  span.attributes = {{"text", "a \"b\""},
                     {"whole", 7},
                     {"part", 0.5},
                     {"truth", true},
                     {"list", Json::array({"x", "y"})},
                     {"unknown", nullptr}};
  span.failed = true;
  const Json body =
      *parse_json(otlp_json({{"service.name", "trinity"}}, std::span<const Span>(&span, 1)));
  const Json& resource = body["resourceSpans"][0];
  EXPECT_EQ(resource["resource"]["attributes"][0]["key"].as_string(), "service.name");
  EXPECT_EQ(resource["resource"]["attributes"][0]["value"]["stringValue"].as_string(), "trinity");
  EXPECT_EQ(resource["scopeSpans"][0]["scope"]["name"].as_string(), "trinity");
  const Json& out = resource["scopeSpans"][0]["spans"][0];
  EXPECT_EQ(out["traceId"].as_string(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(out["spanId"].as_string(), "b7ad6b7169203331");
  EXPECT_FALSE(out.contains("parentSpanId")) << "it has no parent";
  EXPECT_EQ(out["kind"].as_int64(), 3);
  EXPECT_EQ(out["startTimeUnixNano"].as_string(), "1790000000123456789");
  EXPECT_EQ(out["endTimeUnixNano"].as_string(), "1790000000123456794");
  EXPECT_EQ(out["status"]["code"].as_int64(), 2);
  const Json& attributes = out["attributes"];
  ASSERT_EQ(attributes.size(), 5u) << "what is not known is left out";
  EXPECT_EQ(attributes[0]["value"]["stringValue"].as_string(), "a \"b\"");
  EXPECT_EQ(attributes[1]["value"]["intValue"].as_string(), "7");
  EXPECT_EQ(attributes[2]["value"]["doubleValue"].as_double(), 0.5);
  EXPECT_TRUE(attributes[3]["value"]["boolValue"].as_bool());
  EXPECT_EQ(attributes[4]["value"]["arrayValue"]["values"][1]["stringValue"].as_string(), "y");
}

bool equal(const Message& a, const Message& b) {
  return a.role == b.role && a.content == b.content && a.reasoning_content == b.reasoning_content &&
         a.tool_calls.size() == b.tool_calls.size();
}

TEST(RouterInput, TurnsAreReadAsTheyWereWritten) {
  std::mt19937 random(11);
  for (int round = 0; round < 50; ++round) {
    RouterInputWriter writer;
    RouterInputReader reader;
    std::vector<Message> messages;
    for (int turn = 0; turn < 6; ++turn) {
      if (random() % 5 == 0 && !messages.empty()) messages.resize(random() % messages.size());
      for (auto more = 1 + random() % 3; more > 0; --more) {
        Message message{random() % 2 == 0 ? "user" : "assistant", std::to_string(random())};
        if (random() % 4 == 0) message.reasoning_content = "hm";
        if (random() % 4 == 0) message.tool_calls.push_back({"f", "{\"a\": 1}"});
        messages.push_back(std::move(message));
      }
      RouterInput input{messages, InputMode::chat_raw, {2}, std::nullopt};
      if (random() % 2 == 0) input.needs = std::vector<std::string>{"tools"};
      const Json written = *parse_json(json_text(writer.write(input)));
      const auto read = reader.read(written);
      ASSERT_TRUE(read) << read.error().message;
      ASSERT_EQ(read->messages.size(), messages.size());
      for (std::size_t n = 0; n < messages.size(); ++n)
        EXPECT_TRUE(equal(read->messages[n], messages[n]));
      EXPECT_EQ(read->input_mode, InputMode::chat_raw);
      EXPECT_EQ(read->masked_roles, std::vector<int>{2});
      EXPECT_EQ(read->needs, input.needs);
    }
  }
}

TEST(RouterInput, OnlyWhatIsNewIsWritten) {
  RouterInputWriter writer;
  std::vector<Message> messages = {{"user", "Hi"}};
  EXPECT_EQ(writer.write({messages})["messages"].size(), 1u);
  messages.push_back({"assistant", "Hello"});
  const Json second = writer.write({messages});
  EXPECT_EQ(second["kept"].as_int64(), 1);
  EXPECT_EQ(second["messages"].size(), 1u);
  EXPECT_FALSE(second.contains("needs"));
  RouterInputReader late;
  EXPECT_EQ(late.read(second).error().tag, "lost_router_input");
}

TEST(Reader, ATraceIsVisitedWithoutBeingInMemory) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("trinity_visit_" + hex_of(fresh_span_id()));
  std::filesystem::create_directories(folder);
  const std::string event =
      R"({"schema_version":1,"event":"run_failed","run_id":"r","timestamp_ms":1})";
  ASSERT_TRUE(write_file_atomic(folder / "t.1", event + "\nno event\n"));
  ASSERT_TRUE(
      write_file_atomic(folder / "t", event + "\n" + std::string(3 << 20, ' ') + "\n" + event));
  std::size_t events = 0, faults = 0;
  std::uint64_t told = 0;
  TraceVisitor visitor{[&](const Json&) -> Status {
                         ++events;
                         return {};
                       },
                       [&](const TraceFault& fault) {
                         ++faults;
                         EXPECT_EQ(fault.line, 2u);
                       },
                       [&](std::uint64_t done, std::uint64_t total) {
                         EXPECT_GE(done, told);
                         EXPECT_LE(done, total);
                         told = done;
                       }};
  ASSERT_TRUE(visit_trace_files(folder / "t", visitor));
  EXPECT_EQ(events, 3u);
  EXPECT_EQ(faults, 1u);
  EXPECT_GT(told, 0u);
  visitor.event = [](const Json&) -> Status { return fail(ErrorKind::failed, "enough", "enough"); };
  EXPECT_EQ(visit_trace_files(folder / "t", visitor).error().tag, "enough");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace trinity::trace
