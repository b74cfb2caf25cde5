#include "prove/matrix/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.h"
#include "report/html_table.h"
#include "report/page.h"

namespace trinity {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

Json decision_record(const CaseDecision& decision) {
  return {{"agent_id", decision.agent},
          {"role_id", decision.role},
          {"margins", {{"agent", decision.agent_margin}, {"role", decision.role_margin}}}};
}

Json ops_record(const OpMatrix& ops) {
  Json list = Json::array();
  for (const OpVerdict& one : ops.verdicts)
    list.push_back({{"lane", one.lane},
                    {"op", one.op},
                    {"passed", one.passed()},
                    {"cases", one.cases},
                    {"elements", one.elements},
                    {"failed_cases", one.failed_cases},
                    {"worst_error", number(one.worst_error)},
                    {"worst_row", number(one.worst_row)},
                    {"worst_of_limit", number(one.worst_of_limit)},
                    {"tolerance", one.element_limit},
                    {"given_bits", one.given_bits},
                    {"follows_from", one.follows_from},
                    {"findings", one.findings}});
  return list;
}

Json layers_record(const ModelMatrix& model) {
  Json pairs = Json::array();
  for (const LayerDistance& pair : model.layers)
    pairs.push_back({{"lane", pair.lane},
                     {"other", pair.other},
                     {"worst_row", numbers(pair.worst_row)},
                     {"limit", numbers(pair.limit)},
                     {"first_beyond",
                      pair.first_beyond ? Json(model.steps[*pair.first_beyond]) : Json(nullptr)}});
  return {{"steps", model.steps}, {"pairs", std::move(pairs)}};
}

Json decisions_record(const MatrixReport& report) {
  const ModelMatrix& model = *report.model;
  Json flips = Json::array();
  for (const Flip& flip : model.flips)
    flips.push_back({{"lane", flip.lane},
                     {"id", flip.id},
                     {"oracle", decision_record(flip.oracle)},
                     {"here", decision_record(flip.here)},
                     {"beyond_floor", flip.beyond_floor}});
  Json differing = Json::object(), logits = Json::object();
  for (size_t i = 0; i < report.lanes.lanes.size(); ++i) {
    Json row = Json::object();
    for (size_t j = 0; j < report.lanes.lanes.size(); ++j)
      row[report.lanes.lanes[j].name] = model.differing[i][j];
    differing[report.lanes.lanes[i].name] = std::move(row);
    logits[report.lanes.lanes[i].name] = number(model.logit_distance[i]);
  }
  return {{"oracle", model.oracle},
          {"cases", model.cases},
          {"flips", std::move(flips)},
          {"differing_cases", std::move(differing)},
          {"largest_logit_distance", std::move(logits)}};
}

Json times_record(const ModelMatrix& model) {
  Json list = Json::array();
  for (const LaneTimes& one : model.times)
    list.push_back({{"lane", one.lane},
                    {"load_ms", one.load_ms},
                    {"pass_min_ms", one.min_ms},
                    {"pass_median_ms", one.median_ms},
                    {"timed_passes", one.passes},
                    {"tokens", one.tokens}});
  return list;
}

Json exact_record(std::span<const ExactComparison> exact) {
  Json list = Json::array();
  for (const ExactComparison& one : exact)
    list.push_back({{"lane", one.lane},
                    {"arithmetic", one.arithmetic},
                    {"published", one.published},
                    {"passed", one.passed()},
                    {"operations", one.ops},
                    {"cases", one.cases},
                    {"parted_operations", one.parted_ops},
                    {"parted_cases", one.parted_cases},
                    {"sentence", one.sentence()}});
  return list;
}

std::string lanes_table(const MatrixReport& report) {
  HtmlTable table("Profiles",
                  {{"profile"}, {"device"}, {"promise"}, {"operations"}, {"remarks", "text"}});
  const std::size_t ops = report.ops.verdicts.size() / report.lanes.lanes.size();
  for (std::size_t i = 0; i < report.lanes.lanes.size(); ++i) {
    const MatrixLane& lane = report.lanes.lanes[i];
    const auto begin = report.ops.verdicts.begin() + static_cast<std::ptrdiff_t>(i * ops);
    const auto failed = std::count_if(begin, begin + static_cast<std::ptrdiff_t>(ops),
                                      [](const OpVerdict& verdict) { return !verdict.passed(); });
    std::string remarks = lane.promise.broken.empty()
                              ? std::string()
                              : html_text("only decisions here: " + lane.promise.broken);
    for (const ExactComparison& one : report.exact)
      if (one.lane == lane.name)
        remarks += (remarks.empty() ? "" : "; ") + html_text(one.sentence());
    table.row({html_text(lane.name),
               i < report.ops.devices.size() ? html_text(report.ops.devices[i]) : "–",
               exactness_name(lane.promise.kept),
               failed == 0 ? chip("good", "all within")
                           : chip("bad", fmt::format("{} of {} outside", failed, ops)),
               remarks});
  }
  for (const MissingLane& lane : report.lanes.missing)
    table.row({html_text(lane.name), "–", "–", chip("plain", "not here"), html_text(lane.reason)});
  return "<h2>Lanes</h2>\n" + table.html();
}

std::string op_cell(const OpVerdict& one) {
  const std::string figure =
      fmt::format("{} ({:.0f} %)", error_text(one.worst_error), 100 * one.worst_of_limit);
  if (!one.passed()) return chip("bad", "outside: " + figure);
  if (one.given_bits && one.worst_error == 0) return chip("good", "exact");
  return html_text(figure);
}

std::string op_table(const MatrixReport& report) {
  std::vector<HtmlColumn> columns = {{"operation"}};
  for (const MatrixLane& lane : report.lanes.lanes) columns.push_back({html_text(lane.name), "n"});
  HtmlTable table("Operations", std::move(columns));
  const size_t ops = report.ops.verdicts.size() / report.lanes.lanes.size();
  for (size_t op = 0; op < ops; ++op) {
    std::vector<std::string> cells = {html_text(report.ops.verdicts[op].op)};
    bool broken = false;
    for (size_t lane = 0; lane < report.lanes.lanes.size(); ++lane) {
      const OpVerdict& one = report.ops.verdicts[lane * ops + op];
      cells.push_back(op_cell(one));
      broken = broken || !one.passed();
    }
    table.row(cells, broken ? "broken" : "");
  }
  return "<h2>Operations</h2>\n<p class=\"lead\">Largest error of an element over the size of what "
         "went into it, and the share of the profile's limit that it used up.</p>\n" +
         table.html();
}

std::string layers_table(const MatrixReport& report) {
  HtmlTable table(
      "Layers", {{"profiles"}, {"after the last layer", "n"}, {"limit", "n"}, {"first beyond it"}});
  for (const LayerDistance& pair : report.model->layers)
    table.row({html_text(pair.lane + " and " + pair.other), error_text(pair.worst_row.back()),
               error_text(pair.limit.back()),
               pair.first_beyond ? chip("bad", report.model->steps[*pair.first_beyond])
                                 : chip("good", "nowhere")});
  if (table.empty()) return {};  // one lane has nothing to part from
  return fmt::format(
             "<h2>Layers</h2>\n<p class=\"lead\">{}, largest relative distance of a row."
             "</p>\n",
             html_text(report.model_name)) +
         table.html();
}

std::string decisions_table(const MatrixReport& report) {
  const ModelMatrix& model = *report.model;
  const size_t oracle = oracle_lane(report.lanes.lanes);
  HtmlTable table("Decisions", {{"profile"},
                                {"decided differently", "n"},
                                {"largest |Δ logit|", "n"},
                                {"pass, min (ms)", "n"},
                                {"pass, median (ms)", "n"},
                                {"tokens/s", "n"}});
  for (size_t i = 0; i < model.times.size(); ++i) {
    const LaneTimes& times = model.times[i];
    const size_t differing = model.differing[i][oracle];
    const double rate =
        times.min_ms > 0 ? 1000 * static_cast<double>(times.tokens) / times.min_ms : 0;
    table.row({html_text(times.lane),
               i == oracle ? chip("plain", "the oracle")
                           : chip(differing == 0 ? "good" : "warn", fmt::format("{}", differing)),
               error_text(model.logit_distance[i]), fmt::format("{:.1f}", times.min_ms),
               fmt::format("{:.1f}", times.median_ms), fmt::format("{:.0f}", rate)});
  }
  return fmt::format("<h2>Decisions</h2>\n<p class=\"lead\">{}: {} cases, compared with {}.</p>\n",
                     html_text(report.model_name), model.cases, html_text(model.oracle)) +
         table.html();
}

std::string flips_table(const ModelMatrix& model) {
  if (model.flips.empty()) return {};
  HtmlTable table(
      "Flips",
      {{"profile"}, {"case", "id"}, {"oracle"}, {"here"}, {"oracle's margins", "n"}, {"verdict"}});
  for (const Flip& flip : model.flips)
    table.row(
        {html_text(flip.lane), html_excerpt(flip.id, 100),
         fmt::format("{} {}", flip.oracle.agent, role_name(flip.oracle.role)),
         fmt::format("{} {}", flip.here.agent, role_name(flip.here.role)),
         fmt::format("{:.3f} / {:.3f}", flip.oracle.agent_margin, flip.oracle.role_margin),
         flip.beyond_floor ? chip("bad", "not under the floor") : chip("warn", "under the floor")});
  return "<h2>Flips</h2>\n" + table.html();
}

std::string findings_list(const OpMatrix& ops) {
  HtmlTable table("Findings", {{"profile"}, {"operation"}, {"what was found", "text"}});
  for (const OpVerdict& one : ops.verdicts)
    for (const std::string& finding : one.findings)
      table.row({html_text(one.lane), html_text(one.op), html_excerpt(finding, 400)});
  return table.empty() ? std::string() : "<h2>Findings</h2>\n" + table.html();
}

}  // namespace

