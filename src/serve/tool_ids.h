// Ids of tool calls that say who asked for them, so that the next request goes on where this one
// ended, without anything being kept between the two.
//
//   call_0g1n4t8k2m5pq_chatcmpl-tool-1a2b
//        └ 8 bytes ┘   └ the member's own id
//
// The 8 bytes are the slot of the head (2), the turn (1) and the first 5 of an HMAC-SHA-256 over
// both and the member's own id: a client cannot make one up that pins a member of its choice. An id
// that is too long for the interfaces (64 characters), or has other characters than they allow, is
// replaced and kept in memory for a while; when it is forgotten the call is still routed, but not
// pinned.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/chat.h"

namespace trinity::serve {

class ToolIds {
 public:
  struct Origin {
    int slot = 0, turn = 0;
    std::string id;  // the member's own
  };

  /// Replicas behind one address share a secret; an empty one is drawn afresh.
  explicit ToolIds(std::string secret = {});

  std::string sign(int slot, int turn, const std::string& id);
  /// Nothing for an id that is not from here.
  std::optional<Origin> read(std::string_view signed_id) const;

 private:
  static constexpr std::size_t kMostKept = 10'000;
  std::string mac(std::uint16_t slot, std::uint8_t turn, std::string_view id) const;

  std::string secret_;
  mutable std::mutex lock_;
  std::unordered_map<std::string, std::string> kept_;  // what stands for an id -> the id
  std::deque<std::string> order_;
};

/// What the trailing tool results of a conversation say of its next turn.
struct Resumption {
  std::optional<int> slot;  // whose call they answer
  bool repeats = false;     // the same call was made over and over: the pin is lifted
  std::vector<std::optional<int>> makers = {};  // of each message: who made its calls, by slot
};

/// Puts the members' own ids back everywhere, and says who goes on.
Resumption resume(const ToolIds& ids, std::vector<chat::ChatMessage>& messages);

}  // namespace trinity::serve
