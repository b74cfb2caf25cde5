// The table of budgets against a naive model, and the parts that it is made of.
#include "ledger/book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "ledger/spending_report.h"
#include "report/render_html.h"
#include "report/render_text.h"

namespace trinity::ledger {
namespace {

Day day(int year, unsigned month, unsigned day) {
  return static_cast<Day>(std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) /
                                                static_cast<int>(day))
                              .time_since_epoch()
                              .count());
}

TEST(LedgerCalendar, DaysAndMonthsAreThoseOfUtc) {
  const Day leap = day(2028, 2, 29);
  EXPECT_EQ(day_name(leap), "2028-02-29");
  EXPECT_EQ(month_name(month_of(leap)), "2028-02");
  EXPECT_EQ(day_of(end_of_day(leap)), day(2028, 3, 1));
  EXPECT_EQ(day_of(end_of_month(month_of(leap))), day(2028, 3, 1));
  EXPECT_EQ(day_of(end_of_month(month_of(day(2026, 12, 5)))), day(2027, 1, 1));
  using namespace std::chrono_literals;
  const Instant midnight = std::chrono::sys_days(std::chrono::days(leap));
  EXPECT_EQ(day_of(midnight), leap);
  EXPECT_EQ(day_of(midnight - 1us), leap - 1);
  EXPECT_EQ(day_of(Instant{} - 1us), -1);
  EXPECT_EQ(day_name(-1), "1969-12-31");
  EXPECT_EQ(month_name(month_of(-1)), "1969-12");
}

