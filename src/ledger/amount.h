// What is counted against budgets: money, tokens and calls, as integers that never round.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace trinity::ledger {

struct Amount {
  std::int64_t micro_usd = 0;  // millionths of a US dollar
  std::int64_t tokens = 0;
  std::int64_t calls = 0;

  bool operator==(const Amount&) const = default;
};

/// The most of each kind that one reservation may hold or cost: a million dollars, 10^12 tokens. So
/// sums of millions of them stay within 64 bits.
inline constexpr std::int64_t kMostOfOneCall = 1'000'000'000'000;

/// What may be spent of each kind. Absent: as much as one likes.
struct Caps {
  std::optional<std::int64_t> micro_usd = {}, tokens = {}, calls = {};

  bool operator==(const Caps&) const = default;
};

/// The three kinds, for code that treats them alike.
struct Kind {
  const char* name;  // "money", "tokens", "calls"
  std::int64_t Amount::*amount;
  std::optional<std::int64_t> Caps::*cap;
};
inline constexpr Kind kKinds[] = {{"money", &Amount::micro_usd, &Caps::micro_usd},
                                  {"tokens", &Amount::tokens, &Caps::tokens},
                                  {"calls", &Amount::calls, &Caps::calls}};

/// a + b, at most the largest number that there is.
inline std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/// Of amounts that are not negative.
inline void add(Amount& to, const Amount& what) {
  for (const Kind& kind : kKinds)
    to.*kind.amount = saturating_sum(to.*kind.amount, what.*kind.amount);
}

/// The larger of both, kind by kind.
inline Amount larger(Amount a, const Amount& b) {
  for (const Kind& kind : kKinds) a.*kind.amount = std::max(a.*kind.amount, b.*kind.amount);
  return a;
}

/// Each kind between 0 and what one call may cost.
inline Amount bounded(Amount amount) {
  for (const Kind& kind : kKinds)
    amount.*kind.amount = std::clamp<std::int64_t>(amount.*kind.amount, 0, kMostOfOneCall);
  return amount;
}

/// "0.25 USD", "1,200.000001 USD": two decimals, and more where they say something.
std::string money_text(std::int64_t micro_usd);
/// Of a kind: money_text, or "1,200 tokens", "3 calls".
std::string amount_text(const Kind& kind, std::int64_t value);

}  // namespace trinity::ledger
