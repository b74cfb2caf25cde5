// OpenAI's Responses: items to messages, and events in the order that clients survive.
#include <gtest/gtest.h>

#include "chat/openai_responses.h"
#include "chat/sse.h"
#include "chat/support.h"

namespace trinity::chat::responses {
namespace {

using testing::json;

#define EXPECT_STARTS(text, start) EXPECT_TRUE((text).starts_with(start)) << (text)

const Envelope kEnvelope = {"resp_1", 1700000000, "trinity"};

Request read(const std::string& body) {
  auto request = read_request(body);
  EXPECT_TRUE(request) << body << "\n" << request.error().message;
  return request.value_or(Request());
}

std::string refusal(const std::string& body) {
  const auto request = read_request(body);
  return request ? "read" : request.error().tag + ": " + request.error().message;
}

TEST(ResponsesRequest, ItemsBecomeMessages) {
  const Request request = read(R"({"model":"m","instructions":"I","input":[
    {"role":"user","content":"a"},
    {"type":"message","role":"user","content":[{"type":"input_text","text":"b"},
      {"type":"input_image","image_url":"https://x/y.png","detail":"low"},
      {"type":"input_file","filename":"f.pdf","file_data":"data:application/pdf;base64,AA"}]},
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],
      "encrypted_content":"xx"},
    {"type":"message","role":"assistant","id":"msg_1","status":"completed",
      "content":[{"type":"output_text","text":"c","annotations":[]}]},
    {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
    {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
    {"type":"function_call_output","call_id":"c1","output":"1"},
    {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]},
    {"role":"assistant","content":"d"},{"role":"assistant","content":"e"},
    {"role":"developer","content":"f"}]})");
  const std::vector<ChatMessage>& messages = request.call.messages;
  std::string shape;
  for (const ChatMessage& message : messages) shape += message.role + ":" + message.text() + ";";
  EXPECT_EQ(
      shape,
      "system:I;user:a;user:b;assistant:c;tool:1;tool:2;assistant:d;assistant:e;developer:f;");
  EXPECT_EQ(messages[2].content[1].media["image_url"]["detail"], Json("low"));
  EXPECT_EQ(messages[2].content[2].media["file"]["filename"], Json("f.pdf"));
  EXPECT_EQ(messages[3].reasoning, "hm");
  EXPECT_EQ(messages[3].calls, (std::vector<Call>{{"c1", "f", "{}"}, {"c2", "g", "{}"}}));
  EXPECT_EQ(messages[3].extra["reasoning_items"][0]["encrypted_content"], Json("xx"));
}

TEST(ResponsesRequest, SettingsAreReadAndSaidBack) {
  const Request request = read(R"({"model":"m","input":"a","temperature":0.5,"store":true,
    "max_output_tokens":50,"top_logprobs":2,"reasoning":{"effort":"low"},"previous_response_id":"r",
    "text":{"verbosity":"low","format":{"type":"json_schema","name":"s","schema":{"type":"object"}}},
    "tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],
    "tool_choice":{"type":"function","name":"f"},"metadata":{"a":"b"},"stream":true})");
  EXPECT_EQ(request.call.sampling.max_tokens, 50);
  EXPECT_EQ(request.call.sampling.top_logprobs, 2);
  EXPECT_TRUE(request.call.sampling.logprobs && request.call.stream);
  EXPECT_EQ(request.call.sampling.reasoning_effort, "low");
  EXPECT_EQ(request.call.format.name, "s");
  EXPECT_EQ(request.call.tool_choice.name, "f");
  EXPECT_EQ(request.call.extra["metadata"]["a"], Json("b"));
  EXPECT_EQ(request.previous_response_id, "r");
  const Json& settings = request.settings;
  EXPECT_EQ(settings["tools"], json(R"([{"type":"function","name":"f","description":null,
    "parameters":{"type":"object"},"strict":true}])"));
  EXPECT_EQ(settings["reasoning"], json(R"({"effort":"low","summary":null})"));
  EXPECT_EQ(settings["store"], Json(false));
  EXPECT_EQ(settings["text"]["verbosity"], Json("low"));
}

