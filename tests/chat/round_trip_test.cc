// Random calls, written and read again: the same value comes back in every dialect that can say it.
// And bodies with anything wrong in them: each is read, or refused with a clear sentence.
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "chat/anthropic.h"
#include "chat/assembly.h"
#include "chat/gemini.h"
#include "chat/openai_chat.h"
#include "chat/openai_responses.h"
#include "chat/sse.h"
#include "chat/support.h"

namespace trinity::chat {
namespace {

using testing::json;
using testing::Random;

const Envelope kEnvelope = {"chatcmpl-1", 1700000000, "trinity"};

TEST(RoundTrip, RequestsOfOpenAi) {
  Random random(11);
  for (int round = 0; round < 1000; ++round) {
    const ChatRequest request = testing::random_request(random, Dialect::openai_chat);
    const std::string body =
        openai::write_request(request, random.chance(2) ? "max_tokens" : "max_completion_tokens");
    const auto read = openai::read_request(body);
    ASSERT_TRUE(read) << body << "\n" << read.error().message;
    ASSERT_EQ(*read, request) << body << "\n" << openai::write_request(*read);
  }
}

TEST(RoundTrip, RequestsOfAnthropic) {
  Random random(12);
  for (int round = 0; round < 1000; ++round) {
    const ChatRequest request = testing::random_request(random, Dialect::anthropic);
    const auto body = anthropic::write_request(request);
    ASSERT_TRUE(body) << body.error().message;
    const auto read = anthropic::read_request(*body);
    ASSERT_TRUE(read) << *body << "\n" << read.error().message;
    ASSERT_EQ(*read, request) << *body << "\n" << *anthropic::write_request(*read);
  }
}

TEST(RoundTrip, RepliesOfOpenAiWholeAndInPieces) {
  Random random(13);
  for (int round = 0; round < 500; ++round) {
    ChatReply reply = testing::random_reply(random, Dialect::openai_chat);
    reply.id = kEnvelope.id;
    reply.model = kEnvelope.model;
    const std::string body = openai::write_reply(reply, kEnvelope);
    const auto read = openai::read_reply(body);
    ASSERT_TRUE(read) << body;
    ASSERT_EQ(*read, reply) << body;
    std::string stream;
    append_sse_data(stream, openai::write_first_chunk(kEnvelope));
    for (Delta& piece : testing::pieces_of(reply, random)) {
      if (piece.usage) {
        append_sse_data(stream, openai::write_usage_chunk(*piece.usage, kEnvelope));
      } else {
        append_sse_data(stream, openai::write_chunk(piece, kEnvelope));
      }
      if (random.chance(5)) append_sse_comment(stream, "alive");
    }
    append_sse_data(stream, "[DONE]");
    SseReader reader;
    std::vector<SseEvent> events;
    ASSERT_TRUE(reader.feed(stream, events));
    Assembly assembly;
    for (const SseEvent& event : events) {
      auto delta = openai::read_chunk(event.data);
      ASSERT_TRUE(delta) << event.data;
      ASSERT_EQ(!*delta, &event == &events.back());
      if (*delta) assembly.add(std::move(**delta));
    }
    ASSERT_EQ(*assembly.finish(), reply) << stream;
  }
}

TEST(RoundTrip, RepliesOfAnthropicWholeAndAsEvents) {
  Random random(14);
  for (int round = 0; round < 500; ++round) {
    ChatReply reply = testing::random_reply(random, Dialect::anthropic);
    reply.id = kEnvelope.id;
    reply.model = kEnvelope.model;
    const std::string body = anthropic::write_reply(reply, kEnvelope);
    const auto read = anthropic::read_reply(body);
    ASSERT_TRUE(read) << body;
    ASSERT_EQ(*read, reply) << body;
    anthropic::EventStream writer(kEnvelope);
    std::string stream = writer.begin();
    for (const Delta& piece : testing::pieces_of(reply, random)) {
      stream += writer.add(piece);
      if (random.chance(5)) stream += writer.sign_of_life();
    }
    stream += writer.finish(reply.finish, reply.usage);
    SseReader reader;
    std::vector<SseEvent> events;
    ASSERT_TRUE(reader.feed(stream, events));
    anthropic::EventReader event_reader;
    Assembly assembly;
    for (const SseEvent& event : events) {
      auto delta = event_reader.read(event.data);
      ASSERT_TRUE(delta) << event.data;
      ASSERT_EQ(!*delta, &event == &events.back());
      if (*delta) assembly.add(std::move(**delta));
    }
    ASSERT_EQ(*assembly.finish(), reply) << stream;
  }
}

// --- Anything wrong ------------------------------------------------------------------------------

void expect_clear(const Error& error, const std::string& body) {
  EXPECT_FALSE(error.tag.empty()) << body;
  EXPECT_FALSE(error.message.empty()) << body;
  EXPECT_LT(error.message.size(), 2000u) << body;
  EXPECT_TRUE(is_valid_utf8(error.message)) << body;
}

/// Every reader takes the body, and every writer takes what was read.
void try_everything(const std::string& body) {
  if (const auto request = openai::read_request(body)) {
    const std::string written = openai::write_request(*request);
    const auto again = openai::read_request(written);
    ASSERT_TRUE(again) << body << "\n" << written << "\n" << again.error().message;
    EXPECT_EQ(openai::write_request(*again), written) << body;
    const auto to_anthropic = anthropic::write_request(*request);
    EXPECT_TRUE(!to_anthropic || json(*to_anthropic).is_object());
    const auto to_gemini = gemini::write_request(*request);
    EXPECT_TRUE(!to_gemini || json(*to_gemini).is_object());
  } else {
    expect_clear(request.error(), body);
  }
  if (const auto request = anthropic::read_request(body)) {
    if (const auto written = anthropic::write_request(*request)) {
      const auto again = anthropic::read_request(*written);
      EXPECT_TRUE(again) << body << "\n" << *written << "\n" << again.error().message;
    }
    EXPECT_FALSE(json(openai::write_request(*request)).is_null());
  } else {
    expect_clear(request.error(), body);
  }
  if (const auto request = responses::read_request(body)) {
    EXPECT_FALSE(json(openai::write_request(request->call)).is_null());
    EXPECT_EQ(json(responses::write_reply({}, kEnvelope, request->settings, 1)).size(), 31u)
        << body;
  } else {
    expect_clear(request.error(), body);
  }
  anthropic::EventReader events;
  gemini::ChunkReader chunks;
  for (const auto& reply :
       {openai::read_reply(body), anthropic::read_reply(body), gemini::read_reply(body)}) {
    if (!reply) {
      expect_clear(reply.error(), body);
      continue;
    }
    EXPECT_FALSE(json(openai::write_reply(*reply, kEnvelope)).is_null());
    EXPECT_FALSE(json(anthropic::write_reply(*reply, kEnvelope)).is_null());
    EXPECT_FALSE(json(responses::write_reply(*reply, kEnvelope, {}, 1)).is_null());
  }
  if (const auto delta = openai::read_chunk(body); !delta) expect_clear(delta.error(), body);
  if (const auto delta = events.read(body); !delta) expect_clear(delta.error(), body);
  if (const auto delta = chunks.read(body); !delta) expect_clear(delta.error(), body);
}

/// Puts other values in the place of every value, and leaves out every member.
void spoil_everywhere(const Json& root, Json& node) {
  static const Json kOthers[] = {
      Json(), -1.5, "x", Json::object(), Json::array({Json()}), Json::array({Json::object()})};
  const Json kept = node;
  for (const Json& other : kOthers) {
    node = other;
    try_everything(json_text(root));
    if (::testing::Test::HasFailure()) return;
  }
  node = kept;
  if (node.is_array()) {
    for (Json& one : node) spoil_everywhere(root, one);
  } else if (node.is_object()) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : node.items()) keys.push_back(key);
    for (const std::string& key : keys) spoil_everywhere(root, node[key]);
    for (const std::string& key : keys) {
      node.erase(key);
      try_everything(json_text(root));
      node = kept;
    }
  }
}

