// Ledgers for tests: a clock that stands still until it is set, and what was told aside.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ledger/ledger.h"
#include "support/take.h"

namespace trinity::testing {

using namespace std::chrono_literals;

/// 2026-11-27 at noon, UTC.
inline constexpr ledger::Instant kNoon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 27) +
                                       12h};

/// A clock and the notices of one ledger after another.
class Surroundings {
 public:
  ledger::LedgerOptions options(std::vector<ledger::Budget> budgets,
                                const std::filesystem::path& database = {}) {
    ledger::LedgerOptions options;
    options.budgets = std::move(budgets);
    options.database = database;
    options.now = [this] { return ledger::Instant(ledger::Instant::duration(now_.load())); };
    options.notice = [this](const Error& error) {
      const std::lock_guard lock(mutex_);
      notices_.push_back(error);
    };
    return options;
  }
  std::unique_ptr<ledger::Ledger> open(std::vector<ledger::Budget> budgets,
                                       const std::filesystem::path& database = {}) {
    return take(ledger::Ledger::open(options(std::move(budgets), database)));
  }
  void set(ledger::Instant now) { now_ = now.time_since_epoch().count(); }
  ledger::Instant now() const { return ledger::Instant(ledger::Instant::duration(now_.load())); }
  std::vector<std::string> notices() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> tags;
    for (const Error& one : notices_) tags.push_back(one.tag);
    return tags;
  }
  std::string last_notice() {
    const std::lock_guard lock(mutex_);
    return notices_.empty() ? "" : notices_.back().message;
  }

 private:
  std::atomic<ledger::Instant::rep> now_{kNoon.time_since_epoch().count()};
  std::mutex mutex_;
  std::vector<Error> notices_;
};

inline ledger::Spending spending(std::vector<std::string> subjects, ledger::Amount amount) {
  ledger::Spending spending;
  spending.subjects = std::move(subjects);
  spending.amount = amount;
  return spending;
}

/// The row of a subject and period.
inline ledger::Book::Row row_of(const ledger::Ledger& ledger, const std::string& subject,
                                ledger::Period period = ledger::Period::total) {
  for (ledger::Book::Row& row : ledger.rows())
    if (row.subject == subject && row.period == period) return std::move(row);
  return {};
}

}  // namespace trinity::testing
