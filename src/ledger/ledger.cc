#include "ledger/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/printable.h"
#include "base/try.h"
#include "ledger/journal.h"

namespace trinity::ledger {

/// What a ledger and its reservations share: the book with its lock, and the way to the disk.
class Reservation::Keeper : public std::enable_shared_from_this<Reservation::Keeper> {
 public:
  explicit Keeper(LedgerOptions options)
      : options_(std::move(options)), book_(std::move(options_.budgets)) {
    if (!options_.now) options_.now = [] { return std::chrono::system_clock::now(); };
  }

  Status open_database() {
    StoreOptions store_options{options_.database, options_.survives_power_cuts,
                               options_.busy_timeout};
    TRINITY_TRY(std::unique_ptr<Store> store, Store::open(store_options, options_.now()));
    const StoredState& state = store->state();
    for (const StoredState::Sum& sum : state.sums) book_.charge(sum.subject, sum.day, sum.spent);
    next_id_ = state.next_id;
    counts_.abandoned = state.abandoned;
    const Amount abandoned = state.abandoned_amount;
    JournalOptions journal_options;
    journal_options.retry = options_.retry;
    journal_options.notice = options_.notice;
    TRINITY_TRY(journal_, Journal::start(std::move(store), std::move(journal_options)));
    if (counts_.abandoned > 0)
      notice("reservations_abandoned",
             fmt::format("{} reservations of a process that ended unexpectedly were charged in "
                         "full ({}, {}); their calls may have been made",
                         counts_.abandoned, money_text(abandoned.micro_usd),
                         amount_text(kKinds[1], abandoned.tokens)));
    return {};
  }

  /// Takes no more reservations; settlements until all that waited were told.
  void close() {
    Journal* journal = nullptr;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      journal = journal_.get();
    }
    if (journal == nullptr) return;
    (void)journal->flush();  // that it failed was told to whoever waited, and by a notice
    std::unique_ptr<Journal> ends;
    const std::lock_guard lock(mutex_);
    ends = std::move(journal_);
  }

  void reserve(Spending spending, std::function<void(Granted)> done) {
    spending.subjects.emplace_back(kAll);
    if (const Status fit = check(spending); !fit)
      return done(tl::unexpected(Denial{fit.error(), {}}));
    std::int64_t id = 0;
    std::optional<Denial> denial;
    bool waits = false;
    {
      const std::lock_guard lock(mutex_);
      denial = enter(spending, id);
      if (!denial && journal_ != nullptr) {
        const Book::Hold& hold = holds_.at(id);
        waits = spending.amount.micro_usd > 0 && Book::is_capped_in_money(hold);
        Entry entry{id,
                    false,
                    now_ms(),
                    hold.day,
                    Book::names_of(hold),
                    spending.amount,
                    std::move(spending.purpose)};
        Journal::Written written;
        if (waits)
          written = [self = shared_from_this(), id, amount = spending.amount,
                     done](const Status& status) {
            if (status) return done(Reservation(self, id, amount));
            self->take_back(id);
            done(tl::unexpected(Denial{status.error(), {}}));
          };
        journal_->append(std::move(entry), std::move(written));
      }
    }
    if (denial) return done(tl::unexpected(std::move(*denial)));
    if (!waits) done(Reservation(shared_from_this(), id, spending.amount));
  }

  void end(std::int64_t id, const Amount& actual, Ending ending, bool estimated) {
    Amount held;
    std::string subject;
    {
      const std::lock_guard lock(mutex_);
      const auto found = holds_.find(id);
      if (found == holds_.end()) return;
      const Book::Hold hold = std::move(found->second);
      holds_.erase(found);
      held = hold.amount;
      book_.settle(hold, actual);
      subject = Book::names_of(hold).front();
      ++(ending == Ending::settled     ? counts_.settled
         : ending == Ending::cancelled ? counts_.cancelled
                                       : counts_.dropped);
      if (larger(held, actual) != held) ++counts_.exceeded;
      if (journal_ != nullptr)
        journal_->append(
            {id, true, now_ms(), hold.day, Book::names_of(hold), actual, {}, ending, estimated});
    }
    if (ending == Ending::dropped)
      notice("reservation_dropped",
             fmt::format("a reservation of {} was never settled and is charged in full ({}, {})",
                         printable(subject), money_text(held.micro_usd),
                         amount_text(kKinds[1], held.tokens)));
    for (const Kind& kind : kKinds)
      if (actual.*kind.amount > held.*kind.amount)
        notice("reservation_exceeded",
               fmt::format("a call of {} came to {} where {} were reserved; raise the estimate, or "
                           "a budget may be exceeded by as much",
                           printable(subject), amount_text(kind, actual.*kind.amount),
                           amount_text(kind, held.*kind.amount)));
  }

