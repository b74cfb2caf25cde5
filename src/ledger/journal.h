// The writer: takes entries from any thread and puts them into the store in groups, on a thread of
// its own.
//
// An entry that somebody waits for is written at once, with everything that has gathered; while one
// group is written the next gathers, so that many callers share a commit. Entries that nobody waits
// for gather for 5 ms or until there are 64.
//
// When the store fails, everybody who waits is told at once and that entry is forgotten; the others
// are kept, in order, and tried again: with the next entry that somebody waits for, else every
// second. So a full disk stops what must be durable, loses no settlement, and is over when there is
// room again.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "ledger/store.h"

namespace trinity::ledger {

struct JournalOptions {
  std::chrono::milliseconds gather{5};
  std::size_t group = 64;
  std::chrono::milliseconds retry{1'000};
  std::size_t most_kept = 100'000;  // entries that wait for the disk
  /// Told of a failure when it begins, and of entries that were lost at the end. On the writer's
  /// thread.
  std::function<void(const Error&)> notice;
};

class Journal {
 public:
  using Written = std::function<void(const Status&)>;

  /// Error `out_of_threads`.
  static Result<std::unique_ptr<Journal>> start(std::unique_ptr<Store> store,
                                                JournalOptions options);
  /// Writes what has gathered, or gives it up when the store fails, and ends the thread.
  virtual ~Journal() = default;

  /// `written`, if there is one, is called once on the writer's thread and must not block.
  virtual void append(Entry entry, Written written = {}) = 0;
  /// Whether more waits for the disk than is kept: nothing new should begin.
  virtual bool is_full() const = 0;
  /// Returns when everything that was appended before is written or has failed once.
  virtual Status flush() = 0;

  struct Counts {
    std::int64_t commits = 0, entries = 0, failures = 0, waiting = 0;
    std::optional<Error> failing;  // while the store fails
  };
  virtual Counts counts() const = 0;
};

}  // namespace trinity::ledger
