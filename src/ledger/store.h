// The ledger on disk: an SQLite file that one process at a time writes.
//
// Two tables. `reservation` has a row for every reservation, with its prices and what it came to;
// `spent` has what each subject spent a day, so that a start reads sums and not every row there
// ever was. Both change in one transaction, and an entry that is written twice changes nothing the
// second time: a row that is no longer "reserved" is not settled again. The file is in WAL mode, so
// other programs may read it meanwhile.
//
// Opening settles what a dead process left "reserved" at the whole of what it held, as "abandoned":
// the calls may have been made. A lock file beside the database keeps a second process out.
//
// The types of SQLite stay in sqlite_store.cc.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/amount.h"
#include "ledger/calendar.h"

namespace trinity::ledger {

/// Micro-USD a million tokens.
struct Price {
  std::int64_t input = 0, output = 0, cached_input = 0;

  bool operator==(const Price&) const = default;
};

/// What a call is for. Kept with its row; nothing is computed from it.
struct Purpose {
  std::string run;  // id of the request
  std::int64_t turn = 0;
  std::string member;
  std::optional<Price> price;
};

/// How a reservation ended.
enum class Ending {
  settled,
  cancelled,  // cut off; charged at what was seen or estimated
  dropped,    // nobody said what it cost; charged in full
  abandoned,  // its process died; charged in full
};
/// "settled", "cancelled", "dropped" or "abandoned".
const char* ending_name(Ending ending);

/// One line of the book: a reservation, or its end.
struct Entry {
  std::int64_t id = 0;
  bool is_end = false;
  std::int64_t at_ms = 0;  // since 1970
  Day day = 0;             // in which it counts
  std::vector<std::string> subjects;
  Amount amount;  // held, or at the end what it cost
  Purpose purpose;
  Ending ending = Ending::settled;
  bool estimated = false;
};

/// What a start finds.
struct StoredState {
  struct Sum {
    std::string subject;
    Day day = 0;
    Amount spent;
  };
  std::vector<Sum> sums;
  std::int64_t next_id = 1;
  std::int64_t abandoned = 0;  // reservations charged at this start
  Amount abandoned_amount;
};

struct StoreOptions {
  std::filesystem::path path;
  /// Every commit waits until the disk has it (milliseconds); otherwise a power cut, but no crash
  /// of the program, may lose the last commits.
  bool survives_power_cuts = false;
  std::chrono::milliseconds busy_timeout{2'000};  // for another program that holds the database
};

class Store {
 public:
  /// Opens or makes the database and settles what was abandoned; `now` is when that happened.
  /// Errors: `missing_folder`, `unwritable_ledger`, `ledger_in_use`, `ledger_too_new`,
  /// `not_a_ledger`, `corrupt_ledger`, `ledger_disk_full`, `ledger_busy`, `ledger_io_error`.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, Instant now);

  virtual ~Store() = default;
  virtual const StoredState& state() const = 0;
  /// Writes all of them in one transaction, or none. The errors of `open` that can still happen.
  virtual Status write(std::span<const Entry> entries) = 0;
};

}  // namespace trinity::ledger