  Status set_budgets(std::vector<Budget> budgets) {
    for (const Budget& budget : budgets) TRINITY_CHECK(check_budget(budget));
    const std::lock_guard lock(mutex_);
    book_.set_budgets(std::move(budgets));
    return {};
  }

  Window spent_by(const RequestBudget& request) const {
    const std::lock_guard lock(mutex_);
    return request.window;
  }

  std::optional<Book::Left> tightest(const std::vector<std::string>& subjects,
                                     const std::shared_ptr<RequestBudget>& request) const {
    const Day today = day_of(options_.now());
    const std::lock_guard lock(mutex_);
    return book_.tightest(subjects, request, today);
  }

  std::vector<Book::Row> rows() const {
    const Day today = day_of(options_.now());
    const std::lock_guard lock(mutex_);
    return book_.rows(today);
  }

  std::vector<Book::Row> history(Period period) const {
    const std::lock_guard lock(mutex_);
    return book_.history(period);
  }

  Ledger::Counts counts() const {
    const std::lock_guard lock(mutex_);
    Ledger::Counts counts = counts_;
    counts.held = static_cast<std::int64_t>(holds_.size());
    if (journal_ != nullptr) {
      const Journal::Counts written = journal_->counts();
      counts.commits = written.commits;
      counts.entries = written.entries;
      counts.waiting = written.waiting;
      counts.failing = written.failing;
    }
    return counts;
  }

  Status flush() {
    Journal* journal = nullptr;
    {
      const std::lock_guard lock(mutex_);
      journal = journal_.get();
    }
    return journal == nullptr ? Status() : journal->flush();
  }

 private:
  static Status check(const Spending& spending) {
    for (const std::string& subject : spending.subjects) TRINITY_CHECK(check_subject(subject));
    if (bounded(spending.amount) != spending.amount)
      return fail(ErrorKind::invalid_input, "invalid_amount",
                  fmt::format("{}, {} and {} cannot be reserved; each must be at least 0 and at "
                              "most {}",
                              money_text(spending.amount.micro_usd),
                              amount_text(kKinds[1], spending.amount.tokens),
                              amount_text(kKinds[2], spending.amount.calls), kMostOfOneCall));
    return {};
  }

  /// Enters the reservation in the book, under the lock.
  std::optional<Denial> enter(const Spending& spending, std::int64_t& id) {
    if (closed_)
      return Denial{{ErrorKind::failed, "ledger_closed",
                     "the ledger is being closed, so nothing more is granted; start again"},
                    {}};
    if (journal_ != nullptr && journal_->is_full()) {
      ++counts_.failed;
      const std::optional<Error> failing = journal_->counts().failing;
      return Denial{failing.value_or(Error{ErrorKind::failed, "ledger_busy",
                                           "the ledger's disk does not keep up; use a faster one, "
                                           "or ask less often"}),
                    {}};
    }
    tl::expected<Book::Hold, Refusal> hold =
        book_.reserve(spending.subjects, spending.request, spending.amount, day_of(options_.now()));
    if (!hold) {
      ++counts_.refused;
      return denial_of(std::move(hold.error()));
    }
    id = next_id_++;
    holds_.emplace(id, std::move(*hold));
    ++counts_.granted;
    return std::nullopt;
  }

  /// A reservation that the disk did not take was never granted.
  void take_back(std::int64_t id) {
    const std::lock_guard lock(mutex_);
    const auto found = holds_.find(id);
    if (found == holds_.end()) return;
    book_.settle(found->second, {});
    holds_.erase(found);
    --counts_.granted;
    ++counts_.failed;
  }

