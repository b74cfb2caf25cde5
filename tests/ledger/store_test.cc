// The database: what a start finds, who may open it, and disks that fail.
#include "ledger/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/temporary_folder.h"
#include "ledger/journal.h"
#include "ledger/ledger_support.h"

namespace trinity::testing {
namespace {

using ledger::Entry;
using ledger::Store;

std::unique_ptr<Store> open(const std::filesystem::path& path) {
  ledger::StoreOptions options;
  options.path = path;
  options.busy_timeout = std::chrono::milliseconds(50);
  return take(Store::open(options, kNoon));
}

Error open_error(const std::filesystem::path& path) {
  ledger::StoreOptions options;
  options.path = path;
  options.busy_timeout = std::chrono::milliseconds(50);
  auto store = Store::open(options, kNoon);
  return store ? Error{} : store.error();
}

Entry reserved(std::int64_t id, ledger::Amount amount) {
  return {id,
          false,
          1'000,
          20'784,
          {"key:a", "all"},
          amount,
          {"run-1", 2, "m", ledger::Price{1, 2, 3}}};
}
Entry ended(std::int64_t id, ledger::Amount amount,
            ledger::Ending ending = ledger::Ending::settled) {
  return {id, true, 2'000, 20'784, {"key:a", "all"}, amount, {}, ending, true};
}

/// What another program finds in the file: the first row, its columns joined by "|".
std::string query(const std::filesystem::path& path, const char* sql) {
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) return "cannot open";
  sqlite3_stmt* statement = nullptr;
  std::string row;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK)
    row = sqlite3_errmsg(database);
  else if (sqlite3_step(statement) == SQLITE_ROW)
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const unsigned char* text = sqlite3_column_text(statement, i);
      row += (i ? "|" : "") + std::string(text ? reinterpret_cast<const char*>(text) : "null");
    }
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return row;
}

TEST(LedgerStore, KeepsRowsWithPricesAndEstimates) {
  const TemporaryFolder folder;
  {
    auto store = open(folder / "l.db");
    EXPECT_EQ(store->state().next_id, 1);
    require(store->write(std::vector{reserved(7, {100, 20, 1}), ended(7, {60, 12, 1})}));
  }
  EXPECT_EQ(query(folder / "l.db", "SELECT * FROM reservation"),
            R"(7|1000|20784|["key:a","all"]|run-1|2|m|1|2|3|100|20|1|settled|2000|60|12|1|1)");
  EXPECT_EQ(query(folder / "l.db", "SELECT * FROM spent WHERE subject='key:a'"),
            "key:a|20784|60|12|1");
  auto store = open(folder / "l.db");
  EXPECT_EQ(store->state().next_id, 8);
  EXPECT_EQ(store->state().abandoned, 0);
  ASSERT_EQ(store->state().sums.size(), 2u);
  EXPECT_EQ(store->state().sums[1].subject, "key:a");
  EXPECT_EQ(store->state().sums[1].spent, (ledger::Amount{60, 12, 1}));
}

TEST(LedgerStore, AnEntryThatIsWrittenTwiceChangesNothing) {
  const TemporaryFolder folder;
  auto store = open(folder / "l.db");
  const std::vector entries{reserved(1, {100, 20, 1}), ended(1, {60, 12, 1})};
  require(store->write(entries));
  require(store->write(entries));
  require(store->write(std::vector{ended(1, {5, 5, 5}, ledger::Ending::dropped)}));
  EXPECT_EQ(query(folder / "l.db", "SELECT micro_usd, tokens, calls FROM spent"), "60|12|1");
}

TEST(LedgerStore, UnsettledRowsAreChargedAtTheNextStart) {
  const TemporaryFolder folder;
  require(open(folder / "l.db")
              ->write(std::vector{reserved(1, {100, 20, 1}), reserved(2, {7, 0, 1}),
                                  ended(2, {3, 0, 1})}));
  for (const int abandoned : {1, 0}) {  // once, whatever the number of starts
    auto store = open(folder / "l.db");
    EXPECT_EQ(store->state().abandoned, abandoned);
    EXPECT_EQ(store->state().abandoned_amount.micro_usd, abandoned * 100);
    EXPECT_EQ(store->state().sums.front().spent, (ledger::Amount{103, 20, 2}));
  }
  EXPECT_EQ(query(folder / "l.db", "SELECT state, micro_usd FROM reservation WHERE id=1"),
            "abandoned|100");
}

