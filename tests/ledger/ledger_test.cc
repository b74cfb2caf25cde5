// The ledger as its users meet it: caps that hold whatever the threads, endings, restarts.
#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <barrier>
#include <future>
#include <random>
#include <thread>

#include "base/temporary_folder.h"
#include "ledger/ledger_support.h"

namespace trinity::testing {
namespace {

using ledger::Amount;
using ledger::Granted;
using ledger::Ledger;
using ledger::Period;

constexpr int kThreads = 200;

/// 200 threads ask for `each` twice, at once; half of those granted settle at it, half hold on.
int granted_of(Ledger& ledger, const Amount& each) {
  std::atomic<int> granted = 0;
  std::barrier start(kThreads);
  std::vector<std::thread> threads;
  std::vector<Granted> kept;
  std::mutex mutex;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      for (int again = 0; again < 2; ++again) {
        Granted one =
            ledger.reserve_and_wait(spending({"key:" + std::to_string(i % 7), "member:m"}, each));
        if (!one) {
          EXPECT_EQ(one.error().error.tag, "budget_exceeded");
          continue;
        }
        ++granted;
        if (i % 2 == 0) {
          one->settle(each);
          continue;
        }
        const std::lock_guard lock(mutex);
        kept.push_back(std::move(one));
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (Granted& one : kept) one->settle(each);
  return granted;
}

struct CapCase {
  const char* name;
  std::string subject;
  Period period;
  ledger::Caps caps;
  Amount each;
  bool database;
};

class LedgerCap : public ::testing::TestWithParam<CapCase> {};

TEST_P(LedgerCap, HoldsExactlyWhateverTheThreads) {
  const TemporaryFolder folder;
  Surroundings around;
  const CapCase& one = GetParam();
  auto ledger = around.open({{one.subject, one.period, one.caps}},
                            one.database ? folder / "l.db" : std::filesystem::path());
  EXPECT_EQ(granted_of(*ledger, one.each), 137);
  const ledger::Book::Row row = row_of(*ledger, one.subject, one.period);
  EXPECT_EQ(row.figures.held, Amount{});
  EXPECT_EQ(row.figures.spent.calls, 137);
  EXPECT_EQ(ledger->counts().granted, 137);
  EXPECT_EQ(ledger->counts().refused, 2 * kThreads - 137);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, LedgerCap,
    ::testing::Values(
        CapCase{"calls", "all", Period::total, {.calls = 137}, {3, 5, 1}, false},
        CapCase{"tokens", "member:m", Period::day, {.tokens = 137 * 5 + 4}, {3, 5, 1}, false},
        CapCase{"money", "all", Period::month, {.micro_usd = 137 * 3 + 2}, {3, 5, 1}, false},
        CapCase{"calls_on_disk", "all", Period::total, {.calls = 137}, {3, 5, 1}, true},
        CapCase{"money_on_disk", "member:m", Period::day, {.micro_usd = 137 * 3}, {3, 5, 1}, true}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(Ledger, ARequestHasABudgetOfItsOwn) {
  Surroundings around;
  auto ledger = around.open({});
  auto request = take(ledger->request_budget("request:1", {.calls = 2}));
  std::atomic<int> granted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      ledger::Spending asked = spending({"key:a"}, {1, 1, 1});
      asked.request = request;
      Granted one = ledger->reserve_and_wait(std::move(asked));
      if (!one) return;
      ++granted;
      one->settle({1, 1, 1});
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(granted, 2);
  EXPECT_EQ(ledger->spent_by(*request).spent, (Amount{2, 2, 2}));
  // The next request begins anew.
  ledger::Spending asked = spending({"key:a"}, {1, 1, 1});
  asked.request = take(ledger->request_budget("request:2", {.calls = 2}));
  EXPECT_TRUE(ledger->reserve_and_wait(std::move(asked)));
  EXPECT_EQ(ledger->request_budget("request:3", {}).error().tag, "invalid_budget");
}

TEST(Ledger, ASettlementMayExceedOrFallShortOfTheReserve) {
  Surroundings around;
  auto ledger = around.open({{"all", Period::total, {.micro_usd = 100}}});
  Granted one = ledger->reserve_and_wait(spending({}, {60, 0, 1}));
  EXPECT_FALSE(ledger->reserve_and_wait(spending({}, {60, 0, 1})));
  one->settle({10, 0, 1});
  Granted two = ledger->reserve_and_wait(spending({}, {60, 0, 1}));
  ASSERT_TRUE(two);
  two->settle({95, 0, 1});
  EXPECT_EQ(row_of(*ledger, "all").figures.spent, (Amount{105, 0, 2}));
  EXPECT_EQ(around.notices(), std::vector<std::string>{"reservation_exceeded"});
  const Granted three = ledger->reserve_and_wait(spending({}, {1, 0, 1}));
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().refusal->spent, 105);
}

TEST(Ledger, ACutCallIsChargedAtWhatWasSeenOrEstimated) {
  Surroundings around;
  auto ledger = around.open({});
  ledger->reserve_and_wait(spending({}, {100, 50, 1}))->cancel({10, 40, 0}, {30, 20, 0});
  EXPECT_EQ(row_of(*ledger, "all").figures.spent, (Amount{30, 40, 1}));
  EXPECT_EQ(ledger->counts().cancelled, 1);
  ledger->reserve_and_wait(spending({}, {100, 50, 1}))->settle({});  // nothing was sent
  EXPECT_EQ(row_of(*ledger, "all").figures.spent, (Amount{30, 40, 1}));
}

TEST(Ledger, AReservationThatIsDroppedIsChargedInFullAndSaidSo) {
  Surroundings around;
  auto ledger = around.open({{"all", Period::total, {.micro_usd = 100}}});
  { const Granted one = ledger->reserve_and_wait(spending({"key:a"}, {60, 7, 1})); }
  EXPECT_EQ(row_of(*ledger, "key:a").figures.spent, (Amount{60, 7, 1}));
  EXPECT_EQ(around.notices(), std::vector<std::string>{"reservation_dropped"});
  EXPECT_EQ(around.last_notice(),
            "a reservation of key:a was never settled and is charged in full (0.00006 USD, 7 "
            "tokens)");
  EXPECT_EQ(ledger->counts().dropped, 1);
}

TEST(Ledger, AReservationEndsOnce) {
  Surroundings around;
  auto ledger = around.open({});
  Granted one = ledger->reserve_and_wait(spending({}, {10, 0, 1}));
  ledger::Reservation moved = std::move(*one);
  moved.settle({4, 0, 1});
  moved.settle({5, 0, 1});
  moved.cancel({6, 0, 1});
  EXPECT_EQ(row_of(*ledger, "all").figures.spent, (Amount{4, 0, 1}));
  // Over another one, it takes its place, which is then charged when it goes.
  moved = std::move(*ledger->reserve_and_wait(spending({}, {20, 0, 1})));
  EXPECT_EQ(row_of(*ledger, "all").figures.held, (Amount{20, 0, 1}));
  moved.settle({-3, INT64_MAX, 1});
  EXPECT_EQ(row_of(*ledger, "all").figures.spent, (Amount{4, ledger::kMostOfOneCall, 2}));
}

TEST(Ledger, OutlivedByAReservationItTakesTheSettlementInMemoryOnly) {
  const TemporaryFolder folder;
  Surroundings around;
  auto ledger = around.open({}, folder / "l.db");
  Granted one = ledger->reserve_and_wait(spending({}, {10, 0, 1}));
  ledger.reset();
  one->settle({4, 0, 1});
  ledger = around.open({}, folder / "l.db");
  EXPECT_EQ(row_of(*ledger, "all").figures.spent, (Amount{10, 0, 1}));
  EXPECT_EQ(ledger->counts().abandoned, 1);
  EXPECT_EQ(around.notices(), std::vector<std::string>{"reservations_abandoned"});
}

TEST(Ledger, DaysAndMonthsBeginAnewAndACallCountsWhereItBegan) {
  Surroundings around;
  auto ledger =
      around.open({{"all", Period::day, {.calls = 1}}, {"all", Period::month, {.calls = 3}}});
  const auto ask = [&] { return ledger->reserve_and_wait(spending({}, {0, 0, 1})); };
  Granted first = ask();
  ASSERT_TRUE(first);
  const Granted second = ask();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().refusal->resets_at, ledger::end_of_day(ledger::day_of(around.now())));
  around.set(kNoon + 24h);
  Granted next_day = ask();
  ASSERT_TRUE(next_day);
  first->settle({0, 0, 1});  // yesterday's
  EXPECT_EQ(row_of(*ledger, "all", Period::day).figures.spent, Amount{});
  EXPECT_EQ(row_of(*ledger, "all", Period::day).window, "2026-11-28");
  next_day->settle({0, 0, 1});
  around.set(kNoon + 48h);
  ASSERT_TRUE(ask());
  around.set(kNoon + 72h);
  const Granted fourth = ask();
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.error().refusal->period, Period::month);
  around.set(kNoon + 96h);  // December
  EXPECT_TRUE(ask());
}

TEST(Ledger, RefusesAmountsAndSubjectsThatAreNone) {
  Surroundings around;
  auto ledger = around.open({});
  const auto tag = [&](const std::string& subject, const Amount& amount) {
    const Granted one = ledger->reserve_and_wait(spending({subject}, amount));
    return one ? std::string("granted") : one.error().error.tag;
  };
  EXPECT_EQ(tag("key:a", {-1, 0, 0}), "invalid_amount");
  EXPECT_EQ(tag("key:a", {0, ledger::kMostOfOneCall + 1, 0}), "invalid_amount");
  EXPECT_EQ(tag("", {}), "invalid_subject");
  EXPECT_EQ(tag("key:a", {ledger::kMostOfOneCall, 0, 1}), "granted");
  EXPECT_EQ(ledger->set_budgets({{"x", Period::day, {}}}).error().tag, "invalid_budget");
  EXPECT_EQ(Ledger::open(around.options({{"x", Period::day, {}}})).error().tag, "invalid_budget");
}

TEST(Ledger, MoneyWaitsForTheDiskAndNothingElseDoes) {
  const TemporaryFolder folder;
  Surroundings around;
  auto ledger = around.open(
      {{"key:a", Period::total, {.micro_usd = 1'000}}, {"key:b", Period::total, {.tokens = 1'000}}},
      folder / "l.db");
  const auto calls_back_on_own_thread = [&](const std::string& subject, const Amount& amount) {
    auto promise = std::make_shared<std::promise<std::thread::id>>();
    std::future<std::thread::id> thread = promise->get_future();
    ledger->reserve(spending({subject}, amount), [promise](Granted one) {
      one->settle({});
      promise->set_value(std::this_thread::get_id());
    });
    return thread.get() == std::this_thread::get_id();
  };
  EXPECT_FALSE(calls_back_on_own_thread("key:a", {5, 5, 1}));
  EXPECT_TRUE(calls_back_on_own_thread("key:a", {0, 5, 1}));
  EXPECT_TRUE(calls_back_on_own_thread("key:b", {5, 5, 1}));
}

TEST(Ledger, ManyCallersShareACommit) {
  const TemporaryFolder folder;
  Surroundings around;
  auto options =
      around.options({{"all", Period::total, {.micro_usd = 1'000'000}}}, folder / "l.db");
  options.survives_power_cuts = true;  // slow enough that callers gather
  auto ledger = take(Ledger::open(options));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int call = 0; call < 5; ++call)
        ledger->reserve_and_wait(spending({"key:a"}, {3, 2, 1}))->settle({2, 2, 1});
    });
  for (std::thread& thread : threads) thread.join();
  require(ledger->flush());
  const Ledger::Counts counts = ledger->counts();
  EXPECT_EQ(counts.entries, 2 * 5 * kThreads);
  EXPECT_LT(counts.commits, counts.entries / 2);
  EXPECT_EQ(counts.waiting, 0);
}

