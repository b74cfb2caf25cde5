// The demo pool: seven members that work offline, because they compute (demo/solver.h).
//
// They keep to the roles of a run, so that a run with them is a real one: as Thinker one plans and
// suggests who speaks next, as Worker one answers, as Verifier one computes the question anew and
// accepts or rejects. `hasty` takes operators from left to right and counts doubled letters once
// until somebody has told it to revise, so that rejections are real, too. What none of them can
// compute they say so.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "provider/member.h"
#include "provider/timers.h"

namespace trinity::provider::demo {

/// editor, hasty, clerk, surveyor, scribe, almanac, abacus: the members of the slots 0 to 6.
const std::vector<std::string>& persona_names();
/// What one is like, in a sentence.
std::string persona_line(std::string_view persona);

enum class Role { worker, thinker, verifier };
/// The role that a call gives, or else the one that the system message describes: who is asked for
/// ACCEPT verifies, who is told of <suggested_role> thinks, everybody else works.
Role role_of(const MemberRequest& request);

/// What a member says: a function of the conversation.
std::string demo_answer(std::string_view persona, Role role,
                        const std::vector<chat::ChatMessage>& messages);

class DemoMember : public Member {
 public:
  DemoMember(std::string persona, std::shared_ptr<Timers> timers);

  std::unique_ptr<PendingCall> call(MemberRequest request, MemberReceiver receiver) override;

 private:
  std::string persona_;
  std::shared_ptr<Timers> timers_;
};

}  // namespace trinity::provider::demo
