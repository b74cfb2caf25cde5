#include "prove/eval/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "prove/eval/baseline.h"
#include "report/charts.h"
#include "report/html.h"
#include "report/html_table.h"
#include "report/page.h"

namespace trinity {
namespace {

constexpr std::size_t kClosestRows = 32;
constexpr std::size_t kPromptBytes = 90;
constexpr std::size_t kIdBytes = 100;
constexpr std::size_t kMaxFindings = 60;  // of one lane

std::string case_id(const std::string& id) { return html_excerpt(id, kIdBytes); }

/// A figure and, small under it, what it is about.
std::string with_note(const std::string& html, const std::string& note_html) {
  return fmt::format("{}<br><span class=\"sub\">{}</span>", html, note_html);
}

std::string decision_text(int agent, int role) {
  return fmt::format("{} {}", agent, role_name(role));
}

std::string floors_text(const MarginFloors& floors) {
  return fmt::format("{:.2f} / {:.2f}", floors.agent, floors.role);
}

/// The document of one report; its parts share lanes and baseline.
class EvalReport {
 public:
  EvalReport(std::span<const LaneReport> lanes, const EvalReportOptions& options)
      : lanes_(lanes), options_(options), baseline_(choose_baseline(lanes, options.oracle)) {
    for (const CaseOutcome& outcome : lanes.front().outcomes) ids_.push_back(outcome.eval_case->id);
    for (const LaneReport& lane : lanes) distances_.push_back(distance_to(baseline_, lane));
  }

  std::string page() const {
    return report_page("Prompt evaluation", head() + lanes_table() + flips() + findings() +
                                                margins() + distance() + selected() +
                                                determinism() + decisions());
  }

 private:
  bool is_baseline(std::size_t lane) const { return baseline_.lane == lane; }

  std::string colour(std::size_t lane) const {
    return is_baseline(lane) ? "var(--ink)" : lane_colour(lane);
  }

  std::string lane_name(std::size_t lane) const {
    return fmt::format(
        "<span class=\"swatch\" style=\"border-color:{0};background:{1}\"></span>{2}", colour(lane),
        is_baseline(lane) ? "var(--page)" : colour(lane),
        html_text(lanes_[lane].profile.shown_name()));
  }

  std::string legend(bool with_baseline) const {
    std::string out = "<div class=\"legend\">";
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      if (with_baseline || !is_baseline(i))
        out += fmt::format("<span class=\"item\">{}</span>", lane_name(i));
    return out + "</div>";
  }

  std::string head() const {
    const LaneReport& first = lanes_.front();
    std::size_t failed = 0;
    bool asserted = false;
    for (const LaneReport& lane : lanes_) {
      failed += lane.summary().failed;
      for (const CaseOutcome& outcome : lane.outcomes)
        asserted = asserted || outcome.status != CaseStatus::report_only;
    }
    const std::string verdict = failed > 0 ? fmt::format("{} failed", failed)
                                : asserted ? std::string("all passed")
                                           : std::string("report only");
    return fmt::format(
        "<h1>Prompt evaluation</h1>\n<span class=\"verdict {}\">{}</span>\n"
        "<div class=\"meta\">{} {} ({}) · {} · input {}, fidelity {} · {} · {}</div>\n",
        failed > 0 ? "bad"
        : asserted ? "good"
                   : "plain",
        verdict, ids_.size(), ids_.size() == 1 ? "case" : "cases",
        html_excerpt(first.set->origin, 120), html_excerpt(first.model, 120),
        html_text(first.input.input_mode), html_text(first.fidelity_mode),
        html_text(options_.producer), html_text(options_.generated_at));
  }

  std::string lanes_table() const {
    HtmlTable table("Profiles", {{"profile"},
                                 {"cases"},
                                 {"equal decisions"},
                                 {"worst agent margin", "n"},
                                 {"worst role margin", "n"},
                                 {"floors", "n"},
                                 {"promise"},
                                 {"seconds", "n"}});
    for (std::size_t i = 0; i < lanes_.size(); ++i) table.row(lane_cells(i));
    return "<h2>Lanes</h2>\n" + table.html();
  }

