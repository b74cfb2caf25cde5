// The Qwen3 chat template with the generation prompt added and thinking switched off.
//
// The result is a list of spans: what the template itself writes is `parse` (its `<|im_start|>` and
// `<think>` are tokens), what comes from a message has the caller's policy. Tools, tool calls and
// tool messages are not rendered.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace trinity {

/// Renders a conversation whose roles are `system`, `user` and `assistant`. The spans view
/// `messages`, which must outlive them. Every rendering ends in an empty think block, so the token
/// before the last is always `</think>`. Error: `unsupported_message_role`.
Result<std::vector<Span>> render_chat(std::span<const Message> messages,
                                      SpecialTokens content_policy);

/// The concatenated text of spans.
std::string span_text(std::span<const Span> spans);

}  // namespace trinity
