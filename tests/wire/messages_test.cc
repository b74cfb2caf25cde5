// Messages from JSON: what they say is read, or refused by name.
#include "wire/messages.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trinity::wire {
namespace {

Result<std::vector<Message>> read(const std::string& list) {
  const CheckedJson checked = check_json(list);
  if (!checked.status) return tl::unexpected<Error>(checked.status.error());
  return read_messages(*checked.value);
}

/// The only message of a list, or one whose role is the error.
Message read_one(const std::string& entry) {
  const auto messages = read("[" + entry + "]");
  if (!messages) return {messages.error().tag + ": " + messages.error().message, ""};
  return messages->front();
}

std::string content_of(const std::string& content) {
  const Message message = read_one(R"({"role":"user","content":)" + content + "}");
  return message.role == "user" ? message.content : message.role;
}

/// The error of a list of two messages, the second of which is `entry`.
std::string refusal_of(const std::string& entry) {
  const auto messages = read(R"([{"role":"user","content":"a"},)" + entry + "]");
  return messages ? "read" : messages.error().tag + ": " + messages.error().message;
}

bool mentions(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

TEST(Messages, ContentIsATextOrPartsOfText) {
  EXPECT_EQ(content_of(R"("Hi")"), "Hi");
  EXPECT_EQ(content_of(R"("")"), "");
  EXPECT_EQ(content_of(R"([{"type":"text","text":"Hi"}])"), "Hi");
  EXPECT_EQ(content_of(R"([{"type":"input_text","text":"Hi"}])"), "Hi");
  EXPECT_EQ(content_of(R"([{"text":"Hi","type":"output_text","annotations":[{"a":"b"}]}])"), "Hi");
  EXPECT_EQ(content_of(R"([{"type":"refusal","refusal":"No."}])"), "No.");
  EXPECT_EQ(content_of(R"([{"type":"text","text":"a\n"},{"type":"text","text":""},
                           {"type":"text","text":"b"}])"),
            "a\n\n\nb");
}

TEST(Messages, PartsThatAreNoTextAreRefusedByName) {
  for (const std::string type :
       {"image_url", "input_image", "image", "input_audio", "file", "input_file", "video_url",
        "tool_use", "tool_result", "thinking"}) {
    const std::string message = refusal_of(
        R"({"role":"user","content":[{"type":"text","text":"x"},{"type":")" + type + R"("}]})");
    EXPECT_TRUE(message.starts_with("unsupported_content: message 2: part 2")) << message;
    EXPECT_TRUE(mentions(message, type)) << message;
  }
}

TEST(Messages, MalformedPartsAreInvalid) {
  for (const std::string part :
       {R"("a")", "7", "null", "{}", R"({"text":"a"})", R"({"type":"text"})",
        R"({"type":"text","text":null})", R"({"type":"text","text":{"value":"a"}})",
        R"({"type":3,"text":"a"})", R"({"type":"refusal","text":"a"})"}) {
    const std::string message = refusal_of(R"({"role":"user","content":[)" + part + "]}");
    EXPECT_TRUE(mentions(message, "message 2: part 1")) << message;
  }
}

TEST(Messages, ToolCallsAreRead) {
  for (const std::string content : {R"("content":null,)", R"("content":"",)", ""}) {
    const Message message = read_one(R"({"role":"assistant",)" + content +
                                     R"("tool_calls":[{"id":"c1","type":"function","index":0,
            "function":{"name":"add","arguments":"{\"a\":  1}"}},
           {"function":{"arguments":{"a":1.50,"b":[true]},"name":"f"}},
           {"name":"g","arguments":{}}]})");
    EXPECT_EQ(message.role, "assistant");
    EXPECT_EQ(message.content, "");
    ASSERT_EQ(message.tool_calls.size(), 3u);
    EXPECT_EQ(message.tool_calls[0].name, "add");
    EXPECT_EQ(message.tool_calls[0].arguments, R"({"a":  1})");
    EXPECT_EQ(message.tool_calls[1].arguments, R"({"a": 1.5, "b": [true]})");
    EXPECT_EQ(message.tool_calls[2].name, "g");
    EXPECT_EQ(message.tool_calls[2].arguments, "{}");
  }
  const Message older = read_one(
      R"({"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}})");
  ASSERT_EQ(older.tool_calls.size(), 1u) << older.role;
  EXPECT_EQ(older.tool_calls[0].name, "f");
  EXPECT_TRUE(read_one(R"({"role":"assistant","content":"a","tool_calls":[]})").tool_calls.empty());
  EXPECT_TRUE(
      read_one(R"({"role":"assistant","content":"a","tool_calls":null})").tool_calls.empty());
}

