// A process that is killed again and again, while an upstream counts what it was asked to do.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "base/temporary_folder.h"
#include "ledger/ledger_support.h"

namespace trinity::testing {
namespace {

constexpr std::int64_t kReserve = 100;

/// What the upstream has seen, in memory that outlives the processes that call it.
struct Upstream {
  std::atomic<std::int64_t> calls, micro_usd, refused, errors;
};

Upstream* shared_upstream() {
  void* memory =
      ::mmap(nullptr, sizeof(Upstream), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
  return new (memory) Upstream{};
}

std::vector<ledger::Budget> capped_at(std::int64_t micro_usd) {
  return {{"all", ledger::Period::total, {.micro_usd = micro_usd}}};
}

/// Calls the upstream from four threads until the budget refuses.
[[noreturn]] void spend_until_refused(const std::filesystem::path& database, std::int64_t cap,
                                      unsigned seed, Upstream& upstream) {
  ledger::LedgerOptions options;
  options.budgets = capped_at(cap);
  options.database = database;
  auto ledger = ledger::Ledger::open(options);
  if (!ledger) {
    ++upstream.errors;
    ::_exit(1);
  }
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      std::mt19937 random(seed * 4 + thread);
      for (;;) {
        ledger::Granted one =
            (*ledger)->reserve_and_wait(spending({"key:a", "member:m"}, {kReserve, 10, 1}));
        if (!one) {
          if (one.error().error.tag != "budget_exceeded") ++upstream.errors;
          ++upstream.refused;
          return;
        }
        const std::int64_t cost = 1 + static_cast<std::int64_t>(random() % kReserve);
        ++upstream.calls;
        upstream.micro_usd += cost;
        if (random() % 8 == 0)
          one->cancel({cost, 10, 1});
        else
          one->settle({cost, 10, 1});
      }
    });
  for (std::thread& one : threads) one.join();
  ledger->reset();
  ::_exit(0);
}

TEST(LedgerCrash, AKilledProcessForgetsNothingThatItSpent) {
  const TemporaryFolder folder;
  const std::filesystem::path database = folder / "l.db";
  constexpr std::int64_t cap = 600'000;
  Upstream& upstream = *shared_upstream();
  std::mt19937 random(7);
  std::int64_t abandoned = 0;
  for (unsigned round = 0; round < 20; ++round) {
    const std::int64_t deadly_call = upstream.calls + 1 + static_cast<std::int64_t>(random() % 150);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) spend_until_refused(database, cap, round, upstream);
    int status = 0;
    pid_t ended = 0;
    while (upstream.calls < deadly_call && ended == 0) ended = ::waitpid(child, &status, WNOHANG);
    ASSERT_EQ(ended, 0) << "the budget was to last for all rounds";
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    Surroundings around;
    auto ledger = around.open(capped_at(cap), database);
    const ledger::Window all = row_of(*ledger, "all").figures;
    EXPECT_EQ(all.held, ledger::Amount{});
    EXPECT_GE(all.spent.micro_usd, upstream.micro_usd) << round;
    EXPECT_GE(all.spent.calls, upstream.calls) << round;
    EXPECT_LE(all.spent.micro_usd, cap);
    abandoned += ledger->counts().abandoned;
  }
  EXPECT_GT(abandoned, 0);

  // The last one lives until the money is spent: no call above the cap in all these lives.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) spend_until_refused(database, cap, 99, upstream);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(upstream.refused, 4);
  EXPECT_EQ(upstream.errors, 0);
  EXPECT_LE(upstream.micro_usd, cap);
  Surroundings around;
  auto ledger = around.open(capped_at(cap), database);
  const ledger::Window all = row_of(*ledger, "all").figures;
  EXPECT_EQ(ledger->counts().abandoned, 0);
  EXPECT_GE(all.spent.micro_usd, upstream.micro_usd);
  EXPECT_LE(all.spent.micro_usd, cap);
  EXPECT_GT(all.spent.micro_usd + kReserve, cap);
}

TEST(LedgerCrash, TheLockOfADeadProcessIsFree) {
  const TemporaryFolder folder;
  Upstream& upstream = *shared_upstream();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) spend_until_refused(folder / "l.db", INT64_MAX, 1, upstream);
  while (upstream.calls == 0) std::this_thread::yield();
  auto refused = ledger::Ledger::open(Surroundings().options({}, folder / "l.db"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().tag, "ledger_in_use");
  EXPECT_NE(refused.error().message.find("by process " + std::to_string(child)), std::string::npos);
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  Surroundings around;
  EXPECT_GT(row_of(*around.open({}, folder / "l.db"), "all").figures.spent.calls, 0);
}

}  // namespace
}  // namespace trinity::testing