std::string error_text(double error) {
  if (!std::isfinite(error)) return "not finite";
  return error == 0 ? "0" : fmt::format("{:.1e}", error);
}

bool MatrixReport::passed() const {
  return ops.passed() && (!model || model->passed()) &&
         std::all_of(exact.begin(), exact.end(),
                     [](const ExactComparison& one) { return one.passed(); });
}

std::string blame_text(const MatrixReport& report) {
  std::string text;
  for (const MatrixLane& lane : report.lanes.lanes) {
    const auto ops = report.ops.blamed(lane.name);
    if (!ops.empty())
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", lane.name, fmt::join(ops, ", "));
  }
  for (const ExactComparison& one : report.exact)
    if (!one.passed())
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", one.lane, one.sentence());
  if (!report.model) return text;
  for (const LayerDistance& pair : report.model->layers)
    if (pair.first_beyond && pair.other == report.model->oracle)
      text += fmt::format("{}{} parts from {} at {}", text.empty() ? "" : "; ", pair.lane,
                          pair.other, report.model->steps[*pair.first_beyond]);
  for (const Flip& flip : report.model->flips)
    if (flip.beyond_floor)
      text += fmt::format("{}{} flips {}", text.empty() ? "" : "; ", flip.lane, flip.id);
  return text;
}