bool same(const std::vector<ledger::Book::Row>& a, const std::vector<ledger::Book::Row>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.subject == y.subject && x.period == y.period && x.window == y.window &&
           x.figures.spent == y.figures.spent && x.figures.held == y.figures.held;
  });
}

TEST(Ledger, AfterARestartItKnowsWhatItKnewBefore) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    const TemporaryFolder folder;
    Surroundings around;
    const std::vector<ledger::Budget> budgets = {{"all", Period::total, {.micro_usd = 100'000}},
                                                 {"key:*", Period::day, {.micro_usd = 900}}};
    std::mt19937 random(seed);
    std::vector<Granted> held;
    auto ledger = around.open(budgets, folder / "l.db");
    for (int restart = 0; restart < 4; ++restart) {
      for (int step = 0; step < 150; ++step) {
        if (random() % 20 == 0) around.set(around.now() + std::chrono::hours(random() % 60));
        Granted one =
            ledger->reserve_and_wait(spending({"key:" + std::to_string(random() % 4), "member:m"},
                                              {static_cast<std::int64_t>(random() % 90), 7, 1}));
        if (!one) continue;
        if (random() % 4 == 0)
          held.push_back(std::move(one));
        else if (random() % 4 == 0)
          one->cancel({5, 5, 1}, {4, 6, 1});
        else if (random() % 9 != 0)
          one->settle({static_cast<std::int64_t>(random() % 99), 6, 1});
        while (held.size() > 5) {
          held.erase(held.begin() + static_cast<std::ptrdiff_t>(random() % held.size()));
        }
      }
      if (restart == 3) {
        // Calls that were under way are charged in full by the next start.
        const ledger::Window before = row_of(*ledger, "all").figures;
        EXPECT_GT(before.held.calls, 0);
        ledger.reset();
        ledger = around.open(budgets, folder / "l.db");
        Amount expected = before.spent;
        ledger::add(expected, before.held);
        EXPECT_EQ(row_of(*ledger, "all").figures.spent, expected);
        EXPECT_EQ(row_of(*ledger, "all").figures.held, Amount{});
        held.clear();
        continue;
      }
      held.clear();
      const auto before = ledger->rows();
      const auto months = ledger->history(Period::month);
      ledger.reset();
      ledger = around.open(budgets, folder / "l.db");
      EXPECT_TRUE(same(ledger->rows(), before)) << seed;
      EXPECT_TRUE(same(ledger->history(Period::month), months)) << seed;
      EXPECT_EQ(ledger->counts().abandoned, 0);
    }
  }
}

TEST(Ledger, EndsWhileOthersStillSettle) {
  const TemporaryFolder folder;
  Surroundings around;
  for (int round = 0; round < 20; ++round) {
    auto ledger = around.open({{"all", Period::total, {.micro_usd = 1'000'000}}}, folder / "l.db");
    std::vector<Granted> held;
    for (int i = 0; i < 20; ++i) held.push_back(ledger->reserve_and_wait(spending({}, {3, 0, 1})));
    std::thread settles([&] {
      for (Granted& one : held) one->settle({1, 0, 1});
    });
    ledger.reset();
    settles.join();
  }
  const Amount spent = row_of(*around.open({}, folder / "l.db"), "all").figures.spent;
  EXPECT_EQ(spent.calls, 400);
  EXPECT_GE(spent.micro_usd, 400);
  EXPECT_LE(spent.micro_usd, 1'200);
}

}  // namespace
}  // namespace trinity::testing
