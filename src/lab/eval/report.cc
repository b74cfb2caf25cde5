#include "lab/eval/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/eval/baseline.h"
#include "lab/eval/charts.h"
#include "lab/page/html.h"
#include "lab/page/report_style.h"

namespace trinity {
namespace {

constexpr std::size_t kClosestRows = 32;
constexpr std::size_t kPromptBytes = 90;
constexpr std::size_t kMaxFindings = 60;  // of one lane

std::string chip(const char* look, const std::string& text) {
  return fmt::format("<span class=\"chip {}\">{}</span>", look, html_text(text));
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
    return is_baseline(lane) ? "#1c2330" : lane_colour(lane);
  }

  std::string lane_name(std::size_t lane) const {
    return fmt::format(
        "<span class=\"swatch\" style=\"border-color:{0};background:{1}\"></span>{2}", colour(lane),
        is_baseline(lane) ? "#fff" : colour(lane), html_text(lanes_[lane].profile.shown_name()));
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
      failed += lane.failed_ids().size();
      for (const CaseOutcome& outcome : lane.outcomes)
        asserted = asserted || outcome.status != CaseStatus::report_only;
    }
    const std::string verdict = failed > 0 ? fmt::format("{} failed", failed)
                                : asserted ? std::string("all passed")
                                           : std::string("report only");
    return fmt::format(
        "<h1>Prompt evaluation</h1>\n<span class=\"verdict {}\">{}</span>\n"
        "<div class=\"meta\">{} cases ({}) · {} · input {}, fidelity {} · {} · {}</div>\n",
        failed > 0 ? "bad"
        : asserted ? "good"
                   : "plain",
        verdict, ids_.size(), html_excerpt(first.set->origin, 120), html_excerpt(first.model, 120),
        html_text(first.input.input_mode), html_text(first.fidelity_mode),
        html_text(options_.producer), html_text(options_.generated_at));
  }

  std::string lanes_table() const {
    std::string out =
        "<h2>Lanes</h2>\n<table>\n<tr><th>lane</th><th>cases</th><th>equal decisions</th>"
        "<th class=\"n\">worst agent margin</th><th class=\"n\">worst role margin</th>"
        "<th class=\"n\">floors</th><th>promise</th><th class=\"n\">seconds</th></tr>\n";
    for (std::size_t i = 0; i < lanes_.size(); ++i) out += lane_row(i);
    return out + "</table>\n";
  }

  std::string lane_row(std::size_t i) const {
    const LaneReport& lane = lanes_[i];
    const EvalSummary summary = lane.summary();
    std::string cases =
        chip(summary.failed > 0 ? "bad" : "good", fmt::format("{} passed", summary.passed));
    if (summary.failed > 0)
      cases += fmt::format(" {}", chip("bad", fmt::format("{} failed", summary.failed)));
    if (summary.unasserted > 0)
      cases += fmt::format(" {}", chip("warn", fmt::format("{} noted", summary.unasserted)));
    const auto worst = worst_margins(lane.outcomes);
    const auto margin = [&](double value, const std::string& id) {
      return fmt::format("{}<br><span class=\"sub\">{}</span>", short_number(value), html_text(id));
    };
    return fmt::format(
        "<tr><td><b>{}</b><br><span class=\"sub\">{}</span></td><td>{}</td><td>{}</td>"
        "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}<br><span "
        "class=\"sub\">from {}</span></td><td>{}</td><td class=\"n\">{:.2f}</td></tr>\n",
        lane_name(i), html_text(lane.router.device), cases, equal_text(i),
        worst ? margin(worst->agent, worst->agent_case) : "–",
        worst ? margin(worst->role, worst->role_case) : "–", floors_text(lane.floors),
        html_text(lane.floors_from), exactness_name(promise_of(lane.profile).kept),
        lane.total_seconds);
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
        fmt::format("<h2>Other decisions than {}</h2>\n", html_excerpt(baseline_.name, 120));
    std::string rows;
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      for (const FlippedCase& flip : distances_[i].flipped)
        rows += fmt::format(
            "<tr><td>{}</td><td class=\"id\">{}</td><td>agent {} {}</td><td class=\"n\">{}</td>"
            "<td>agent {} {}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
            lane_name(i), html_text(flip.id), flip.baseline_agent, role_name(flip.baseline_role),
            short_number(flip.baseline_margin), flip.agent_id, role_name(flip.role_id),
            short_number(flip.margin), short_number(distances_[i].drift),
            flip.beyond_drift ? chip("bad", "beyond the drift") : chip("warn", "within the drift"));
    if (rows.empty()) return heading + "<p class=\"lead\">None, on any lane.</p>\n";
    return heading +
           fmt::format(
               "<p class=\"lead\">The drift of a lane is its largest difference of any logit. It "
               "may turn a decision whose margin is no larger.</p>\n"
               "<table>\n<tr><th>lane</th><th>case</th><th>decided there</th>"
               "<th class=\"n\">margin there</th><th>decided here</th><th class=\"n\">margin</th>"
               "<th class=\"n\">drift</th><th></th></tr>\n{}</table>\n",
               rows);
  }

