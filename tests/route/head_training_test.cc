// Supervised head training.
#include "route/head_training.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "route/selection.h"

namespace trinity {
namespace {

const std::vector<float> kIdentity = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
const std::vector<int> kAgents = {0, 1, 0, 1};
const std::vector<int> kRoles = {0, 0, 1, 1};

route::TrainableHead small_head(route::HeadVariant variant = route::HeadVariant::linear) {
  route::HeadSpec spec;
  spec.input_dim = 4;
  spec.num_agents = 2;
  spec.num_roles = 2;
  spec.variant = variant;
  spec.blocks = variant == route::HeadVariant::block_diagonal ? 2 : 1;
  return *route::TrainableHead::create(spec, {11, 12, 13});
}

TEST(HeadTraining, CH2LabelsAreConcatenatedOneHots) {
  const auto labels = route::build_labels(std::vector<int>{0, 2}, std::vector<int>{1, 0}, 3, 2);
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, (std::vector<float>{1, 0, 0, 0, 1, 0, 0, 1, 1, 0}));
}

TEST(HeadTraining, RefusesLabelsOutOfRangeOrOfUnequalLength) {
  const auto tag = [](const std::vector<int>& agents, const std::vector<int>& roles) {
    const auto labels = route::build_labels(agents, roles, 3, 2);
    return labels ? std::string("no error") : labels.error().tag;
  };
  EXPECT_EQ(tag({0}, {0, 1}), "invalid_labels");
  EXPECT_EQ(tag({3}, {0}), "invalid_labels");
  EXPECT_EQ(tag({0}, {2}), "invalid_labels");
  EXPECT_EQ(tag({-1}, {0}), "invalid_labels");
  EXPECT_EQ(tag({}, {}), "no error");
}

TEST(HeadTraining, CH3LearnsTheIdentitySamples) {
  const auto labels = *route::build_labels(kAgents, kRoles, 2, 2);
  route::TrainableHead head = small_head();
  route::SupervisedOptions options;
  options.epochs = 40;
  options.learning_rate = 0.1;
  const auto losses = route::train_supervised(head, kIdentity, labels, options);
  ASSERT_TRUE(losses) << losses.error().message;
  ASSERT_EQ(losses->size(), 40u);
  EXPECT_LT(losses->back(), losses->front() / 5);
  for (std::size_t row = 0; row < 4; ++row) {
    const auto logits = head.logits(std::span(kIdentity).subspan(row * 4, 4));
    const auto route = route::select_route(*logits, 2, 2, {});
    EXPECT_EQ(route->agent_id, kAgents[row]);
    EXPECT_EQ(route->role_id, kRoles[row]);
  }
}

// The mean loss of the whole batch, computed from probabilities.
double batch_loss(const route::TrainableHead& head, std::span<const float> labels) {
  double loss = 0.0;
  for (std::size_t row = 0; row < 4; ++row) {
    const auto logits = *head.logits(std::span(kIdentity).subspan(row * 4, 4));
    const auto agents = *route::softmax_probabilities(std::span(logits).first(2), 1.0);
    const auto roles = *route::softmax_probabilities(std::span(logits).subspan(2), 1.0);
    for (std::size_t i = 0; i < 2; ++i) {
      loss -=
          labels[row * 4 + i] * std::log(agents[i]) + labels[row * 4 + 2 + i] * std::log(roles[i]);
    }
  }
  return loss / 4;
}

TEST(HeadTraining, TheFirstStepFollowsTheNumericalGradient) {
  const auto labels = *route::build_labels(kAgents, kRoles, 2, 2);
  for (const route::HeadVariant variant :
       {route::HeadVariant::linear, route::HeadVariant::block_diagonal,
        route::HeadVariant::sparse}) {
    const route::TrainableHead start = small_head(variant);
    route::TrainableHead trained = start;
    route::SupervisedOptions options;
    options.epochs = 1;
    options.learning_rate = 0.01;
    options.epsilon = 1e-2;  // large enough that the step shows the size of the gradient
    const auto losses = route::train_supervised(trained, kIdentity, labels, options);
    ASSERT_TRUE(losses);
    EXPECT_NEAR(losses->front(), batch_loss(start, labels), 1e-6);
    for (std::size_t i = 0; i < start.parameters().size(); ++i) {
      const float step = 1e-2f;
      route::TrainableHead up = start;
      route::TrainableHead down = start;
      up.parameters()[i] += step;
      down.parameters()[i] -= step;
      const double width = static_cast<double>(up.parameters()[i]) - down.parameters()[i];
      const double slope = (batch_loss(up, labels) - batch_loss(down, labels)) / width;
      const double expected = start.parameters()[i] - 0.01 * slope / (std::fabs(slope) + 1e-2);
      EXPECT_NEAR(trained.parameters()[i], expected, 2e-5) << i;
    }
  }
}

TEST(HeadTraining, RefusesBatchesThatDoNotBelongTogether) {
  const auto labels = *route::build_labels(kAgents, kRoles, 2, 2);
  const auto tag = [&](std::size_t features, std::size_t label_count) {
    route::TrainableHead head = small_head();
    const auto losses = route::train_supervised(head, std::span(kIdentity).first(features),
                                                std::span(labels).first(label_count));
    return losses ? std::string("no error") : losses.error().tag;
  };
  EXPECT_EQ(tag(16, 16), "no error");
  EXPECT_EQ(tag(16, 12), "invalid_training_batch");
  EXPECT_EQ(tag(15, 16), "invalid_training_batch");
  EXPECT_EQ(tag(0, 0), "invalid_training_batch");
}

TEST(HeadTraining, RefusesUnusableOptionsAndDivergence) {
  const auto labels = *route::build_labels(kAgents, kRoles, 2, 2);
  route::TrainableHead head = small_head();
  route::SupervisedOptions options;
  options.epochs = 0;
  EXPECT_EQ(route::train_supervised(head, kIdentity, labels, options).error().tag,
            "invalid_training_options");
  options = {};
  options.learning_rate = -0.1;
  EXPECT_EQ(route::train_supervised(head, kIdentity, labels, options).error().tag,
            "invalid_training_options");
  options = {};
  options.learning_rate = 1e38;
  EXPECT_EQ(route::train_supervised(head, kIdentity, labels, options).error().tag,
            "non_finite_loss");
}

}  // namespace
}  // namespace trinity