const char* const kBodies[] = {R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}},{"type":"input_audio","input_audio":{"data":"A","format":"wav"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,A"}}]},{"role":"assistant","content":null,"refusal":"r","reasoning_content":"t","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}},"stop":["a"],"stream":true,"stream_options":{"include_usage":true},"max_tokens":5})",
                               R"({"model":"m","max_tokens":5,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"A"}},{"type":"document","title":"t","source":{"type":"url","url":"u"}},{"type":"search_result","title":"t","source":"s","content":[{"type":"text","text":"x"}]}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"c","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","is_error":true,"content":[{"type":"text","text":"x"}]}]}],"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{}}}})",
                               R"({"model":"m","instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"u"},{"type":"input_file","file_url":"u"}]},{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"o"}],"tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"function","name":"f"},"text":{"format":{"type":"json_schema","name":"s","schema":{}}},"reasoning":{"effort":"low"},"include":["x"],"metadata":{"a":"b"}})",
                               R"({"id":"x","choices":[{"index":0,"message":{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":[{"type":"text","text":"t"}]}],"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},"delta":{"content":"a","tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[{"token":"a","logprob":-1,"bytes":[1],"top_logprobs":[{"token":"a","logprob":-1,"bytes":null}]}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}})",
                               R"({"id":"x","type":"message","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"a"},{"type":"tool_use","id":"c","name":"f","input":{"a":1},"caller":{"type":"direct"}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}})",
                               R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}})",
                               R"({"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"t"}})",
                               R"({"type":"message_start","message":{"id":"x","usage":{"input_tokens":1}}})",
                               R"({"candidates":[{"content":{"parts":[{"text":"a","thought":true,"thoughtSignature":"s"},{"functionCall":{"name":"f","args":{"a":1}}},{"inlineData":{"mimeType":"m","data":"d"}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}})",
                               R"({"error":{"message":[{"loc":["a",1],"msg":"m"}],"type":"t","code":"c","details":[{"retryDelay":"1s"}],"metadata":{"raw":"r"}}})"};

TEST(RoundTrip, AnyWrongValueAnywhereIsReadOrRefused) {
  for (const char* body : kBodies) {
    Json root = json(body);
    ASSERT_TRUE(root.is_object()) << body;
    spoil_everywhere(root, root);
    if (HasFailure()) return;
  }
}

TEST(RoundTrip, AnyChangedByteIsReadOrRefused) {
  Random random(15);
  for (const char* valid : kBodies)
    for (int round = 0; round < 300 && !HasFailure(); ++round) {
      std::string body = valid;
      for (std::size_t count = 1 + random.below(3); count > 0; --count) {
        const std::size_t at = random.below(body.size());
        switch (random.below(3)) {
          case 0:
            body[at] = static_cast<char>(random.next());
            break;
          case 1:
            body.erase(at, random.below(20));
            break;
          default:
            body.insert(at, body.substr(random.below(body.size()), random.below(30)));
        }
        if (body.empty()) body = " ";
      }
      try_everything(body);
    }
}

}  // namespace
}  // namespace trinity::chat
