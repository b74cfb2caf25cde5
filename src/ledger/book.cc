#include "ledger/book.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace trinity::ledger {
namespace {

constexpr Day kRememberedDays = 62;

/// What keeps `amount` out of the window, if anything does.
std::optional<Refusal> refusal_of(const Caps& caps, const Window& window, const Amount& amount) {
  for (const Kind& kind : kKinds) {
    const std::int64_t asked = amount.*kind.amount;
    const std::optional<std::int64_t>& cap = caps.*kind.cap;
    if (!cap || asked == 0) continue;
    const std::int64_t spent = window.spent.*kind.amount, held = window.held.*kind.amount;
    if (saturating_sum(saturating_sum(spent, held), asked) > *cap)
      return Refusal{{}, Period::total, kind.name, *cap, spent, held, asked, {}};
  }
  return std::nullopt;
}

void release(Window& window, const Amount& held, const Amount& actual) {
  for (const Kind& kind : kKinds) window.held.*kind.amount -= held.*kind.amount;
  add(window.spent, actual);
}

}  // namespace

struct Book::Account {
  std::string subject;
  Caps total_caps, day_caps, month_caps;
  Window total;
  std::map<Day, Window> days;
  std::map<Month, Window> months;

  const Caps& caps(Period period) const {
    return period == Period::total ? total_caps : period == Period::day ? day_caps : month_caps;
  }
  Caps& caps(Period period) { return const_cast<Caps&>(std::as_const(*this).caps(period)); }
  const Window& window(Period period, Day day) const {
    static const Window nothing;
    if (period == Period::total) return total;
    const auto& windows = period == Period::day ? days : months;
    const auto found = windows.find(period == Period::day ? day : month_of(day));
    return found == windows.end() ? nothing : found->second;
  }

  std::optional<Refusal> refuses(const Amount& amount, Day today) const {
    for (const Period period : {Period::total, Period::day, Period::month}) {
      std::optional<Refusal> refusal = refusal_of(caps(period), window(period, today), amount);
      if (!refusal) continue;
      refusal->subject = subject;
      refusal->period = period;
      if (period == Period::day) refusal->resets_at = end_of_day(today);
      if (period == Period::month) refusal->resets_at = end_of_month(month_of(today));
      return refusal;
    }
    return std::nullopt;
  }

  void forget_old_days(Day today) {
    while (!days.empty() && days.begin()->first < today - kRememberedDays &&
           days.begin()->second.held == Amount{})
      days.erase(days.begin());
  }
};

Book::Book(std::vector<Budget> budgets) { set_budgets(std::move(budgets)); }
Book::~Book() = default;
Book::Book(Book&&) noexcept = default;
Book& Book::operator=(Book&&) noexcept = default;

void Book::set_budgets(std::vector<Budget> budgets) {
  budgets_ = std::move(budgets);
  // Whoever has a budget has an account, so that reports show what was not touched yet.
  for (const Budget& budget : budgets_)
    if (!budget.subject.ends_with('*')) account_of(budget.subject);
  for (const auto& [subject, account] : accounts_) give_budgets(*account);
}

void Book::give_budgets(Account& account) const {
  for (const Period period : {Period::total, Period::day, Period::month})
    account.caps(period) = caps_of(budgets_, account.subject, period);
}

Book::Account& Book::account_of(const std::string& subject) {
  const auto found = accounts_.find(subject);
  if (found != accounts_.end()) return *found->second;
  auto made = std::make_unique<Account>();
  made->subject = subject;
  give_budgets(*made);
  return *accounts_.emplace(subject, std::move(made)).first->second;
}

