#include "cli/lab/lab_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "terminal/paragraph.h"
#include "terminal/table.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kLaneColumns = 15;

std::string share_text(double share) {
  return std::isfinite(share) ? fmt::format("{:.0f}%", 100 * share) : std::string("-");
}

std::string op_cell(const OpVerdict& one) {
  if (!one.passed()) return "FAILS " + error_text(one.worst_error);
  if (one.given_bits && one.worst_error == 0) return "exact";
  return fmt::format("{} {:>4}", error_text(one.worst_error), share_text(one.worst_of_limit));
}

/// As many lanes side by side as the terminal holds, the others in tables below.
std::string op_table(const MatrixReport& report, Style style) {
  constexpr std::size_t name_columns = 20, gaps = 2;
  const std::vector<MatrixLane>& lanes = report.lanes.lanes;
  const std::size_t ops = report.ops.verdicts.size() / lanes.size();
  const std::size_t room = style.columns() - std::min(style.columns(), name_columns + gaps);
  std::string out =
      "\n" +
      paragraph({{"Operations", &Style::bold},
                 {": worst error over its scale, share of the profile's limit", &Style::dim}},
                style);
  for (std::size_t begin = 0, end = 0; begin < lanes.size(); begin = end) {
    std::vector<Column> columns = {{"operation", name_columns, false, 12}};
    std::size_t used = 0;
    for (end = begin; end < lanes.size(); ++end) {
      const std::size_t width = std::max(kLaneColumns, display_width(lanes[end].name));
      used += gaps + width;
      if (end > begin && used > room) break;
      columns.push_back({lanes[end].name, width, true, kLaneColumns});
    }
    const Table table(columns, style);
    out += (begin == 0 ? "" : "\n") + table.header();
    for (std::size_t op = 0; op < ops; ++op) {
      std::vector<Cell> cells = {{report.ops.verdicts[op].op}};
      for (std::size_t lane = begin; lane < end; ++lane) {
        const OpVerdict& one = report.ops.verdicts[lane * ops + op];
        cells.push_back({op_cell(one), one.passed() ? nullptr : &Style::red});
      }
      out += table.row(cells);
    }
  }
  return out;
}

std::string layer_table(const MatrixReport& report, Style style) {
  const ModelMatrix& model = *report.model;
  const Table table({{"profiles", 32, false, 24},
                     {"after last", 10, true},
                     {"limit", 9, true},
                     {"they part", 21}},
                    style);
  std::string out = "\n" +
                    paragraph({{"Layers", &Style::bold},
                               {fmt::format(": {}, {} steps, largest relative distance of a row",
                                            report.model_name, model.steps.size()),
                                &Style::dim}},
                              style) +
                    table.header();
  if (model.layers.empty()) out += paragraph({{"one profile: nothing to compare it with"}}, style);
  for (const LayerDistance& pair : model.layers)
    out += table.row({{pair.lane + " – " + pair.other},
                      {error_text(pair.worst_row.back())},
                      {error_text(pair.limit.back())},
                      {pair.first_beyond ? "at " + model.steps[*pair.first_beyond] : "nowhere",
                       pair.first_beyond ? &Style::red : &Style::green}});
  return out;
}

std::string decision_table(const MatrixReport& report, Style style) {
  const ModelMatrix& model = *report.model;
  const std::size_t oracle = oracle_lane(report.lanes.lanes);
  const Table table({{"profile", 24, false, 14},
                     {"flips", 5, true},
                     {"max |Δ logit|", 13, true},
                     {"pass min ms", 11, true},
                     {"median ms", 9, true, 0, 1},
                     {"tokens/s", 8, true},
                     {"load ms", 7, true, 0, 2}},
                    style);
  std::string out =
      "\n" +
      paragraph({{"Decisions", &Style::bold},
                 {fmt::format(": {}, compared with {}", counted(model.cases, "case"), model.oracle),
                  &Style::dim}},
                style) +
      table.header();
  for (std::size_t i = 0; i < model.times.size(); ++i) {
    const LaneTimes& times = model.times[i];
    const double rate =
        times.min_ms > 0 ? 1000 * static_cast<double>(times.tokens) / times.min_ms : 0;
    out += table.row({{times.lane},
                      {fmt::format("{}", model.differing[i][oracle])},
                      {error_text(model.logit_distance[i])},
                      {fmt::format("{:.1f}", times.min_ms)},
                      {fmt::format("{:.1f}", times.median_ms)},
                      {fmt::format("{:.0f}", rate)},
                      {fmt::format("{:.0f}", times.load_ms)}});
  }
  for (const Flip& flip : model.flips) {
    const std::string text = fmt::format(
        "{} decides {} as {} {} instead of {} {} (margins of {}: {:.3f} / {:.3f}){}", flip.lane,
        excerpt(flip.id), flip.here.agent, role_name(flip.here.role), flip.oracle.agent,
        role_name(flip.oracle.role), model.oracle, flip.oracle.agent_margin,
        flip.oracle.role_margin, flip.beyond_floor ? ", which is not under the floor" : "");
    out += paragraph({{text, flip.beyond_floor ? &Style::red : &Style::yellow}}, style, 2, 4);
  }
  return out;
}

}  // namespace

std::string matrix_text(const MatrixReport& report, Style style) {
  std::string out = op_table(report, style);
  if (report.model) out += layer_table(report, style) + decision_table(report, style);
  const auto say = [&](const std::string& text, Look look) {
    out += paragraph({{text, look}}, style, 2, 4);
  };
  for (const OpVerdict& one : report.ops.verdicts)
    for (const std::string& finding : one.findings)
      say(fmt::format("{} {}{}: {}", one.lane, one.op,
                      one.follows_from.empty()
                          ? std::string()
                          : fmt::format(" (made of {})", fmt::join(one.follows_from, ", ")),
                      finding),
          &Style::red);
  for (const MatrixLane& lane : report.lanes.lanes)
    if (!lane.promise.broken.empty())
      say(fmt::format("{} promises only decisions here: {}", lane.name, lane.promise.broken),
          &Style::yellow);
  for (const ExactComparison& one : report.exact)
    say(fmt::format("{}: {}", one.lane, one.sentence()),
        one.passed() ? &Style::green : &Style::red);
  for (const MissingLane& lane : report.lanes.missing)
    say(fmt::format("not here: {}, {}", lane.name, lane.reason), &Style::dim);
  out += "\n";
  report.passed() ? say("all within their tolerances", &Style::green)
                  : say(blame_text(report), &Style::red);
  return out;
}

}  // namespace trinity::cli
