#include "bundle/export_work.h"

#include <algorithm>
#include <utility>

namespace trinity::bundle {
namespace {

/// Longer and shorter side of a base matrix; the factor is [k, k].
std::pair<double, double> sides_of(const adapt::SelectedTensor& tensor) {
  const auto& shape = tensor.source_shape;
  const auto [k, m] = std::minmax(shape[0], shape[1]);
  return {static_cast<double>(m), static_cast<double>(k)};
}

/// A Gram matrix in f64 and its eigenvectors, as they were timed beside a product.
std::uint64_t decomposition(const adapt::SelectedTensor& tensor) {
  const auto [m, k] = sides_of(tensor);
  return static_cast<std::uint64_t>(1.5 * m * k * k + 15 * k * k * k);
}

}  // namespace

ExportWork::ExportWork(const adapt::Selection& selection, std::optional<int64_t> only_index) {
  std::set<std::string> decomposed;
  for (const adapt::SelectedTensor& tensor : selection.tensors) {
    if (only_index && tensor.index != *only_index) continue;
    total_ += product(tensor);
    if (decomposed.insert(tensor.stored_name).second) total_ += decomposition(tensor);
  }
}

std::uint64_t ExportWork::product(const adapt::SelectedTensor& tensor) {
  const auto [m, k] = sides_of(tensor);
  return static_cast<std::uint64_t>(m * k * k);
}

std::uint64_t ExportWork::decomposition_once(const adapt::SelectedTensor& tensor) {
  return counted_.insert(tensor.stored_name).second ? decomposition(tensor) : 0;
}

}  // namespace trinity::bundle
