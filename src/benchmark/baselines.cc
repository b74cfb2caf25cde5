#include "benchmark/baselines.h"

#include <array>
#include <cmath>

#include "base/json_value.h"
#include "base/try.h"
#include "benchmark/neighbours.h"
#include "hash/rounding.h"
#include "route/head_training.h"

namespace trinity::benchmark {
namespace {

constexpr std::uint64_t kSeed = 2026;
constexpr std::size_t kFolds = 5;

using Labels = std::vector<int>;  // one a case, -1 without a label

Labels labels_of(std::span<const BenchmarkCase> cases, std::optional<int> BenchmarkCase::*label) {
  Labels labels;
  for (const BenchmarkCase& one : cases) labels.push_back((one.*label).value_or(-1));
  return labels;
}

/// The label that most of the chosen cases have, the smallest among equals; -1 without any.
template <typename Chosen>
int most_frequent(const Labels& labels, const Chosen& chosen) {
  std::map<int, std::size_t> counts;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= 0 && chosen(i)) ++counts[labels[i]];
  int best = -1;
  std::size_t most = 0;
  for (const auto& [label, count] : counts)
    if (count > most) {
      best = label;
      most = count;
    }
  return best;
}

Labels majority(const Labels& labels) {
  return Labels(labels.size(), most_frequent(labels, [](std::size_t) { return true; }));
}

Labels family_majority(std::span<const BenchmarkCase> cases, const Labels& labels) {
  Labels out;
  for (std::size_t i = 0; i < cases.size(); ++i)
    out.push_back(most_frequent(labels, [&](std::size_t other) {
      return other != i && cases[other].family == cases[i].family;
    }));
  return out;
}

Labels in_turn(std::size_t cases, std::size_t choices) {
  Labels out;
  for (std::size_t i = 0; i < cases; ++i) out.push_back(static_cast<int>(i % choices));
  return out;
}

Labels nearest_case(const FeatureMatrix& features, const Labels& labels) {
  Labels out;
  for (const auto& neighbour : nearest_neighbours(features, labels))
    out.push_back(neighbour ? labels[*neighbour] : -1);
  return out;
}

/// Rows of root mean square 1, so that one learning rate fits every model.
std::vector<float> scaled_row(std::span<const float> row) {
  double squares = 0;
  for (const float value : row) squares += static_cast<double>(value) * static_cast<double>(value);
  const double size = std::sqrt(squares / static_cast<double>(row.size()));
  std::vector<float> scaled(row.begin(), row.end());
  if (size > 0)
    for (float& value : scaled) value = static_cast<float>(static_cast<double>(value) / size);
  return scaled;
}

/// Trains without the cases of each fold in turn and asks about those of the fold.
Result<BaselineChoices> logistic_head(const FeatureMatrix& features, const Labels& agents,
                                      const Labels& roles, std::size_t num_agents,
                                      std::size_t num_roles) {
  BaselineChoices out{"logistic_head", Labels(agents.size(), -1), Labels(agents.size(), -1)};
  std::vector<std::vector<float>> rows;
  std::vector<std::size_t> folds;  // of a case; cases with both labels are dealt out in turn
  std::size_t dealt = 0;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    rows.push_back(scaled_row(features.row(i)));
    folds.push_back(agents[i] >= 0 && roles[i] >= 0 ? dealt++ % kFolds : kFolds);
  }
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<float> inputs;
    Labels fold_agents, fold_roles;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (folds[i] == fold || folds[i] == kFolds) continue;
      inputs.insert(inputs.end(), rows[i].begin(), rows[i].end());
      fold_agents.push_back(agents[i]);
      fold_roles.push_back(roles[i]);
    }
    TRINITY_TRY(const std::vector<float> labels,
                route::build_labels(fold_agents, fold_roles, num_agents, num_roles));
    TRINITY_TRY(route::TrainableHead head,
                route::TrainableHead::create(
                    {features.width, num_agents, num_roles, route::HeadVariant::linear, 1, {}},
                    {kSeed, kSeed, kSeed}));
    route::SupervisedOptions options;
    options.epochs = 200;
    TRINITY_TRY(const auto losses, route::train_supervised(head, inputs, labels, options));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (folds[i] != fold) continue;
      TRINITY_TRY(const std::vector<float> logits, head.logits(rows[i]));
      TRINITY_TRY(const Route route, route::select_route(logits, num_agents, num_roles, {}));
      out.agents[i] = route.agent_id;
      out.roles[i] = route.role_id;
    }
  }
  return out;
}

