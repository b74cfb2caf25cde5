#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/try.h"
#include "base/utf8.h"

namespace trinity::text {

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
  std::string_view reasoning;
  std::string_view content;
};

/// Reasoning that is given apart is taken as it is; otherwise it is looked for in the content.
Reply split_reply(const Message& message) {
  std::string_view content = message.content;
  if (message.reasoning_content) return {*message.reasoning_content, content};
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

tl::unexpected<Error> refused(std::size_t index, const Message& message, const std::string& why) {
  return fail(
      ErrorKind::unsupported, "unsupported_message_role",
      fmt::format("message {} has the role \"{}\"{}", index + 1, excerpt(message.role), why));
}

/// Refuses what the template would leave out.
Status require_rendered(std::size_t index, const Message& message) {
  const std::string_view role = message.role;
  if (role == "developer")
    return refused(
        index, message,
        ", which the chat template does not render; use system, or the plain input mode");
  if (role != "system" && role != "user" && role != "assistant" && role != "tool")
    return refused(
        index, message,
        ", which the chat template does not render; use system, user, assistant or tool, "
        "or the plain input mode");
  if (role == "assistant") return {};
  if (!message.tool_calls.empty())
    return refused(index, message,
                   " and tool calls, which the chat template renders for the role assistant alone; "
                   "correct the role, or use the plain input mode");
  if (message.reasoning_content && !message.reasoning_content->empty())
    return refused(index, message,
                   " and reasoning_content, which the chat template renders for the role assistant "
                   "alone; correct the role, or use the plain input mode");
  return {};
}

}  // namespace

std::string_view without_outer_line_feeds(std::string_view text) {
  return without_trailing_line_feeds(without_leading_line_feeds(text));
}

void append_tool_calls(std::span<const ToolCall> calls, bool after_text, SpecialTokens markup,
                       SpecialTokens content, std::vector<Span>& spans) {
  for (const ToolCall& call : calls) {
    if (after_text) spans.push_back({"\n", markup});
    spans.push_back({"<tool_call>\n{\"name\": \"", markup});
    spans.push_back({call.name, content});
    spans.push_back({"\", \"arguments\": ", markup});
    spans.push_back({call.arguments, content});
    spans.push_back({"}\n</tool_call>", markup});
    after_text = true;
  }
}

Result<std::vector<Span>> render_chat(std::span<const Message> messages,
                                      SpecialTokens content_policy) {
  std::vector<Span> spans;
  const auto literal = [&](std::string_view text) {
    spans.push_back({text, SpecialTokens::parse});
  };
  const auto content = [&](std::string_view text) { spans.push_back({text, content_policy}); };
  const auto is_tool = [&](std::size_t i) {
    return i < messages.size() && messages[i].role == "tool";
  };

  const std::size_t last_query = last_query_index(messages);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    TRINITY_CHECK(require_rendered(i, message));
    if (message.role == "tool") {  // neighbours share one turn of the user
      if (i == 0 || !is_tool(i - 1)) literal("<|im_start|>user");
      literal("\n<tool_response>\n");
      content(message.content);
      literal("\n</tool_response>");
      if (!is_tool(i + 1)) literal("<|im_end|>\n");
      continue;
    }
    if (message.role == "assistant") {
      const Reply reply = split_reply(message);
      const bool is_last = i + 1 == messages.size();
      if (i > last_query && (is_last || !reply.reasoning.empty())) {
        literal("<|im_start|>assistant\n<think>\n");
        content(without_outer_line_feeds(reply.reasoning));
        literal("\n</think>\n\n");
        content(without_leading_line_feeds(reply.content));
      } else {
        literal("<|im_start|>assistant\n");
        content(reply.content);
      }
      append_tool_calls(message.tool_calls, !reply.content.empty(), SpecialTokens::parse,
                        content_policy, spans);
    } else {
      literal(message.role == "system" ? "<|im_start|>system\n" : "<|im_start|>user\n");
      content(message.content);
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

}  // namespace trinity::text
