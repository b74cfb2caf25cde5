// A member that says what a script tells it to, at the time that the script tells: for tests.
//
// Each call takes the next step; after the last one the script begins again, or with `repeat` off
// fails. A member without a script repeats the last user message, as the mock of a spec pool does.
#pragma once

#include <deque>

#include "provider/member.h"
#include "provider/timers.h"

namespace trinity::provider {

struct ScriptedStep {
  std::chrono::milliseconds delay{0};    // before the first piece, or the end
  std::chrono::milliseconds between{0};  // between pieces of a stream
  std::string text;
  /// Instead of `text`: the whole reply.
  std::optional<chat::ChatReply> reply;
  /// The call fails, after `pieces_before` pieces of a streamed text.
  std::optional<Failure> failure;
  std::size_t pieces_before = 0;
  bool hangs = false;                                            // never ends
  std::function<void(const MemberRequest& request)> heard = {};  // told what was asked

  static ScriptedStep says(std::string text, std::chrono::milliseconds delay = {});
  static ScriptedStep fails(FailureClass failure, std::string message = "scripted failure");
};

class ScriptedMember : public Member {
 public:
  ScriptedMember(std::string name, std::vector<ScriptedStep> script, std::shared_ptr<Timers> timers,
                 bool repeat = true);

  std::unique_ptr<PendingCall> call(MemberRequest request, MemberReceiver receiver) override;

  /// What it was asked, in order.
  std::vector<MemberRequest> requests() const;
  /// Calls that were cancelled before they had ended.
  std::size_t cancelled() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace trinity::provider
