// Budgets that hold: what may be spent by a key, a member of the pool, a request, in all; and what
// was.
//
//   auto ledger = Ledger::open({.budgets = {{"key:*", Period::day, {.micro_usd = 5'000'000}}},
//                               .database = "ledger.db"});
//   (*ledger)->reserve({.subjects = {"key:alice", "member:gpt"}, .amount = {1'200, 900, 1}},
//                      [](Granted granted) {
//                        if (!granted) return refuse(granted.error());
//                        ... make the call ...
//                        granted->settle({843, 611, 1});
//                      });
//
// The truth is in memory: one table of integers (book.h) under one lock, which grants or refuses at
// once. What is held and what is spent together never exceed a cap by a grant, whatever the
// threads; only a call that costs more than it reserved can.
//
// With a database, one thread appends reservations and what they came to (journal.h). A reservation
// of money that a budget of money applies to is granted only once it is committed, so a killed
// process forgets no money that it may have spent: at the next start, whatever was not settled is
// charged at what it had reserved. Other reservations wait for nothing. When the database cannot be
// written, money is refused with the error that says why, and nothing hangs.
//
// Every reservation also counts for the subject "all".
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "ledger/book.h"
#include "ledger/store.h"

namespace trinity::ledger {

struct LedgerOptions {
  std::vector<Budget> budgets = {};
  std::filesystem::path database = {};  // empty: all is forgotten at the end
  bool survives_power_cuts = false;     // see store.h
  std::chrono::milliseconds busy_timeout{2'000};
  std::chrono::milliseconds retry{1'000};  // of a database that failed
  /// The time; empty: the system's.
  std::function<Instant()> now = {};
  /// Told what nobody else is: a reservation that was dropped unsettled (`reservation_dropped`), a
  /// call that cost more than it had reserved (`reservation_exceeded`), reservations of a dead
  /// process (`reservations_abandoned`), a database that fails. Any thread; must not block.
  std::function<void(const Error&)> notice = {};
};

/// What is asked for.
struct Spending {
  std::vector<std::string> subjects = {};       // who pays: "key:alice", "member:gpt"
  Amount amount = {};                           // the most that it should cost
  std::shared_ptr<RequestBudget> request = {};  // of Ledger::request_budget, or none
  Purpose purpose = {};
};

/// What may be spent and was not yet. Destroyed unsettled, it is charged in full.
class Reservation {
 public:
  class Keeper;

  Reservation(std::shared_ptr<Keeper> keeper, std::int64_t id, const Amount& amount);
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();

  std::int64_t id() const { return id_; }
  const Amount& amount() const { return amount_; }

  /// What the call came to, more or less than was reserved; {} when nothing was sent. `estimated`:
  /// nobody stated the tokens. Numbers below 0 count as 0, and above kMostOfOneCall as that. Once:
  /// later calls change nothing.
  void settle(const Amount& actual, bool estimated = false);
  /// The call was cut off: charged at what was seen of it or, kind by kind, at the estimate when
  /// that is more; the calls are those reserved.
  void cancel(const Amount& seen, const Amount& estimate = {});

 private:
  void end(const Amount& actual, Ending ending, bool estimated) noexcept;

  std::shared_ptr<Keeper> keeper_;  // null once it has ended
  std::int64_t id_ = 0;
  Amount amount_;
};

using Granted = tl::expected<Reservation, Denial>;

class Ledger {
 public:
  /// Errors: `invalid_budget`, `invalid_subject`, `out_of_threads` and those of Store::open.
  static Result<std::unique_ptr<Ledger>> open(LedgerOptions options);

  /// Writes what is outstanding. Reservations that are still held are abandoned. Not to be
  /// destroyed on a thread of its own callbacks.
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Calls back once: before this returns, or on the writer's thread when the grant waits for the
  /// disk. `done` must not block. Denied with `budget_exceeded` (and the refusal),
  /// `invalid_amount`, `invalid_subject`, or an error of the database.
  void reserve(Spending spending, std::function<void(Granted)> done);
  /// The same for callers that may wait.
  Granted reserve_and_wait(Spending spending);

  /// A budget for one request, to be named by its reservations. Errors: those of check_budget.
  Result<std::shared_ptr<RequestBudget>> request_budget(std::string name, Caps caps) const;
  Window spent_by(const RequestBudget& request) const;

  /// See Book::tightest; "all" is among the subjects.
  std::optional<Book::Left> tightest(std::vector<std::string> subjects,
                                     const std::shared_ptr<RequestBudget>& request) const;

  /// Replaces the budgets at once. Errors: `invalid_budget`, `invalid_subject`; nothing is changed.
  Status set_budgets(std::vector<Budget> budgets);

  /// What each subject has spent and holds: in all, today, this month.
  std::vector<Book::Row> rows() const;
  /// The same of all days (of two months) or months.
  std::vector<Book::Row> history(Period period) const;

  struct Counts {
    std::int64_t granted = 0, refused = 0, failed = 0;  // failed: the database could not be written
    std::int64_t settled = 0, cancelled = 0, dropped = 0, abandoned = 0, exceeded = 0;
    std::int64_t held = 0;                               // reservations under way
    std::int64_t commits = 0, entries = 0, waiting = 0;  // of the database
    std::optional<Error> failing;                        // of the database, while it does
  };
  Counts counts() const;

  /// Returns when everything so far is in the database. Errors: those of the database.
  Status flush();

 private:
  explicit Ledger(std::shared_ptr<Reservation::Keeper> keeper);
  std::shared_ptr<Reservation::Keeper> keeper_;
};

}  // namespace trinity::ledger
