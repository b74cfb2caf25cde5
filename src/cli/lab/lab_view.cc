#include "cli/lab/lab_view.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/terminal/table.h"

namespace trinity::cli {
namespace {

constexpr std::size_t kLaneColumns = 15;

std::string share_text(double share) {
  return std::isfinite(share) ? fmt::format("{:.0f}%", 100 * share) : std::string("-");
}

std::string op_table(const MatrixReport& report, Style style) {
  std::vector<Column> columns = {{"operation", 20}};
  for (const MatrixLane& lane : report.lanes.lanes)
    columns.push_back({lane.name, kLaneColumns, true});
  const Table table(columns, style);
  std::string out = style.bold("\n  Operations") +
                    style.dim("  worst error over its scale, share of the lane's limit\n") +
                    table.header();
  const std::size_t ops = report.ops.verdicts.size() / report.lanes.lanes.size();
  for (std::size_t op = 0; op < ops; ++op) {
    std::vector<Cell> cells = {{report.ops.verdicts[op].op}};
    for (std::size_t lane = 0; lane < report.lanes.lanes.size(); ++lane) {
      const OpVerdict& one = report.ops.verdicts[lane * ops + op];
      const std::string text = one.given_bits && one.passed() && one.worst_error == 0
                                   ? std::string("exact")
                                   : fmt::format("{} {:>4}", error_text(one.worst_error),
                                                 share_text(one.worst_of_limit));
      cells.push_back({one.passed() ? text : "FAILS " + error_text(one.worst_error),
                       one.passed() ? nullptr : &Style::red});
    }
    out += table.row(cells);
  }
  return out;
}

std::string layer_table(const MatrixReport& report, Style style) {
  const ModelMatrix& model = *report.model;
  const Table table(
      {{"lanes", 32}, {"after last", 10, true}, {"limit", 9, true}, {"they part", 24}}, style);
  std::string out = style.bold("\n  Layers") +
                    style.dim(fmt::format("  {}, {} steps, largest relative distance of a row\n",
                                          report.model_name, model.steps.size())) +
                    table.header();
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
  const Table table({{"lane", 24},
                     {"flips", 6, true},
                     {"max |Δ logit|", 14, true},
                     {"pass min ms", 12, true},
                     {"median ms", 12, true},
                     {"tokens/s", 10, true},
                     {"load ms", 9, true}},
                    style);
  std::string out =
      style.bold("\n  Decisions") +
      style.dim(fmt::format("  {} cases, compared with {}\n", model.cases, model.oracle)) +
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
        "  {} decides {} as {} {} instead of {} {} (margins of {}: {:.3f} / {:.3f}){}\n", flip.lane,
        flip.id, flip.here.agent, role_name(flip.here.role), flip.oracle.agent,
        role_name(flip.oracle.role), model.oracle, flip.oracle.agent_margin,
        flip.oracle.role_margin, flip.beyond_floor ? ", which is not under the floor" : "");
    out += flip.beyond_floor ? style.red(text) : style.yellow(text);
  }
  return out;
}

}  // namespace

std::string matrix_text(const MatrixReport& report, Style style) {
  std::string out = op_table(report, style);
  if (report.model) out += layer_table(report, style) + decision_table(report, style);
  for (const OpVerdict& one : report.ops.verdicts)
    for (const std::string& finding : one.findings)
      out += style.red(
          fmt::format("  {} {}{}: {}\n", one.lane, one.op,
                      one.follows_from.empty()
                          ? std::string()
                          : fmt::format(" (made of {})", fmt::join(one.follows_from, ", ")),
                      finding));
  for (const MatrixLane& lane : report.lanes.lanes)
    if (!lane.promise.broken.empty())
      out += style.yellow(
          fmt::format("  {} promises only decisions here: {}\n", lane.name, lane.promise.broken));
  for (const ExactComparison& one : report.exact) {
    const std::string text = fmt::format("  {}: {}\n", one.lane, one.sentence());
    out += one.passed() ? style.green(text) : style.red(text);
  }
  for (const MissingLane& lane : report.lanes.missing)
    out += style.dim(fmt::format("  not here: {}, {}\n", lane.name, lane.reason));
  return out + (report.passed() ? style.green("\n  all within their tolerances\n")
                                : style.red(fmt::format("\n  {}\n", blame_text(report))));
}

}  // namespace trinity::cli
