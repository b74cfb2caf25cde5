// What surrounds a member of any kind: a limit of calls at once with a fair queue, a deadline over
// everything, retries, a rest for a member that keeps failing, and counts of all of it.
//
// A retry comes only where it may help (may_help_to_retry), before anything of a stream was passed
// on, and when its delay ends before the deadline. A server that says when to come back is believed
// up to `delays.max_retry_after`. While a call waits for its retry others go.
#pragma once

#include <array>

#include "net/retry.h"
#include "provider/breaker.h"
#include "provider/cost.h"
#include "provider/timers.h"

namespace trinity::provider {

struct GuardOptions {
  std::string name;
  int max_parallel = 8;
  std::size_t max_waiting = 256;
  int retries = 2;
  std::chrono::milliseconds timeout{120'000};
  net::RetryPolicy delays{.base_delay = std::chrono::milliseconds(500),
                          .max_delay = std::chrono::milliseconds(8'000),
                          .max_retry_after = std::chrono::seconds(30),
                          .pause = {}};
  BreakerOptions breaker;
  std::optional<Price> price;
  TokenCounter count;              // for members that do not say what they used
  std::function<double()> random;  // in [0, 1), for jitter; empty: of the system
};

/// What a member has done since the start.
struct MemberHealth {
  std::uint64_t calls = 0;  // asked of it
  std::uint64_t attempts = 0, retries = 0;
  std::uint64_t answered = 0, cancelled = 0;
  std::uint64_t refused = 0;                 // resting, or too many waiting
  std::array<std::uint64_t, 13> failures{};  // of attempts, by FailureClass
  std::size_t in_flight = 0, waiting = 0;
  bool resting = false;
  std::chrono::milliseconds rests_for{0};
  std::string last_failure;  // fit to be shown
  chat::Usage usage;         // of the calls that were answered
  std::int64_t cost_micro_usd = 0;
  bool cost_known = false;            // there is a price
  std::chrono::milliseconds busy{0};  // sum over the calls that were answered

  std::uint64_t failed() const;
};

class GuardedMember : public Member {
 public:
  GuardedMember(std::unique_ptr<Member> inner, GuardOptions options,
                std::shared_ptr<Timers> timers);

  std::unique_ptr<PendingCall> call(MemberRequest request, MemberReceiver receiver) override;
  MemberHealth health() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace trinity::provider
