#include "text/transcript.h"

#include "text/chat_template.h"

namespace trinity::text {

std::vector<Span> plain_transcript_spans(std::span<const Message> messages, SpecialTokens policy) {
  std::vector<Span> spans;
  spans.reserve(messages.size() * 4);
  for (const Message& message : messages) {
    if (!spans.empty()) spans.push_back({"\n", policy});
    spans.push_back({message.role, policy});
    spans.push_back({": ", policy});
    if (message.reasoning_content && !message.reasoning_content->empty()) {
      spans.push_back({"<think>\n", policy});
      spans.push_back({without_outer_line_feeds(*message.reasoning_content), policy});
      spans.push_back({"\n</think>\n\n", policy});
    }
    spans.push_back({message.content, policy});
    append_tool_calls(message.tool_calls, !message.content.empty(), policy, policy, spans);
  }
  return spans;
}

std::string plain_transcript(std::span<const Message> messages) {
  return span_text(plain_transcript_spans(messages, SpecialTokens::plain));
}

}  // namespace trinity::text
