// What the router reads: a conversation turned into text and token ids in one of three modes.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>
#include <trinity/options.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace trinity::text {

/// The dispatcher instruction used in mode `chat` unless the caller sets another one.
extern const std::string_view default_dispatcher_text;

struct RouterInputOptions {
  InputMode mode = InputMode::plain;  // plain is the transcript that the reference feeds
  /// Policy for everything that is not the template's own text. `parse` reproduces the reference
  /// and the authors' code, in which user text can inject tokens.
  SpecialTokens content = SpecialTokens::plain;
  /// System message of mode `chat`; content, so it follows `content`.
  std::string dispatcher_text = std::string(default_dispatcher_text);
  bool keeps_text = true;  // a caller that only needs the ids saves building RouterInput::text
};

struct RouterInput {
  std::string text;  // exactly what was given to the tokenizer (not normalised), where it is kept
  std::vector<std::int32_t> ids;  // shape [T], T >= 1
};

/// Errors: `empty_transcript` (no messages), `unsupported_message_role` (chat_raw), and those of
/// Tokenizer::encode.
Result<RouterInput> build_router_input(const Tokenizer& tokenizer,
                                       std::span<const Message> messages,
                                       const RouterInputOptions& options = {});

}  // namespace trinity::text
