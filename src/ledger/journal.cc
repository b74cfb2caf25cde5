#include "ledger/journal.h"

#include <fmt/format.h>

#include <condition_variable>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread_failure.h"

namespace trinity::ledger {
namespace {

class ThreadedJournal final : public Journal {
 public:
  ThreadedJournal(std::unique_ptr<Store> store, JournalOptions options)
      : store_(std::move(store)), options_(std::move(options)), writer_([this] { work(); }) {}

  ~ThreadedJournal() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    writer_.join();
  }

  void append(Entry entry, Written written) override {
    bool wakes = false;
    {
      const std::lock_guard lock(mutex_);
      if (written) {
        urgent_.push_back({std::move(entry), std::move(written)});
        wakes = urgent_.size() == 1;
      } else {
        if (calm_.empty()) calm_since_ = std::chrono::steady_clock::now();
        calm_.push_back(std::move(entry));
        wakes = calm_.size() == 1 || calm_.size() == options_.group;
      }
    }
    if (wakes) wake_.notify_one();
  }

  bool is_full() const override {
    const std::lock_guard lock(mutex_);
    return calm_.size() + urgent_.size() >= options_.most_kept;
  }

  Status flush() override {
    auto done = std::make_shared<std::promise<Status>>();
    std::future<Status> result = done->get_future();
    {
      const std::lock_guard lock(mutex_);
      flushes_.push_back([done](const Status& status) { done->set_value(status); });
    }
    wake_.notify_one();
    return result.get();
  }

  Counts counts() const override {
    const std::lock_guard lock(mutex_);
    Counts counts = counts_;
    counts.waiting = static_cast<std::int64_t>(calm_.size() + urgent_.size());
    return counts;
  }

 private:
  struct Urgent {
    Entry entry;
    Written written;
  };

  bool hurries() const { return stopping_ || !urgent_.empty() || !flushes_.empty(); }

  /// Waits until there is something to write and reason to write it now. False: it is over.
  bool await_work(std::unique_lock<std::mutex>& lock) {
    wake_.wait(lock, [&] { return hurries() || !calm_.empty(); });
    if (counts_.failing)
      wake_.wait_for(lock, options_.retry, [&] { return hurries(); });
    else
      wake_.wait_until(lock, calm_since_ + options_.gather,
                       [&] { return hurries() || calm_.size() >= options_.group; });
    return !(stopping_ && calm_.empty() && urgent_.empty() && flushes_.empty());
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (await_work(lock)) {
      std::vector<Entry> group = std::exchange(calm_, {});  // older than what somebody waits for
      std::vector<Urgent> urgent = std::exchange(urgent_, {});
      std::vector<Written> flushes = std::exchange(flushes_, {});
      const std::size_t calm = group.size();
      lock.unlock();

      const Status status = write(group, urgent);
      lock.lock();
      const bool begins_to_fail = !status && !counts_.failing;
      if (status) {
        counts_.commits += group.empty() ? 0 : 1;
        counts_.entries += static_cast<std::int64_t>(group.size());
        if (!group.empty()) counts_.failing.reset();
      } else {
        ++counts_.failures;
        counts_.failing = status.error();
        // What nobody waits for stays, before what came meanwhile.
        group.resize(calm);
        std::move(calm_.begin(), calm_.end(), std::back_inserter(group));
        calm_ = std::move(group);
      }
      const std::size_t lost = !status && stopping_ ? std::exchange(calm_, {}).size() : 0;
      lock.unlock();
      for (const Urgent& one : urgent) one.written(status);
      for (const Written& flushed : flushes) flushed(status);
      if (begins_to_fail) notice(status.error());
      if (lost > 0)
        notice({status.error().kind, status.error().tag,
                fmt::format("{} entries of the ledger were not written: {}; calls that they settle "
                            "are charged in full at the next start",
                            lost, status.error().message)});
      lock.lock();
    }
  }

  /// One transaction of all of them.
  Status write(std::vector<Entry>& group, std::vector<Urgent>& urgent) {
    try {
      for (Urgent& one : urgent) group.push_back(std::move(one.entry));
      if (group.empty()) return {};
      return store_->write(group);
    } catch (...) {
      return caught_failure("write the ledger", "free some and try again");
    }
  }

  void notice(const Error& error) const {
    if (options_.notice) options_.notice(error);
  }

  std::unique_ptr<Store> store_;  // the writer's alone
  const JournalOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Urgent> urgent_;
  std::vector<Entry> calm_;
  std::chrono::steady_clock::time_point calm_since_;
  std::vector<Written> flushes_;
  bool stopping_ = false;
  Counts counts_;
  std::thread writer_;  // the last member: it uses the others
};

}  // namespace

Result<std::unique_ptr<Journal>> Journal::start(std::unique_ptr<Store> store,
                                                JournalOptions options) {
  try {
    return std::make_unique<ThreadedJournal>(std::move(store), std::move(options));
  } catch (...) {
    return caught_failure("keep the ledger", "free some and try again");
  }
}

}  // namespace trinity::ledger