  std::vector<std::string> lane_cells(std::size_t i) const {
    const LaneReport& lane = lanes_[i];
    const EvalSummary summary = lane.summary();
    std::string cases =
        chip(summary.passed > 0 ? "good" : "plain", fmt::format("{} passed", summary.passed));
    if (summary.failed > 0)
      cases += fmt::format(" {}", chip("bad", fmt::format("{} failed", summary.failed)));
    if (summary.unasserted > 0)
      cases += fmt::format(" {}", chip("warn", fmt::format("{} noted", summary.unasserted)));
    const auto worst = worst_margins(lane.outcomes);
    return {with_note("<b>" + lane_name(i) + "</b>", html_text(lane.router.device)),
            cases,
            equal_text(i),
            worst ? with_note(short_number(worst->agent), case_id(worst->agent_case)) : "–",
            worst ? with_note(short_number(worst->role), case_id(worst->role_case)) : "–",
            with_note(floors_text(lane.floors), "from " + html_text(lane.floors_from)),
            exactness_name(promise_of(lane.profile).kept),
            fmt::format("{:.2f}", lane.total_seconds)};
  }

  std::string equal_text(std::size_t i) const {
    if (is_baseline(i)) return chip("plain", "the oracle");
    const BaselineDistance& distance = distances_[i];
    if (distance.compared == 0) return "–";
    return chip(distance.flipped.empty()          ? "good"
                : distance.beyond_drift().empty() ? "warn"
                                                  : "bad",
                fmt::format("{} of {}", distance.same_decisions, distance.compared));
  }

  /// Every decision that is not the baseline's, with both margins.
  std::string flips() const {
    if (baseline_.name.empty()) return {};
    const std::string heading =
        fmt::format("<h2>Where decisions differ from {}</h2>\n", html_excerpt(baseline_.name, 120));
    HtmlTable table("Decisions that differ", {{"profile"},
                                              {"case", "id"},
                                              {"decided there"},
                                              {"margin there", "n"},
                                              {"decided here"},
                                              {"margin", "n"},
                                              {"drift", "n"},
                                              {"verdict"}});
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      for (const FlippedCase& flip : distances_[i].flipped)
        table.row({lane_name(i), case_id(flip.id),
                   "agent " + decision_text(flip.baseline_agent, flip.baseline_role),
                   short_number(flip.baseline_margin),
                   "agent " + decision_text(flip.agent_id, flip.role_id), short_number(flip.margin),
                   short_number(distances_[i].drift),
                   flip.beyond_drift ? chip("bad", "beyond the drift")
                                     : chip("warn", "within the drift")});
    if (table.empty()) return heading + "<p class=\"lead\">Nowhere, on any profile.</p>\n";
    return heading +
           "<p class=\"lead\">The drift of a profile is its largest difference of any logit. It "
           "may turn a decision whose margin is no larger.</p>\n" +
           table.html();
  }

  std::string findings() const {
    HtmlTable table("Findings", {{"profile"}, {"case", "id"}, {"what was found", "text"}});
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const auto add = [&](const std::string& case_html, const std::string& finding) {
        table.row({lane_name(i), case_html, html_excerpt(finding, 400)});
      };
      if (lanes_[i].comparison)
        for (const std::string& remark : lanes_[i].comparison->remarks)
          add("<span class=\"dim\">snapshot</span>", remark);
      std::size_t found = 0;
      for (const CaseOutcome& outcome : lanes_[i].outcomes)
        for (const std::string& finding : outcome.findings)
          if (++found <= kMaxFindings) add(case_id(outcome.eval_case->id), finding);
      if (found > kMaxFindings)
        add("", fmt::format("and {} more, see the decisions below", found - kMaxFindings));
    }
    if (table.empty())
      return "<h2>Findings</h2>\n<p class=\"lead\">None: every decision is as expected, above its "
             "floors, as its snapshot recorded it, and the same whenever it was repeated.</p>\n";
    return "<h2>Findings</h2>\n" + table.html();
  }

  /// One series a lane, the baseline first: charts are sorted by it, and dots lie in its rings.
  std::vector<ChartSeries> margin_series(bool agent) const {
    std::vector<ChartSeries> out;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const LaneReport& lane = lanes_[i];
      ChartSeries series;
      series.name = lane.profile.shown_name();
      series.colour = colour(i);
      series.ring = is_baseline(i);
      series.floor = agent ? lane.floors.agent : lane.floors.role;
      for (const CaseOutcome& outcome : lane.outcomes) {
        const auto margin = !outcome.decision ? std::optional<double>()
                            : agent           ? outcome.decision->margins.agent
                                              : outcome.decision->margins.role;
        series.values.push_back(margin.value_or(std::nan("")));
      }
      out.insert(series.ring ? out.begin() : out.end(), std::move(series));
    }
    return out;
  }

