#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/utf8.h"

namespace trinity {

namespace {

constexpr std::string_view think_begin = "<think>";
constexpr std::string_view think_end = "</think>";

std::string_view without_leading_line_feeds(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of('\n'), text.size()));
}

std::string_view without_trailing_line_feeds(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\n') + 1);  // npos + 1 is 0
}

/// What an assistant message says, apart from what it thought.
struct Reply {
  std::string_view reasoning;  // without line feeds at either end
  std::string_view content;
};

Reply split_reply(std::string_view content) {
  const std::size_t first_end = content.find(think_end);
  if (first_end == std::string_view::npos) return {{}, content};
  std::string_view reasoning = without_trailing_line_feeds(content.substr(0, first_end));
  if (const std::size_t begin = reasoning.rfind(think_begin); begin != std::string_view::npos) {
    reasoning.remove_prefix(begin + think_begin.size());
  }
  content.remove_prefix(content.rfind(think_end) + think_end.size());
  return {without_leading_line_feeds(reasoning), without_leading_line_feeds(content)};
}

/// Index of the last message that asks something: a user message that is not just a tool's
/// response. Without one, the last message.
std::size_t last_query_index(std::span<const Message> messages) {
  for (std::size_t i = messages.size(); i-- > 0;) {
    const std::string_view content = messages[i].content;
    const bool is_tool_response =
        content.starts_with("<tool_response>") && content.ends_with("</tool_response>");
    if (messages[i].role == "user" && !is_tool_response) return i;
  }
  return messages.empty() ? 0 : messages.size() - 1;
}

}  // namespace

Result<std::vector<Span>> render_chat(std::span<const Message> messages,
                                      SpecialTokens content_policy) {
  std::vector<Span> spans;
  const auto literal = [&](std::string_view text) {
    spans.push_back({text, SpecialTokens::parse});
  };
  const auto content = [&](std::string_view text) { spans.push_back({text, content_policy}); };

  const std::size_t last_query = last_query_index(messages);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "system") {
      literal("<|im_start|>system\n");
      content(message.content);
    } else if (message.role == "user") {
      literal("<|im_start|>user\n");
      content(message.content);
    } else if (message.role == "assistant") {
      const Reply reply = split_reply(message.content);
      const bool is_last = i + 1 == messages.size();
      if (i > last_query && (is_last || !reply.reasoning.empty())) {
        literal("<|im_start|>assistant\n<think>\n");
        content(reply.reasoning);
        literal("\n</think>\n\n");
        content(without_leading_line_feeds(reply.content));
      } else {
        literal("<|im_start|>assistant\n");
        content(reply.content);
      }
    } else {
      return fail(ErrorKind::unsupported, "unsupported_message_role",
                  fmt::format("message {} has the role \"{}\", which the chat template does not "
                              "render; use system, user or assistant, or the plain input mode",
                              i, excerpt(message.role)));
    }
    literal("<|im_end|>\n");
  }
  literal("<|im_start|>assistant\n<think>\n\n</think>\n\n");
  return spans;
}

std::string span_text(std::span<const Span> spans) {
  std::size_t size = 0;
  for (const Span& span : spans) size += span.text.size();
  std::string text;
  text.reserve(size);
  for (const Span& span : spans) text += span.text;
  return text;
}

}  // namespace trinity