TEST(LedgerAmount, IsWrittenWithEveryDigitThatSaysSomething) {
  EXPECT_EQ(money_text(0), "0.00 USD");
  EXPECT_EQ(money_text(250'000), "0.25 USD");
  EXPECT_EQ(money_text(1), "0.000001 USD");
  EXPECT_EQ(money_text(1'200'000'001), "1,200.000001 USD");
  EXPECT_EQ(money_text(-1'500'000), "-1.50 USD");
  EXPECT_EQ(money_text(INT64_MIN), "-9,223,372,036,854.775808 USD");
  EXPECT_EQ(amount_text(kKinds[1], 1), "1 token");
  EXPECT_EQ(amount_text(kKinds[1], 999'999), "999,999 tokens");
  EXPECT_EQ(amount_text(kKinds[2], 1'000), "1,000 calls");
}

TEST(LedgerAmount, SumsStopAtTheLargestNumber) {
  Amount sum{INT64_MAX - 1, 5, 0};
  add(sum, {7, 7, 7});
  EXPECT_EQ(sum, (Amount{INT64_MAX, 12, 7}));
  EXPECT_EQ(bounded({-1, kMostOfOneCall + 1, 3}), (Amount{0, kMostOfOneCall, 3}));
}

TEST(LedgerBudget, WrongOnesAreRefusedInASentence) {
  const auto tag = [](const Budget& budget) {
    const Status status = check_budget(budget);
    return status ? std::string("ok") : status.error().tag;
  };
  EXPECT_EQ(tag({"key:a", Period::day, {.micro_usd = 0}}), "ok");
  EXPECT_EQ(tag({"key:a", Period::day, {}}), "invalid_budget");
  EXPECT_EQ(tag({"key:a", Period::day, {.tokens = -1}}), "invalid_budget");
  EXPECT_EQ(tag({"", Period::day, {.tokens = 1}}), "invalid_subject");
  EXPECT_EQ(tag({"a\nb", Period::day, {.tokens = 1}}), "invalid_subject");
  EXPECT_EQ(tag({"a\xff", Period::day, {.tokens = 1}}), "invalid_subject");
  EXPECT_EQ(tag({std::string(257, 'a'), Period::day, {.tokens = 1}}), "invalid_subject");
}

TEST(LedgerBudget, ARefusalSaysWhatIsLeftAndWhenThereIsMore) {
  Refusal refusal{"key:alice", Period::day, "money", 5'000'000, 4'900'000, 60'000, 50'000, {}};
  refusal.resets_at = end_of_day(day(2026, 11, 27));
  const Denial denial = denial_of(refusal);
  EXPECT_EQ(denial.error.tag, "budget_exceeded");
  EXPECT_EQ(denial.error.message,
            "the budget of key:alice of 5.00 USD a day does not suffice: 4.90 USD are spent, 0.06 "
            "USD are held by calls under way, 0.05 USD were asked for; it begins anew on "
            "2026-11-28 (UTC); wait, or raise it");
  ASSERT_TRUE(denial.refusal);
  EXPECT_EQ(denial.refusal->limit, 5'000'000);
}

TEST(LedgerBook, ARefusedReservationIsEnteredNowhere) {
  Book book({{"member:b", Period::total, {.calls = 1}}});
  const Day today = day(2026, 11, 27);
  ASSERT_TRUE(book.reserve({"key:a", "member:b", "all"}, nullptr, {0, 0, 1}, today));
  const auto refused = book.reserve({"key:a", "member:b", "all"}, nullptr, {0, 0, 1}, today);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().subject, "member:b");
  EXPECT_EQ(refused.error().kind, "calls");
  EXPECT_EQ(refused.error().held, 1);
  EXPECT_FALSE(refused.error().resets_at);
  for (const Book::Row& row : book.rows(today)) EXPECT_EQ(row.figures.held.calls, 1) << row.subject;
}

TEST(LedgerBook, ASubjectThatIsNamedTwiceCountsOnce) {
  Book book({{"all", Period::total, {.calls = 10}}});
  const auto hold = book.reserve({"all", "all", "all"}, nullptr, {0, 0, 1}, 0);
  ASSERT_TRUE(hold);
  EXPECT_EQ(book.rows(0).front().figures.held.calls, 1);
}

TEST(LedgerBook, AStarGivesEachSubjectABudgetOfItsOwn) {
  Book book({{"key:*", Period::day, {.calls = 1}},
             {"key:team:*", Period::day, {.calls = 2}},
             {"key:boss", Period::day, {.calls = 3}}});
  const auto grants = [&](const std::string& subject) {
    int granted = 0;
    for (int i = 0; i < 5; ++i)
      granted += book.reserve({subject}, nullptr, {0, 0, 1}, 0).has_value();
    return granted;
  };
  EXPECT_EQ(grants("key:alice"), 1);
  EXPECT_EQ(grants("key:bob"), 1);
  EXPECT_EQ(grants("key:team:x"), 2);
  EXPECT_EQ(grants("key:boss"), 3);
  EXPECT_EQ(grants("member:m"), 5);
}

TEST(LedgerBook, ACallOfNoCostMayBeMadeWhenTheMoneyIsSpent) {
  Book book({{"all", Period::total, {.micro_usd = 10}}});
  book.charge("all", 0, {12, 0, 1});  // one call cost more than was reserved
  EXPECT_FALSE(book.reserve({"all"}, nullptr, {1, 50, 1}, 0));
  EXPECT_TRUE(book.reserve({"all"}, nullptr, {0, 50, 1}, 0));
}

TEST(LedgerBook, NewBudgetsSeeWhatWasSpent) {
  Book book;
  book.charge("all", 0, {0, 0, 5});
  EXPECT_TRUE(book.reserve({"all"}, nullptr, {0, 0, 1}, 0));
  book.set_budgets({{"all", Period::total, {.calls = 6}}});
  EXPECT_FALSE(book.reserve({"all"}, nullptr, {0, 0, 1}, 0));
  book.set_budgets({{"all", Period::total, {.calls = 7}}});
  EXPECT_TRUE(book.reserve({"all"}, nullptr, {0, 0, 1}, 0));
}

// Everything that ever happened, summed up anew for every question.
class NaiveModel {
 public:
  struct Event {
    std::vector<std::string> subjects;
    Day day = 0;
    Amount amount;
    bool is_settled = false;
  };

  Window window(const std::string& subject, Period period, Day today) const {
    Window window;
    for (const Event& event : events) {
      if (std::find(event.subjects.begin(), event.subjects.end(), subject) == event.subjects.end())
        continue;
      if (period == Period::day && event.day != today) continue;
      if (period == Period::month && month_of(event.day) != month_of(today)) continue;
      add(event.is_settled ? window.spent : window.held, event.amount);
    }
    return window;
  }

  bool fits(const std::vector<std::string>& subjects, const Amount& amount, Day today) const {
    for (const Budget& budget : budgets) {
      if (std::find(subjects.begin(), subjects.end(), budget.subject) == subjects.end()) continue;
      const Window now = window(budget.subject, budget.period, today);
      for (const Kind& kind : kKinds) {
        const auto& cap = budget.caps.*kind.cap;
        if (cap && amount.*kind.amount > 0 &&
            now.spent.*kind.amount + now.held.*kind.amount + amount.*kind.amount > *cap)
          return false;
      }
    }
    return true;
  }

  std::vector<Budget> budgets;
  std::vector<Event> events;
};

TEST(LedgerBook, AgreesWithANaiveModelOnRandomInterleavings) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const std::vector<std::string> names = {"key:a", "key:b", "member:x", "member:y", "all"};
    NaiveModel model;
    for (const std::string& name : names)
      for (const Period period : {Period::total, Period::day, Period::month}) {
        Budget budget{name, period, {}};
        for (const Kind& kind : kKinds)
          if (below(3) == 0) budget.caps.*kind.cap = below(period == Period::total ? 900 : 200);
        if (budget.caps != Caps{}) model.budgets.push_back(budget);
      }
    Book book(model.budgets);
    struct Open {
      Book::Hold hold;
      std::size_t event;
    };
    std::vector<Open> open;
    Day today = day(2026, 10, 25) + below(7);
    int granted = 0, refused = 0;
    for (int step = 0; step < 400; ++step) {
      if (below(25) == 0) today += below(12) - 1;  // a clock may also go back
      if (open.empty() || below(2) == 0) {
        std::vector<std::string> subjects = {names[static_cast<std::size_t>(below(2))],
                                             names[static_cast<std::size_t>(2 + below(2))], "all"};
        const Amount amount{below(4) * below(9), below(30), below(2)};
        const auto hold = book.reserve(subjects, nullptr, amount, today);
        ASSERT_EQ(hold.has_value(), model.fits(subjects, amount, today)) << seed << " " << step;
        ++(hold ? granted : refused);
        if (!hold) continue;
        open.push_back({*hold, model.events.size()});
        model.events.push_back({subjects, today, amount, false});
      } else {
        const std::size_t chosen = random() % open.size();
        const Amount actual{below(40), below(40), below(3)};
        book.settle(open[chosen].hold, actual);
        NaiveModel::Event& event = model.events[open[chosen].event];
        event.is_settled = true;
        event.amount = actual;
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(chosen));
      }
      for (const Book::Row& row : book.rows(today)) {
        const Window expected = model.window(row.subject, row.period, today);
        ASSERT_EQ(row.figures.spent, expected.spent) << seed << " " << step << " " << row.subject;
        ASSERT_EQ(row.figures.held, expected.held) << seed << " " << step << " " << row.subject;
      }
    }
    EXPECT_GT(granted, 0);
    EXPECT_GT(refused, 0) << seed;
  }
}

TEST(LedgerBook, RemembersTwoMonthsOfDaysAndEveryMonth) {
  Book book;
  for (Day d = 0; d < 200; ++d) {
    const auto hold = book.reserve({"all"}, nullptr, {1, 0, 0}, d);
    ASSERT_TRUE(hold);
    book.settle(*hold, {1, 0, 0});
  }
  EXPECT_EQ(book.history(Period::day).size(), 63u);
  EXPECT_EQ(book.history(Period::month).size(), 7u);
  EXPECT_EQ(book.history(Period::total).front().figures.spent.micro_usd, 200);
}

TEST(LedgerReport, StatesSpendingAndWhatIsUsedUp) {
  Book book({{"key:<b>", Period::day, {.micro_usd = 100}}, {"all", Period::total, {.calls = 5}}});
  book.charge("key:<b>", 0, {100, 20, 1});
  book.charge("all", 0, {100, 20, 1});
  const report::Document document = spending_document(book.rows(0), {});
  const std::string text = report::render_text(document, report::Style());
  EXPECT_NE(text.find("1 budget used up"), std::string::npos) << text;
  EXPECT_NE(text.find("0.0001 USD"), std::string::npos) << text;
  EXPECT_NE(text.find("1970-01-01"), std::string::npos) << text;
  const std::string page = report::render_html(document);
  EXPECT_EQ(page.find("key:<b>"), std::string::npos);
  Ledger::Counts counts;
  counts.failing = Error{ErrorKind::failed, "ledger_disk_full", "no room"};
  EXPECT_NE(report::render_text(spending_document({}, counts), report::Style()).find("no room"),
            std::string::npos);
}

}  // namespace
}  // namespace trinity::ledger
