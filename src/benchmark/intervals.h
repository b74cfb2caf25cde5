// Is one of two ways to decide better, or was it luck? Both judged the same cases.
//
// The interval is a paired bootstrap: cases are drawn with replacement, and the difference of the
// two accuracies is taken over each draw; its 2.5 % and 97.5 % ranks are the ends (B. Efron and
// R. Tibshirani, "An Introduction to the Bootstrap", 1993). The test is McNemar's in its exact
// form: of the cases that just one of the two has right, either should win half the time
// (Q. McNemar, Psychometrika 12, 1947).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trinity::benchmark {

inline constexpr int kBootstrapDraws = 2000;

struct PairedComparison {
  std::size_t cases = 0;
  std::size_t first_right = 0, second_right = 0;
  std::size_t only_first = 0, only_second = 0;  // right where the other is wrong
  double difference = 0;                        // accuracy of the first minus that of the second
  double low = 0, high = 0;                     // of the difference, 95 %
  double p_value = 1;                           // McNemar, two-sided
};

/// `first[i]` and `second[i]` say who was right in case i; they have one length. Equal inputs and
/// seeds give equal results.
PairedComparison compare_paired(const std::vector<bool>& first, const std::vector<bool>& second,
                                std::uint64_t seed);

/// Two-sided probability that a fair coin splits `a + b` tosses at least as unevenly.
double mcnemar_p_value(std::size_t a, std::size_t b);

}  // namespace trinity::benchmark
