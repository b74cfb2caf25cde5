#include "prove/matrix/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace trinity::prove {
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

}  // namespace

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
         {"exactness", backend::exactness_name(lane.promise.kept)},
         {"claims", backend::exactness_name(lane.exactness)},
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

}  // namespace trinity::prove
