// Budgets that several servers share, kept in a Redis.
//
// A reservation is one Lua script: it tries the amount against every budget of every subject and
// adds it to all of them, or to none, so that no two servers are granted the same money. What is
// reserved counts as spent at once; settling adds the difference to what it came to. A server that
// dies therefore leaves its calls charged in full without anybody's help. Settling is a script too.
// Each works once for a reservation, so both may be sent again after a broken connection.
//
// Days and months are keys of their own that expire two days after their end; a reservation can be
// settled for a day.
//
// When the Redis cannot be asked, what holds money under a budget of money is refused, and the rest
// (tokens, calls: the rate) is granted: is_shared() tells. One thread talks to the server, with all
// that waits in one go; while it is away, nobody waits for longer than an attempt, and there
// is one every `retry`. An attempt takes at most `server.timeout` to connect and as long to answer,
// and the time that the system needs to look up a name.
//
// This stands beside the ledger of each server, which keeps the rows: reserve there, then here.
#pragma once

#include <trinity/error.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "ledger/budget.h"
#include "ledger/redis_connection.h"

namespace trinity::ledger {

struct RedisBudgetOptions {
  RedisServer server = {};
  std::vector<Budget> budgets = {};
  std::string prefix = "trinity";  // of all keys
  std::chrono::milliseconds retry{250};
  std::function<Instant()> now = {};              // empty: the system's
  std::function<void(const Error&)> notice = {};  // told when the Redis goes away
};

/// What was reserved of the shared budgets. Destroyed unsettled, it stays charged in full.
class SharedReservation {
 public:
  class Keeper;
  struct Entry;

  SharedReservation(std::shared_ptr<Keeper> keeper, std::shared_ptr<const Entry> entry,
                    bool is_shared);
  SharedReservation(SharedReservation&&) noexcept = default;
  SharedReservation& operator=(SharedReservation&&) noexcept = default;
  ~SharedReservation() = default;

  /// False: the Redis was not asked, because it is away or no budget applies.
  bool is_shared() const { return is_shared_; }
  /// What the call came to; once, later calls change nothing. Sent when the Redis is there.
  void settle(const Amount& actual);

 private:
  std::shared_ptr<Keeper> keeper_;
  std::shared_ptr<const Entry> entry_;
  bool is_shared_;
};

using SharedGranted = tl::expected<SharedReservation, Denial>;

class RedisBudget {
 public:
  /// Starts the thread; the Redis may be away. Errors: `invalid_budget`, `invalid_subject`,
  /// `out_of_threads`.
  static Result<std::unique_ptr<RedisBudget>> start(RedisBudgetOptions options);
  /// Sends the settlements that are left, if the Redis is there.
  ~RedisBudget();
  RedisBudget(const RedisBudget&) = delete;
  RedisBudget& operator=(const RedisBudget&) = delete;

  /// Calls back once, on this thread or its own. Denied with `budget_exceeded`, `invalid_amount`,
  /// `invalid_subject`, `redis_unreachable`, `redis_refused` or `redis_failed`.
  void reserve(std::vector<std::string> subjects, const Amount& amount,
               std::function<void(SharedGranted)> done);
  SharedGranted reserve_and_wait(std::vector<std::string> subjects, const Amount& amount);
  /// Returns when what was settled so far is sent, or could not be.
  Status flush();

 private:
  explicit RedisBudget(std::shared_ptr<SharedReservation::Keeper> keeper);
  std::shared_ptr<SharedReservation::Keeper> keeper_;
};

}  // namespace trinity::ledger
