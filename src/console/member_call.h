// One call of a member of the pool that is waited for: its text as it comes, and Ctrl-C.
//
// What a member sends comes on threads of its own. It is handed over to the one that waits, so that
// all that is printed is printed by one thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "console/interruption.h"
#include "coordinate/loop.h"
#include "provider/pool.h"

namespace trinity::console {

struct MemberCall {
  std::string role;  // empty: outside a run
  std::span<const Message> messages;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::string request_id;
  std::size_t earlier_turns = 0;  // messages at the end that the run's earlier turns gave
};

/// Of a member that gave an answer.
struct MemberReply {
  coordinate::Answer answer;
  bool cut = false;  // its limit of tokens ended it
};

/// Called with every piece of the text on the calling thread; the whole text is asked for at once
/// where it is empty.
using OnText = std::function<void(std::string_view piece)>;

/// Errors: that of the member's failure, `cancelled` after an interruption.
Result<MemberReply> call_member(const provider::Pool& pool, const provider::PoolMember& member,
                                const MemberCall& call, const Interruption& interruption,
                                const OnText& on_text);

}  // namespace trinity::console
