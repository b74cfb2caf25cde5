#include "trace/story.h"

#include <fmt/format.h>

#include <vector>

#include "route/margins.h"

namespace trinity::trace {
namespace {

using report::Cell;
using report::Look;

/// What the events say of one turn, as it is shown.
struct Turn {
  std::int64_t number = 0;
  Json route;               // route_selected
  Json completed;           // turn_completed
  std::vector<Json> calls;  // provider_called: ok and error
  Json asked;               // the last one that started
  bool open = false;        // a call was started and has no end
};

std::string margin_text(const Json& logits) {
  std::vector<double> values;
  for (const Json& logit : logits) values.push_back(logit.as_double());
  const auto margin = route::logit_margin(values);
  return margin ? fmt::format("{:.2f}", *margin) : "–";
}

Look look_of_verdict(const std::string& status) {
  return status == "accepted" ? Look::good : Look::warn;
}

std::string status_text(const Turn& turn) {
  if (turn.open) return "no answer yet";
  if (turn.completed.is_null())
    return turn.calls.empty()                                   ? "not asked"
           : turn.calls.back()["status"].as_string() == "error" ? "failed"
                                                                : "answered, dropped";
  if (turn.completed["form_status"].as_string() == "revised") return "wrong form";
  const std::string& verdict = turn.completed["verifier_parse_status"].as_string();
  return verdict.empty() ? "ok" : verdict;
}

Look status_look(const Turn& turn) {
  const std::string text = status_text(turn);
  if (text == "ok" || text == "accepted") return Look::good;
  return text == "failed" ? Look::bad : Look::warn;
}

void add_below(report::Row& row, const Turn& turn) {
  const Json& route = turn.route;
  if (route["role_override_from_thinker"].as_bool())
    row.below.push_back({"override",
                         {{"a Thinker asked for this role; the router chose "},
                          report::foreign(route["raw_selected_role"].as_string(), 40)}});
  if (route["role_masked"].as_bool())
    row.below.push_back(
        {"masked", {{"the Verifier could not be chosen: there was no answer yet"}}});
  for (const Json& call : turn.calls) {
    if (call["status"].as_string() == "error")
      row.below.push_back({"failed",
                           {{fmt::format("agent {}: ", call["selected_agent"].as_int64())},
                            report::foreign(call["error"].as_string(), 300, Look::bad)}});
  }
  if (turn.asked["instead_of_agent"].is_number())
    row.below.push_back(
        {"asked again",
         {{fmt::format("in the place of agent {}", turn.asked["instead_of_agent"].as_int64())}}});
  const Json& suggested = turn.completed["thinker_suggested_role"];
  if (suggested.is_string())
    row.below.push_back(
        {"suggests", {{"the next role: "}, report::foreign(suggested.as_string(), 40)}});
}

report::Row row_of(const Turn& turn) {
  const Json& call = turn.calls.empty() ? turn.asked : turn.calls.back();
  const Json& model = turn.asked["provider_model"];
  report::Row row;
  row.cells = {
      {std::to_string(turn.number)},
      {turn.route.is_null() ? "–"
                            : std::to_string(call["selected_agent"].is_number()
                                                 ? call["selected_agent"].as_int64()
                                                 : turn.route["selected_agent"].as_int64())},
      {turn.route.is_null() ? report::Text{"–"}
                            : report::foreign(turn.route["selected_role"].as_string(), 40)},
      {margin_text(turn.route["agent_logits"]) + " / " + margin_text(turn.route["role_logits"])},
      {model.is_string() ? report::foreign(model.as_string(), 60) : report::Text{"–"}},
      {call["provider_latency_ms"].is_number()
           ? fmt::format("{} ms", call["provider_latency_ms"].as_int64())
           : "–"},
      {status_text(turn), status_look(turn)}};
  add_below(row, turn);
  return row;
}

std::vector<Turn> turns_of(std::span<const Json> events) {
  std::vector<Turn> turns;
  for (const Json& event : events) {
    const std::string& name = event["event"].as_string();
    if (name == "turn_started") turns.push_back({event["turn"].as_int64(), {}, {}, {}, {}, false});
    if (turns.empty()) continue;
    Turn& turn = turns.back();
    if (name == "route_selected") turn.route = event;
    if (name == "turn_completed") turn.completed = event;
    if (name != "provider_called") continue;
    turn.open = event["status"].as_string() == "started";
    if (turn.open)
      turn.asked = event;
    else
      turn.calls.push_back(event);
  }
  return turns;
}

std::string reason_text(const Json& reason) {
  if (reason.is_string()) return reason.as_string();
  std::string text;
  for (const Json& part : reason) text += (text.empty() ? "" : ": ") + part.as_string();
  return text;
}

report::Text verdict_of(const Json& last) {
  const std::string& name = last["event"].as_string();
  if (name == "run_failed") return report::foreign(reason_text(last["reason"]), 120, Look::bad);
  if (name != "run_completed") return {"the run has no end", Look::warn};
  const std::string& status = last["final_status"].as_string();
  return report::foreign(status, 120, look_of_verdict(status));
}

}  // namespace

report::Document run_story(std::span<const Json> events) {
  report::Document story;
  const Json nothing;
  const Json& first = events.empty() ? nothing : events.front();
  const Json& last = events.empty() ? nothing : events.back();
  story.title = "Run";
  story.verdict = verdict_of(last);
  if (last["event"].as_string() == "run_failed") story.reason = last["message"].as_string();
  report::Facts facts{16, {}};
  facts.lines.push_back({"Run", {report::foreign(first["run_id"].as_string(), 100)}});
  if (first["event"].as_string() == "run_started") {
    facts.lines.push_back({"Profile", {report::foreign(first["loop_profile"].as_string(), 40)}});
    facts.lines.push_back({"Pool",
                           {{report::counted(first["num_agents"].as_uint64(), "agent") + ", "},
                            report::foreign(first["provider_mode"].as_string(), 40)}});
    const Json& hash = first["runtime_metadata"]["trinity_artifact_manifest_hash"];
    if (hash.is_string())
      facts.lines.push_back({"Bundle", {report::foreign(hash.as_string(), 100)}});
  }
  // Of any two numbers that a file may hold.
  const auto took =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(last["timestamp_ms"].as_int64()) -
                                static_cast<std::uint64_t>(first["timestamp_ms"].as_int64()));
  facts.lines.push_back({"Took", {{fmt::format("{} ms", took)}}});
  report::Table table{"Turns",
                      {{"turn", 4, true},
                       {"agent", 5, true},
                       {"role", 9},
                       {"margins", 13, true, 0, 2},
                       {"model", 28, false, 10},
                       {"latency", 10, true, 0, 1},
                       {"status", 13}},
                      {}};
  for (const Turn& turn : turns_of(events)) table.rows.push_back(row_of(turn));
  report::Section section;
  section.blocks = {std::move(facts)};
  if (!table.rows.empty()) section.blocks.push_back(std::move(table));
  if (last["details"]["checkpoint"].is_string())
    section.blocks.push_back(
        report::Paragraph{{{"A budget ended the run at the checkpoint "},
                           report::foreign(last["details"]["checkpoint"].as_string(), 40)}});
  story.sections = {std::move(section)};
  return story;
}

}  // namespace trinity::trace
