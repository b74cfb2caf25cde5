#include "text/router_input.h"

#include <fmt/format.h>

#include <array>

#include "base/try.h"
#include "base/utf8.h"
#include "text/chat_template.h"
#include "text/transcript.h"

namespace trinity::text {

const std::string_view default_dispatcher_text =
    "You dispatch the turns of a conversation between several models. Choose the model that should "
    "answer next, and whether it should work, think or verify.";

namespace {

Status require_valid_utf8(const std::string& text, std::string_view part, std::size_t message) {
  const std::size_t invalid = first_invalid_utf8(text);
  if (invalid == text.size()) return {};
  return fail(ErrorKind::invalid_input, "invalid_utf8",
              fmt::format("the {} of message {} is not valid UTF-8 at byte offset {}; re-encode it "
                          "as UTF-8",
                          part, message + 1, invalid));
}

}  // namespace

Result<RouterInput> build_router_input(const Tokenizer& tokenizer,
                                       std::span<const Message> messages,
                                       const RouterInputOptions& options) {
  if (messages.empty()) {
    return fail(ErrorKind::invalid_input, "empty_transcript",
                "the conversation has no messages; give at least one");
  }
  // Before rendering: what a template leaves out (an earlier turn's reasoning) is judged too.
  for (std::size_t i = 0; i < messages.size(); ++i) {
    TRINITY_CHECK(require_valid_utf8(messages[i].role, "role", i));
    TRINITY_CHECK(require_valid_utf8(messages[i].content, "content", i));
    TRINITY_CHECK(
        require_valid_utf8(messages[i].reasoning_content.value_or(""), "reasoning_content", i));
    for (const ToolCall& call : messages[i].tool_calls) {
      TRINITY_CHECK(require_valid_utf8(call.name, "name of a tool call", i));
      TRINITY_CHECK(require_valid_utf8(call.arguments, "arguments of a tool call", i));
    }
  }
  std::vector<Span> spans;
  std::array<Message, 2> dispatch;  // viewed by the spans of mode chat
  if (options.mode == InputMode::plain) {
    spans = plain_transcript_spans(messages, options.content);
  } else {
    if (options.mode == InputMode::chat) {
      dispatch = {Message{"system", options.dispatcher_text},
                  Message{"user", plain_transcript(messages)}};
      messages = dispatch;
    }
    Result<std::vector<Span>> rendered = render_chat(messages, options.content);
    if (!rendered) return tl::unexpected<Error>(rendered.error());
    spans = std::move(*rendered);
  }
  TRINITY_TRY(std::vector<std::int32_t> ids, tokenizer.encode(spans));
  if (options.mode == InputMode::plain) ids = tokenizer.with_ends(std::move(ids));
  return RouterInput{options.keeps_text ? span_text(spans) : std::string(), std::move(ids)};
}

}  // namespace trinity::text