TEST(LedgerStore, OneProcessAtATime) {
  const TemporaryFolder folder;
  auto store = open(folder / "l.db");
  const Error error = open_error(folder / "l.db");
  EXPECT_EQ(error.tag, "ledger_in_use");
  EXPECT_NE(error.message.find("by process " + std::to_string(::getpid())), std::string::npos)
      << error.message;
  // Not through another name either.
  std::filesystem::create_symlink(folder / "l.db", folder / "link.db");
  EXPECT_EQ(open_error(folder / "link.db").tag, "ledger_in_use");
  std::filesystem::create_directory_symlink(folder.path(), folder / "again");
  EXPECT_EQ(open_error(folder / "again" / "l.db").tag, "ledger_in_use");
  store.reset();
  open(folder / "link.db");
}

TEST(LedgerStore, RefusesWhatIsNoLedgerAndLeavesItAsItIs) {
  const TemporaryFolder folder;
  EXPECT_EQ(open_error(folder / "absent" / "l.db").tag, "missing_folder");
  std::filesystem::create_directory(folder / "folder.db");
  EXPECT_EQ(open_error(folder / "folder.db").tag, "not_a_ledger");

  folder.put("text.db", std::string(5'000, 'x'));
  EXPECT_EQ(open_error(folder / "text.db").tag, "corrupt_ledger");
  EXPECT_EQ(slurp(folder / "text.db"), std::string(5'000, 'x'));

  query(folder / "other.db", "CREATE TABLE mine(a)");
  EXPECT_EQ(open_error(folder / "other.db").tag, "not_a_ledger");
  EXPECT_EQ(query(folder / "other.db", "SELECT name FROM sqlite_schema"), "mine");

  folder.put("empty.db", "");  // as a service manager may make it beforehand
  open(folder / "empty.db");
}

TEST(LedgerStore, RefusesANewerForm) {
  const TemporaryFolder folder;
  open(folder / "l.db");
  query(folder / "l.db", "PRAGMA user_version=2");
  const Error error = open_error(folder / "l.db");
  EXPECT_EQ(error.tag, "ledger_too_new");
  EXPECT_EQ(error.kind, ErrorKind::unsupported);
  EXPECT_EQ(query(folder / "l.db", "PRAGMA user_version"), "2");
}

TEST(LedgerStore, TellsDamage) {
  const TemporaryFolder folder;
  {
    auto store = open(folder / "l.db");
    std::vector<Entry> entries;
    for (int id = 1; id <= 400; ++id) entries.push_back(reserved(id, {1, 1, 1}));
    require(store->write(entries));
  }
  const std::string whole = slurp(folder / "l.db");
  ASSERT_GT(whole.size(), 20'000u);
  folder.put("cut.db", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(open_error(folder / "cut.db").tag, "corrupt_ledger");
  std::string holed = whole;
  std::fill(holed.begin() + 4'096, holed.end(), '\x5a');
  folder.put("holed.db", holed);
  EXPECT_EQ(open_error(folder / "holed.db").tag, "corrupt_ledger");
}

/// This process without the rights of the superuser, for whom nothing is read-only.
class AsSomebody {
 public:
  AsSomebody() {
    if (::geteuid() == 0 && ::seteuid(65'534) != 0) throw std::runtime_error("seteuid");
  }
  ~AsSomebody() {
    if (::getuid() == 0 && ::seteuid(0) != 0) std::abort();
  }
};

TEST(LedgerStore, TellsPlacesThatCannotBeWritten) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "closed");
  open(folder / "file.db");
  namespace fs = std::filesystem;
  const fs::perms others_may_read = fs::perms::owner_read | fs::perms::group_read |
                                    fs::perms::others_read | fs::perms::owner_exec |
                                    fs::perms::group_exec | fs::perms::others_exec;
  fs::permissions(folder.path(), others_may_read | fs::perms::owner_write);
  fs::permissions(folder / "closed", others_may_read);
  fs::permissions(folder / "file.db", others_may_read);
  fs::permissions(folder / "file.db.lock", fs::perms::all);
  const AsSomebody somebody;
  const Error in_folder = open_error(folder / "closed" / "l.db");
  EXPECT_EQ(in_folder.tag, "unwritable_ledger") << in_folder.message;
  const Error of_file = open_error(folder / "file.db");
  EXPECT_EQ(of_file.tag, "unwritable_ledger") << of_file.message;
}

TEST(LedgerStore, TellsThatAnotherProgramHoldsIt) {
  const TemporaryFolder folder;
  auto store = open(folder / "l.db");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "l.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Status busy = store->write(std::vector{reserved(1, {1, 1, 1})});
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().tag, "ledger_busy");
  sqlite3_close(other);
  require(store->write(std::vector{reserved(1, {1, 1, 1})}));
}

/// Files of this process that grow no further: a full disk.
class FullDisk {
 public:
  explicit FullDisk(std::uintmax_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST(LedgerStore, AFailedWriteLeavesNothingBehindAndTheNextOneWorks) {
  const TemporaryFolder folder;
  auto store = open(folder / "l.db");
  require(store->write(std::vector{reserved(1, {1, 1, 1})}));
  {
    const FullDisk full(std::filesystem::file_size(folder / "l.db-wal"));
    const Status status = store->write(std::vector{reserved(2, {1, 1, 1}), ended(1, {1, 1, 1})});
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error().tag == "ledger_io_error" || status.error().tag == "ledger_disk_full")
        << status.error().tag;
  }
  EXPECT_EQ(query(folder / "l.db", "SELECT count(*) FROM reservation"), "1");
  EXPECT_EQ(query(folder / "l.db", "SELECT count(*) FROM spent"), "0");
  require(store->write(std::vector{reserved(2, {1, 1, 1}), ended(1, {1, 1, 1})}));
  EXPECT_EQ(query(folder / "l.db", "SELECT count(*) FROM reservation"), "2");
}

TEST(LedgerStore, AFullDiskFailsMoneyLosesNoSettlementAndEnds) {
  const TemporaryFolder folder;
  Surroundings around;
  auto options =
      around.options({{"all", ledger::Period::total, {.micro_usd = 1'000}}}, folder / "l.db");
  options.retry = std::chrono::milliseconds(1);
  auto ledger = take(ledger::Ledger::open(options));
  ledger::Granted before = ledger->reserve_and_wait(spending({"key:a"}, {100, 0, 1}));
  ASSERT_TRUE(before);
  {
    const FullDisk full(std::filesystem::file_size(folder / "l.db-wal"));
    for (int i = 0; i < 3; ++i) {
      const ledger::Granted denied = ledger->reserve_and_wait(spending({"key:a"}, {100, 0, 1}));
      ASSERT_FALSE(denied);
      EXPECT_TRUE(denied.error().error.tag == "ledger_io_error" ||
                  denied.error().error.tag == "ledger_disk_full");
      EXPECT_FALSE(denied.error().refusal);
    }
    before->settle({40, 0, 1});
    // What holds no money goes on.
    ledger::Granted tokens = ledger->reserve_and_wait(spending({"key:a"}, {0, 50, 1}));
    ASSERT_TRUE(tokens);
    tokens->settle({0, 30, 1});
    EXPECT_FALSE(ledger->flush());
    EXPECT_TRUE(ledger->counts().failing);
  }
  require(ledger->flush());
  EXPECT_FALSE(ledger->counts().failing);
  EXPECT_EQ(ledger->counts().failed, 3);
  EXPECT_EQ(row_of(*ledger, "all").figures.held, ledger::Amount{});
  EXPECT_EQ(query(folder / "l.db", "SELECT micro_usd, tokens, calls FROM spent"), "40|30|2");
  EXPECT_TRUE(ledger->reserve_and_wait(spending({"key:a"}, {960, 0, 1})));
  EXPECT_FALSE(around.notices().empty());
}

TEST(LedgerStore, ALedgerThatCannotBeWrittenAtItsEndSaysWhatIsLost) {
  const TemporaryFolder folder;
  Surroundings around;
  {
    auto ledger = around.open({}, folder / "l.db");
    ledger::Granted one = ledger->reserve_and_wait(spending({"key:a"}, {100, 0, 1}));
    ASSERT_TRUE(one);
    require(ledger->flush());
    one->settle({40, 0, 1});
    const FullDisk full(std::filesystem::file_size(folder / "l.db-wal"));
    // The settlement may be under way to the disk already; another one certainly is not.
    one = ledger->reserve_and_wait(spending({"key:a"}, {100, 0, 1}));
    one->settle({1, 0, 1});
    ledger.reset();
    EXPECT_NE(around.last_notice().find("entries of the ledger were not written"),
              std::string::npos);
  }
  EXPECT_GE(row_of(*around.open({}, folder / "l.db"), "all").figures.spent.micro_usd, 40);
}

// A store that fails when it is told to.
class FlakyStore final : public Store {
 public:
  struct Shared {
    std::atomic<bool> fails = false;
    std::mutex mutex;
    std::vector<Entry> written;
    std::vector<std::size_t> groups;
  };
  explicit FlakyStore(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  const ledger::StoredState& state() const override { return state_; }
  Status write(std::span<const Entry> entries) override {
    if (shared_->fails) return fail(ErrorKind::failed, "ledger_io_error", "no");
    const std::lock_guard lock(shared_->mutex);
    shared_->written.insert(shared_->written.end(), entries.begin(), entries.end());
    shared_->groups.push_back(entries.size());
    return {};
  }

 private:
  std::shared_ptr<Shared> shared_;
  ledger::StoredState state_;
};

TEST(LedgerJournal, KeepsWhatNobodyWaitsForInOrderOverFailures) {
  auto shared = std::make_shared<FlakyStore::Shared>();
  ledger::JournalOptions options;
  options.retry = std::chrono::milliseconds(1);
  auto journal = take(ledger::Journal::start(std::make_unique<FlakyStore>(shared), options));
  std::atomic<int> told_of_failure = 0, told_of_success = 0;
  for (int id = 1; id <= 500; ++id) {
    shared->fails = id % 7 < 3;
    if (id % 5 == 0)
      journal->append(reserved(id, {}), [&](const Status& status) {
        ++(status ? told_of_success : told_of_failure);
      });
    else
      journal->append(reserved(id, {}));
  }
  shared->fails = false;
  require(journal->flush());
  require(journal->flush());  // what a failing attempt had in its hands is back
  EXPECT_EQ(told_of_failure + told_of_success, 100);
  std::int64_t last = 0, calm = 0, urgent = 0;
  for (const Entry& entry : shared->written) {
    if (entry.id % 5 == 0) {
      ++urgent;
      continue;
    }
    EXPECT_GT(entry.id, last);
    last = entry.id;
    ++calm;
  }
  EXPECT_EQ(calm, 400);
  EXPECT_EQ(urgent, told_of_success);
}

TEST(LedgerJournal, IsFullBeforeMemoryIs) {
  auto shared = std::make_shared<FlakyStore::Shared>();
  shared->fails = true;
  ledger::JournalOptions options;
  options.most_kept = 10;
  auto journal = take(ledger::Journal::start(std::make_unique<FlakyStore>(shared), options));
  for (int id = 1; id <= 10; ++id) journal->append(reserved(id, {}));
  EXPECT_FALSE(journal->flush());
  EXPECT_TRUE(journal->is_full());
  EXPECT_EQ(journal->counts().waiting, 10);
  shared->fails = false;
  require(journal->flush());
  EXPECT_FALSE(journal->is_full());
}

}  // namespace
}  // namespace trinity::testing
