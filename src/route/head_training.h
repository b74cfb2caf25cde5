// Supervised training of a head on known decisions: features in, agent and role labels out.
//
// Full-batch Adam (D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", 2015) with
// bias correction; the loss is the mean softmax cross-entropy of the agents plus that of the roles.
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <span>
#include <vector>

#include "route/head_variants.h"

namespace trinity::route {

/// One-hot agents followed by one-hot roles, row-major [n, num_agents + num_roles].
/// Error `invalid_labels` for lists of unequal length or an id out of range.
Result<std::vector<float>> build_labels(std::span<const int> agent_ids,
                                        std::span<const int> role_ids, std::size_t num_agents,
                                        std::size_t num_roles);

struct SupervisedOptions {
  int epochs = 20;
  double learning_rate = 0.01;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// Trains `head` in place on features [n, input_dim] and labels [n, outputs], both row-major, and
/// returns the loss before each epoch's step. Errors: `invalid_training_batch` when the sizes do
/// not belong together or the batch is empty, `invalid_training_options`, `non_finite_loss`; after
/// an error the head may hold a partly trained state.
Result<std::vector<double>> train_supervised(TrainableHead& head, std::span<const float> features,
                                             std::span<const float> labels,
                                             const SupervisedOptions& options = {});

}  // namespace trinity::route
