#include "serve/payment.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"

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

Result<Purse> purse_for(Purse purse, const std::string& request_id, const ledger::Caps& caps) {
  if (caps == ledger::Caps{}) return purse;
  if (!purse.own) {
    TRINITY_TRY(purse.own, ledger::Ledger::open({}));
  }
  TRINITY_TRY(purse.request, purse.own->request_budget("request:" + request_id, caps));
  return purse;
}

std::optional<std::int64_t> most_output(const Purse& purse, const chat::Usage& most,
                                        const std::optional<provider::Price>& price) {
  if (!purse.request) return std::nullopt;
  const ledger::Window window = purse.own->spent_by(*purse.request);
  const ledger::Caps& caps = purse.request->caps;
  std::optional<std::int64_t> output;
  if (caps.tokens) output = *caps.tokens - window.spent.tokens - window.held.tokens - most.input;
  if (caps.micro_usd && price && price->output > 0) {
    const std::int64_t left = *caps.micro_usd - window.spent.micro_usd - window.held.micro_usd -
                              provider::cost_micro_usd(*price, {.input = most.input});
    // A price is micro-USD for a million tokens.
    const double tokens = static_cast<double>(left) * 1e6 / static_cast<double>(price->output);
    const auto paid = static_cast<std::int64_t>(std::clamp(tokens, 0.0, 1e12));
    output = std::min(output.value_or(paid), paid);
  }
  return output;
}

void put_budget_left(const Purse& purse, const std::string& key, const std::string& member,
                     net::Fields& fields) {
  if (!purse.own) return;
  std::vector<std::string> subjects;
  if (!key.empty()) subjects.push_back("key:" + key);
  if (!member.empty()) subjects.push_back("member:" + member);
  const auto left = purse.own->tightest(std::move(subjects), purse.request);
  if (!left) return;
  const bool is_money = left->kind->cap == &ledger::Caps::micro_usd;
  std::string text = is_money ? fmt::format("{:.6f} usd", static_cast<double>(left->left) / 1e6)
                              : fmt::format("{} {}", left->left, left->kind->name);
  // Whose it is; a request's own has a long name that says nothing new.
  text += " of " +
          (purse.request && left->subject == purse.request->name ? "this request" : left->subject);
  if (left->period != ledger::Period::total)
    text += std::string(" a ") + ledger::period_name(left->period);
  fields.set("x-trinity-budget-left", text);
}

void pay(const Purse& purse, ledger::Spending spending, std::function<void(Paid)> done) {
  std::vector<std::string> subjects = spending.subjects;
  const ledger::Amount amount = spending.amount;
  spending.request = purse.request;
  if (!purse.own) return pay_shared(purse.shared, std::move(subjects), amount, std::nullopt, done);
  purse.own->reserve(std::move(spending),
                     [shared = purse.shared, subjects = std::move(subjects), amount,
                      done = std::move(done)](ledger::Granted told) mutable {
                       if (!told) return done(tl::unexpected(std::move(told.error())));
                       pay_shared(shared, std::move(subjects), amount, std::move(*told), done);
                     });
}

}  // namespace trinity::serve
