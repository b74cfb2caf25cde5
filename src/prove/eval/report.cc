// Lanes are told apart by a swatch: the baseline's is a ring, and in charts the dots of the others
// lie in its rings. Tested by tests/prove/eval_report_test.cc.
#include "prove/eval/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace trinity::prove {
namespace {

using report::Audience;
using report::Cell;
using report::Look;
using report::page_column;
using report::Setting;
using report::short_number;
using report::Text;

constexpr std::size_t kClosestRows = 32;
constexpr std::size_t kPromptBytes = 90;
constexpr std::size_t kFindingBytes = 400;
constexpr std::size_t kMaxFindings = 60;  // of one lane
constexpr std::size_t kOpenCases = 60;    // more are folded away

Text case_id(const std::string& id) { return report::foreign(id); }

report::Swatch swatch_of(const EvalBaseline& baseline, std::size_t lane) {
  return baseline.lane == lane ? report::Swatch{"var(--ink)", true} : report::lane_swatch(lane);
}

Text equal_text(const BaselineDistance& distance) {
  return {fmt::format("{} of {}", distance.same_decisions, distance.compared),
          distance.flipped.empty()          ? Look::good
          : distance.beyond_drift().empty() ? Look::warn
                                            : Look::bad};
}

class EvalDocument {
 public:
  EvalDocument(std::span<const LaneReport> lanes, const EvalBaseline& baseline)
      : lanes_(lanes), baseline_(baseline) {
    for (const CaseOutcome& outcome : lanes.front().outcomes) ids_.push_back(outcome.eval_case->id);
    for (const LaneReport& lane : lanes) distances_.push_back(distance_to(baseline_, lane));
  }

  report::Document document(const EvalReportOptions& options) const {
    report::Document document{"Prompt evaluation", verdict(), {}, meta(options), {}};
    for (const LaneReport& lane : lanes_)
      document.sections.push_back(lane_section(lane, options.lanes));
    for (const report::Section& section :
         {lanes_section(), comparison(), findings(), margins(), closest(), distance(), selected(),
          determinism(), decisions()})
      document.sections.push_back(section);
    return document;
  }

