// Lets a member that keeps failing rest, so that runs do not wait for it again and again.
//
// After some failures in a row it is closed off for a while; then one call tries it, and either
// opens it again or lengthens the rest. Only failures that say something of the member count: a
// request that was refused (a model that is not there, a conversation that is too long) leaves the
// member in use. One of these stands for one endpoint; what fails on another path is none of its
// business.
#pragma once

#include <chrono>
#include <optional>

#include "provider/member.h"

namespace trinity::provider {

struct BreakerOptions {
  int failures = 5;                        // in a row; 0: never rests
  std::chrono::milliseconds rest{10'000};  // doubled with each try that fails
  std::chrono::milliseconds longest_rest{120'000};
};

/// Timeouts, overload, status 5xx and broken connections.
bool counts_against_member(FailureClass failure);

/// Not for several threads at once.
class Breaker {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Breaker(const BreakerOptions& options) : options_(options) {}

  /// How long it still rests; nothing: a call may go. One that may go after a rest is the try: no
  /// other goes before it has ended.
  std::optional<std::chrono::milliseconds> refuses(Time now);
  void succeeded();
  void failed(FailureClass failure, Time now);
  /// The call said nothing of the member: it was cancelled, or refused.
  void said_nothing() { trying_ = false; }

  bool resting(Time now) const { return until_ && now < *until_; }
  int failures_in_a_row() const { return in_a_row_; }

 private:
  BreakerOptions options_;
  int in_a_row_ = 0;
  std::chrono::milliseconds next_rest_{0};
  std::optional<Time> until_;  // none: in use
  bool trying_ = false;
};

}  // namespace trinity::provider
