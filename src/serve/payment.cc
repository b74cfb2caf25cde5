#include "serve/payment.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace trinity::serve {

Payment::Payment(std::optional<ledger::Reservation> own,
                 std::optional<ledger::SharedReservation> shared, const ledger::Amount& amount)
    : own_(std::move(own)), shared_(std::move(shared)), amount_(amount) {}

void Payment::settle(const ledger::Amount& actual, bool estimated) {
  if (own_) own_->settle(actual, estimated);
  if (shared_) shared_->settle(actual);
}

void Payment::cancel(const ledger::Amount& seen, const ledger::Amount& estimate) {
  if (own_) own_->cancel(seen, estimate);
  if (!shared_) return;
  ledger::Amount actual = ledger::larger(seen, estimate);
  actual.calls = std::max(actual.calls, amount_.calls);
  shared_->settle(actual);
}

namespace {

/// The second half: what the server's own ledger has granted is given back when the shared budgets
/// refuse.
void pay_shared(const std::shared_ptr<ledger::RedisBudget>& shared,
                std::vector<std::string> subjects, const ledger::Amount& amount,
                std::optional<ledger::Reservation> own, const std::function<void(Paid)>& done) {
  if (!shared) return done(Payment(std::move(own), std::nullopt, amount));
  // A std::function is copied, and a reservation cannot be.
  const auto kept = std::make_shared<std::optional<ledger::Reservation>>(std::move(own));
  shared->reserve(std::move(subjects), amount, [kept, amount, done](ledger::SharedGranted told) {
    if (told) return done(Payment(std::move(*kept), std::move(*told), amount));
    if (*kept) (*kept)->settle({});  // nothing is sent
    done(tl::unexpected(std::move(told.error())));
  });
}

}  // namespace

void pay(const Purse& purse, ledger::Spending spending, std::function<void(Paid)> done) {
  std::vector<std::string> subjects = spending.subjects;
  const ledger::Amount amount = spending.amount;
  if (!purse.own) return pay_shared(purse.shared, std::move(subjects), amount, std::nullopt, done);
  purse.own->reserve(std::move(spending),
                     [shared = purse.shared, subjects = std::move(subjects), amount,
                      done = std::move(done)](ledger::Granted told) mutable {
                       if (!told) return done(tl::unexpected(std::move(told.error())));
                       pay_shared(shared, std::move(subjects), amount, std::move(*told), done);
                     });
}

}  // namespace trinity::serve