tl::expected<Book::Hold, Refusal> Book::reserve(const std::vector<std::string>& subjects,
                                                const std::shared_ptr<RequestBudget>& request,
                                                const Amount& amount, Day today) {
  Hold hold{{}, request, amount, today};
  for (const std::string& subject : subjects) {
    Account& account = account_of(subject);
    if (std::find(hold.accounts.begin(), hold.accounts.end(), &account) == hold.accounts.end())
      hold.accounts.push_back(&account);
  }
  if (request) {
    if (std::optional<Refusal> refusal = refusal_of(request->caps, request->window, amount)) {
      refusal->subject = request->name;
      return tl::unexpected(std::move(*refusal));
    }
  }
  for (const Account* account : hold.accounts)
    if (std::optional<Refusal> refusal = account->refuses(amount, today))
      return tl::unexpected(std::move(*refusal));

  const Month month = month_of(today);
  // All windows exist before any is changed: an entry is made everywhere or nowhere.
  for (Account* account : hold.accounts) {
    account->forget_old_days(today);
    account->days[today];
    account->months[month];
  }
  for (Account* account : hold.accounts)
    for (Window* window : {&account->total, &account->days[today], &account->months[month]})
      add(window->held, amount);
  if (request) add(request->window.held, amount);
  return hold;
}

void Book::settle(const Hold& hold, const Amount& actual) {
  for (Account* account : hold.accounts) {
    release(account->total, hold.amount, actual);
    release(account->days[hold.day], hold.amount, actual);
    release(account->months[month_of(hold.day)], hold.amount, actual);
  }
  if (hold.request) release(hold.request->window, hold.amount, actual);
}

void Book::charge(const std::string& subject, Day day, const Amount& spent) {
  Account& account = account_of(subject);
  for (Window* window : {&account.total, &account.days[day], &account.months[month_of(day)]})
    add(window->spent, spent);
}

std::optional<Book::Left> Book::tightest(const std::vector<std::string>& subjects,
                                         const std::shared_ptr<RequestBudget>& request,
                                         Day today) const {
  std::optional<Left> found;
  const auto look = [&found](const std::string& subject, Period period, const Caps& caps,
                             const Window& window) {
    for (const Kind& kind : kKinds) {
      const std::optional<std::int64_t>& cap = caps.*kind.cap;
      if (!cap) continue;
      const std::int64_t used = saturating_sum(window.spent.*kind.amount, window.held.*kind.amount);
      Left one{subject, period, &kind, *cap, std::max<std::int64_t>(0, *cap - used)};
      const auto share = [](const Left& left) {
        return left.limit == 0 ? 0.0
                               : static_cast<double>(left.left) / static_cast<double>(left.limit);
      };
      if (!found || share(one) < share(*found)) found = std::move(one);
    }
  };
  if (request) look(request->name, Period::total, request->caps, request->window);
  for (const std::string& subject : subjects)
    for (const Period period : {Period::total, Period::day, Period::month}) {
      const auto account = accounts_.find(subject);
      if (account == accounts_.end())
        look(subject, period, caps_of(budgets_, subject, period), {});
      else
        look(subject, period, account->second->caps(period),
             account->second->window(period, today));
    }
  return found;
}

std::vector<std::string> Book::names_of(const Hold& hold) {
  std::vector<std::string> names;
  for (const Account* account : hold.accounts) names.push_back(account->subject);
  return names;
}

bool Book::is_capped_in_money(const Hold& hold) {
  if (hold.request && hold.request->caps.micro_usd) return true;
  for (const Account* account : hold.accounts)
    for (const Period period : {Period::total, Period::day, Period::month})
      if (account->caps(period).micro_usd) return true;
  return false;
}

std::vector<Book::Row> Book::rows(Day today) const {
  std::vector<Row> rows;
  for (const auto& [subject, account] : accounts_) {
    for (const Period period : {Period::total, Period::day, Period::month})
      rows.push_back({subject, period,
                      period == Period::day     ? day_name(today)
                      : period == Period::month ? month_name(month_of(today))
                                                : std::string(),
                      account->window(period, today), account->caps(period)});
  }
  return rows;
}

std::vector<Book::Row> Book::history(Period period) const {
  std::vector<Row> rows;
  for (const auto& [subject, account] : accounts_) {
    if (period == Period::total)
      rows.push_back({subject, period, {}, account->total, account->total_caps});
    else if (period == Period::day)
      for (const auto& [day, window] : account->days)
        rows.push_back({subject, period, day_name(day), window, account->day_caps});
    else
      for (const auto& [month, window] : account->months)
        rows.push_back({subject, period, month_name(month), window, account->month_caps});
  }
  return rows;
}

}  // namespace trinity::ledger
