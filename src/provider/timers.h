// A clock and an alarm: what waits here waits on this, so that tests decide when time passes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace trinity::provider {

class Timers {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~Timers() = default;
  virtual Clock::time_point now() const = 0;
  /// Calls `then` once, not before `delay` has passed and never inside this call. Equal times keep
  /// their order.
  virtual std::uint64_t after(std::chrono::milliseconds delay, std::function<void()> then) = 0;
  /// `then` does not begin any more. Unknown numbers and 0 do nothing.
  virtual void cancel(std::uint64_t timer) = 0;
};

/// Real time, on a thread of its own that ends with the object.
std::shared_ptr<Timers> thread_timers();

/// Time that passes when it is told to, on the thread that tells it.
class ManualTimers : public Timers {
 public:
  Clock::time_point now() const override;
  std::uint64_t after(std::chrono::milliseconds delay, std::function<void()> then) override;
  void cancel(std::uint64_t timer) override;

  /// Lets time pass; what falls due is called at its own time, also what is added meanwhile.
  void advance(std::chrono::milliseconds time);
  /// Everything that waits for no time.
  void settle() { advance(std::chrono::milliseconds(0)); }
  std::size_t waiting() const;

 private:
  struct Alarm {
    std::uint64_t number;
    Clock::time_point due;
    std::function<void()> then;
  };
  mutable std::mutex mutex_;
  Clock::time_point now_{};
  std::uint64_t last_ = 0;
  std::vector<Alarm> alarms_;
};

}  // namespace trinity::provider
