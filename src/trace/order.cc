#include "trace/order.h"

#include "base/try.h"
#include "base/utf8.h"
#include "trace/trace.h"

namespace trinity::trace {
namespace {

tl::unexpected<Error> out_of_order(const Json& event, const std::string& why) {
  return fail(ErrorKind::invalid_input, "event_out_of_order",
              event["event"].as_string() + " is out of order: " + why +
                  "; events of one run were lost, added or exchanged");
}

}  // namespace

Status OrderCheck::check_turn(const Json& event, std::int64_t expected) const {
  const auto turn = event["turn"].to_int64();
  if (turn == expected) return {};
  return out_of_order(event, "it is of turn " + (turn ? std::to_string(*turn) : "none") + ", not " +
                                 std::to_string(expected));
}

Status OrderCheck::next(const Json& event) {
  TRINITY_CHECK(check_event(event));
  if (state_ == State::ended) return out_of_order(event, "the run has ended");
  if (state_ != State::nothing && event["run_id"].as_string() != run_id_)
    return out_of_order(event, "it is of another run");
  return check(event);
}

Status OrderCheck::check(const Json& event) {
  TRINITY_TRY(const EventKind kind, parse_event_name(event["event"].as_string()));
  const auto after = [&](State before, State then, const char* what) -> Status {
    if (state_ != before) return out_of_order(event, std::string("it follows ") + what);
    TRINITY_CHECK(check_turn(event, turn_));
    state_ = then;
    return {};
  };
  switch (kind) {
    case EventKind::run_started:
      if (state_ != State::nothing) return out_of_order(event, "a run starts once");
      run_id_ = event["run_id"].as_string();
      state_ = State::between_turns;
      return {};
    case EventKind::turn_started:
      if (state_ != State::between_turns || final_)
        return out_of_order(event, "a turn follows the start of the run or a complete turn");
      TRINITY_CHECK(check_turn(event, turn_ + 1));
      ++turn_;
      state_ = State::turn_started;
      return {};
    case EventKind::slm_extracted:
      return after(State::turn_started, State::extracted, "turn_started");
    case EventKind::route_selected:
      return after(State::extracted, State::routed, "slm_extracted");
    case EventKind::turn_completed:
      final_ = event["final"].as_bool();
      return after(State::answered, State::between_turns, "an answer");
    case EventKind::run_completed:
    case EventKind::run_failed:
      if (state_ == State::nothing) return out_of_order(event, "nothing has started");
      if (state_ == State::calling) return out_of_order(event, "a call has not ended");
      state_ = State::ended;
      return {};
    case EventKind::provider_called:
      break;
  }
  const std::string& status = event["status"].as_string();
  const bool may_call =
      state_ == State::routed || state_ == State::answered || state_ == State::call_failed;
  if (status == "started") {
    if (!may_call) return out_of_order(event, "a call follows route_selected or another call");
    TRINITY_CHECK(check_turn(event, turn_));
    state_ = State::calling;
    return {};
  }
  if (status == "ok") return after(State::calling, State::answered, "the start of a call");
  if (status != "error") return out_of_order(event, "its status is none that there is");
  if (!may_call && state_ != State::calling)
    return out_of_order(event, "a failed call follows its start or route_selected");
  TRINITY_CHECK(check_turn(event, turn_));
  state_ = State::call_failed;
  return {};
}

Status check_order(std::span<const Json> events) {
  OrderCheck order;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (Status state = order.next(events[i]); !state)
      return fail_in("event " + std::to_string(i + 1), std::move(state.error()));
  if (order.ended()) return {};
  return fail(ErrorKind::invalid_input, "unfinished_run",
              "the run has no end: it is still going on, was killed, or its last events were lost");
}

}  // namespace trinity::trace
