// What a member signed goes back to that member and to no other.
//
// Thoughts of Anthropic's models carry a signature that only the same model takes back; a client
// returns them with the conversation, whose next turn may go to somebody else. So each signature
// leaves with a mark in front, made of the member's name and the signature:
//
//   trinity-1f0c52b7a9d3e846-EqQBCkYIARgC…
//
// Nothing has to be kept, and replicas and later processes read the mark, too. What Gemini signed
// hangs at a call of a tool, whose id tells who made it (serve/tool_ids.h).
#pragma once

#include <string_view>

#include "chat/assembly.h"
#include "chat/chat.h"

namespace trinity::serve {

/// Marks the thoughts of a message's (or a piece's) other fields.
void mark_signatures(std::string_view member, Json& extra);

/// Who made the calls of a message, as far as is known.
enum class Maker { unknown, this_member, another };

/// Leaves in the message what this member may read: its own thoughts, without the mark, and what
/// hangs at its own calls. What nobody marked stays where the client has named the member, because
/// then it knows whose it is, and is left out where the router chooses.
void keep_own_signatures(std::string_view member, Maker of_calls, bool is_named,
                         chat::ChatMessage& message);

/// A piece of a streamed answer as it goes out: put right, signatures marked, without the end,
/// which the writer of the answer adds.
chat::Delta live_piece(std::string_view member, const chat::Delta& piece, chat::Assembly& assembly);

}  // namespace trinity::serve
