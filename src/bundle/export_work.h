// How much work an export is, in multiplications, roughly: decompositions count as well as the
// products, so that a forecast from it holds.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "adapt/selection.h"

namespace trinity::bundle {

class ExportWork {
 public:
  /// Of all selected tensors, or of the one with this index from 1.
  ExportWork(const adapt::Selection& selection, std::optional<int64_t> only_index);

  std::uint64_t total() const { return total_; }
  /// Of a tensor's base matrix times its factor.
  static std::uint64_t product(const adapt::SelectedTensor& tensor);
  /// Of decomposing its base matrix, the first time that one is asked for; later 0, because it is
  /// decomposed once.
  std::uint64_t decomposition_once(const adapt::SelectedTensor& tensor);

 private:
  std::uint64_t total_ = 0;
  std::set<std::string> counted_;  // base matrices
};

}  // namespace trinity::bundle
