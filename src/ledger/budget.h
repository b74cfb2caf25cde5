// What budgets are, and why a reservation was refused.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/amount.h"
#include "ledger/calendar.h"

namespace trinity::ledger {

/// The subject that every reservation counts for besides its own.
inline constexpr const char* kAll = "all";

enum class Period { total, day, month };  // days and months of UTC
/// "total", "day" or "month".
const char* period_name(Period period);

/// A cap on what one subject spends in one period. A subject that ends with "*" stands for every
/// subject that begins so and has no budget of this period under its own name; each of them then
/// has such a budget for itself.
struct Budget {
  std::string subject;  // "key:alice", "key:*", "member:gpt", "all"
  Period period = Period::total;
  Caps caps = {};
};

/// What the budgets allow the subject in a period: the lowest of those under its own name, or of
/// the longest beginning with a "*" that fits.
Caps caps_of(const std::vector<Budget>& budgets, const std::string& subject, Period period);

/// A name that can stand in messages and reports: 1 to 256 bytes of UTF-8 without control
/// characters. Error `invalid_subject`.
Status check_subject(const std::string& subject);
/// Error `invalid_budget`: a negative cap, none at all, or a subject that is none.
Status check_budget(const Budget& budget);

/// Which budget does not suffice.
struct Refusal {
  std::string subject;  // whose
  Period period = Period::total;
  std::string kind;  // "money", "tokens" or "calls"
  std::int64_t limit = 0, spent = 0, held = 0, asked = 0;
  std::optional<Instant>
      resets_at;  // when the day or month ends; nothing else brings a budget back
};

/// What a reservation that was not granted is told.
struct Denial {
  Error error;  // `budget_exceeded` when a budget refused, else why nothing is granted
  std::optional<Refusal> refusal;  // of `budget_exceeded`
};

Denial denial_of(Refusal refusal);

}  // namespace trinity::ledger
