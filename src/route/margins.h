// How close a decision was: the distance between the best and the second-best logit of a split.
#pragma once

#include <trinity/decision.h>

#include <cstddef>
#include <optional>
#include <span>

namespace trinity::route {

/// Top-1 minus top-2 of the raw f32 logits, subtracted in double: neither probabilities nor scaled
/// by the temperature. One logit gives 0.0, none gives no margin. Reports that need a number for an
/// empty split use value_or(0.0). The logits must not hold NaN.
std::optional<double> logit_margin(std::span<const float> logits);
/// Of logits that a file holds as doubles.
std::optional<double> logit_margin(std::span<const double> logits);

/// Margins of both splits of `logits` = num_agents agents, then roles.
Margins logit_margins(std::span<const float> logits, std::size_t num_agents);

}  // namespace trinity::route
