#include "lab/matrix/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lab/page/html.h"
#include "lab/page/report_style.h"

namespace trinity {
namespace {

using Json = nlohmann::ordered_json;

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

std::string cell(const std::string& text, const char* tag = "td") {
  return fmt::format("<{0}>{1}</{0}>", tag, html_text(text));
}

std::string op_table(const MatrixReport& report) {
  std::string out =
      "<h2>Operations</h2><p>Largest error of an element over the size of what went "
      "into it, and the share of the lane's limit that it used up.</p><table><tr>" +
      cell("operation", "th");
  for (const MatrixLane& lane : report.lanes.lanes) out += cell(lane.name, "th");
  out += "</tr>";
  const size_t ops = report.ops.verdicts.size() / report.lanes.lanes.size();
  for (size_t op = 0; op < ops; ++op) {
    out += "<tr>" + cell(report.ops.verdicts[op].op);
    for (size_t lane = 0; lane < report.lanes.lanes.size(); ++lane) {
      const OpVerdict& one = report.ops.verdicts[lane * ops + op];
      out += cell(fmt::format("{}{} ({:.0f} %)", one.passed() ? "" : "FAILS ",
                              error_text(one.worst_error), 100 * one.worst_of_limit));
    }
    out += "</tr>";
  }
  return out + "</table>";
}

std::string model_tables(const MatrixReport& report) {
  const ModelMatrix& model = *report.model;
  std::string out = fmt::format(
      "<h2>Layers</h2><p>{}, largest relative distance of a row.</p>"
      "<table><tr>{}{}{}{}</tr>",
      html_text(report.model_name), cell("lanes", "th"), cell("after the last layer", "th"),
      cell("limit", "th"), cell("first beyond it", "th"));
  for (const LayerDistance& pair : model.layers)
    out += fmt::format("<tr>{}{}{}{}</tr>", cell(pair.lane + " and " + pair.other),
                       cell(error_text(pair.worst_row.back())), cell(error_text(pair.limit.back())),
                       cell(pair.first_beyond ? model.steps[*pair.first_beyond] : "nowhere"));
  out += fmt::format(
      "</table><h2>Decisions</h2><p>{} cases, compared with {}.</p><table><tr>{}{}{}"
      "{}{}</tr>",
      model.cases, html_text(model.oracle), cell("lane", "th"), cell("decided differently", "th"),
      cell("largest |Δ logit|", "th"), cell("pass, min (ms)", "th"),
      cell("pass, median (ms)", "th"));
  size_t oracle = oracle_lane(report.lanes.lanes);
  for (size_t i = 0; i < model.times.size(); ++i)
    out += fmt::format("<tr>{}{}{}{}{}</tr>", cell(model.times[i].lane),
                       cell(fmt::format("{}", model.differing[i][oracle])),
                       cell(error_text(model.logit_distance[i])),
                       cell(fmt::format("{:.1f}", model.times[i].min_ms)),
                       cell(fmt::format("{:.1f}", model.times[i].median_ms)));
  out += "</table>";
  if (model.flips.empty()) return out;
  out += fmt::format("<h2>Flips</h2><table><tr>{}{}{}{}{}</tr>", cell("lane", "th"),
                     cell("case", "th"), cell("oracle", "th"), cell("here", "th"),
                     cell("oracle's margins", "th"));
  for (const Flip& flip : model.flips)
    out += fmt::format(
        "<tr>{}{}{}{}{}</tr>", cell(flip.lane), cell(flip.id),
        cell(fmt::format("{} {}", flip.oracle.agent, role_name(flip.oracle.role))),
        cell(fmt::format("{} {}", flip.here.agent, role_name(flip.here.role))),
        cell(fmt::format("{:.3f} / {:.3f}{}", flip.oracle.agent_margin, flip.oracle.role_margin,
                         flip.beyond_floor ? ", not under the floor" : "")));
  return out + "</table>";
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

nlohmann::ordered_json matrix_record(const MatrixReport& report) {
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

std::string matrix_html(const MatrixReport& report, const std::string& producer) {
  std::string body = fmt::format(
      "<h1>Lanes against lanes</h1><p>{} Seed {}, {}.</p>",
      report.passed() ? "All within their tolerances." : html_text(blame_text(report) + "."),
      report.ops.seed, html_text(producer));
  for (const ExactComparison& one : report.exact)
    body += fmt::format("<p>{}</p>", html_text(one.lane + ": " + one.sentence() + "."));
  body += op_table(report);
  if (report.model) body += model_tables(report);
  for (const OpVerdict& one : report.ops.verdicts)
    for (const std::string& finding : one.findings)
      body += fmt::format("<p>{}</p>", html_text(one.lane + " " + one.op + ": " + finding));
  return report_page("Lanes against lanes", body);
}

}  // namespace trinity
