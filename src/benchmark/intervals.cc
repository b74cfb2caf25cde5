#include "benchmark/intervals.h"

#include <algorithm>
#include <cmath>

#include "benchmark/robustness.h"
#include "route/exsss.h"

namespace trinity::benchmark {
namespace {

int difference_of(bool first, bool second) { return (first ? 1 : 0) - (second ? 1 : 0); }

}  // namespace

double mcnemar_p_value(std::size_t a, std::size_t b) {
  // Binomial terms from the outside in, each from the one before, kept as logarithms: 2^-n is no
  // double for large n.
  const auto n = static_cast<double>(a + b);
  double log_term = -n * std::log(2.0), tail = 0;
  for (std::size_t k = 0; k <= std::min(a, b); ++k) {
    const auto drawn = static_cast<double>(k);
    if (k > 0) log_term += std::log((n - drawn + 1) / drawn);
    tail += std::exp(log_term);
  }
  return std::min(1.0, 2 * tail);
}

PairedComparison compare_paired(const std::vector<bool>& first, const std::vector<bool>& second,
                                std::uint64_t seed) {
  PairedComparison out;
  out.cases = first.size();
  std::vector<int> differences;
  for (std::size_t i = 0; i < first.size(); ++i) {
    out.first_right += first[i] ? 1 : 0;
    out.second_right += second[i] ? 1 : 0;
    out.only_first += first[i] && !second[i] ? 1 : 0;
    out.only_second += second[i] && !first[i] ? 1 : 0;
    differences.push_back(difference_of(first[i], second[i]));
  }
  if (out.cases == 0) return out;
  const auto cases = static_cast<double>(out.cases);
  const auto won = static_cast<double>(out.only_first), lost = static_cast<double>(out.only_second);
  out.difference = (won - lost) / cases;
  out.p_value = mcnemar_p_value(out.only_first, out.only_second);
  route::Exsss random({seed, seed + 1, seed + 2});
  std::vector<double> means;
  for (int draw = 0; draw < kBootstrapDraws; ++draw) {
    long sum = 0;
    for (std::size_t i = 0; i < out.cases; ++i) sum += differences[random.uniform(out.cases) - 1];
    means.push_back(static_cast<double>(sum) / cases);
  }
  std::sort(means.begin(), means.end());
  out.low = quantile(means, 0.025);
  out.high = quantile(means, 0.975);
  return out;
}

}  // namespace trinity::benchmark
