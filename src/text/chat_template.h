// The Qwen3 chat template with the generation prompt added and thinking switched off.
//
// The result is a list of spans: what the template itself writes is `parse` (its `<|im_start|>`,
// `<think>` and `<tool_call>` are tokens), what comes from a message has the caller's policy. It is
// the text that transformers' apply_chat_template gives for the same messages, without a list of
// tools. What that template would leave out without a word is refused instead: other roles, and
// tool calls or reasoning of a message that is not the assistant's. Left out as there is only the
// reasoning of an assistant's messages before the last question.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace trinity::text {

/// Renders a conversation whose roles are `system`, `user`, `assistant` and `tool`. The spans view
/// `messages`, which must outlive them. Every rendering ends in an empty think block, so the token
/// before the last is always `</think>`. Error: `unsupported_message_role`.
Result<std::vector<Span>> render_chat(std::span<const Message> messages,
                                      SpecialTokens content_policy);

/// Appends the tool calls of a message, each as
///   <tool_call>
///   {"name": "…", "arguments": …}
///   </tool_call>
/// with a line feed between them, and one before the first if it comes `after_text`. `markup` is
/// the policy of what stands around names and arguments, `content` that of these.
void append_tool_calls(std::span<const ToolCall> calls, bool after_text, SpecialTokens markup,
                       SpecialTokens content, std::vector<Span>& spans);

/// The text without line feeds at either end.
std::string_view without_outer_line_feeds(std::string_view text);

/// The concatenated text of spans.
std::string span_text(std::span<const Span> spans);

}  // namespace trinity::text
