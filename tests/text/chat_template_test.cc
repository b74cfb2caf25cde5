// The plain transcript and the chat template.
#include "text/chat_template.h"

#include "support.h"
#include "text/transcript.h"

namespace trinity {
namespace {

std::string rendered(const std::vector<Message>& messages) {
  const auto spans = text::render_chat(messages, text::SpecialTokens::plain);
  return spans ? text::span_text(*spans) : "error " + spans.error().tag;
}

const std::string suffix = "<|im_start|>assistant\n<think>\n\n</think>\n\n";

std::string block(const std::string& role, const std::string& content) {
  return "<|im_start|>" + role + "\n" + content + "<|im_end|>\n";
}

TEST(Transcript, Ext1RolesAndContentsJoinedByLineFeeds) {
  EXPECT_EQ(text::plain_transcript(
                std::vector<Message>{{"system", "Coordinate carefully."}, {"user", "Solve this."}}),
            "system: Coordinate carefully.\nuser: Solve this.");
}

TEST(Transcript, NothingIsTrimmedOrEscaped) {
  EXPECT_EQ(text::plain_transcript({}), "");
  EXPECT_EQ(text::plain_transcript(std::vector<Message>{{"", ""}}), ": ");
  EXPECT_EQ(text::plain_transcript(
                std::vector<Message>{{"any role", " a\n\n"}, {"user", "<|im_end|>\r\n"}}),
            "any role:  a\n\n\nuser: <|im_end|>\r\n");
}

TEST(ChatTemplate, SystemAndUserBlocksAndTheSuffix) {
  EXPECT_EQ(rendered({}), suffix);
  EXPECT_EQ(rendered({{"user", "hi"}}), block("user", "hi") + suffix);
  EXPECT_EQ(rendered({{"system", "s"}, {"user", " hi\n"}}),
            block("system", "s") + block("user", " hi\n") + suffix);
  EXPECT_EQ(rendered({{"user", "a"}, {"system", "late"}, {"user", "b"}}),
            block("user", "a") + block("system", "late") + block("user", "b") + suffix);
}

TEST(ChatTemplate, OnlyTheLastReplyKeepsAnEmptyThinkBlock) {
  EXPECT_EQ(rendered({{"system", "s"}, {"user", "hi"}, {"assistant", "a1"}, {"assistant", "a2"}}),
            block("system", "s") + block("user", "hi") + block("assistant", "a1") +
                block("assistant", "<think>\n\n</think>\n\na2") + suffix);
}

TEST(ChatTemplate, ThoughtsBeforeTheLastQueryAreDropped) {
  EXPECT_EQ(rendered({{"system", "s"},
                      {"user", "u"},
                      {"assistant", "<think>\nabc\n</think>\n\nhello"},
                      {"user", "v"}}),
            block("system", "s") + block("user", "u") + block("assistant", "hello") +
                block("user", "v") + suffix);
}

TEST(ChatTemplate, ThoughtsAfterTheLastQueryAreKept) {
  EXPECT_EQ(rendered({{"user", "u"},
                      {"assistant", "<think>\n\nabc\n\n</think>\n\nhello"},
                      {"assistant", "\n\nbye"}}),
            block("user", "u") + block("assistant", "<think>\nabc\n</think>\n\nhello") +
                block("assistant", "<think>\n\n</think>\n\nbye") + suffix);
}

TEST(ChatTemplate, SeveralThinkTagsSplitAtTheFirstAndTheLast) {
  EXPECT_EQ(rendered({{"user", "u"}, {"assistant", "x<think>a<think>b</think>c</think>\nd"}}),
            block("user", "u") + block("assistant", "<think>\nb\n</think>\n\nd") + suffix);
}

TEST(ChatTemplate, AnAssistantMessageAloneStaysPlain) {
  EXPECT_EQ(rendered({{"assistant", "a"}}), block("assistant", "a") + suffix);
}

TEST(ChatTemplate, AToolResponseIsNoQuery) {
  EXPECT_EQ(rendered({{"user", "u"},
                      {"assistant", "a"},
                      {"user", "<tool_response>r</tool_response>"},
                      {"assistant", "b"}}),
            block("user", "u") + block("assistant", "a") +
                block("user", "<tool_response>r</tool_response>") +
                block("assistant", "<think>\n\n</think>\n\nb") + suffix);
  EXPECT_EQ(rendered({{"user", "<tool_response>r</tool_response>"}, {"assistant", "b"}}),
            block("user", "<tool_response>r</tool_response>") + block("assistant", "b") + suffix);
}

/// An assistant's message with tool calls.
Message calling(std::string content, std::vector<ToolCall> calls) {
  Message message{"assistant", std::move(content)};
  message.tool_calls = std::move(calls);
  return message;
}

Message thinking(std::string reasoning, std::string content) {
  Message message{"assistant", std::move(content)};
  message.reasoning_content = std::move(reasoning);
  return message;
}

const std::string add_call =
    "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
const std::string empty_thoughts = "<think>\n\n</think>\n\n";

TEST(ChatTemplate, ToolCallsStandBehindTheContent) {
  const ToolCall add = {"add", "{\"a\": 1}"};
  EXPECT_EQ(rendered({{"user", "u"}, calling("", {add})}),
            block("user", "u") + block("assistant", empty_thoughts + add_call) + suffix);
  EXPECT_EQ(rendered({{"user", "u"}, calling("Let me see.", {add, add})}),
            block("user", "u") +
                block("assistant", empty_thoughts + "Let me see.\n" + add_call + "\n" + add_call) +
                suffix);
  EXPECT_EQ(rendered({{"user", "u"}, calling("", {add, add}), {"user", "v"}}),
            block("user", "u") + block("assistant", add_call + "\n" + add_call) +
                block("user", "v") + suffix);
  // A line feed before the first call depends on the content as it was, not as it is shown.
  Message thought = thinking("t", "\n");
  thought.tool_calls = {add};
  EXPECT_EQ(
      rendered({{"user", "u"}, thought}),
      block("user", "u") + block("assistant", "<think>\nt\n</think>\n\n\n" + add_call) + suffix);
}

TEST(ChatTemplate, ToolMessagesSideBySideShareATurnOfTheUser) {
  const auto response = [](const std::string& text) {
    return "\n<tool_response>\n" + text + "\n</tool_response>";
  };
  const ToolCall add = {"add", "{\"a\": 1}"};
  EXPECT_EQ(rendered({{"user", "u"}, calling("", {add, add}), {"tool", "1"}, {"tool", "2"}}),
            block("user", "u") + block("assistant", add_call + "\n" + add_call) +
                "<|im_start|>user" + response("1") + response("2") + "<|im_end|>\n" + suffix);
  EXPECT_EQ(rendered({{"tool", "1"}, {"assistant", "a"}, {"tool", ""}}),
            "<|im_start|>user" + response("1") + "<|im_end|>\n" + block("assistant", "a") +
                "<|im_start|>user" + response("") + "<|im_end|>\n" + suffix);
}

TEST(ChatTemplate, ReasoningGivenApartIsTheReasoning) {
  EXPECT_EQ(rendered({{"user", "u"}, thinking("\n\nt\n", "\nhello")}),
            block("user", "u") + block("assistant", "<think>\nt\n</think>\n\nhello") + suffix);
  EXPECT_EQ(rendered({{"user", "u"}, thinking("t", "hello"), {"user", "v"}}),
            block("user", "u") + block("assistant", "hello") + block("user", "v") + suffix);
  EXPECT_EQ(rendered({{"user", "u"}, thinking("t", "a"), thinking("", "b"), {"tool", "r"}}),
            block("user", "u") + block("assistant", "<think>\nt\n</think>\n\na") +
                block("assistant", "b") +
                "<|im_start|>user\n<tool_response>\nr\n</tool_response><|im_end|>\n" + suffix);
  // Given, even empty: thoughts inside the content stay where they are.
  EXPECT_EQ(rendered({{"user", "u"}, thinking("", "<think>x</think>y")}),
            block("user", "u") + block("assistant", empty_thoughts + "<think>x</think>y") + suffix);
}

TEST(ChatTemplate, RefusesWhatTheTemplateWouldLeaveOut) {
  EXPECT_EQ(rendered({{"user", "u"}, {"function", "42"}}), "error unsupported_message_role");
  EXPECT_EQ(rendered({{"developer", "d"}, {"user", "u"}}), "error unsupported_message_role");
  EXPECT_EQ(rendered({{"User", "u"}}), "error unsupported_message_role");
  for (const char* role : {"user", "system", "tool"}) {
    Message calls = calling("c", {{"f", "{}"}});
    calls.role = role;
    EXPECT_EQ(rendered({calls}), "error unsupported_message_role") << role;
    Message thoughts = thinking("t", "c");
    thoughts.role = role;
    EXPECT_EQ(rendered({thoughts}), "error unsupported_message_role") << role;
  }
  const std::vector<Message> messages = {{"user", "u"}, {"developer", "d"}};
  const auto refused = text::render_chat(messages, text::SpecialTokens::plain);
  EXPECT_NE(refused.error().message.find("message 2"), std::string::npos);
  EXPECT_NE(refused.error().message.find("use system"), std::string::npos);
}

TEST(Transcript, ShowsReasoningAndToolCallsInTheTemplatesWords) {
  Message message = calling("Let me see.", {{"add", "{\"a\": 1}"}, {"f", ""}});
  message.reasoning_content = "\nthought\n";
  EXPECT_EQ(text::plain_transcript(std::vector<Message>{message, {"tool", "2"}}),
            "assistant: <think>\nthought\n</think>\n\nLet me see.\n" + add_call +
                "\n<tool_call>\n{\"name\": \"f\", \"arguments\": }\n</tool_call>\ntool: 2");
  EXPECT_EQ(text::plain_transcript(std::vector<Message>{calling("", {{"add", "{\"a\": 1}"}})}),
            "assistant: " + add_call);
  EXPECT_EQ(text::plain_transcript(std::vector<Message>{thinking("", "a")}), "assistant: a");
}

TEST(ChatTemplate, OnlyTheTemplatesOwnTextIsLiteral) {
  const std::vector<Message> messages = {{"user", "<|im_end|>"},
                                         {"assistant", "<think>x</think>y"}};
  const auto spans = text::render_chat(messages, text::SpecialTokens::plain);
  ASSERT_TRUE(spans);
  std::string content;
  for (const text::Span& span : *spans) {
    if (span.policy == text::SpecialTokens::plain) content += span.text;
  }
  EXPECT_EQ(content, "<|im_end|>xy");
}

TEST(ChatTemplate, NamesAndArgumentsOfToolCallsAreContent) {
  const std::vector<Message> messages = {calling("", {{"n<|im_end|>", "{a</tool_call>"}}),
                                         {"tool", "r"}};
  const auto spans = text::render_chat(messages, text::SpecialTokens::plain);
  ASSERT_TRUE(spans);
  std::string content;
  for (const text::Span& span : *spans) {
    if (span.policy == text::SpecialTokens::plain) content += span.text;
  }
  EXPECT_EQ(content, "n<|im_end|>{a</tool_call>r");
}

}  // namespace
}  // namespace trinity
