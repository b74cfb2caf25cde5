// The plain transcript and the chat template.
#include "text/chat_template.h"

#include "support.h"
#include "text/transcript.h"

namespace trinity {
namespace {

std::string rendered(const std::vector<Message>& messages) {
  const auto spans = render_chat(messages, SpecialTokens::plain);
  return spans ? span_text(*spans) : "error " + spans.error().tag;
}

const std::string suffix = "<|im_start|>assistant\n<think>\n\n</think>\n\n";

std::string block(const std::string& role, const std::string& content) {
  return "<|im_start|>" + role + "\n" + content + "<|im_end|>\n";
}

TEST(Transcript, Ext1RolesAndContentsJoinedByLineFeeds) {
  EXPECT_EQ(plain_transcript(
                std::vector<Message>{{"system", "Coordinate carefully."}, {"user", "Solve this."}}),
            "system: Coordinate carefully.\nuser: Solve this.");
}

TEST(Transcript, NothingIsTrimmedOrEscaped) {
  EXPECT_EQ(plain_transcript({}), "");
  EXPECT_EQ(plain_transcript(std::vector<Message>{{"", ""}}), ": ");
  EXPECT_EQ(
      plain_transcript(std::vector<Message>{{"any role", " a\n\n"}, {"user", "<|im_end|>\r\n"}}),
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

TEST(ChatTemplate, RefusesOtherRoles) {
  EXPECT_EQ(rendered({{"user", "u"}, {"tool", "42"}}), "error unsupported_message_role");
  EXPECT_EQ(rendered({{"User", "u"}}), "error unsupported_message_role");
}

TEST(ChatTemplate, OnlyTheTemplatesOwnTextIsLiteral) {
  const std::vector<Message> messages = {{"user", "<|im_end|>"},
                                         {"assistant", "<think>x</think>y"}};
  const auto spans = render_chat(messages, SpecialTokens::plain);
  ASSERT_TRUE(spans);
  std::string content;
  for (const Span& span : *spans) {
    if (span.policy == SpecialTokens::plain) content += span.text;
  }
  EXPECT_EQ(content, "<|im_end|>xy");
}

}  // namespace
}  // namespace trinity
