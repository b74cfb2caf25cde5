#include "ledger/spending_report.h"

#include <fmt/format.h>

#include <utility>

namespace trinity::ledger {
namespace {

using report::Cell;
using report::Look;

struct Use {
  bool is_over = false;
  std::vector<report::Text> parts;
};

/// "0.84 of 5.00 USD", and how that stands.
Use use_of(const Book::Row& row, const Kind& kind) {
  const std::int64_t spent = row.figures.spent.*kind.amount;
  const std::optional<std::int64_t>& cap = row.caps.*kind.cap;
  if (!cap) return {false, {{spent == 0 ? "–" : amount_text(kind, spent)}}};
  const bool is_over = spent >= *cap;
  const bool is_near = static_cast<double>(spent) >= 0.9 * static_cast<double>(*cap);
  return {is_over,
          {{amount_text(kind, spent), is_over   ? Look::bad
                                      : is_near ? Look::warn
                                                : Look::plain},
           {"of " + amount_text(kind, *cap), Look::faint}}};
}

bool says_something(const Book::Row& row) {
  return row.caps != Caps{} || row.figures.spent != Amount{} || row.figures.held != Amount{};
}

const char* heading_of(Period period) {
  switch (period) {
    case Period::total:
      return "In all";
    case Period::day:
      return "By day";
    case Period::month:
      return "By month";
  }
  return "In all";
}

}  // namespace

report::Document spending_document(const std::vector<Book::Row>& rows,
                                   const Ledger::Counts& counts) {
  report::Document document;
  document.title = "Spending";
  std::size_t used_up = 0;
  for (const Period period : {Period::total, Period::month, Period::day}) {
    report::Table table;
    table.label = heading_of(period);
    table.columns = {{"subject", 24, false, 10}};
    if (period != Period::total) table.columns.push_back({"period", 11});
    table.columns.push_back({"money", 24, true, 10});
    table.columns.push_back({"tokens", 24, true, 10});
    table.columns.push_back({"calls", 18, true, 8});
    table.columns.push_back({"held", 16, true, 8, 1});
    for (const Book::Row& row : rows) {
      if (row.period != period || !says_something(row)) continue;
      report::Row shown;
      shown.cells.emplace_back(report::foreign(row.subject));
      if (period != Period::total) shown.cells.emplace_back(row.window);
      bool is_over = false;
      for (const Kind& kind : kKinds) {
        Use use = use_of(row, kind);
        is_over = is_over || use.is_over;
        shown.cells.emplace_back(std::move(use.parts));
      }
      shown.cells.emplace_back(
          row.figures.held == Amount{} ? std::string("–") : money_text(row.figures.held.micro_usd));
      if (is_over) shown.look = Look::bad;
      used_up += is_over;
      table.rows.push_back(std::move(shown));
    }
    if (table.rows.empty()) continue;
    report::Section section;
    section.heading = {{heading_of(period), Look::strong}};
    section.blocks.emplace_back(std::move(table));
    document.sections.push_back(std::move(section));
  }

  report::Facts facts;
  const auto fact = [&](const char* name, std::string value) {
    facts.lines.push_back({name, {{std::move(value)}}});
  };
  fact("reservations", fmt::format("{} granted, {} refused, {} failed, {} under way",
                                   counts.granted, counts.refused, counts.failed, counts.held));
  fact("ended", fmt::format("{} settled, {} cancelled, {} dropped, {} abandoned", counts.settled,
                            counts.cancelled, counts.dropped, counts.abandoned));
  if (counts.exceeded > 0)
    fact("exceeded", fmt::format("{} calls cost more than they had reserved", counts.exceeded));
  report::Section section;
  section.heading = {{"Calls", Look::strong}};
  section.blocks.emplace_back(std::move(facts));
  document.sections.push_back(std::move(section));

  if (counts.failing) {
    document.verdict = {"the ledger cannot be written", Look::bad};
    document.reason = counts.failing->message;
  } else if (used_up > 0) {
    document.verdict = {report::counted(used_up, "budget") + " used up", Look::warn};
  } else {
    document.verdict = {"within all budgets", Look::good};
  }
  return document;
}

}  // namespace trinity::ledger
