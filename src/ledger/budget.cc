#include "ledger/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "base/utf8.h"

namespace trinity::ledger {
namespace {

/// The lower of both where both are set.
void tighten(Caps& caps, const Caps& by) {
  for (const Kind& kind : kKinds) {
    std::optional<std::int64_t>& cap = caps.*kind.cap;
    const std::optional<std::int64_t>& other = by.*kind.cap;
    if (other && (!cap || *other < *cap)) cap = other;
  }
}

}  // namespace

const char* period_name(Period period) {
  switch (period) {
    case Period::total:
      return "total";
    case Period::day:
      return "day";
    case Period::month:
      return "month";
  }
  return "total";
}

Status check_subject(const std::string& subject) {
  const bool has_controls = std::any_of(subject.begin(), subject.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (subject.empty() || subject.size() > 256 || has_controls || !is_valid_utf8(subject))
    return fail(ErrorKind::invalid_input, "invalid_subject",
                fmt::format("\"{}\" cannot name the subject of a budget; give 1 to 256 bytes of "
                            "UTF-8 without control characters, such as key:alice",
                            excerpt(subject)));
  return {};
}

Caps caps_of(const std::vector<Budget>& budgets, const std::string& subject, Period period) {
  Caps own, of_all_alike;
  bool has_own = false;
  std::size_t longest = 0;
  for (const Budget& budget : budgets) {
    if (budget.period != period) continue;
    const std::size_t size = budget.subject.size();
    if (budget.subject == subject) {
      has_own = true;
      tighten(own, budget.caps);
    } else if (budget.subject.ends_with('*') && size >= longest &&
               subject.starts_with(std::string_view(budget.subject).substr(0, size - 1))) {
      if (size > longest) of_all_alike = {};
      longest = size;
      tighten(of_all_alike, budget.caps);
    }
  }
  return has_own ? own : of_all_alike;
}

Status check_budget(const Budget& budget) {
  if (const Status named = check_subject(budget.subject); !named) return named;
  bool caps_something = false;
  for (const Kind& kind : kKinds) {
    const std::optional<std::int64_t>& cap = budget.caps.*kind.cap;
    caps_something = caps_something || cap.has_value();
    if (cap && *cap < 0)
      return fail(ErrorKind::invalid_input, "invalid_budget",
                  fmt::format("the budget of {} in {} must not be negative, but is {}",
                              printable(budget.subject), kind.name, *cap));
  }
  if (!caps_something)
    return fail(ErrorKind::invalid_input, "invalid_budget",
                fmt::format("the budget of {} caps nothing; give money, tokens or calls",
                            printable(budget.subject)));
  return {};
}

Denial denial_of(Refusal refusal) {
  const Kind* kind = &kKinds[0];
  for (const Kind& one : kKinds)
    if (refusal.kind == one.name) kind = &one;
  const auto in_words = [&](std::int64_t value) { return amount_text(*kind, value); };
  const char* of_period = refusal.period == Period::day     ? " a day"
                          : refusal.period == Period::month ? " a month"
                                                            : "";
  std::string advice = "raise the budget to go on";
  if (refusal.resets_at) {
    const Day day = day_of(*refusal.resets_at);
    advice = fmt::format("it begins anew on {} (UTC); wait, or raise it", day_name(day));
  }
  Error error{ErrorKind::failed, "budget_exceeded",
              fmt::format("the budget of {} of {}{} does not suffice: {} are spent, {} are held "
                          "by calls under way, {} were asked for; {}",
                          printable(refusal.subject), in_words(refusal.limit), of_period,
                          in_words(refusal.spent), in_words(refusal.held), in_words(refusal.asked),
                          advice)};
  return {std::move(error), std::move(refusal)};
}

}  // namespace trinity::ledger
