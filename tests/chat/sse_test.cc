// Server-sent events: read under every cut, written in the one form that all clients read.
#include "chat/sse.h"

#include <gtest/gtest.h>

#include "chat/support.h"

namespace trinity::chat {
namespace {

using Events = std::vector<SseEvent>;

/// The events of a stream that arrives in pieces of this size.
Events read(std::string_view stream, std::size_t size = 1000000, bool finish = false) {
  SseReader reader;
  Events events;
  for (; !stream.empty(); stream.remove_prefix(std::min(size, stream.size())))
    EXPECT_TRUE(reader.feed(stream.substr(0, size), events));
  if (finish) reader.finish(events);
  return events;
}

TEST(Sse, ReadsTheExamplesOfTheStandard) {
  EXPECT_EQ(read("data: YHOO\ndata: +2\ndata: 10\n\n"), (Events{{"", "YHOO\n+2\n10", ""}}));
  EXPECT_EQ(read(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
                 "data:  third event\n\n"),
            (Events{{"", "first event", "1"}, {"", "second event", ""}, {"", " third event", ""}}));
  EXPECT_EQ(read("data\n\ndata\ndata\n\ndata:"), (Events{{"", "", ""}, {"", "\n", ""}}));
  EXPECT_EQ(read("data:test\n\ndata: test\n\n"), (Events{{"", "test", ""}, {"", "test", ""}}));
}

TEST(Sse, ReadsEveryLineEndEveryFieldAndAByteOrderMark) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string stream = "\xEF\xBB\xBF";
    for (const char* line : {"event: ping", "data: {}", "", ":keep-alive", "retry: 10", "id: 7",
                             "unknown: x", "event:named", "data:{\"a\":1}", ""})
      stream += line + end;
    const Events expected = {{"ping", "{}", ""}, {"named", "{\"a\":1}", "7"}};
    for (std::size_t size = 1; size <= stream.size(); ++size)
      EXPECT_EQ(read(stream, size), expected) << size;
  }
}

TEST(Sse, AnEventWithoutDataIsNoneAndItsNameIsForgotten) {
  EXPECT_EQ(read("event: a\n\ndata: x\n\n"), (Events{{"", "x", ""}}));
}

TEST(Sse, TheLastEventMayLackItsBlankLine) {
  EXPECT_EQ(read("data: [DONE]", 3, true), (Events{{"", "[DONE]", ""}}));
  EXPECT_EQ(read("data: [DONE]\n", 3, true), (Events{{"", "[DONE]", ""}}));
  EXPECT_EQ(read("data: [DONE]\n\n", 3, true), (Events{{"", "[DONE]", ""}}));
  EXPECT_EQ(read("data: a\n\nevent: b", 3, true), (Events{{"", "a", ""}}));
}

TEST(Sse, AnEndlessEventIsRefused) {
  SseReader reader(100);
  Events events;
  EXPECT_TRUE(reader.feed("data: " + std::string(90, 'x') + "\n\n", events));
  EXPECT_EQ(events.size(), 1u);
  const std::string piece = "data: 0123456789\n";
  Status status;
  for (int i = 0; i < 20 && status; ++i) status = reader.feed(piece, events);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().tag, "event_too_long");
  EXPECT_FALSE(reader.feed("\n\n", events));
  SseReader other(100);
  ASSERT_FALSE(other.feed(std::string(1000, 'x'), events));
  EXPECT_EQ(events.size(), 1u);
}

TEST(Sse, WhatIsWrittenIsReadAgain) {
  testing::Random random(1);
  for (int round = 0; round < 200; ++round) {
    Events events;
    std::string stream;
    for (std::size_t count = random.below(5); count > 0; --count) {
      std::string data = random.text();
      std::erase(data, '\r');  // JSON, the only data, has none
      if (data.empty()) data = "x";
      SseEvent& event =
          events.emplace_back(SseEvent{random.chance(2) ? random.name() : "", data, ""});
      append_sse_comment(stream, random.text());
      if (event.event.empty()) {
        append_sse_data(stream, event.data);
      } else {
        append_sse_event(stream, event.event, event.data);
      }
    }
    EXPECT_EQ(read(stream, 1 + random.below(20)), events) << stream;
  }
}

TEST(Sse, NothingIsWrittenThatClientsFailOn) {
  std::string out;
  append_sse_data(out, "");
  append_sse_event(out, "ping", "");
  EXPECT_EQ(out, "");
  append_sse_comment(out, "alive\nid: 7\r\n");
  EXPECT_EQ(out, ": alive id: 7  \n");
  out.clear();
  append_sse_event(out, "a", "{}");
  append_sse_data(out, "{}");
  EXPECT_EQ(out, "event: a\ndata: {}\n\ndata: {}\n\n");
}

}  // namespace
}  // namespace trinity::chat
