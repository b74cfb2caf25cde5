// Gemini's generateContent, for upstreams: requests, and replies whole and streamed
// (streamGenerateContent?alt=sse). The model stands in the URL and not in the body.
//
// Thought signatures are kept where they belong: one of a call in
// Call::extra["extra_content"]["google"]["thought_signature"], which is the form of Google's own
// chat completions, one of a text in the same place of ChatMessage::extra.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "chat/chat.h"

namespace trinity::chat::gemini {

/// Error: `unsupported_modality` for a part that cannot be carried (a file by name).
Result<std::string> write_request(const ChatRequest& request);

/// Errors: `upstream_error`, `invalid_response`.
Result<ChatReply> read_reply(std::string_view body);

/// Reads the chunks of one stream. It ends without a word: the last chunk has a finish reason.
class ChunkReader {
 public:
  Result<Delta> read(std::string_view data);

 private:
  std::size_t calls_ = 0;
};

}  // namespace trinity::chat::gemini
