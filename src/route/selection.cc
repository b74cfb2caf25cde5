#include "route/selection.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <random>
#include <string>

#include "base/try.h"
#include "route/exsss.h"

namespace trinity::route {
namespace {

constexpr SeedTriple kAgentOffsets = {0, 1, 2};
constexpr SeedTriple kRoleOffsets = {17, 31, 43};

SeedTriple add(const SeedTriple& seed, const SeedTriple& offsets) {
  return {seed[0] + offsets[0], seed[1] + offsets[1], seed[2] + offsets[2]};
}

SeedTriple repeat(std::int64_t seed) {
  const auto word = static_cast<std::uint64_t>(seed);
  return {word, word, word};
}

std::int64_t fresh_seed() {
  std::random_device entropy;
  return std::uniform_int_distribution<std::int64_t>(
      1, std::numeric_limits<std::int32_t>::max())(entropy);
}

Status check_temperature(double temperature) {
  if (std::isfinite(temperature) && temperature > 0.0) return {};
  return fail(ErrorKind::usage, "invalid_temperature",
              "temperature must be a number above 0, got " + std::to_string(temperature));
}

// Masked choices (-infinity) pass as long as one choice is left.
Status check_logits(std::span<const float> logits) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  bool selectable = false;
  for (const float logit : logits) {
    if (std::isnan(logit) || logit == -kMasked) {
      return fail(ErrorKind::invalid_input, "non_finite_logits",
                  "the head gave a NaN or infinite logit, so no decision is made; check the model, "
                  "its weights and the input");
    }
    selectable = selectable || logit != kMasked;
  }
  if (selectable) return {};
  return fail(ErrorKind::invalid_input, "invalid_logits",
              "there is no logit to select from; leave at least one choice unmasked");
}

std::size_t argmax(std::span<const float> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::size_t argmax(std::span<const double> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<double> softmax(std::span<const float> logits, double temperature) {
  // The maximum is subtracted before dividing, so a tiny temperature gives 0 and not infinity.
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities(logits.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    probabilities[i] = std::exp((logits[i] - largest) / temperature);
    sum += probabilities[i];
  }
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

// The first index whose cumulative probability reaches u; the last one if rounding leaves the sum
// below u. Masked choices are passed over.
std::size_t draw(std::span<const float> logits, std::span<const double> probabilities, double u) {
  double cumulative = 0.0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    if (std::isinf(logits[i])) continue;
    cumulative += probabilities[i];
    last = i;
    if (cumulative >= u) break;
  }
  return last;
}

}  // namespace

SplitSeeds split_seeds(const SelectionSeed& seed) {
  if (const auto* triple = std::get_if<SeedTriple>(&seed)) {
    return {*triple, add(*triple, kRoleOffsets)};
  }
  if (const auto* integer = std::get_if<std::int64_t>(&seed)) {
    return {add(repeat(*integer), kAgentOffsets), add(repeat(*integer), kRoleOffsets)};
  }
  return {add(repeat(fresh_seed()), kAgentOffsets), add(repeat(fresh_seed()), kRoleOffsets)};
}

Result<std::vector<double>> softmax_probabilities(std::span<const float> logits,
                                                  double temperature) {
  TRINITY_CHECK(check_temperature(temperature));
  TRINITY_CHECK(check_logits(logits));
  return softmax(logits, temperature);
}

Result<SplitSelection> select_split(std::span<const float> logits, SelectionMode mode,
                                    double temperature, bool return_probabilities,
                                    const SeedTriple& seed) {
  TRINITY_CHECK(check_temperature(temperature));
  TRINITY_CHECK(check_logits(logits));
  SplitSelection selection;
  if (mode == SelectionMode::argmax) {
    selection.index = argmax(logits);
    if (return_probabilities) selection.probabilities = softmax(logits, temperature);
    return selection;
  }
  selection.probabilities = softmax(logits, temperature);
  if (mode == SelectionMode::softmax) {
    selection.index = argmax(*selection.probabilities);
  } else {
    selection.index = draw(logits, *selection.probabilities, Exsss(seed).uniform());
  }
  return selection;
}

namespace {

/// The roles' logits with -infinity for each that is masked; an id that there is not changes
/// nothing.
std::vector<float> masked(std::span<const float> logits, std::span<const int> roles) {
  std::vector<float> left(logits.begin(), logits.end());
  for (const int role : roles)
    if (role >= 0 && static_cast<std::size_t>(role) < left.size())
      left[static_cast<std::size_t>(role)] = -std::numeric_limits<float>::infinity();
  return left;
}

/// The seeds, or an error where the system has no random numbers to draw them from.
Result<SplitSeeds> split_seeds_of(const SelectionSeed& seed) {
  try {
    return split_seeds(seed);
  } catch (const std::exception& reason) {
    return fail(
        ErrorKind::failed, "no_randomness",
        std::string("the system gives no random numbers (") + reason.what() + "); name a seed");
  }
}

}  // namespace

Result<Route> select_route(std::span<const float> logits, std::size_t num_agents,
                           std::size_t num_roles, const DecisionRule& rule) {
  const std::size_t outputs = num_agents + num_roles;
  if (logits.size() != outputs) {
    const bool batch = outputs > 0 && logits.size() > outputs && logits.size() % outputs == 0;
    return fail(ErrorKind::invalid_input, "invalid_logits",
                batch ? "routing expects a single example, got " +
                            std::to_string(logits.size() / outputs) + "; route them one by one"
                      : "the head must output " + std::to_string(outputs) + " logits, got " +
                            std::to_string(logits.size()) + "; use the head of this pool");
  }
  if (!std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); })) {
    return fail(ErrorKind::invalid_input, "non_finite_logits",
                "the head gave a NaN or infinite logit, so no decision is made; check the model, "
                "its weights and the input");
  }
  // Only a sample needs seeds; most decisions take none from the system.
  SplitSeeds seeds;
  if (rule.agent_selection == SelectionMode::sample ||
      rule.role_selection == SelectionMode::sample) {
    TRINITY_TRY(seeds, split_seeds_of(rule.seed));
  }
  TRINITY_TRY(auto agent, select_split(logits.first(num_agents), rule.agent_selection,
                                       rule.temperature, rule.return_probabilities, seeds.agent));
  const std::vector<float> role_logits = masked(logits.subspan(num_agents), rule.masked_roles);
  TRINITY_TRY(auto role, select_split(role_logits, rule.role_selection, rule.temperature,
                                      rule.return_probabilities, seeds.role));
  Route route;
  route.agent_id = static_cast<int>(agent.index);
  route.role_id = static_cast<int>(role.index);
  route.logits.assign(logits.begin(), logits.end());
  route.num_agents = num_agents;
  route.rule = rule;
  if (rule.agent_selection == SelectionMode::sample) route.agent_seed = seeds.agent;
  if (rule.role_selection == SelectionMode::sample) route.role_seed = seeds.role;
  route.agent_probabilities = std::move(agent.probabilities);
  route.role_probabilities = std::move(role.probabilities);
  return route;
}

}  // namespace trinity::route
