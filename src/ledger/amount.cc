#include "ledger/amount.h"

#include <fmt/format.h>

namespace trinity::ledger {
namespace {

std::string grouped(std::uint64_t value) {
  std::string digits = fmt::format("{}", value);
  for (std::size_t from_end = 3; from_end < digits.size(); from_end += 4)
    digits.insert(digits.size() - from_end, 1, ',');
  return digits;
}

}  // namespace

std::string money_text(std::int64_t micro_usd) {
  const std::uint64_t size = micro_usd < 0 ? 0 - static_cast<std::uint64_t>(micro_usd)
                                           : static_cast<std::uint64_t>(micro_usd);
  std::string decimals = fmt::format("{:06}", size % 1'000'000);
  while (decimals.size() > 2 && decimals.back() == '0') decimals.pop_back();
  return fmt::format("{}{}.{} USD", micro_usd < 0 ? "-" : "", grouped(size / 1'000'000), decimals);
}

std::string amount_text(const Kind& kind, std::int64_t value) {
  if (kind.amount == &Amount::micro_usd) return money_text(value);
  const std::string number =
      (value < 0 ? "-" : "") + grouped(value < 0 ? 0 - static_cast<std::uint64_t>(value)
                                                 : static_cast<std::uint64_t>(value));
  if (kind.amount == &Amount::tokens) return number + (value == 1 ? " token" : " tokens");
  return number + (value == 1 ? " call" : " calls");
}

}  // namespace trinity::ledger