TEST(Messages, ToolCallsOfOtherKindsAreRefused) {
  const auto refused = [](const std::string& calls) {
    return refusal_of(R"({"role":"assistant","content":"x","tool_calls":)" + calls + "}");
  };
  EXPECT_TRUE(
      mentions(refused(R"([{"type":"custom","custom":{"name":"n","input":"i"}}])"), "custom"));
  EXPECT_TRUE(mentions(refused(R"([{"name":"f","arguments":"","output":"42"}])"), "output"));
  EXPECT_TRUE(
      mentions(refused(R"([{"function":{"name":"f","arguments":"","output":"42"}}])"), "output"));
  EXPECT_TRUE(
      mentions(refused(R"([{"function":{"name":"f","arguments":""},"result":"42"}])"), "result"));
  for (const std::string calls :
       {R"("f")", R"(["f"])", "[{}]", R"([{"function":"f"}])", R"([{"function":{"name":"f"}}])",
        R"([{"function":{"name":3,"arguments":""}}])", R"([{"function":{"arguments":""}}])"})
    EXPECT_TRUE(refused(calls).starts_with("invalid_messages: message 2")) << refused(calls);
}

TEST(Messages, RefusalsAndReasoningAreRead) {
  EXPECT_EQ(read_one(R"({"role":"assistant","content":null,"refusal":"No."})").content, "No.");
  EXPECT_EQ(read_one(R"({"refusal":"No.","role":"assistant","content":"I see."})").content,
            "I see.\nNo.");
  const Message thought = read_one(R"({"role":"assistant","content":"a","reasoning_content":"t"})");
  EXPECT_EQ(thought.reasoning_content, "t");
  EXPECT_EQ(thought.content, "a");
  EXPECT_EQ(read_one(R"({"role":"assistant","reasoning_content":"t"})").reasoning_content, "t");
  EXPECT_FALSE(read_one(R"({"role":"assistant","content":"a","reasoning_content":null})")
                   .reasoning_content.has_value());
  EXPECT_TRUE(mentions(refusal_of(R"({"role":"assistant","content":"a","reasoning_content":[1]})"),
                       "reasoning_content must be a string"));
}

TEST(Messages, AMessageMustSaySomething) {
  for (const std::string entry :
       {R"({"role":"user"})", R"({"role":"user","content":null})",
        R"({"role":"user","content":[]})",
        R"({"role":"assistant","content":null,"tool_calls":[],"refusal":null})",
        R"({"role":"assistant","reasoning_content":""})", R"({"content":"a"})",
        R"({"role":null,"content":"a"})", R"({"role":"user","content":7})",
        R"({"role":"user","content":{"type":"text","text":"a"}})", R"("a")", "[]", "null"}) {
    const std::string message = refusal_of(entry);
    EXPECT_TRUE(message.starts_with("invalid_messages: message 2: invalid message entry: "))
        << message;
  }
}

TEST(Messages, KeysThatSayNothingAreIgnored) {
  const Message message = read_one(
      R"({"role":"assistant","content":"a","name":"n","id":"m1","type":"message","annotations":[1],
          "audio":null,"refusal":null,"function_call":null,"logprobs":{"x":[1]},"thinking":"",
          "images":[],"extra":{},"score":0.5,"train":true,"tool_call_id":"c"})");
  EXPECT_EQ(message.role, "assistant");
  EXPECT_EQ(message.content, "a");
}

TEST(Messages, KeysThatWouldBeLostAreRefusedByName) {
  for (const std::string key : {"thinking", "reasoning", "images", "audio", "context",
                                "attachments", "thinking_blocks", "experimental_attachments"}) {
    for (const std::string value : {R"("x")", R"(["x"])", R"({"id":"x"})"}) {
      const std::string message =
          refusal_of(R"({"role":"assistant","content":"a",")" + key + "\":" + value + "}");
      EXPECT_TRUE(message.starts_with("unsupported_content: message 2 has the key \"" + key))
          << message;
    }
  }
}

TEST(Messages, AKeyThatStandsInPlaceOfTheContentIsNamed) {
  EXPECT_TRUE(mentions(refusal_of(R"({"role":"assistant","content":null,"audio":{"id":"a1"}})"),
                       "has the key \"audio\""));
  EXPECT_TRUE(
      mentions(refusal_of(R"({"role":"user","contents":"Hi"})"), "has the key \"contents\""));
}

TEST(Messages, AListThatIsNoneIsNamed) {
  for (const std::string list : {"{}", "null", "\"a\"", "3"}) {
    const auto messages = read(list);
    ASSERT_FALSE(messages);
    EXPECT_EQ(messages.error().tag, "invalid_messages");
  }
  EXPECT_TRUE(read("[]")->empty());
}

}  // namespace
}  // namespace trinity::wire