TEST(ResponsesRequest, NothingIsRequiredAndWhatIsWrongIsNamed) {
  EXPECT_TRUE(read("{}").call.messages.empty());
  EXPECT_STARTS(refusal(R"({"input":7})"), "invalid_request: input: must be a string or an array");
  EXPECT_STARTS(refusal(R"({"input":[7]})"), "invalid_request: input[0]: must be an object");
  EXPECT_STARTS(refusal(R"({"input":[{"role":"user"}]})"),
                "invalid_request: input[0].content: is m");
  EXPECT_STARTS(refusal(R"({"input":[{"role":"user","content":[{"type":"x"}]}]})"),
                "unsupported_value: input[0].content[0].type: x");
  EXPECT_STARTS(refusal(R"({"input":[{"id":"msg_1"}]})"),
                "unsupported_value: input[0].type: items");
  EXPECT_STARTS(refusal(R"({"tools":[{"type":"web_search"}]})"),
                "unsupported_value: tools[0].type");
  EXPECT_STARTS(refusal(R"({"text":{"format":{"type":"x"}}})"),
                "invalid_request: text.format.type");
}

TEST(ResponsesReply, AllFieldsOfAResponseAreThere) {
  ChatReply reply;
  reply.message.reasoning = "hm";
  reply.message.content.push_back({Part::Kind::text, "Hi"});
  reply.message.calls.push_back({"c1", "f", "{}"});
  reply.usage = Usage{10, 5, 4, 2};
  const Json body = json(write_reply(reply, kEnvelope, read("{}").settings, 1700000005));
  EXPECT_EQ(body.size(), 31u);
  for (const char* key : {"id",
                          "object",
                          "created_at",
                          "completed_at",
                          "status",
                          "incomplete_details",
                          "model",
                          "previous_response_id",
                          "instructions",
                          "output",
                          "error",
                          "tools",
                          "tool_choice",
                          "truncation",
                          "parallel_tool_calls",
                          "text",
                          "top_p",
                          "presence_penalty",
                          "frequency_penalty",
                          "top_logprobs",
                          "temperature",
                          "reasoning",
                          "usage",
                          "max_output_tokens",
                          "max_tool_calls",
                          "store",
                          "background",
                          "service_tier",
                          "metadata",
                          "safety_identifier",
                          "prompt_cache_key"})
    EXPECT_TRUE(body.contains(key)) << key;
  EXPECT_EQ(body["output"], json(R"([
    {"id":"rs_1_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},
    {"id":"msg_1_1","type":"message","status":"completed","role":"assistant","content":[
      {"type":"output_text","text":"Hi","annotations":[],"logprobs":[]}]},
    {"id":"fc_1_2","type":"function_call","status":"completed","call_id":"c1","name":"f",
      "arguments":"{}"}])"));
  EXPECT_EQ(body["completed_at"], Json(1700000005));
  reply.finish = FinishReason::length;
  const Json cut = json(write_reply(reply, kEnvelope, {}, 0));
  EXPECT_EQ(cut["status"], Json("incomplete"));
  EXPECT_EQ(cut["incomplete_details"]["reason"], Json("max_output_tokens"));
}

/// The events of a stream, each held against the order.
struct Reader {
  std::vector<Json> events = {};
  std::string shape = {};

  explicit Reader(const std::string& stream) {
    SseReader reader;
    std::vector<SseEvent> read;
    EXPECT_TRUE(reader.feed(stream, read));
    for (const SseEvent& event : read) {
      const Json& data = events.emplace_back(json(event.data));
      EXPECT_EQ(data["type"], Json(event.event));
      EXPECT_EQ(data["sequence_number"], Json(events.size() - 1));
      EXPECT_TRUE(event.id.empty());
      shape += event.event.substr(9) + "\n";  // without "response."
    }
    check();
  }

  /// Begins, items one after another, the end with the whole output.
  void check() const {
    ASSERT_GE(events.size(), 3u);
    EXPECT_EQ(events[0]["type"], Json("response.created"));
    EXPECT_EQ(events[1]["type"], Json("response.in_progress"));
    std::string open;
    Json output = Json::array();
    std::string filled;
    for (std::size_t i = 2; i + 1 < events.size(); ++i) {
      const Json& event = events[i];
      const std::string& type = event["type"].as_string();
      EXPECT_EQ(event["output_index"], Json(output.size())) << type;
      if (type == "response.output_item.added") {
        EXPECT_EQ(open, "");
        open = event["item"]["id"].as_string();
        filled.clear();
      } else if (type == "response.output_item.done") {
        EXPECT_EQ(event["item"]["id"], Json(open));
        output.push_back(event["item"]);
        open.clear();
      } else {
        EXPECT_EQ(event["item_id"], Json(open)) << type;
        if (type.ends_with(".delta")) filled += event["delta"].as_string();
        for (const char* key : {"text", "refusal", "arguments"})
          EXPECT_TRUE(!event.contains(key) || event[key] == Json(filled)) << type;
      }
    }
    EXPECT_EQ(open, "");
    EXPECT_EQ(events.back()["response"]["output"], output);
  }
};

TEST(ResponsesStream, EventsComeInTheOrderThatClientsSurvive) {
  EventStream stream(kEnvelope, read("{}").settings);
  std::string all = stream.begin();
  all += stream.note("turn 1: A as Worker");
  all += stream.note("turn 2");
  Delta text, call;
  text.text = "Hi";
  call.calls.push_back({0, "c1", "f", "{}"});
  all += stream.add(text);
  const std::string comment = stream.note("too late");
  EXPECT_EQ(comment, ": too late\n");
  all += comment;
  all += stream.add(text);
  all += stream.add(call);
  all += stream.finish(FinishReason::tool_calls, Usage{3, 4}, 7);
  const Reader reader(all);
  EXPECT_EQ(reader.shape,
            "created\nin_progress\n"
            "output_item.added\nreasoning_summary_part.added\nreasoning_summary_text.delta\n"
            "reasoning_summary_text.delta\nreasoning_summary_text.done\n"
            "reasoning_summary_part.done\noutput_item.done\n"
            "output_item.added\ncontent_part.added\noutput_text.delta\noutput_text.delta\n"
            "output_text.done\ncontent_part.done\noutput_item.done\n"
            "output_item.added\nfunction_call_arguments.delta\nfunction_call_arguments.done\n"
            "output_item.done\ncompleted\n");
  const Json& response = reader.events.back()["response"];
  EXPECT_EQ(response["output"][0]["summary"][0]["text"], Json("turn 1: A as Worker\nturn 2\n"));
  EXPECT_EQ(response["usage"]["total_tokens"], Json(7));
  EXPECT_EQ(response.size(), 31u);
}

TEST(ResponsesStream, AnErrorClosesWhatIsOpen) {
  EventStream stream(kEnvelope, read("{}").settings);
  Delta text;
  text.text = "Hi";
  std::string all = stream.begin();
  all += stream.add(text);
  all += stream.fail({ErrorKind::failed, "x", "Broke off"}, 502);
  const Reader reader(all);
  EXPECT_TRUE(reader.shape.ends_with("output_item.done\nfailed\n")) << reader.shape;
  const Json& response = reader.events.back()["response"];
  EXPECT_EQ(response["status"], Json("failed"));
  EXPECT_EQ(response["error"], json(R"({"code":"server_error","message":"Broke off"})"));
  EXPECT_EQ(response["output"][0]["status"], Json("incomplete"));
}

TEST(ResponsesStream, AStreamHasTheOutputOfTheWholeReply) {
  testing::Random random(5);
  for (int round = 0; round < 200; ++round) {
    const ChatReply reply = testing::random_reply(random, Dialect::openai_chat);
    const Json settings = read("{}").settings;
    EventStream stream(kEnvelope, settings);
    std::string all = stream.begin();
    for (const Delta& piece : testing::pieces_of(reply, random)) {
      if (random.chance(10)) append_sse_comment(all, "alive");
      all += stream.add(piece);
    }
    all += stream.finish(reply.finish, reply.usage, 9);
    const Json whole = json(write_reply(reply, kEnvelope, settings, 9));
    Json streamed = Reader(all).events.back()["response"];
    // Pieces here carry log probabilities behind their text; which piece they belong to is lost.
    if (!reply.logprobs.is_null()) continue;
    EXPECT_EQ(streamed, whole);
  }
}

}  // namespace
}  // namespace trinity::chat::responses