Json matrix_record(const MatrixReport& report) {
  Json lanes = Json::array(), missing = Json::array(), distances = Json::array();
  for (const MatrixLane& lane : report.lanes.lanes)
    lanes.push_back(
        {{"name", lane.name},
         {"exactness", exactness_name(lane.promise.kept)},
         {"claims", exactness_name(lane.exactness)},
         {"broken_promise", lane.promise.broken.empty() ? Json() : Json(lane.promise.broken)}});
  for (const MissingLane& lane : report.lanes.missing)
    missing.push_back({{"name", lane.name}, {"reason", lane.reason}});
  for (const OpDistance& pair : report.ops.distances)
    distances.push_back({{"lane", pair.lane},
                         {"other", pair.other},
                         {"op", pair.op},
                         {"worst_error", number(pair.worst_error)}});
  return {{"passed", report.passed()},
          {"seed", report.ops.seed},
          {"thorough", report.ops.thorough},
          {"lanes", std::move(lanes)},
          {"missing_lanes", std::move(missing)},
          {"exact_bits", exact_record(report.exact)},
          {"ops", ops_record(report.ops)},
          {"op_distances", std::move(distances)},
          {"model", report.model ? Json(report.model_name) : Json(nullptr)},
          {"layers", report.model ? layers_record(*report.model) : Json(nullptr)},
          {"decisions", report.model ? decisions_record(report) : Json(nullptr)},
          {"times", report.model ? times_record(*report.model) : Json(nullptr)}};
}

std::string matrix_html(const MatrixReport& report, const PageOrigin& origin) {
  std::string body = fmt::format(
      "<h1>Profiles against profiles</h1>\n<span class=\"verdict {}\">{}</span>\n"
      "<div class=\"meta\">seed {}{} · {} · {}</div>\n",
      report.passed() ? "good" : "bad",
      report.passed() ? "all within their tolerances" : "profiles disagree", report.ops.seed,
      report.ops.thorough ? ", thorough" : "", html_text(origin.producer),
      html_text(origin.generated_at));
  if (!report.passed()) body += fmt::format("<p>{}</p>\n", html_text(blame_text(report) + "."));
  body += lanes_table(report) + findings_list(report.ops) + op_table(report);
  if (report.model)
    body += layers_table(report) + decisions_table(report) + flips_table(*report.model);
  return report_page("Profiles against profiles", body);
}

}  // namespace trinity
