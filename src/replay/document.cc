// A replay told for people: what would change, between whom, how close it was, what it would cost,
// and what could not be compared.
#include <fmt/format.h>

#include <algorithm>

#include "replay/replay.h"

namespace trinity::replay {
namespace {

using report::Cell;
using report::Line;
using report::Look;

constexpr std::size_t kColumns = 16;
constexpr std::size_t kMostTransitions = 20;
constexpr std::size_t kMostChanges = 200;
constexpr std::size_t kMostFaults = 5;

std::string percent(std::size_t part, std::size_t whole) {
  return whole == 0
             ? "–"
             : fmt::format("{:.1f}%", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string of_compared(const ReplayResults& results, std::size_t part) {
  return fmt::format("{} ({})", part, percent(part, results.turns.size()));
}

report::Section summary_section(const ReplayResults& results, const std::string& model) {
  report::Facts facts{kColumns, {}};
  const auto add = [&facts](std::string name, std::string value, Look look = Look::plain) {
    facts.lines.push_back({std::move(name), {{std::move(value), look}}});
  };
  add("router", model);
  add("read", fmt::format("{}{}", report::counted(results.runs, "run"),
                          results.unfinished_runs > 0
                              ? fmt::format(", {} of them without an end", results.unfinished_runs)
                              : ""));
  add("compared", report::counted(results.turns.size(), "decision"));
  if (results.skipped_turns() > 0)
    add("not compared", report::counted(results.skipped_turns(), "decision") + ", see below",
        Look::warn);
  add("another agent", of_compared(results, results.changed_agent()));
  add("another role", of_compared(results, results.changed_role()));
  add("same bits", fmt::format("{} with the same route hash", results.equal_route_hashes()));
  if (results.threshold > 0)
    add("threshold", fmt::format("{}: where the new margin is smaller, the recorded choice stays",
                                 results.threshold));
  if (results.masked() > 0)
    add("masked", fmt::format("{} new choices whose member could not take the conversation; the "
                              "next best would be asked",
                              results.masked()));
  return {{{"Replay"}}, {}, {std::move(facts)}};
}

report::Section transitions_section(const ReplayResults& results) {
  const std::vector<Transition> all = results.transitions();
  report::Table table{"Members",
                      {{"slot", 4, true},
                       {"before", 22, false, 10},
                       {"slot", 4, true},
                       {"after", 22, false, 10},
                       {"turns", 7, true},
                       {"share", 7, true, 0, 1}},
                      {}};
  const std::size_t shown = std::min(all.size(), kMostTransitions);
  for (std::size_t n = 0; n < shown; ++n) {
    const Transition& one = all[n];
    const bool stays = one.from_slot == one.to_slot;
    table.rows.push_back({{{std::to_string(one.from_slot)},
                           {report::foreign(one.from, 60)},
                           {std::to_string(one.to_slot)},
                           {report::foreign(one.to, 60, stays ? Look::plain : Look::warn)},
                           report::count(one.turns),
                           {percent(one.turns, results.turns.size())}}});
  }
  report::Section section{{{"Members"}}, {{"Whom the choices lead to, before and after."}}, {}};
  section.blocks.emplace_back(std::move(table));
  if (all.size() > shown)
    section.blocks.emplace_back(report::Paragraph{
        {{fmt::format("{} more in the record of --json", all.size() - shown), Look::faint}}});
  return section;
}

report::Row margins_row(const char* what, const char* when, const std::vector<double>& values) {
  report::Row row{{{what}, {when}}};
  for (const double share : {0.0, 0.05, 0.25, 0.5, 0.75, 0.95}) {
    const auto value = quantile(values, share);
    row.cells.push_back(value ? Cell(fmt::format("{:.3f}", *value)) : Cell("–"));
  }
  return row;
}

report::Section margins_section(const ReplayResults& results) {
  std::vector<double> agent_before, agent_after, role_before, role_after, changed;
  for (const ReplayedTurn& turn : results.turns) {
    agent_before.push_back(turn.before.agent_margin);
    agent_after.push_back(turn.raw.agent_margin);
    role_before.push_back(turn.before.role_margin);
    role_after.push_back(turn.raw.role_margin);
    if (!turn.same_agent()) changed.push_back(turn.before.agent_margin);
  }
  report::Table table{"Margins",
                      {{"margin", 6},
                       {"of", 14, false, 8},
                       {"least", 8, true},
                       {"5%", 8, true, 0, 2},
                       {"25%", 8, true},
                       {"median", 8, true},
                       {"75%", 8, true},
                       {"95%", 8, true, 0, 1}},
                      {}};
  table.rows = {margins_row("agent", "before", agent_before), margins_row("", "after", agent_after),
                margins_row("", "of changed", changed), margins_row("role", "before", role_before),
                margins_row("", "after", role_after)};
  return {{{"Margins"}},
          {{"Best logit minus second best; \"of changed\" is the margin before, where the agent "
            "changes."}},
          {std::move(table)}};
}

report::Section thresholds_section(const ReplayResults& results) {
  report::Table table{
      "Thresholds",
      {{"threshold", 9, true}, {"held back", 9, true}, {"changed", 8, true}, {"share", 7, true}},
      {}};
  for (const ThresholdRow& row : results.thresholds())
    table.rows.push_back({{{fmt::format("{}", row.threshold)},
                           report::count(row.below),
                           report::count(row.changed),
                           {percent(row.changed, results.turns.size())}}});
  return {{{"Thresholds"}},
          {{"What changes if a new choice must have this margin to take the place of the recorded "
            "one."}},
          {std::move(table)}};
}

report::Section cost_section(const ReplayResults& results) {
  const CostComparison costs = compare_costs(results);
  report::Facts facts{kColumns, {}};
  if (!results.priced) {
    facts.lines.push_back({"cost", {{"not compared: --pool names the prices", Look::faint}}});
  } else if (costs.turns == 0) {
    facts.lines.push_back({"cost", {{"of no turn are both costs known", Look::faint}}});
  } else {
    facts.lines.push_back({"before", {{fmt::format("{:.6f} USD", costs.before)}}});
    facts.lines.push_back(
        {"after",
         {{fmt::format("{:.6f} USD ({:+.6f})", costs.after, costs.after - costs.before)}}});
    facts.lines.push_back({"of",
                           {{fmt::format("{}; of {} a price or the tokens are not known",
                                         report::counted(costs.turns, "turn"), costs.unknown)}}});
    facts.lines.push_back({"",
                           {{"An estimate: the recorded tokens at the prices of the pool. "
                             "Another member would write another answer.",
                             Look::faint}}});
  }
  return {{{"Cost"}}, {}, {std::move(facts)}};
}

const char* meaning(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::no_text:
      return "the trace holds no text; record with --trace-messages";
    case Obstacle::redacted:
      return "a secret was taken out of what the router read";
    case Obstacle::altered:
      return "the recorded text is not the one whose hash is recorded";
    case Obstacle::begin_lost:
      return "the begin of the run is no longer in the trace; keep more files";
    case Obstacle::undecided:
      return "the run ended before the router had decided";
    case Obstacle::pinned:
      return "not the router chose: a tool's result went to the member that called the tool";
    case Obstacle::router_failed:
      return "the router could not decide";
  }
  return "";
}

report::Section skipped_section(const ReplayResults& results) {
  report::Findings findings{"Not compared", {"reason", "turns"}, {}};
  for (const Skipped& one : results.skipped) {
    std::string what = meaning(one.obstacle);
    if (!one.why.empty()) what += ": " + one.why;
    what += fmt::format(" (first: turn {} of {})", one.first_turn, one.first_run);
    findings.items.push_back(
        {{{obstacle_name(one.obstacle)}, report::count(one.turns)}, report::foreign(what, 400)});
  }
  const std::size_t shown = std::min(results.faults.size(), kMostFaults);
  for (std::size_t n = 0; n < shown; ++n) {
    const trace::TraceFault& fault = results.faults[n];
    findings.items.push_back(
        {{{"bad line"}, {"–"}},
         report::foreign(fmt::format("{} line {}: {}", fault.file, fault.line, fault.error.message),
                         400)});
  }
  if (results.faults.size() > shown)
    findings.items.push_back(
        {{{"bad lines"}, {"–"}}, {fmt::format("{} more", results.faults.size() - shown)}});
  return {{{"Not compared"}}, {}, {std::move(findings)}};
}

report::Section changes_section(const ReplayResults& results) {
  report::Table table{"Changes",
                      {report::page_column("run", report::Setting::id),
                       report::page_column("turn", report::Setting::plain, true),
                       report::page_column("agent"), report::page_column("role"),
                       report::page_column("margin before", report::Setting::plain, true),
                       report::page_column("margin after", report::Setting::plain, true)},
                      {}};
  for (const ReplayedTurn& turn : results.turns) {
    if (!turn.changed()) continue;
    if (table.rows.size() == kMostChanges) break;
    table.rows.push_back(
        {{{report::foreign(turn.run_id, 100)},
          {std::to_string(turn.turn)},
          {fmt::format("{} → {}", turn.before.agent_id, turn.after.agent_id)},
          {fmt::format("{} → {}", role_name(turn.before.role_id), role_name(turn.after.role_id))},
          {fmt::format("{:.3f} / {:.3f}", turn.before.agent_margin, turn.before.role_margin)},
          {fmt::format("{:.3f} / {:.3f}", turn.raw.agent_margin, turn.raw.role_margin)}}});
  }
  return {{{"Decisions that change"}},
          {{fmt::format("The first {} of {}; margins of agent and role.", table.rows.size(),
                        results.changed())}},
          {std::move(table)},
          report::Audience::page};
}

report::Text verdict_of(const ReplayResults& results) {
  if (results.turns.empty()) return {"no decision could be compared", Look::warn};
  const std::size_t changed = results.changed();
  if (changed == 0)
    return {
        fmt::format("none of {} would change", report::counted(results.turns.size(), "decision")),
        Look::good};
  return {fmt::format("{} of {} would change ({})", changed,
                      report::counted(results.turns.size(), "decision"),
                      percent(changed, results.turns.size())),
          Look::warn};
}

}  // namespace

report::Document replay_document(const ReplayResults& results, const std::string& model) {
  report::Document document{"Replay of recorded traffic", verdict_of(results), {}, {{model}}, {}};
  document.sections.push_back(summary_section(results, model));
  if (!results.turns.empty()) {
    document.sections.push_back(transitions_section(results));
    document.sections.push_back(margins_section(results));
    document.sections.push_back(thresholds_section(results));
    document.sections.push_back(cost_section(results));
  }
  if (!results.skipped.empty() || !results.faults.empty())
    document.sections.push_back(skipped_section(results));
  if (results.changed() > 0) document.sections.push_back(changes_section(results));
  return document;
}

}  // namespace trinity::replay