  std::string findings() const {
    std::string rows;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (lanes_[i].comparison)
        for (const std::string& remark : lanes_[i].comparison->remarks)
          rows += finding_row(i, "<span class=\"dim\">snapshot</span>", remark);
      std::size_t left_out = 0;
      std::size_t shown = 0;
      for (const CaseOutcome& outcome : lanes_[i].outcomes)
        for (const std::string& finding : outcome.findings) {
          if (++shown <= kMaxFindings)
            rows += finding_row(i, html_text(outcome.eval_case->id), finding);
          else
            ++left_out;
        }
      if (left_out > 0)
        rows += finding_row(i, "", fmt::format("and {} more, see the decisions below", left_out));
    }
    if (rows.empty())
      return "<h2>Findings</h2>\n<p class=\"lead\">None: every decision is as expected, above "
             "its "
             "floors and as its snapshot recorded it.</p>\n";
    return fmt::format(
        "<h2>Findings</h2>\n<table>\n<tr><th>lane</th><th>case</th><th>what was found</th></tr>\n"
        "{}</table>\n",
        rows);
  }

  std::string finding_row(std::size_t lane, const std::string& case_html,
                          const std::string& finding) const {
    return fmt::format("<tr><td>{}</td><td class=\"id\">{}</td><td>{}</td></tr>\n", lane_name(lane),
                       case_html, html_excerpt(finding, 400));
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
    out += fmt::format("<div class=\"pair\"><div>{}</div><div>{}</div></div>\n",
                       sorted_dots_chart("Agent margin", ids_, agent),
                       sorted_dots_chart("Role margin", ids_, role));
    out += fmt::format(
        "<h2>The closest decisions</h2>\n<p class=\"lead\">The {} cases whose smaller margin is "
        "smallest on any lane.</p>\n{}{}\n",
        std::min(kClosestRows, ids_.size()), legend(true),
        closest_rows_chart(ids_, "Agent margin", agent, "Role margin", role, kClosestRows));
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
    out += distance_strips_chart("Largest |Δ logit| of a case", ids_, series) + "\n";
    return out;
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
    std::string out = fmt::format(
        "<h2>What was selected</h2>\n<p class=\"lead\">Cases by agent and role on lane {}.{}</p>\n"
        "<table class=\"grid-table\">\n<tr><th>agent</th>",
        html_text(lane.profile.shown_name()), uncovered_text(lane));
    for (std::size_t role = 0; role < roles; ++role)
      out += fmt::format("<th>{}</th>", html_text(role_name(static_cast<int>(role))));
    out += "</tr>\n";
    for (std::size_t agent = 0; agent < agents; ++agent) {
      out += fmt::format("<tr><th>{}</th>", agent);
      for (std::size_t role = 0; role < roles; ++role) {
        const std::size_t count = counts[agent * roles + role];
        out += fmt::format(
            "<td style=\"background:rgba(37,99,201,{:.2f})\">{}</td>",
            count == 0 ? 0.02 : 0.10 + 0.55 * static_cast<double>(count) / top,
            count == 0 ? std::string("<span class=\"dim\">0</span>") : fmt::format("{}", count));
      }
      out += "</tr>\n";
    }
    return out + "</table>\n";
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
    out +=
        "<p class=\"lead\">Cases whose route hash (both ids and all logits to six decimals) is the "
        "same in every repeat. Each lane is judged by what it promises. Every repeat computes "
        "everything "
        "anew.</p>\n<table>\n<tr><th>lane</th>"
        "<th>same process</th><th>new process</th><th>other batches, threads, caches</th>"
        "<th>promise</th></tr>\n";
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (!lanes_[i].determinism) continue;
      const DeterminismReport& report = *lanes_[i].determinism;
      out += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                         lane_name(i), rung_cell(report, report.process),
                         rung_cell(report, report.restart), rung_cell(report, report.batch),
                         report.claims_bits() ? "equal bits" : "equal decisions only");
    }
    return out + "</table>\n";
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
    std::string out = fmt::format(
        "<h2>Decisions</h2>\n<details{}><summary>All {} cases</summary>\n<table>\n<tr><th>case</th>"
        "<th>prompt</th><th class=\"n\">tokens</th><th>expected</th>",
        ids_.size() <= 60 ? " open" : "", ids_.size());
    for (std::size_t i = 0; i < lanes_.size(); ++i) out += fmt::format("<th>{}</th>", lane_name(i));
    out += "</tr>\n";
    for (std::size_t row = 0; row < ids_.size(); ++row) out += decision_row(row);
    return out + "</table>\n</details>\n";
  }

  std::string decision_row(std::size_t row) const {
    const EvalCase& one = *lanes_.front().outcomes[row].eval_case;
    bool broken = false;
    bool low = false;
    std::string cells;
    for (const LaneReport& lane : lanes_) {
      const CaseOutcome& outcome = lane.outcomes[row];
      broken = broken || !outcome.findings.empty();
      low = low || outcome.low_margin;
      if (!outcome.decision) {
        cells += fmt::format("<td>{}</td>", chip("bad", "not routed"));
        continue;
      }
      const Decision& decision = *outcome.decision;
      const bool as_expected =
          decision.agent_id == one.expected_agent && decision.role_id == one.expected_role;
      const std::string text = decision_text(decision.agent_id, decision.role_id);
      cells += fmt::format("<td>{}<br><span class=\"sub\">{} / {}</span></td>",
                           as_expected ? html_text(text) : chip("bad", text),
                           short_number(decision.margins.agent.value_or(0)),
                           short_number(decision.margins.role.value_or(0)));
    }
    const auto& first = lanes_.front().outcomes[row].decision;
    return fmt::format(
        "<tr{}><td class=\"id\">{}</td><td class=\"dim\">{}</td><td "
        "class=\"n\">{}</td><td>{}</td>{}"
        "</tr>\n",
        broken ? " class=\"broken\""
        : low  ? " class=\"flagged\""
               : "",
        html_text(one.id), html_excerpt(case_prompt(one), kPromptBytes),
        first ? std::to_string(first->token_count) : "–",
        decision_text(one.expected_agent, one.expected_role), cells);
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
