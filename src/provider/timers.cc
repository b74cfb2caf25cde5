#include "provider/timers.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <thread>

namespace trinity::provider {
namespace {

/// What the thread and the owner share. The thread keeps it, because the last owner may be a
/// function that the thread itself calls.
struct Queue {
  using Key = std::pair<Timers::Clock::time_point, std::uint64_t>;

  void work() {
    std::unique_lock lock(mutex);
    while (!stopped) {
      if (alarms.empty()) {
        wakes_at = Timers::Clock::time_point::max();
        changed.wait(lock);
        continue;
      }
      const auto first = alarms.begin();
      if (const auto due = first->first.first; Timers::Clock::now() < due) {
        wakes_at = due;
        changed.wait_until(lock, due);
        continue;
      }
      wakes_at = Timers::Clock::time_point::min();  // looks again by itself
      std::function<void()> then = std::move(first->second);
      alarms.erase(first);
      lock.unlock();
      then();
      then = nullptr;
      lock.lock();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::map<Key, std::function<void()>> alarms;
  Timers::Clock::time_point wakes_at = Timers::Clock::time_point::min();  // the thread, by itself
  std::uint64_t last = 0;
  bool stopped = false;
};

/// A queue by due time and a thread that waits for its first.
class ThreadTimers : public Timers {
 public:
  ThreadTimers() : thread_([queue = queue_] { queue->work(); }) {}

  ~ThreadTimers() override {
    std::map<Queue::Key, std::function<void()>> dropped;
    {
      const std::lock_guard lock(queue_->mutex);
      queue_->stopped = true;
      dropped.swap(queue_->alarms);
    }
    queue_->changed.notify_all();
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }

  Clock::time_point now() const override { return Clock::now(); }

  std::uint64_t after(std::chrono::milliseconds delay, std::function<void()> then) override {
    const Clock::time_point due = Clock::now() + delay;
    std::uint64_t number = 0;
    bool too_late = false;
    {
      const std::lock_guard lock(queue_->mutex);
      number = ++queue_->last;
      too_late = due < queue_->wakes_at;
      queue_->alarms.emplace(Queue::Key(due, number), std::move(then));
    }
    // Every call has a deadline, which is hardly ever the next alarm: it need not wake the thread.
    if (too_late) queue_->changed.notify_all();
    return number;
  }

  void cancel(std::uint64_t timer) override {
    std::function<void()> dropped;  // destroyed outside the lock: it may own what cancels others
    const std::lock_guard lock(queue_->mutex);
    auto& alarms = queue_->alarms;
    const auto at = std::find_if(alarms.begin(), alarms.end(),
                                 [&](const auto& one) { return one.first.second == timer; });
    if (at == alarms.end()) return;
    dropped = std::move(at->second);
    alarms.erase(at);
  }

 private:
  std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  std::thread thread_;  // last: it uses the queue
};

}  // namespace

std::shared_ptr<Timers> thread_timers() { return std::make_shared<ThreadTimers>(); }

Timers::Clock::time_point ManualTimers::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

std::uint64_t ManualTimers::after(std::chrono::milliseconds delay, std::function<void()> then) {
  const std::lock_guard lock(mutex_);
  alarms_.push_back({++last_, now_ + delay, std::move(then)});
  return last_;
}

void ManualTimers::cancel(std::uint64_t timer) {
  std::function<void()> dropped;
  const std::lock_guard lock(mutex_);
  for (auto at = alarms_.begin(); at != alarms_.end(); ++at)
    if (at->number == timer) {
      dropped = std::move(at->then);
      alarms_.erase(at);
      return;
    }
}

void ManualTimers::advance(std::chrono::milliseconds time) {
  const Clock::time_point until = now() + time;
  while (true) {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      const auto first =
          std::min_element(alarms_.begin(), alarms_.end(), [](const Alarm& a, const Alarm& b) {
            return std::pair(a.due, a.number) < std::pair(b.due, b.number);
          });
      if (first == alarms_.end() || first->due > until) {
        now_ = std::max(now_, until);
        return;
      }
      now_ = std::max(now_, first->due);
      then = std::move(first->then);
      alarms_.erase(first);
    }
    then();
  }
}

std::size_t ManualTimers::waiting() const {
  const std::lock_guard lock(mutex_);
  return alarms_.size();
}

}  // namespace trinity::provider
