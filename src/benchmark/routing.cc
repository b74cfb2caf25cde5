#include "benchmark/routing.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json_value.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hash/rounding.h"
#include "route/margins.h"

namespace trinity::benchmark {
namespace {

constexpr int kPlaces = 6;

Status check_label(const BenchmarkCase& one, const char* what, const std::optional<int>& label,
                   std::size_t count) {
  if (!label || static_cast<std::size_t>(*label) < count) return {};
  return fail(ErrorKind::invalid_input, "label_out_of_range",
              fmt::format("case {} expects {} {}, but the head has {} of them, counted from 0",
                          excerpt(one.id), what, *label, count));
}

std::optional<bool> judged(const std::optional<int>& label, int chosen) {
  if (!label) return std::nullopt;
  return *label == chosen;
}

void count(AxisTallies& tallies, const RoutingPrediction& one) {
  if (one.agent_correct) tallies.agent.add(*one.agent_correct);
  if (one.role_correct) tallies.role.add(*one.role_correct);
  if (one.agent_correct && one.role_correct)
    tallies.joint.add(*one.agent_correct && *one.role_correct);
}

Json tallies_record(const AxisTallies& tallies) {
  return {{"agent_accuracy", Json(tallies.agent.accuracy())},
          {"role_accuracy", Json(tallies.role.accuracy())},
          {"joint_accuracy", Json(tallies.joint.accuracy())}};
}

Json confusion_record(const Confusion& confusion) {
  Json record = Json::object();
  for (const auto& [expected, row] : confusion)
    for (const auto& [predicted, cases] : row)
      record[fmt::format("{}", expected)][fmt::format("{}", predicted)] = cases;
  return record;
}

}  // namespace

Result<std::vector<Route>> route_features(const route::Head& head, const FeatureMatrix& features) {
  std::vector<Route> routes;
  routes.reserve(features.rows);
  for (std::size_t i = 0; i < features.rows; ++i) {
    TRINITY_TRY(const std::vector<float> logits, head.logits(features.row(i)));
    TRINITY_TRY(routes.emplace_back(),
                route::select_route(logits, head.num_agents(), head.num_roles(), {}));
  }
  return routes;
}

std::optional<double> Tally::accuracy() const {
  if (of == 0) return std::nullopt;
  return hash::round_decimal(static_cast<double>(right) / static_cast<double>(of), kPlaces);
}

Status check_labels(std::span<const BenchmarkCase> cases, std::size_t num_agents,
                    std::size_t num_roles) {
  for (const BenchmarkCase& one : cases) {
    TRINITY_CHECK(check_label(one, "agent", one.expected_agent, num_agents));
    TRINITY_CHECK(check_label(one, "role", one.expected_role, num_roles));
  }
  return {};
}

Result<RoutingScore> score_routing(std::span<const BenchmarkCase> cases,
                                   std::span<const Route> routes) {
  if (routes.size() != cases.size())
    return fail(ErrorKind::invalid_input, "feature_count_mismatch",
                fmt::format("there are {} cases and {} routes; give one a case", cases.size(),
                            routes.size()));
  RoutingScore score;
  double margins = 0, logit_sizes = 0, logit_count = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const BenchmarkCase& one = cases[i];
    if (!one.expected_agent && !one.expected_role) {
      ++score.skipped;
      continue;
    }
    const Route& route = routes[i];
    TRINITY_CHECK(check_labels(cases.subspan(i, 1), route.num_agents,
                               route.logits.size() - route.num_agents));
    const Margins margin = route::logit_margins(route.logits, route.num_agents);
    RoutingPrediction prediction{one.id,
                                 one.expected_agent,
                                 one.expected_role,
                                 route,
                                 judged(one.expected_agent, route.agent_id),
                                 judged(one.expected_role, route.role_id),
                                 (margin.agent.value_or(0) + margin.role.value_or(0)) / 2};
    count(score.all, prediction);
    count(score.families[one.family], prediction);
    if (one.expected_agent) ++score.agent_confusion[*one.expected_agent][route.agent_id];
    if (one.expected_role) ++score.role_confusion[*one.expected_role][route.role_id];
    margins += prediction.route_margin;
    for (const float logit : route.logits) logit_sizes += std::abs(static_cast<double>(logit));
    logit_count += static_cast<double>(route.logits.size());
    score.predictions.push_back(std::move(prediction));
  }
  score.considered = score.predictions.size();
  if (score.considered == 0)
    return fail(ErrorKind::invalid_input, "no_labeled_cases",
                "no case has an expected agent or role, so there is no accuracy; label some, or "
                "measure the suites that need no labels");
  score.margin_mean = margins / static_cast<double>(score.considered);
  score.logits_mean = logit_sizes / logit_count;
  return score;
}

Json routing_record(const RoutingScore& score) {
  Json record = {{"considered", score.considered}, {"skipped", score.skipped}};
  record.update(tallies_record(score.all));
  record["margin_mean"] = hash::round_decimal(score.margin_mean, kPlaces);
  record["logits_mean"] = hash::round_decimal(score.logits_mean, kPlaces);
  record["agent_confusion"] = confusion_record(score.agent_confusion);
  record["role_confusion"] = confusion_record(score.role_confusion);
  record["families"] = Json::object();
  for (const auto& [family, tallies] : score.families)
    record["families"][family] = tallies_record(tallies);
  record["predictions"] = Json::array();
  for (const RoutingPrediction& one : score.predictions)
    record["predictions"].push_back({{"id", one.id},
                                     {"expected_agent", Json(one.expected_agent)},
                                     {"expected_role", Json(one.expected_role)},
                                     {"agent_id", one.route.agent_id},
                                     {"role_id", one.route.role_id},
                                     {"agent_correct", Json(one.agent_correct)},
                                     {"role_correct", Json(one.role_correct)},
                                     {"logits", one.route.logits},
                                     {"route_margin", one.route_margin}});
  return record;
}

}  // namespace trinity::benchmark
