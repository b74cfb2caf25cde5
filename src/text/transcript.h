// The plain transcript: every message as `role: content`, joined by single line feeds.
//
// This is the reference's input to the router: no trailing line feed, no template, no trimming and
// no escaping; any role string passes through as text. No messages give an empty text.
//
// The reference knows only role and content. What else a message says stands where the chat
// template has it, in the same words: reasoning_content in a <think> block before the content
// (every turn's, as the transcript leaves nothing out), tool calls in <tool_call> blocks behind it.
#pragma once

#include <trinity/message.h>

#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace trinity::text {

std::string plain_transcript(std::span<const Message> messages);

/// The same text as spans of one policy. They view `messages`, which must outlive them.
std::vector<Span> plain_transcript_spans(std::span<const Message> messages, SpecialTokens policy);

}  // namespace trinity::text
