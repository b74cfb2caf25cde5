// What a call may cost, set aside before it and settled after it: in this server's ledger, and in
// the budgets that it shares with others through a Redis.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "ledger/ledger.h"
#include "ledger/redis_budget.h"
#include "net/http.h"
#include "provider/cost.h"

namespace trinity::serve {

/// Where budgets are kept; each may be absent.
struct Purse {
  std::shared_ptr<ledger::Ledger> own;
  std::shared_ptr<ledger::RedisBudget> shared;
  std::shared_ptr<ledger::RequestBudget> request = {};  // of one request, kept in `own`

  bool is_empty() const { return !own && !shared; }
};

/// Of a request that has a budget of its own: counted by a ledger of its own where the server has
/// none.
Result<Purse> purse_for(Purse purse, const std::string& request_id, const ledger::Caps& caps);

/// Tokens that an answer may still have so that a call of at most `most` fits into the request's
/// budget, whose member writes at `price`; nothing: there is no such limit.
std::optional<std::int64_t> most_output(const Purse& purse, const chat::Usage& most,
                                        const std::optional<provider::Price>& price);

/// x-trinity-budget-left, of the budget that is used up most: "0.42 usd of key:alice a day". `key`
/// may be empty. Shared budgets are not asked.
void put_budget_left(const Purse& purse, const std::string& key, const std::string& member,
                     net::Fields& fields);

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
