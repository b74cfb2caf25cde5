// Pieces of a streamed reply put together: the reply that the same answer would be as a whole.
//
// Upstreams cut replies in different ways, so each piece is also put right for whoever reads the
// stream next:
//  * the index of a call counts from 0 in order of appearance, whatever the upstream counted; a
//    piece with an id that differs from the one at its index begins a call of its own;
//  * id and name of a call stand in its first piece only;
//  * a reply that calls tools does not end with `stop`.
#pragma once

#include <trinity/error.h>

#include <vector>

#include "chat/chat.h"

namespace trinity::chat {

class Assembly {
 public:
  /// Takes a piece and returns it put right.
  Delta add(Delta piece);

  bool has_finish() const { return has_finish_; }
  /// What has come so far.
  const ChatReply& so_far() const { return reply_; }
  /// The whole reply. Error: `invalid_response` where the stream ended before it said how: the text
  /// may be cut anywhere.
  Result<ChatReply> finish() const;

 private:
  bool put(Delta::CallPiece& piece);

  ChatReply reply_;
  std::vector<std::size_t> place_of_index_;  // the upstream's index -> place + 1; 0: none yet
  bool has_finish_ = false;
};

/// `logprobs` with those of a later piece behind its own.
void append_logprobs(Json& logprobs, const Json& piece);
/// Fields of a message with those of a later piece: lists are appended, others replaced.
void append_extra(Json& extra, const Json& piece);

}  // namespace trinity::chat
