// Budgets as people write them on a command line: "key:alice=5usd/day", "all=1000calls/total".
#pragma once

#include <trinity/error.h>

#include <string_view>

#include "ledger/budget.h"

namespace trinity::serve {

/// SUBJECT=AMOUNT(usd|tokens|calls)[/day|/month|/total]; without a period the day. Error
/// `invalid_budget`.
Result<ledger::Budget> parse_budget(std::string_view text);

}  // namespace trinity::serve
