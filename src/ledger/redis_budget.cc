#include "ledger/redis_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/thread_failure.h"
#include "base/try.h"
#include "ledger/redis_script.h"

namespace trinity::ledger {
namespace {

constexpr std::size_t kMostInOneGo = 128;
constexpr std::size_t kMostKept = 100'000;
constexpr std::int64_t kExactInLua = std::int64_t{1} << 53;  // its numbers are doubles

std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

}  // namespace

/// What a reservation has entered.
struct SharedReservation::Entry {
  std::string key;
  std::vector<SharedWindow> windows;
  Amount amount;

  bool holds_money() const {
    return amount.micro_usd > 0 &&
           std::any_of(windows.begin(), windows.end(), [](const SharedWindow& window) {
             return window.caps.micro_usd.has_value();
           });
  }
};

/// The thread that talks to the server, and what waits for it.
class SharedReservation::Keeper : public std::enable_shared_from_this<SharedReservation::Keeper> {
 public:
  using Done = std::function<void(SharedGranted)>;

  explicit Keeper(RedisBudgetOptions options) : options_(std::move(options)), id_(random_id()) {
    if (!options_.now) options_.now = [] { return std::chrono::system_clock::now(); };
  }

  void start() {
    thread_ = std::thread([this] { work(); });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void reserve(std::vector<std::string> subjects, const Amount& amount, Done done) {
    subjects.emplace_back(kAll);
    for (const std::string& subject : subjects)
      if (const Status named = check_subject(subject); !named)
        return done(tl::unexpected(Denial{named.error(), {}}));
    if (bounded(amount) != amount)
      return done(tl::unexpected(
          Denial{{ErrorKind::invalid_input, "invalid_amount",
                  fmt::format("an amount must be at least 0 and at most {}", kMostOfOneCall)},
                 {}}));
    const Instant now = options_.now();
    auto entry = std::make_shared<Entry>();
    entry->windows = shared_windows(options_.budgets, subjects, options_.prefix, now);
    entry->amount = amount;
    if (entry->windows.empty()) return done(SharedReservation(nullptr, nullptr, false));
    {
      const std::lock_guard lock(mutex_);
      entry->key = reservation_key(options_.prefix, fmt::format("{}-{}", id_, ++last_id_));
      reserves_.push_back({std::move(entry), now, std::move(done)});
    }
    wake_.notify_one();
  }

  void settle(std::shared_ptr<const Entry> entry, const Amount& actual) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      settles_.push_back({std::move(entry), actual});
      // The oldest stay charged in full; their reservations expire first.
      if (settles_.size() > kMostKept) settles_.erase(settles_.begin());
    }
    wake_.notify_one();
  }

  Status flush() {
    auto done = std::make_shared<std::promise<Status>>();
    std::future<Status> result = done->get_future();
    {
      const std::lock_guard lock(mutex_);
      flushes_.push_back(done);
    }
    wake_.notify_one();
    return result.get();
  }

 private:
  struct Reserve {
    std::shared_ptr<const Entry> entry;
    Instant now;
    Done done;
  };
  struct Settle {
    std::shared_ptr<const Entry> entry;
    Amount actual;
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto hurries = [&] { return stopping_ || !reserves_.empty() || !flushes_.empty(); };
      if (failing_ && !settles_.empty())
        wake_.wait_for(lock, options_.retry, hurries);
      else
        wake_.wait(lock, [&] { return hurries() || !settles_.empty(); });
      const bool last = stopping_;
      if (last && reserves_.empty() && settles_.empty() && flushes_.empty()) return;
      std::vector<Reserve> reserves = taken(reserves_);
      std::vector<Settle> settles = taken(settles_);
      std::vector<std::shared_ptr<std::promise<Status>>> flushes;
      if (reserves_.empty() && settles_.empty()) flushes = std::exchange(flushes_, {});
      lock.unlock();

      std::vector<Settle> kept;
      const Status status = work_off(reserves, settles, kept);
      if (!status && !failing_ && options_.notice) options_.notice(status.error());
      failing_ = !status;