  std::int64_t now_ms() const {
    return std::chrono::floor<std::chrono::milliseconds>(options_.now()).time_since_epoch().count();
  }

  void notice(const char* tag, std::string message) const {
    if (options_.notice) options_.notice({ErrorKind::failed, tag, std::move(message)});
  }

  LedgerOptions options_;
  mutable std::mutex mutex_;
  Book book_;
  std::unordered_map<std::int64_t, Book::Hold> holds_;
  std::int64_t next_id_ = 1;
  Ledger::Counts counts_;
  bool closed_ = false;
  std::unique_ptr<Journal> journal_;  // null: nothing is kept
};

Reservation::Reservation(std::shared_ptr<Keeper> keeper, std::int64_t id, const Amount& amount)
    : keeper_(std::move(keeper)), id_(id), amount_(amount) {}

Reservation::Reservation(Reservation&& other) noexcept
    : keeper_(std::move(other.keeper_)), id_(other.id_), amount_(other.amount_) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  std::swap(keeper_, other.keeper_);
  std::swap(id_, other.id_);
  std::swap(amount_, other.amount_);
  return *this;
}

Reservation::~Reservation() { end(amount_, Ending::dropped, true); }

void Reservation::settle(const Amount& actual, bool estimated) {
  end(bounded(actual), Ending::settled, estimated);
}

void Reservation::cancel(const Amount& seen, const Amount& estimate) {
  Amount actual = larger(bounded(seen), bounded(estimate));
  actual.calls = std::max(actual.calls, amount_.calls);
  end(actual, Ending::cancelled, true);
}

void Reservation::end(const Amount& actual, Ending ending, bool estimated) noexcept {
  const std::shared_ptr<Keeper> keeper = std::move(keeper_);
  if (keeper == nullptr) return;
  try {
    keeper->end(id_, actual, ending, estimated);
  } catch (...) {
    // Without memory the hold stays, and with it everything that it may have cost.
  }
}

Result<std::unique_ptr<Ledger>> Ledger::open(LedgerOptions options) {
  for (const Budget& budget : options.budgets) TRINITY_CHECK(check_budget(budget));
  const bool has_database = !options.database.empty();
  auto keeper = std::make_shared<Reservation::Keeper>(std::move(options));
  if (has_database) TRINITY_CHECK(keeper->open_database());
  return std::unique_ptr<Ledger>(new Ledger(std::move(keeper)));
}

Ledger::Ledger(std::shared_ptr<Reservation::Keeper> keeper) : keeper_(std::move(keeper)) {}
Ledger::~Ledger() { keeper_->close(); }

void Ledger::reserve(Spending spending, std::function<void(Granted)> done) {
  keeper_->reserve(std::move(spending), std::move(done));
}

Granted Ledger::reserve_and_wait(Spending spending) {
  auto promise = std::make_shared<std::promise<Granted>>();
  std::future<Granted> granted = promise->get_future();
  reserve(std::move(spending), [promise](Granted told) { promise->set_value(std::move(told)); });
  return granted.get();
}

Result<std::shared_ptr<RequestBudget>> Ledger::request_budget(std::string name, Caps caps) const {
  TRINITY_CHECK(check_budget({name, Period::total, caps}));
  return std::make_shared<RequestBudget>(RequestBudget{std::move(name), caps, {}});
}

Window Ledger::spent_by(const RequestBudget& request) const { return keeper_->spent_by(request); }
Status Ledger::set_budgets(std::vector<Budget> budgets) {
  return keeper_->set_budgets(std::move(budgets));
}
std::optional<Book::Left> Ledger::tightest(std::vector<std::string> subjects,
                                           const std::shared_ptr<RequestBudget>& request) const {
  subjects.emplace_back(kAll);
  return keeper_->tightest(subjects, request);
}
std::vector<Book::Row> Ledger::rows() const { return keeper_->rows(); }
std::vector<Book::Row> Ledger::history(Period period) const { return keeper_->history(period); }
Ledger::Counts Ledger::counts() const { return keeper_->counts(); }
Status Ledger::flush() { return keeper_->flush(); }

}  // namespace trinity::ledger
