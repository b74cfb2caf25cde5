// In which order the events of one run stand.
//
//   run     = run_started turn* (run_completed | run_failed)
//   turn    = turn_started [slm_extracted [route_selected [call* [turn_completed]]]]
//   call    = provider_called: started, then ok or error; or error alone, when it was never asked
//
// A turn is cut short only where the run ends. A second call in a turn is that of a Verifier which
// failed or abstained and another member that was asked in its place. Turns count from 0.
#pragma once

#include <trinity/error.h>

#include <span>

#include "base/json_value.h"

namespace trinity::trace {

/// Follows the events of one run as they come.
class OrderCheck {
 public:
  /// Errors: those of check_event, `event_out_of_order`.
  Status next(const Json& event);
  /// Whether the last event was the end of the run.
  bool ended() const { return state_ == State::ended; }

 private:
  enum class State {
    nothing,
    between_turns,
    turn_started,
    extracted,
    routed,
    calling,
    answered,
    call_failed,
    ended
  };

  Status check(const Json& event);
  Status check_turn(const Json& event, std::int64_t expected) const;

  State state_ = State::nothing;
  std::int64_t turn_ = -1;  // the last one that started
  bool final_ = false;
  std::string run_id_;
};

/// All events of one run, from its first to its end. Errors: those of OrderCheck,
/// `unfinished_run`.
Status check_order(std::span<const Json> events);

}  // namespace trinity::trace
