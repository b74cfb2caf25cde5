#include "serve/budget_text.h"

#include <charconv>
#include <cmath>
#include <string>

#include "base/try.h"

namespace trinity::serve {
namespace {

tl::unexpected<Error> bad(std::string_view text, const std::string& why) {
  return fail(ErrorKind::usage, "invalid_budget",
              "the budget \"" + std::string(text) + "\" " + why +
                  "; write for example key:alice=5usd/day, member:gpt=1000calls/month or "
                  "all=2000000tokens/total");
}

constexpr double kMostUsd = 1e9;

}  // namespace

Result<ledger::Budget> parse_budget(std::string_view text) {
  ledger::Budget budget;
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return bad(text, "has no \"=\"");
  budget.subject = text.substr(0, equals);
  std::string_view amount = text.substr(equals + 1);
  budget.period = ledger::Period::day;
  if (const std::size_t slash = amount.find('/'); slash != std::string_view::npos) {
    const std::string_view period = amount.substr(slash + 1);
    amount = amount.substr(0, slash);
    if (period == "month") {
      budget.period = ledger::Period::month;
    } else if (period == "total") {
      budget.period = ledger::Period::total;
    } else if (period != "day") {
      return bad(text, "has another period than day, month or total");
    }
  }
  double number = 0;
  const auto [end, error] = std::from_chars(amount.data(), amount.data() + amount.size(), number);
  if (error != std::errc() || !std::isfinite(number) || number < 0 || number > kMostUsd * 1e3)
    return bad(text, "has no number that can be an amount");
  const std::string_view unit(end, static_cast<std::size_t>(amount.data() + amount.size() - end));
  if (unit == "usd") {
    if (number > kMostUsd) return bad(text, "allows more money than there is any use for");
    budget.caps.micro_usd = std::llround(number * 1e6);
  } else if (unit == "tokens" || unit == "calls") {
    if (number != std::floor(number)) return bad(text, "has a fraction of a whole thing");
    (unit == "tokens" ? budget.caps.tokens : budget.caps.calls) = std::llround(number);
  } else {
    return bad(text, "has another unit than usd, tokens or calls");
  }
  TRINITY_CHECK(ledger::check_budget(budget));
  return budget;
}

}  // namespace trinity::serve
