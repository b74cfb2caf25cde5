// The matrix as a document. Operations, layers and decisions are the same tables on a terminal and
// on a page; what was said of a lane is a list on the terminal, at the end, and a column of the
// first table on the page.
//
// Tested by tests/prove/matrix_document_test.cc and matrix_model_test.cc.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "prove/matrix/report.h"

namespace trinity::prove {
namespace {

using report::Audience;
using report::Cell;
using report::error_text;
using report::Look;
using report::page_column;
using report::Setting;

constexpr std::size_t kLaneColumns = 16;  // "outside: 2.0e-07"
constexpr std::size_t kCellBytes = 400;

/// Verdicts are listed lane by lane, operations in the same order.
std::size_t ops_of(const MatrixReport& report) {
  return report.ops.verdicts.size() / report.lanes.lanes.size();
}

Cell operations_cell(const MatrixReport& report, std::size_t lane) {
  const std::size_t ops = ops_of(report);
  const auto begin = report.ops.verdicts.begin() + static_cast<std::ptrdiff_t>(lane * ops);
  const auto failed = std::count_if(begin, begin + static_cast<std::ptrdiff_t>(ops),
                                    [](const OpVerdict& verdict) { return !verdict.passed(); });
  return failed == 0 ? Cell("all within", Look::good)
                     : Cell(fmt::format("{} of {} outside", failed, ops), Look::bad);
}

report::Section lanes_section(const MatrixReport& report) {
  report::Table table{"Profiles",
                      {page_column("profile"), page_column("device"), page_column("promise"),
                       page_column("operations"), page_column("remarks", Setting::prose)},
                      {}};
  for (std::size_t i = 0; i < report.lanes.lanes.size(); ++i) {
    const MatrixLane& lane = report.lanes.lanes[i];
    std::string remarks =
        lane.promise.broken.empty() ? "" : "only decisions here: " + lane.promise.broken;
    for (const ExactComparison& one : report.exact)
      if (one.lane == lane.name) remarks += (remarks.empty() ? "" : "; ") + one.sentence();
    table.rows.push_back({{lane.name, i < report.ops.devices.size() ? report.ops.devices[i] : "–",
                           std::string(backend::exactness_name(lane.promise.kept)),
                           operations_cell(report, i), std::move(remarks)}});
  }
  for (const MissingLane& lane : report.lanes.missing)
    table.rows.push_back({{lane.name, "–", "–", {"not here", Look::label}, lane.reason}});
  return {{{"Profiles"}}, {}, {std::move(table)}, Audience::page};
}

/// What was said of lanes, in sentences.
report::Section remarks_section(const MatrixReport& report) {
  report::Findings remarks;
  for (const MatrixLane& lane : report.lanes.lanes)
    if (!lane.promise.broken.empty())
      remarks.items.push_back(
          {{},
           {fmt::format("{} promises only decisions here: {}", lane.name, lane.promise.broken),
            Look::warn}});
  for (const ExactComparison& one : report.exact)
    remarks.items.push_back({{one.lane}, {one.sentence(), one.passed() ? Look::good : Look::bad}});
  for (const MissingLane& lane : report.lanes.missing)
    remarks.items.push_back(
        {{}, {fmt::format("not here: {}, {}", lane.name, lane.reason), Look::faint}});
  if (remarks.items.empty()) return {};
  return {{}, {}, {std::move(remarks)}, Audience::terminal};
}

report::Section findings_section(const MatrixReport& report) {
  report::Findings findings{"Findings", {"profile", "operation"}, {}};
  for (const OpVerdict& one : report.ops.verdicts) {
    const std::string made_of =
        one.follows_from.empty() ? std::string()
                                 : fmt::format(" (made of {})", fmt::join(one.follows_from, ", "));
    for (const std::string& finding : one.findings)
      findings.items.push_back(
          {{one.lane, one.op + made_of}, report::foreign(finding, kCellBytes, Look::bad)});
  }
  if (findings.items.empty()) return {};
  return {{{"Findings"}}, {}, {std::move(findings)}};
}

Cell op_cell(const OpVerdict& one) {
  const std::string error = error_text(one.worst_error);
  if (!one.passed()) return {"outside: " + error, Look::bad};
  if (one.given_bits && one.worst_error == 0) return {"exact", Look::good};
  return std::isfinite(one.worst_of_limit)
             ? fmt::format("{} {:>4}", error, fmt::format("{:.0f}%", 100 * one.worst_of_limit))
             : error;
}

report::Section operations_section(const MatrixReport& report) {
  report::Table table{"Operations", {{"operation", 20, false, 12}}, {}};
  table.flows = true;
  for (const MatrixLane& lane : report.lanes.lanes)
    table.columns.push_back({lane.name, kLaneColumns, true, kLaneColumns});
  const std::size_t ops = ops_of(report);
  for (std::size_t op = 0; op < ops; ++op) {
    report::Row row{{report.ops.verdicts[op].op}};
    for (std::size_t lane = 0; lane < report.lanes.lanes.size(); ++lane) {
      const OpVerdict& one = report.ops.verdicts[lane * ops + op];
      row.cells.push_back(op_cell(one));
      if (!one.passed()) row.look = Look::bad;
    }
    table.rows.push_back(std::move(row));
  }
  return {{{"Operations"}},
          {{"Largest error of an element over the size of what went into it, and the share of the "
            "profile's limit that it used up."}},
          {std::move(table)}};
}

report::Section layers_section(const MatrixReport& report) {
  const ModelMatrix& model = *report.model;
  report::Table table{"Layers",
                      {{"profiles", 32, false, 24},
                       {"after last", 10, true},
                       {"limit", 9, true},
                       {"they part", 21}},
                      {}};
  for (const LayerDistance& pair : model.layers)
    table.rows.push_back(
        {{pair.lane + " – " + pair.other, error_text(pair.worst_row.back()),
          error_text(pair.limit.back()),
          pair.first_beyond ? Cell("at " + model.steps[*pair.first_beyond], Look::bad)
                            : Cell("nowhere", Look::good)}});
  report::Section section{{{"Layers"}},
                          {{fmt::format("{}, {} steps, largest relative distance of a row.",
                                        report.model_name, model.steps.size())}}};
  if (!table.rows.empty()) {
    section.blocks.emplace_back(std::move(table));
  } else {
    section.blocks.emplace_back(report::Paragraph{{{"one profile: nothing to compare it with"}}});
    section.where = Audience::terminal;
  }
  return section;
}

report::Section decisions_section(const MatrixReport& report) {
  const ModelMatrix& model = *report.model;
  const std::size_t oracle = oracle_lane(report.lanes.lanes);
  report::Table table{"Decisions",
                      {{"profile", 24, false, 14},
                       {"flips", 10, true},
                       {"largest |Δ logit|", 17, true},
                       {"pass min ms", 11, true},
                       {"median ms", 9, true, 0, 1},
                       {"tokens/s", 8, true},
                       {"load ms", 7, true, 0, 2}},
                      {}};
  for (std::size_t i = 0; i < model.times.size(); ++i) {
    const LaneTimes& times = model.times[i];
    const std::size_t differing = model.differing[i][oracle];
    const double rate =
        times.min_ms > 0 ? 1000 * static_cast<double>(times.tokens) / times.min_ms : 0;
    table.rows.push_back({{times.lane,
                           i == oracle ? Cell("the oracle", Look::label)
                                       : Cell(fmt::format("{}", differing),
                                              differing == 0 ? Look::good : Look::warn),
                           error_text(model.logit_distance[i]), report::number(times.min_ms, 1),
                           report::number(times.median_ms, 1), report::number(rate, 0),
                           report::number(times.load_ms, 0)}});
  }
  return {{{"Decisions"}},
          {{fmt::format("{}: {}, compared with {}.", report.model_name,
                        report::counted(model.cases, "case"), model.oracle)}},
          {std::move(table)}};
}

report::Section flips_section(const MatrixReport& report) {
  const ModelMatrix& model = *report.model;
  if (model.flips.empty()) return {};
  report::Table table{"Flips",
                      {{"profile", 20, false, 9},
                       {"case", 24, false, 10, 0, Setting::id},
                       {"oracle", 10},
                       {"here", 10},
                       {"oracle's margins", 16, true, 0, 1},
                       {"verdict", 19, false, 8}},
                      {}};
  for (const Flip& flip : model.flips)
    table.rows.push_back(
        {{flip.lane,
          report::foreign(flip.id),
          fmt::format("{} {}", flip.oracle.agent, role_name(flip.oracle.role)),
          {fmt::format("{} {}", flip.here.agent, role_name(flip.here.role)), Look::accent},
          fmt::format("{:.3f} / {:.3f}", flip.oracle.agent_margin, flip.oracle.role_margin),
          flip.beyond_floor ? Cell("not under the floor", Look::bad)
                            : Cell("under the floor", Look::warn)}});
  return {{{"Flips"}}, {}, {std::move(table)}};
}

}  // namespace

report::Document matrix_document(const MatrixReport& report, const PageOrigin& origin) {
  report::Document document{
      "Profiles against each other",
      report.passed() ? report::Text{"all within their tolerances", Look::good}
                      : report::Text{"profiles disagree", Look::bad},
      blame_text(report),
      {{fmt::format("seed {}{}", report.ops.seed, report.ops.thorough ? ", thorough" : "")},
       {origin.producer},
       {origin.generated_at}},
      {lanes_section(report), operations_section(report)}};
  if (report.model)
    for (report::Section section :
         {layers_section(report), decisions_section(report), flips_section(report)})
      document.sections.push_back(std::move(section));
  document.sections.push_back(findings_section(report));
  document.sections.push_back(remarks_section(report));
  return document;
}

}  // namespace trinity::prove