  report::Section comparison() const {
    if (baseline_.name.empty()) return {};
    report::Table equal{
        "Profiles beside the baseline",
        {{"profile", 26, false, 12}, {"equal decisions", 16}, {"largest |Δ logit|", 18, true}},
        {}};
    report::Table flips{"Decisions that differ",
                        {{"profile", 26, false, 9},
                         {"case", 26, false, 10, 0, Setting::id},
                         {"there", 10, false, 0, 1},
                         {"margin there", 12, true},
                         {"here", 10},
                         {"margin here", 11, true, 0, 2},
                         page_column("drift", Setting::plain, true),
                         {"verdict", 12}},
                        {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (is_baseline(i)) continue;
      const BaselineDistance& distance = distances_[i];
      const std::string drift = fmt::format("{:.2e}", distance.drift);
      equal.rows.push_back({{name_of(i), equal_text(distance), drift}});
      for (const FlippedCase& flip : distance.flipped)
        flips.rows.push_back({{lane_cell(i),
                               case_id(flip.id),
                               decision_text(flip.baseline_agent, flip.baseline_role),
                               report::number(flip.baseline_margin, 3),
                               {decision_text(flip.agent_id, flip.role_id), Look::accent},
                               report::number(flip.margin, 3),
                               drift,
                               flip.beyond_drift ? Cell("beyond drift", Look::bad)
                                                 : Cell("within drift", Look::warn)}});
    }
    equal.closed = flips.closed = true;
    report::Section section{{{"Compared with "}, report::foreign(baseline_.name, 120)}};
    section.blocks.emplace_back(std::move(equal), Audience::terminal);
    section.blocks.emplace_back(
        report::Paragraph{
            {{flips.rows.empty()
                  ? "No decision differs, on any profile."
                  : "The drift of a profile is its largest difference of any logit. It "
                    "may turn a decision whose margin is no larger."}}},
        Audience::page);
    if (!flips.rows.empty()) section.blocks.emplace_back(std::move(flips));
    return section;
  }

 private:
  bool is_baseline(std::size_t lane) const { return baseline_.lane == lane; }
  const std::string& name_of(std::size_t lane) const { return lanes_[lane].profile.shown_name(); }
  Cell lane_cell(std::size_t lane) const {
    return Cell(name_of(lane)).marked(swatch_of(baseline_, lane));
  }

  report::Legend legend() const {
    report::Legend legend;
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      legend.items.emplace_back(name_of(i), swatch_of(baseline_, i));
    return legend;
  }

  Text verdict() const {
    std::size_t failed = 0;
    bool asserted = false;
    for (const LaneReport& lane : lanes_) {
      failed += lane.summary().failed;
      for (const CaseOutcome& outcome : lane.outcomes)
        asserted = asserted || outcome.status != CaseStatus::report_only;
    }
    if (failed > 0) return {fmt::format("{} failed", failed), Look::bad};
    return asserted ? Text{"all passed", Look::good} : Text{"report only"};
  }

  std::vector<Text> meta(const EvalReportOptions& options) const {
    const LaneReport& first = lanes_.front();
    return {{report::counted(ids_.size(), "case")},
            report::foreign(first.set->origin, 120),
            report::foreign(first.model, 120),
            {fmt::format("input {}, fidelity {}", input_mode_name(first.input.input_mode),
                         first.fidelity_mode)},
            {options.producer},
            {options.generated_at}};
  }

  report::Section lanes_section() const {
    report::Table table{
        "Profiles",
        {page_column("profile"), page_column("cases"), page_column("equal decisions"),
         page_column("worst agent margin", Setting::plain, true),
         page_column("worst role margin", Setting::plain, true),
         page_column("floors", Setting::plain, true), page_column("promise"),
         page_column("seconds", Setting::plain, true)},
        {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) table.rows.push_back({lane_cells(i)});
    return {{{"Profiles"}}, {}, {std::move(table)}, Audience::page};
  }

  std::vector<Cell> lane_cells(std::size_t i) const {
    const LaneReport& lane = lanes_[i];
    const EvalSummary summary = lane.summary();
    std::vector<Text> cases = {
        {fmt::format("{} passed", summary.passed), summary.passed > 0 ? Look::good : Look::label}};
    if (summary.failed > 0) cases.push_back({fmt::format("{} failed", summary.failed), Look::bad});
    if (summary.unasserted > 0)
      cases.push_back({fmt::format("{} noted", summary.unasserted), Look::warn});
    const auto worst = worst_margins(lane.outcomes);
    const auto margin = [&](double value, const std::string& id) {
      return report::number(value, 3).noted(case_id(id));
    };
    return {
        Cell(name_of(i), Look::strong).marked(swatch_of(baseline_, i)).noted({lane.router.device}),
        std::move(cases),
        is_baseline(i)                ? Cell("the oracle", Look::label)
        : distances_[i].compared == 0 ? Cell("–")
                                      : Cell(equal_text(distances_[i])),
        worst ? margin(worst->agent, worst->agent_case) : Cell("–"),
        worst ? margin(worst->role, worst->role_case) : Cell("–"),
        Cell(fmt::format("{:.2f} / {:.2f}", lane.floors.agent, lane.floors.role))
            .noted({"from " + lane.floors_from}),
        std::string(backend::exactness_name(promise_of(lane.profile).kept)),
        report::number(lane.total_seconds, 2)};
  }

  report::Section findings() const {
    report::Findings findings{"Findings", {"profile", "case"}, {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const auto add = [&](Cell where, const std::string& finding) {
        findings.items.push_back(
            {{lane_cell(i), std::move(where)}, report::foreign(finding, kFindingBytes)});
      };
      if (lanes_[i].comparison)
        for (const std::string& remark : lanes_[i].comparison->remarks)
          add({"snapshot", Look::faint}, remark);
      std::size_t found = 0;
      for (const CaseOutcome& outcome : lanes_[i].outcomes)
        for (const std::string& finding : outcome.findings)
          if (++found <= kMaxFindings) add(case_id(outcome.eval_case->id), finding);
      if (found > kMaxFindings)
        add({}, fmt::format("and {} more, see the decisions below", found - kMaxFindings));
    }
    if (findings.items.empty())
      return {{{"Findings"}},
              {{"None: every decision is as expected, above its floors, as its snapshot recorded "
                "it, and the same whenever it was repeated."}},
              {},
              Audience::page};
    return {{{"Findings"}}, {}, {std::move(findings)}, Audience::page};
  }

  /// One series a lane, the baseline first: charts are sorted by it, and dots lie in its rings.
  std::vector<report::ChartSeries> margin_series(bool agent) const {
    std::vector<report::ChartSeries> out;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      const LaneReport& lane = lanes_[i];
      report::ChartSeries series{
          name_of(i), swatch_of(baseline_, i), {}, agent ? lane.floors.agent : lane.floors.role};
      for (const CaseOutcome& outcome : lane.outcomes) {
        const auto margin = !outcome.decision ? std::optional<double>()
                            : agent           ? outcome.decision->margins.agent
                                              : outcome.decision->margins.role;
        series.values.push_back(margin.value_or(std::nan("")));
      }
      out.insert(series.mark.ring ? out.begin() : out.end(), std::move(series));
    }
    return out;
  }

  report::Section margins() const {
    using Kind = report::Chart::Kind;
    return {{{"Margins"}},
            {{"How far the best logit lies above the second best. A small margin is a decision "
              "that rounding could turn. Dashed: the floors that a margin must not fall below."}},
            {legend(), report::Charts{{{Kind::sorted_dots, "Chart of agent margins", "Agent margin",
                                        ids_, margin_series(true)},
                                       {Kind::sorted_dots, "Chart of role margins", "Role margin",
                                        ids_, margin_series(false)}}}},
            Audience::page};
  }

  report::Section closest() const {
    const std::size_t rows = std::min(kClosestRows, ids_.size());
    return {{{"The closest decisions"}},
            {{fmt::format("The {} cases whose smaller margin is smallest on any profile.", rows)}},
            {legend(),
             report::Charts{{{report::Chart::Kind::closest_rows, "Chart of the closest decisions",
                              "Agent margin", ids_, margin_series(true), "Role margin",
                              margin_series(false), rows}}}},
            Audience::page};
  }

  report::Section distance() const {
    if (baseline_.name.empty()) return {};
    report::Chart chart{report::Chart::Kind::distance_strips,
                        "Chart of distances",
                        "Largest |Δ logit| of a case",
                        ids_,
                        {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      if (!is_baseline(i))
        chart.series.push_back(
            {name_of(i), swatch_of(baseline_, i), distances_[i].logit_distance, 0});
    return {{{"Distance to "}, report::foreign(baseline_.name, 120)},
            {{"For every case the largest difference of a logit; ▼ marks the median. Decisions "
              "must agree, logits need not: what matters is that the distance stays small against "
              "the margins."}},
            {report::Charts{{std::move(chart)}}},
            Audience::page};
  }

  /// Agents × roles of the baseline lane, else of the first.
  report::Section selected() const {
    const LaneReport& lane = lanes_[baseline_.lane.value_or(0)];
    const auto agents = static_cast<std::size_t>(std::max<std::int64_t>(lane.router.num_agents, 1));
    const auto roles = static_cast<std::size_t>(std::max<std::int64_t>(lane.router.num_roles, 1));
    std::vector<std::size_t> counts(agents * roles, 0);
    for (const CaseOutcome& outcome : lane.outcomes)
      if (outcome.decision)
        ++counts[static_cast<std::size_t>(outcome.decision->agent_id) * roles +
                 static_cast<std::size_t>(outcome.decision->role_id)];
    const double top = static_cast<double>(*std::max_element(counts.begin(), counts.end()));
    report::Table table{"Cases by agent and role", {page_column("agent")}, {}};
    table.heated = true;
    for (std::size_t role = 0; role < roles; ++role)
      table.columns.push_back(page_column(role_name(static_cast<int>(role))));
    for (std::size_t agent = 0; agent < agents; ++agent) {
      report::Row row{{report::count(agent)}};
      for (std::size_t role = 0; role < roles; ++role) {
        const std::size_t count = counts[agent * roles + role];
        row.cells.push_back(report::count(count));
        row.cells.back().heat = top > 0 ? static_cast<double>(count) / top : 0;
      }
      table.rows.push_back(std::move(row));
    }
    return {{{"What was selected"}},
            {{fmt::format("Cases by agent and role on profile {}.{}", lane.profile.shown_name(),
                          uncovered_text(lane))}},
            {std::move(table)},
            Audience::page};
  }

  static std::string uncovered_text(const LaneReport& lane) {
    if (lane.set->uncovered_agents.empty()) return {};
    std::vector<int> agents;
    for (const UncoveredAgent& agent : lane.set->uncovered_agents) agents.push_back(agent.agent_id);
    return fmt::format(" The set declares that no case selects agents {}.",
                       fmt::join(agents, ", "));
  }

  report::Section determinism() const {
    report::Table table{
        "Determinism",
        {page_column("profile"), page_column("same process"), page_column("new process"),
         page_column("other batches, threads, caches"), page_column("promise")},
        {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (!lanes_[i].determinism) continue;
      const DeterminismReport& repeats = *lanes_[i].determinism;
      const auto cell = [&](const std::optional<Rung>& rung) {
        if (!rung) return Cell("not run", Look::faint);
        Cell figure(rung_figure(repeats, *rung));
        for (const std::string& repeat : rung->repeats) figure.notes.push_back({repeat});
        return figure;
      };
      table.rows.push_back(
          {{lane_cell(i), cell(repeats.process), cell(repeats.restart), cell(repeats.batch),
            repeats.claims_bits() ? "equal bits" : "equal decisions only"}});
    }
    if (table.rows.empty())
      return {{{"Determinism"}},
              {{"Nothing was repeated (--determinism-runs, --determinism-rungs)."}},
              {},
              Audience::page};
    return {{{"Determinism"}},
            {{"Cases whose route hash (both ids and all logits to six decimals) is the same in "
              "every repeat. Each profile is judged by what it promises. Every repeat computes "
              "everything anew."}},
            {std::move(table)},
            Audience::page};
  }

  report::Section decisions() const {
    report::Table table{"All decisions",
                        {page_column("case", Setting::id), page_column("prompt", Setting::faint),
                         page_column("tokens", Setting::plain, true), page_column("expected")},
                        {}};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      table.columns.push_back(page_column(name_of(i)));
      table.columns.back().swatch = swatch_of(baseline_, i);
    }
    for (std::size_t row = 0; row < ids_.size(); ++row) table.rows.push_back(decision_row(row));
    return {{{"Decisions"}},
            {},
            {std::move(table)},
            Audience::page,
            fmt::format("All {}", report::counted(ids_.size(), "case")),
            ids_.size() <= kOpenCases};
  }

  report::Row decision_row(std::size_t row) const {
    const EvalCase& one = *lanes_.front().outcomes[row].eval_case;
    const auto& first = lanes_.front().outcomes[row].decision;
    report::Row out{{case_id(one.id), report::foreign(case_prompt(one), kPromptBytes),
                     first ? report::count(static_cast<std::uint64_t>(first->token_count)) : "–",
                     decision_text(one.expected_agent, one.expected_role)}};
    bool low = false;
    for (const LaneReport& lane : lanes_) {
      const CaseOutcome& outcome = lane.outcomes[row];
      if (!outcome.findings.empty()) out.look = Look::bad;
      low = low || outcome.low_margin;
      if (!outcome.decision) {
        out.cells.emplace_back("not routed", Look::bad);
        continue;
      }
      const Decision& decision = *outcome.decision;
      const bool as_expected =
          decision.agent_id == one.expected_agent && decision.role_id == one.expected_role;
      out.cells.push_back(
          Cell(decision_text(decision.agent_id, decision.role_id),
               as_expected ? Look::plain : Look::bad)
              .noted({fmt::format("{} / {}", short_number(decision.margins.agent.value_or(0)),
                                  short_number(decision.margins.role.value_or(0)))}));
    }
    if (low && out.look == Look::plain) out.look = Look::warn;
    return out;
  }

  std::span<const LaneReport> lanes_;
  const EvalBaseline& baseline_;
  std::vector<std::string> ids_;
  std::vector<BaselineDistance> distances_;
};

}  // namespace

report::Document eval_document(std::span<const LaneReport> lanes,
                               const EvalReportOptions& options) {
  const EvalBaseline baseline = choose_baseline(lanes, options.oracle);
  return EvalDocument(lanes, baseline).document(options);
}

report::Section comparison_section(const EvalBaseline& baseline,
                                   std::span<const LaneReport> lanes) {
  return EvalDocument(lanes, baseline).comparison();
}

}  // namespace trinity::prove
