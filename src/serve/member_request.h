// What a member is asked: the client's request, as far as it concerns this member and this turn.
//
//  * A Worker gets the client's messages with every part, the tools and the form that the answer
//    must have, and how the client wants it sampled.
//  * A Thinker or Verifier gets the texts; of the tools their names, in one line.
//  * What a member made and only it understands (signatures, unknown fields) goes back to it alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/chat.h"
#include "coordinate/loop.h"
#include "provider/pool.h"
#include "serve/answer_form.h"
#include "serve/signatures.h"

namespace trinity::serve {

/// `step`: what the loop wants asked. `joined`: messages of the client that the step's begin with
/// (behind the role's prompt); the others are answers of earlier turns. `makers`: of each message
/// of the client the slot of who made its calls, as Resumption has them.
provider::MemberRequest request_of_turn(const provider::Pool& pool,
                                        const provider::PoolMember& member,
                                        const chat::ChatRequest& call, const AnswerForm& form,
                                        const std::vector<std::optional<int>>& makers,
                                        const coordinate::CallStep& step, bool author,
                                        bool streams);

/// Who made the calls of a message, seen from a member.
Maker maker_of(const provider::Pool& pool, const provider::PoolMember& member,
               const std::optional<int>& slot);

/// The client's request to a member that it named.
provider::MemberRequest direct_request(const chat::ChatRequest& call);

}  // namespace trinity::serve
