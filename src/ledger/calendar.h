// Days and months of UTC as plain numbers: the windows in which budgets begin anew.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace trinity::ledger {

using Instant = std::chrono::system_clock::time_point;
using Day = std::int32_t;    // days since 1970-01-01
using Month = std::int32_t;  // months since the year 0

Day day_of(Instant instant);
Month month_of(Day day);
/// When the day, or the month, after this one begins.
Instant end_of_day(Day day);
Instant end_of_month(Month month);
/// "2026-11-27" and "2026-11".
std::string day_name(Day day);
std::string month_name(Month month);

}  // namespace trinity::ledger