  std::string margins() const {
    const auto agent = margin_series(true);
    const auto role = margin_series(false);
    std::string out =
        "<h2>Margins</h2>\n<p class=\"lead\">How far the best logit lies above the second best. A "
        "small margin is a decision that rounding could turn. Dashed: the floors that a margin "
        "must "
        "not fall below.</p>\n" +
        legend(true);
    out += fmt::format(
        "<div class=\"pair\"><div>{}</div><div>{}</div></div>\n",
        scroll_box("Chart of agent margins", sorted_dots_chart("Agent margin", ids_, agent)),
        scroll_box("Chart of role margins", sorted_dots_chart("Role margin", ids_, role)));
    out += fmt::format(
        "<h2>The closest decisions</h2>\n<p class=\"lead\">The {} cases whose smaller margin is "
        "smallest on any profile.</p>\n{}{}\n",
        std::min(kClosestRows, ids_.size()), legend(true),
        scroll_box(
            "Chart of the closest decisions",
            closest_rows_chart(ids_, "Agent margin", agent, "Role margin", role, kClosestRows)));
    return out;
  }

  std::string distance() const {
    if (baseline_.name.empty()) return {};
    std::vector<ChartSeries> series;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (is_baseline(i)) continue;
      series.push_back(
          {lanes_[i].profile.shown_name(), colour(i), false, distances_[i].logit_distance, 0});
    }
    std::string out = fmt::format(
        "<h2>Distance to {}</h2>\n<p class=\"lead\">For every case the largest difference of a "
        "logit; ▼ marks the median. Decisions must agree, logits need not: what matters is that "
        "the "
        "distance stays small against the margins.</p>\n",
        html_excerpt(baseline_.name, 120));
    return out + scroll_box("Chart of distances",
                            distance_strips_chart("Largest |Δ logit| of a case", ids_, series));
  }

  /// Agents × roles of the baseline lane, else of the first.
  std::string selected() const {
    const LaneReport& lane = lanes_[baseline_.lane.value_or(0)];
    const auto agents = static_cast<std::size_t>(std::max<std::int64_t>(lane.router.num_agents, 1));
    const auto roles = static_cast<std::size_t>(std::max<std::int64_t>(lane.router.num_roles, 1));
    std::vector<std::size_t> counts(agents * roles, 0);
    for (const CaseOutcome& outcome : lane.outcomes)
      if (outcome.decision)
        ++counts[static_cast<std::size_t>(outcome.decision->agent_id) * roles +
                 static_cast<std::size_t>(outcome.decision->role_id)];
    const double top = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
    std::vector<HtmlColumn> columns = {{"agent"}};
    for (std::size_t role = 0; role < roles; ++role)
      columns.push_back({html_text(role_name(static_cast<int>(role)))});
    HtmlTable table("Cases by agent and role", std::move(columns), "grid-table");
    for (std::size_t agent = 0; agent < agents; ++agent) {
      std::vector<std::string> cells = {fmt::format("{}", agent)};
      for (std::size_t role = 0; role < roles; ++role) {
        const std::size_t count = counts[agent * roles + role];
        cells.push_back(fmt::format(
            "<span class=\"heat\" style=\"background:rgba(var(--heat),{:.2f})\">{}</span>",
            count == 0 ? 0.02 : 0.10 + 0.45 * static_cast<double>(count) / top, count));
      }
      table.row(cells);
    }
    return fmt::format(
               "<h2>What was selected</h2>\n<p class=\"lead\">Cases by agent and role on profile "
               "{}.{}</p>\n",
               html_text(lane.profile.shown_name()), uncovered_text(lane)) +
           table.html();
  }

  static std::string uncovered_text(const LaneReport& lane) {
    if (lane.set->uncovered_agents.empty()) return {};
    std::vector<int> agents;
    for (const UncoveredAgent& agent : lane.set->uncovered_agents) agents.push_back(agent.agent_id);
    return fmt::format(" The set declares that no case selects agents {}.",
                       fmt::join(agents, ", "));
  }

  std::string determinism() const {
    const bool any = std::any_of(lanes_.begin(), lanes_.end(), [](const LaneReport& lane) {
      return lane.determinism.has_value();
    });
    std::string out = "<h2>Determinism</h2>\n";
    if (!any)
      return out +
             "<p class=\"lead\">Nothing was repeated (--determinism-runs, "
             "--determinism-rungs).</p>\n";
    HtmlTable table("Determinism", {{"profile"},
                                    {"same process"},
                                    {"new process"},
                                    {"other batches, threads, caches"},
                                    {"promise"}});
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (!lanes_[i].determinism) continue;
      const DeterminismReport& report = *lanes_[i].determinism;
      table.row({lane_name(i), rung_cell(report, report.process), rung_cell(report, report.restart),
                 rung_cell(report, report.batch),
                 report.claims_bits() ? "equal bits" : "equal decisions only"});
    }
    return out +
           "<p class=\"lead\">Cases whose route hash (both ids and all logits to six decimals) is "
           "the same in every repeat. Each profile is judged by what it promises. Every repeat "
           "computes "
           "everything anew.</p>\n" +
           table.html();
  }

  static std::string rung_cell(const DeterminismReport& report, const std::optional<Rung>& rung) {
    if (!rung) return "<span class=\"dim\">not run</span>";
    const bool kept = report.claims_bits() ? rung->different.empty() : rung->flipped.empty();
    std::string figure = fmt::format("{} of {}", rung->equal, rung->of);
    if (!rung->different.empty())
      figure += fmt::format(" in all bits, {} in their decision", rung->equal_decisions());
    std::string out = chip(kept ? "good" : "bad", figure);
    for (const std::string& repeat : rung->repeats)
      out += fmt::format("<br><span class=\"sub\">{}</span>", html_text(repeat));
    return out;
  }

  std::string decisions() const {
    std::vector<HtmlColumn> columns = {
        {"case", "id"}, {"prompt", "dim"}, {"tokens", "n"}, {"expected"}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) columns.push_back({lane_name(i)});
    HtmlTable table("All decisions", std::move(columns));
    for (std::size_t row = 0; row < ids_.size(); ++row) add_decision_row(table, row);
    return fmt::format(
        "<h2>Decisions</h2>\n<details{}><summary>All {} cases</summary>\n{}</details>\n",
        ids_.size() <= 60 ? " open" : "", ids_.size(), table.html());
  }

  void add_decision_row(HtmlTable& table, std::size_t row) const {
    const EvalCase& one = *lanes_.front().outcomes[row].eval_case;
    const auto& first = lanes_.front().outcomes[row].decision;
    std::vector<std::string> cells = {case_id(one.id), html_excerpt(case_prompt(one), kPromptBytes),
                                      first ? std::to_string(first->token_count) : "–",
                                      decision_text(one.expected_agent, one.expected_role)};
    bool broken = false;
    bool low = false;
    for (const LaneReport& lane : lanes_) {
      const CaseOutcome& outcome = lane.outcomes[row];
      broken = broken || !outcome.findings.empty();
      low = low || outcome.low_margin;
      if (!outcome.decision) {
        cells.push_back(chip("bad", "not routed"));
        continue;
      }
      const Decision& decision = *outcome.decision;
      const bool as_expected =
          decision.agent_id == one.expected_agent && decision.role_id == one.expected_role;
      const std::string text = decision_text(decision.agent_id, decision.role_id);
      cells.push_back(
          with_note(as_expected ? html_text(text) : chip("bad", text),
                    fmt::format("{} / {}", short_number(decision.margins.agent.value_or(0)),
                                short_number(decision.margins.role.value_or(0)))));
    }
    table.row(cells, broken ? "broken" : low ? "flagged" : "");
  }

  std::span<const LaneReport> lanes_;
  const EvalReportOptions& options_;
  EvalBaseline baseline_;
  std::vector<std::string> ids_;
  std::vector<BaselineDistance> distances_;
};

}  // namespace

std::string eval_report_html(std::span<const LaneReport> lanes, const EvalReportOptions& options) {
  return EvalReport(lanes, options).page();
}

}  // namespace trinity
