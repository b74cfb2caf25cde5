// What a call may cost, set aside before it and settled after it: in this server's ledger, and in
// the budgets that it shares with others through a Redis.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <tl/expected.hpp>

#include "ledger/ledger.h"
#include "ledger/redis_budget.h"

namespace trinity::serve {

/// Where budgets are kept; each may be absent.
struct Purse {
  std::shared_ptr<ledger::Ledger> own;
  std::shared_ptr<ledger::RedisBudget> shared;

  bool is_empty() const { return !own && !shared; }
};

/// What is set aside for a call. Destroyed unsettled, it is charged in full.
class Payment {
 public:
  Payment(std::optional<ledger::Reservation> own, std::optional<ledger::SharedReservation> shared,
          const ledger::Amount& amount);

  /// What the call came to; {} when nothing was sent. Once.
  void settle(const ledger::Amount& actual, bool estimated = false);
  /// The call was cut off: it is charged the larger of what was seen and the estimate.
  void cancel(const ledger::Amount& seen, const ledger::Amount& estimate);

 private:
  std::optional<ledger::Reservation> own_;
  std::optional<ledger::SharedReservation> shared_;
  ledger::Amount amount_;
};

using Paid = tl::expected<Payment, ledger::Denial>;

/// Sets the amount aside in the server's own ledger and then in the shared budgets: in both, or in
/// none. Calls back once, on any thread.
void pay(const Purse& purse, ledger::Spending spending, std::function<void(Paid)> done);

}  // namespace trinity::serve
