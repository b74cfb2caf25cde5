#include "base/suggestion.h"

#include <algorithm>
#include <numeric>

namespace trinity {
namespace {

constexpr std::size_t kLongestWord = 64;  // a longer one is no command and no flag

/// The fewest letters to insert, delete, replace or exchange with their neighbour (the optimal
/// string alignment distance): three rows of the table of all prefixes.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above.back();
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty() || word.size() > kLongestWord) return {};
  const std::string* nearest = nullptr;
  std::size_t fewest = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 3)) + 1;
  for (const std::string& one : known) {
    // An abbreviation is nearer than any mistake.
    const std::size_t mistakes = one.starts_with(word) && word.size() > 2 ? 0 : distance(word, one);
    if (mistakes >= fewest) continue;
    fewest = mistakes;
    nearest = &one;
  }
  return nearest == nullptr ? std::string() : " (did you mean " + *nearest + "?)";
}

}  // namespace trinity