      lock.lock();
      if (!last)
        settles_.insert(settles_.begin(), std::make_move_iterator(kept.begin()),
                        std::make_move_iterator(kept.end()));
      if (!status) std::move(flushes_.begin(), flushes_.end(), std::back_inserter(flushes));
      if (!status) flushes_.clear();
      if (!status && last) settles_.clear();
      lock.unlock();
      for (const auto& flush : flushes) flush->set_value(status);
      lock.lock();
    }
  }

  template <typename Task>
  static std::vector<Task> taken(std::vector<Task>& from) {
    const auto end =
        from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), kMostInOneGo));
    std::vector<Task> some(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
    from.erase(from.begin(), end);
    return some;
  }

  /// Asks the server once for all of them. `kept` gets what is to be settled later.
  Status work_off(std::vector<Reserve>& reserves, std::vector<Settle>& settles,
                  std::vector<Settle>& kept) {
    bool was_sent = false;
    Result<std::vector<RespReply>> replies = ask(reserves, settles, was_sent);
    if (!replies) {
      connection_.reset();
      kept = std::move(settles);
      for (Reserve& one : reserves) {
        // It may have been carried out, and nobody will make the call: undo it, if it was.
        if (was_sent && one.entry->holds_money()) kept.push_back({one.entry, {}});
        answer_without(one, replies.error());
      }
      return tl::unexpected(std::move(replies.error()));
    }
    Status status;
    for (std::size_t i = 0; i < settles.size(); ++i)
      if (const Result<bool> settled = settled_in((*replies)[i]); !settled) {
        kept.push_back(std::move(settles[i]));
        status = tl::unexpected(settled.error());
      }
    for (std::size_t i = 0; i < reserves.size(); ++i) {
      Reserve& one = reserves[i];
      Result<std::optional<Refusal>> refusal =
          refusal_in((*replies)[settles.size() + i], one.entry->windows, one.entry->amount);
      if (!refusal) {
        status = tl::unexpected(refusal.error());
        answer_without(one, refusal.error());
      } else if (*refusal) {
        one.done(tl::unexpected(denial_of(std::move(**refusal))));
      } else {
        one.done(SharedReservation(shared_from_this(), one.entry, true));
      }
    }
    return status;
  }

  Result<std::vector<RespReply>> ask(const std::vector<Reserve>& reserves,
                                     const std::vector<Settle>& settles, bool& was_sent) {
    try {
      std::vector<std::vector<std::string>> commands;
      for (const Settle& one : settles)
        commands.push_back(
            settle_command(one.entry->key, one.entry->windows, one.entry->amount, one.actual));
      for (const Reserve& one : reserves)
        commands.push_back(
            reserve_command(one.entry->key, one.entry->windows, one.entry->amount, one.now));
      const bool is_old = connection_.has_value();
      TRINITY_CHECK(connect());
      was_sent = true;
      Result<std::vector<RespReply>> replies = connection_->exchange(commands);
      // A connection that stood may have ended long ago, with the server there again.
      if (!replies && is_old) {
        connection_.reset();
        TRINITY_CHECK(connect());
        replies = connection_->exchange(commands);
      }
      return replies;
    } catch (...) {
      return caught_failure("ask the Redis of the shared budgets", "free some and try again");
    }
  }

  Status connect() {
    const auto now = std::chrono::steady_clock::now();
    if (connection_) return {};
    if (last_failure_ && now < tried_ + options_.retry) return tl::unexpected(*last_failure_);
    Result<RedisConnection> opened = RedisConnection::open(options_.server);
    tried_ = std::chrono::steady_clock::now();
    if (!opened) {
      last_failure_ = opened.error();
      return tl::unexpected(std::move(opened.error()));
    }
    connection_ = std::move(*opened);
    last_failure_.reset();
    return {};
  }

  /// Without the server: closed for money, open for the rate.
  void answer_without(const Reserve& one, const Error& error) {
    if (one.entry->holds_money()) return one.done(tl::unexpected(Denial{error, {}}));
    // It may have been entered after all, so it is settled like the others.
    one.done(SharedReservation(shared_from_this(), one.entry, false));
  }

  RedisBudgetOptions options_;
  const std::string id_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Reserve> reserves_;
  std::vector<Settle> settles_;
  std::vector<std::shared_ptr<std::promise<Status>>> flushes_;
  std::uint64_t last_id_ = 0;
  bool stopping_ = false;
  // The thread's own.
  std::optional<RedisConnection> connection_;
  std::chrono::steady_clock::time_point tried_;
  std::optional<Error> last_failure_;
  bool failing_ = false;
  std::thread thread_;
};

SharedReservation::SharedReservation(std::shared_ptr<Keeper> keeper,
                                     std::shared_ptr<const Entry> entry, bool is_shared)
    : keeper_(std::move(keeper)), entry_(std::move(entry)), is_shared_(is_shared) {}

void SharedReservation::settle(const Amount& actual) {
  const std::shared_ptr<Keeper> keeper = std::move(keeper_);
  if (keeper != nullptr) keeper->settle(std::move(entry_), bounded(actual));
}

Result<std::unique_ptr<RedisBudget>> RedisBudget::start(RedisBudgetOptions options) {
  for (const Budget& budget : options.budgets) {
    TRINITY_CHECK(check_budget(budget));
    for (const Kind& kind : kKinds)
      if ((budget.caps.*kind.cap).value_or(0) > kExactInLua)
        return fail(ErrorKind::invalid_input, "invalid_budget",
                    fmt::format("a shared budget can be at most {}", kExactInLua));
  }
  try {
    auto keeper = std::make_shared<SharedReservation::Keeper>(std::move(options));
    keeper->start();
    return std::unique_ptr<RedisBudget>(new RedisBudget(std::move(keeper)));
  } catch (...) {
    return caught_failure("ask the Redis of the shared budgets", "free some and try again");
  }
}

RedisBudget::RedisBudget(std::shared_ptr<SharedReservation::Keeper> keeper)
    : keeper_(std::move(keeper)) {}
RedisBudget::~RedisBudget() { keeper_->stop(); }

void RedisBudget::reserve(std::vector<std::string> subjects, const Amount& amount,
                          std::function<void(SharedGranted)> done) {
  keeper_->reserve(std::move(subjects), amount, std::move(done));
}

SharedGranted RedisBudget::reserve_and_wait(std::vector<std::string> subjects,
                                            const Amount& amount) {
  auto promise = std::make_shared<std::promise<SharedGranted>>();
  std::future<SharedGranted> granted = promise->get_future();
  reserve(std::move(subjects), amount,
          [promise](SharedGranted told) { promise->set_value(std::move(told)); });
  return granted.get();
}

Status RedisBudget::flush() { return keeper_->flush(); }

}  // namespace trinity::ledger
