#include "route/margins.h"

#include <algorithm>
#include <limits>

namespace trinity::route {

namespace {

template <typename T>
std::optional<double> margin_of(std::span<const T> logits) {
  if (logits.empty()) return std::nullopt;
  if (logits.size() == 1) return 0.0;
  double first = -std::numeric_limits<double>::infinity();
  double second = first;
  for (const T logit : logits) {
    const double value = logit;
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) {
      second = value;
    }
  }
  // Written out for infinities, whose difference would be NaN.
  return first == second ? 0.0 : first - second;
}

}  // namespace

std::optional<double> logit_margin(std::span<const float> logits) { return margin_of(logits); }

std::optional<double> logit_margin(std::span<const double> logits) { return margin_of(logits); }

Margins logit_margins(std::span<const float> logits, std::size_t num_agents) {
  const std::size_t split = std::min(num_agents, logits.size());
  return {logit_margin(logits.first(split)), logit_margin(logits.subspan(split))};
}

}  // namespace trinity::route
