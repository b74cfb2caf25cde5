// When to try again: exponential backoff with jitter, unless the server says when.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

namespace trinity::net {

struct RetryPolicy {
  int attempts = 6;                             // in a row without a new byte
  int total_attempts = 60;                      // for one file at one endpoint, progress or not
  std::chrono::milliseconds base_delay{1'000};  // doubled after every failure
  std::chrono::milliseconds max_delay{30'000};
  std::chrono::seconds max_retry_after{120};  // a server that wants more is given up
  double jitter = 0.25;                       // the delay is shortened by up to this part
  /// Waits; must return at once when stopped. Empty: a real wait.
  std::function<void(std::chrono::milliseconds, const std::stop_token&)> pause;
};

/// The delay after `failures` (1, 2, …) failures in a row; nothing when the server asks for more
/// than the policy allows. `random` is in [0, 1).
std::optional<std::chrono::milliseconds> retry_delay(
    const RetryPolicy& policy, int failures, std::optional<std::chrono::seconds> retry_after,
    double random);

/// Waits as the policy says.
void pause_for(const RetryPolicy& policy, std::chrono::milliseconds delay,
               const std::stop_token& stop);

}  // namespace trinity::net