PairedComparison compared(const std::vector<bool>& router, const std::vector<bool>& baseline) {
  return compare_paired(router, baseline, kSeed);
}

Json comparison_record(const std::optional<PairedComparison>& one) {
  if (!one) return nullptr;
  const auto rounded = [](double value) { return hash::round_decimal(value, 6) + 0.0; };
  const auto cases = static_cast<double>(one->cases);
  return {{"cases", one->cases},
          {"accuracy", rounded(static_cast<double>(one->second_right) / cases)},
          {"router_accuracy", rounded(static_cast<double>(one->first_right) / cases)},
          {"difference", rounded(one->difference)},
          {"interval_95", {rounded(one->low), rounded(one->high)}},
          {"only_router_right", one->only_first},
          {"only_baseline_right", one->only_second},
          {"mcnemar_p", rounded(one->p_value)}};
}

}  // namespace

Result<std::vector<BaselineChoices>> baseline_choices(std::span<const BenchmarkCase> cases,
                                                      const FeatureMatrix& features,
                                                      std::size_t num_agents,
                                                      std::size_t num_roles) {
  TRINITY_CHECK(check_features(cases.size(), features));
  TRINITY_CHECK(check_labels(cases, num_agents, num_roles));
  const Labels agents = labels_of(cases, &BenchmarkCase::expected_agent);
  const Labels roles = labels_of(cases, &BenchmarkCase::expected_role);
  std::vector<BaselineChoices> all;
  all.push_back({"majority", majority(agents), majority(roles)});
  all.push_back({"family_majority", family_majority(cases, agents), family_majority(cases, roles)});
  all.push_back(
      {"round_robin", in_turn(cases.size(), num_agents), in_turn(cases.size(), num_roles)});
  all.push_back({"nearest_case", nearest_case(features, agents), nearest_case(features, roles)});
  all.push_back({"nearest_label", nearest_centroids(features, agents, true),
                 nearest_centroids(features, roles, true)});
  std::size_t both = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) both += agents[i] >= 0 && roles[i] >= 0 ? 1 : 0;
  if (both >= kFolds) {
    TRINITY_TRY(all.emplace_back(), logistic_head(features, agents, roles, num_agents, num_roles));
  }
  return all;
}

std::vector<BaselineVerdict> compare_with_baselines(std::span<const BenchmarkCase> cases,
                                                    std::span<const Route> routes,
                                                    std::span<const BaselineChoices> choices) {
  std::vector<BaselineVerdict> verdicts;
  for (const BaselineChoices& one : choices) {
    struct Axis {
      std::vector<bool> router, baseline;
    };
    std::array<Axis, 3> axes;  // agent, role, joint
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto& agent = cases[i].expected_agent;
      const auto& role = cases[i].expected_role;
      const bool router_agent = agent && routes[i].agent_id == *agent;
      const bool router_role = role && routes[i].role_id == *role;
      const bool choice_agent = agent && one.agents[i] == *agent;
      const bool choice_role = role && one.roles[i] == *role;
      const auto judge = [](Axis& axis, bool router, bool baseline) {
        axis.router.push_back(router);
        axis.baseline.push_back(baseline);
      };
      if (agent) judge(axes[0], router_agent, choice_agent);
      if (role) judge(axes[1], router_role, choice_role);
      if (agent && role) judge(axes[2], router_agent && router_role, choice_agent && choice_role);
    }
    BaselineVerdict verdict{one.name, {}, {}, {}};
    if (!axes[0].router.empty()) verdict.agent = compared(axes[0].router, axes[0].baseline);
    if (!axes[1].router.empty()) verdict.role = compared(axes[1].router, axes[1].baseline);
    if (!axes[2].router.empty()) verdict.joint = compared(axes[2].router, axes[2].baseline);
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

Json baselines_record(std::span<const BaselineVerdict> verdicts) {
  Json record = Json::array();
  for (const BaselineVerdict& one : verdicts)
    record.push_back({{"name", one.name},
                      {"agent", comparison_record(one.agent)},
                      {"role", comparison_record(one.role)},
                      {"joint", comparison_record(one.joint)}});
  return record;
}

}  // namespace trinity::benchmark
