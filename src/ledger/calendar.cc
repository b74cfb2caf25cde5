#include "ledger/calendar.h"

#include <fmt/format.h>

namespace trinity::ledger {
namespace {

std::chrono::year_month year_month_of(Month month) {
  return std::chrono::year(month / 12) / std::chrono::month(static_cast<unsigned>(month % 12) + 1);
}

}  // namespace

Day day_of(Instant instant) {
  return static_cast<Day>(
      std::chrono::floor<std::chrono::days>(instant).time_since_epoch().count());
}

Month month_of(Day day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return static_cast<int>(date.year()) * 12 +
         static_cast<int>(static_cast<unsigned>(date.month())) - 1;
}

Instant end_of_day(Day day) { return std::chrono::sys_days(std::chrono::days(day + 1)); }

Instant end_of_month(Month month) { return std::chrono::sys_days(year_month_of(month + 1) / 1); }

std::string day_name(Day day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string month_name(Month month) {
  const std::chrono::year_month date = year_month_of(month);
  return fmt::format("{:04}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()));
}

}  // namespace trinity::ledger
