#include "route/head_training.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/try.h"

namespace trinity::route {
namespace {

// Cross-entropy of softmax(logits) against one-hot labels; `gradient` = softmax - labels.
double cross_entropy(std::span<const float> logits, std::span<const float> labels,
                     std::span<double> gradient) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  const double log_sum = largest + std::log(sum);
  double loss = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    loss -= labels[i] * (logits[i] - log_sum);
    gradient[i] = std::exp(logits[i] - log_sum) - labels[i];
  }
  return loss;
}

// Adds the parameter gradient of one example whose logit gradient is `upstream`, times `scale`.
void add_gradient(const HeadLayout& layout, std::span<const float> input,
                  std::span<const double> upstream, double scale, std::vector<double>& gradient) {
  double* parameter = gradient.data();
  for (std::size_t layer = 0; layer < layout.blocks; ++layer) {
    const auto [in_start, in] = layout.input_partitions[layer];
    const auto [out_start, out] = layout.output_partitions[layer];
    for (std::size_t o = 0; o < out; ++o) parameter[o] += scale * upstream[out_start + o];
    for (std::size_t i = 0; i < in; ++i) {
      for (std::size_t o = 0; o < out; ++o) {
        parameter[out + i * out + o] += scale * upstream[out_start + o] * input[in_start + i];
      }
    }
    parameter += (in + 1) * out;
  }
}

class Adam {
 public:
  Adam(std::size_t size, const SupervisedOptions& options)
      : options_(options), mean_(size), square_(size) {}

  void step(std::span<const double> gradient, std::span<float> parameters) {
    beta1_power_ *= options_.beta1;
    beta2_power_ *= options_.beta2;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      mean_[i] = options_.beta1 * mean_[i] + (1.0 - options_.beta1) * gradient[i];
      square_[i] = options_.beta2 * square_[i] + (1.0 - options_.beta2) * gradient[i] * gradient[i];
      const double mean = mean_[i] / (1.0 - beta1_power_);
      const double square = square_[i] / (1.0 - beta2_power_);
      parameters[i] -= static_cast<float>(options_.learning_rate * mean /
                                          (std::sqrt(square) + options_.epsilon));
    }
  }

 private:
  SupervisedOptions options_;
  std::vector<double> mean_;
  std::vector<double> square_;
  double beta1_power_ = 1.0;
  double beta2_power_ = 1.0;
};

Status check_options(const SupervisedOptions& options) {
  const auto is_decay = [](double beta) { return beta >= 0.0 && beta < 1.0; };
  if (options.epochs > 0 && std::isfinite(options.learning_rate) && options.learning_rate > 0.0 &&
      is_decay(options.beta1) && is_decay(options.beta2) && options.epsilon > 0.0) {
    return {};
  }
  return fail(
      ErrorKind::usage, "invalid_training_options",
      "supervised training needs positive epochs, learning rate and epsilon and decay rates "
      "in [0, 1); correct the options");
}

}  // namespace

Result<std::vector<float>> build_labels(std::span<const int> agent_ids,
                                        std::span<const int> role_ids, std::size_t num_agents,
                                        std::size_t num_roles) {
  if (agent_ids.size() != role_ids.size()) {
    return fail(ErrorKind::invalid_input, "invalid_labels",
                "there are " + std::to_string(agent_ids.size()) + " agent labels but " +
                    std::to_string(role_ids.size()) + " role labels; give one of each per example");
  }
  const std::size_t outputs = num_agents + num_roles;
  std::vector<float> labels(agent_ids.size() * outputs, 0.0f);
  for (std::size_t i = 0; i < agent_ids.size(); ++i) {
    // A negative id becomes a huge unsigned one.
    const auto agent = static_cast<std::size_t>(agent_ids[i]);
    const auto role = static_cast<std::size_t>(role_ids[i]);
    if (agent >= num_agents || role >= num_roles) {
      return fail(ErrorKind::invalid_input, "invalid_labels",
                  "label " + std::to_string(i) + " is agent " + std::to_string(agent_ids[i]) +
                      ", role " + std::to_string(role_ids[i]) + ", outside " +
                      std::to_string(num_agents) + " agents and " + std::to_string(num_roles) +
                      " roles; correct it");
    }
    labels[i * outputs + agent] = 1.0f;
    labels[i * outputs + num_agents + role] = 1.0f;
  }
  return labels;
}

Result<std::vector<double>> train_supervised(TrainableHead& head, std::span<const float> features,
                                             std::span<const float> labels,
                                             const SupervisedOptions& options) {
  const HeadLayout& layout = head.layout();
  const std::size_t count = features.size() / layout.input_dim;
  if (count == 0 || features.size() != count * layout.input_dim ||
      labels.size() != count * layout.output_dim) {
    return fail(ErrorKind::invalid_input, "invalid_training_batch",
                std::to_string(features.size()) + " feature values and " +
                    std::to_string(labels.size()) + " label values are not rows of " +
                    std::to_string(layout.input_dim) + " and " + std::to_string(layout.output_dim) +
                    "; give as many label rows as feature rows");
  }
  TRINITY_CHECK(check_options(options));

  const double scale = 1.0 / static_cast<double>(count);
  Adam adam(layout.parameter_count, options);
  std::vector<double> losses;
  std::vector<double> upstream(layout.output_dim);
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    std::vector<double> gradient(layout.parameter_count, 0.0);
    double loss = 0.0;
    for (std::size_t row = 0; row < count; ++row) {
      const auto input = features.subspan(row * layout.input_dim, layout.input_dim);
      const auto label = labels.subspan(row * layout.output_dim, layout.output_dim);
      TRINITY_TRY(const auto logits, head.logits(input));
      const std::span<const float> all(logits);
      const std::span<double> slope(upstream);
      loss += cross_entropy(all.first(layout.num_agents), label.first(layout.num_agents),
                            slope.first(layout.num_agents));
      loss += cross_entropy(all.subspan(layout.num_agents), label.subspan(layout.num_agents),
                            slope.subspan(layout.num_agents));
      add_gradient(layout, input, upstream, scale, gradient);
    }
    losses.push_back(loss * scale);
    if (!std::isfinite(losses.back())) {
      return fail(ErrorKind::failed, "non_finite_loss",
                  "the training loss became NaN or infinite in epoch " + std::to_string(epoch) +
                      "; lower the learning rate and check the features");
    }
    adam.step(gradient, head.parameters());
  }
  return losses;
}

}  // namespace trinity::route
