#include "net/retry.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace trinity::net {

using std::chrono::milliseconds;

std::optional<milliseconds> retry_delay(const RetryPolicy& policy, int failures,
                                        std::optional<std::chrono::seconds> retry_after,
                                        double random) {
  if (retry_after) {
    if (*retry_after > policy.max_retry_after) return std::nullopt;
    return std::chrono::duration_cast<milliseconds>(*retry_after);
  }
  milliseconds delay = policy.base_delay;
  for (int i = 1; i < failures && delay < policy.max_delay; ++i) delay *= 2;
  delay = std::min(delay, policy.max_delay);
  const double factor = 1 - policy.jitter * std::clamp(random, 0.0, 1.0);
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(delay.count()) * factor));
}

void pause_for(const RetryPolicy& policy, milliseconds delay, const std::stop_token& stop) {
  if (policy.pause) {
    policy.pause(delay, stop);
    return;
  }
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, delay, [] { return false; });
}

}  // namespace trinity::net
