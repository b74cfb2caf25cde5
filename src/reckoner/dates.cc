// Dates of the Gregorian calendar: weekdays, days between two dates, dates so many days away, leap
// years. Nothing depends on what day it is: a question about "today" is not taken.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "reckoner/solver.h"

namespace trinity::reckoner {
namespace {

using std::chrono::day;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
constexpr const char* kWeekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                     "Thursday", "Friday", "Saturday"};

unsigned month_of(std::string_view word) {
  for (unsigned i = 0; i < 12; ++i)
    if (word == kMonths[i] || (word.size() == 3 && kMonths[i].starts_with(word))) return i + 1;
  return 0;
}

std::optional<int> whole(const Token& token, int least, int most) {
  if (token.kind != Token::Kind::number || !token.value.is_whole()) return std::nullopt;
  if (token.value.numerator < least || token.value.numerator > most) return std::nullopt;
  return static_cast<int>(token.value.numerator);
}

struct Found {
  std::vector<year_month_day> dates;
  std::vector<bool> used;  // tokens that belong to a date
  bool wrong = false;      // one that no calendar has, such as February 30
};

/// ISO (2024-02-29), "February 29, 2024" and "29 February 2024".
Found find_dates(const Question& question) {
  const std::vector<Token>& tokens = question.tokens;
  Found found;
  found.used.assign(tokens.size(), false);
  const auto number = [&](std::size_t i, int least, int most) -> std::optional<int> {
    return i < tokens.size() ? whole(tokens[i], least, most) : std::nullopt;
  };
  const auto is = [&](std::size_t i, std::string_view text) {
    return i < tokens.size() && tokens[i].text == text;
  };
  const auto take = [&](std::size_t begin, std::size_t end, int y, unsigned m, int d) {
    const year_month_day date(year(y), month(m), day(static_cast<unsigned>(d)));
    if (!date.ok()) {
      found.wrong = true;
    } else {
      found.dates.push_back(date);
    }
    std::fill(found.used.begin() + static_cast<std::ptrdiff_t>(begin),
              found.used.begin() + static_cast<std::ptrdiff_t>(end), true);
  };
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (const auto y = number(i, 1, 9'999);
        y && tokens[i].text.size() == 4 && is(i + 1, "-") && is(i + 3, "-")) {
      const auto m = number(i + 2, 1, 12);
      const auto d = number(i + 4, 1, 31);
      if (m && d) {
        take(i, i + 5, *y, static_cast<unsigned>(*m), *d);
        i += 4;
        continue;
      }
    }
    // "1st", "22nd": the letters are a word of their own.
    const auto behind_ordinal = [&](std::size_t at) {
      return is(at, "st") || is(at, "nd") || is(at, "rd") || is(at, "th") ? at + 1 : at;
    };
    if (const unsigned m = tokens[i].kind == Token::Kind::word ? month_of(tokens[i].text) : 0) {
      const auto d = number(i + 1, 1, 31);
      std::size_t next = behind_ordinal(i + 2);
      if (is(next, ",")) ++next;
      const auto y = number(next, 1, 9'999);
      if (d && y) {
        take(i, next + 1, *y, m, *d);
        i = next;
        continue;
      }
    }
    if (const auto d = number(i, 1, 31)) {
      std::size_t next = behind_ordinal(i + 1);
      if (is(next, "of")) ++next;
      const unsigned m = next < tokens.size() ? month_of(tokens[next].text) : 0;
      const auto y = number(is(next + 1, ",") ? next + 2 : next + 1, 1, 9'999);
      if (m != 0 && y) {
        const std::size_t end = (is(next + 1, ",") ? next + 2 : next + 1) + 1;
        take(i, end, *y, m, *d);
        i = end - 1;
      }
    }
  }
  return found;
}

std::string iso_date(const year_month_day& date) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

const char* weekday_of(const year_month_day& date) {
  return kWeekdays[std::chrono::weekday(sys_days(date)).c_encoding()];
}

Solution answered_date(std::string task, std::string answer, std::vector<std::string> steps) {
  return {Area::dates, std::move(task), std::move(answer), std::move(steps), {}};
}

std::optional<Solution> solve_leap_year(const Question& question) {
  if (!question.has_phrase("leap year")) return std::nullopt;
  for (const Token& token : question.tokens)
    if (const auto y = whole(token, 1, 9'999)) {
      const bool leap = year(*y).is_leap();
      return answered_date(fmt::format("tell whether {} is a leap year", *y), leap ? "yes" : "no",
                           {fmt::format("{} is {}divisible by 4, {}by 100 and {}by 400", *y,
                                        *y % 4 == 0 ? "" : "not ", *y % 100 == 0 ? "" : "not ",
                                        *y % 400 == 0 ? "" : "not ")});
    }
  return std::nullopt;
}

/// "30 days after 2024-01-01", also weeks.
std::optional<Solution> solve_shift(const Question& question, const Found& found) {
  const bool later = question.has_any({"after", "from", "later"});
  const bool earlier = question.has_any({"before", "earlier"});
  if (found.dates.size() != 1 || later == earlier) return std::nullopt;
  for (std::size_t i = 0; i + 1 < question.tokens.size(); ++i) {
    const auto count = found.used[i] ? std::nullopt : whole(question.tokens[i], 0, 1'000'000);
    const std::string& unit = question.tokens[i + 1].text;
    const int days = unit == "days" || unit == "day"     ? 1
                     : unit == "weeks" || unit == "week" ? 7
                                                         : 0;
    if (!count || days == 0) continue;
    const int away = *count * days;
    const year_month_day result(sys_days(found.dates[0]) +
                                std::chrono::days(earlier ? -away : away));
    return answered_date(fmt::format("find the date {} days {} {}", away,
                                     earlier ? "before" : "after", iso_date(found.dates[0])),
                         iso_date(result), {fmt::format("that day is a {}", weekday_of(result))});
  }
  return std::nullopt;
}

}  // namespace

std::optional<Solution> solve_dates(const Question& question) {
  if (auto solution = solve_leap_year(question)) return solution;
  const Found found = find_dates(question);
  if (found.wrong) {
    Solution solution = answered_date("read the date", "", {});
    solution.refusal = "there is no such day in the calendar";
    return solution;
  }
  if (found.dates.empty()) return std::nullopt;
  if (found.dates.size() == 2 && question.has("days")) {
    const auto apart = sys_days(found.dates[1]) - sys_days(found.dates[0]);
    return answered_date(fmt::format("count the days from {} to {}", iso_date(found.dates[0]),
                                     iso_date(found.dates[1])),
                         fmt::format("{} days", std::abs(apart.count())),
                         {"the days of whole months and years in between add up to it"});
  }
  if (auto solution = solve_shift(question, found)) return solution;
  if (found.dates.size() == 1 &&
      (question.has("weekday") || question.has_phrase("day of the week") ||
       question.has_phrase("what day") || question.has_phrase("which day")))
    return answered_date(
        "find the weekday of " + iso_date(found.dates[0]), weekday_of(found.dates[0]),
        {fmt::format("{} is a {}", iso_date(found.dates[0]), weekday_of(found.dates[0]))});
  return std::nullopt;
}

}  // namespace trinity::reckoner
