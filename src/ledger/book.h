// Who has spent and holds how much, and what still fits: the table behind a ledger, as a value.
//
// An account is a subject with three kinds of windows: everything so far, days, months. A
// reservation is tried against every budget of every subject that it names and then entered in all
// of them, or in none. It counts in the day and month in which it was made, also when it is settled
// later: so the grants of a day never exceed that day's cap.
//
// A kind of which nothing is asked is never refused: a call that costs nothing may be made when the
// money is spent. Nothing here is locked; the ledger does that.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "ledger/budget.h"

namespace trinity::ledger {

/// What one subject has spent in one window, and what calls under way may still cost.
struct Window {
  Amount spent, held;
};

/// What a single request may spend, for as long as somebody holds it. Its figures belong to the
/// ledger that made it.
struct RequestBudget {
  std::string name;
  Caps caps;
  Window window;
};

class Book {
 public:
  struct Account;

  /// A reservation as the book has entered it.
  struct Hold {
    std::vector<Account*> accounts;
    std::shared_ptr<RequestBudget> request;
    Amount amount;
    Day day = 0;
  };

  explicit Book(std::vector<Budget> budgets = {});
  ~Book();
  Book(Book&&) noexcept;
  Book& operator=(Book&&) noexcept;

  /// Replaces all budgets; what was spent and is held stays.
  void set_budgets(std::vector<Budget> budgets);

  /// Enters the amount for `subjects`, each of which counts once, and for the request, or says
  /// which budget refuses. The hold is valid as long as the book.
  tl::expected<Hold, Refusal> reserve(const std::vector<std::string>& subjects,
                                      const std::shared_ptr<RequestBudget>& request,
                                      const Amount& amount, Day today);
  /// Releases the hold and charges what it cost, more or less than was held.
  void settle(const Hold& hold, const Amount& actual);
  /// Enters what was spent before.
  void charge(const std::string& subject, Day day, const Amount& spent);

  /// The subjects of the hold, each once.
  static std::vector<std::string> names_of(const Hold& hold);
  /// Whether a budget of money applies to the hold.
  static bool is_capped_in_money(const Hold& hold);

  /// What is left in the budget that is used up most, of those that apply to the subjects and the
  /// request; nothing where none applies.
  struct Left {
    std::string subject;
    Period period = Period::total;
    const Kind* kind = nullptr;
    std::int64_t limit = 0, left = 0;  // left: not spent and not held; at least 0
  };
  std::optional<Left> tightest(const std::vector<std::string>& subjects,
                               const std::shared_ptr<RequestBudget>& request, Day today) const;

  /// The subjects and what each has spent: in all, on `today` and in its month, with the caps.
  struct Row {
    std::string subject;
    Period period = Period::total;
    std::string window;  // "", "2026-11-27" or "2026-11"
    Window figures;
    Caps caps;
  };
  std::vector<Row> rows(Day today) const;
  /// The same of every day, or month, that is remembered: two months of days, all months.
  std::vector<Row> history(Period period) const;

 private:
  Account& account_of(const std::string& subject);
  void give_budgets(Account& account) const;

  std::vector<Budget> budgets_;
  std::map<std::string, std::unique_ptr<Account>, std::less<>> accounts_;
};

}  // namespace trinity::ledger
