#include "adapt/adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"

namespace trinity::adapt {

Result<TensorView> base_matrix(const model::TensorSource& base, const SelectedTensor& tensor) {
  TRINITY_TRY(TensorView view, base.tensor(tensor.stored_name));
  if (view.shape != tensor.source_shape)
    return fail(ErrorKind::invalid_input, "tensor_shape_mismatch",
                fmt::format("{} has shape {}, but {} was selected", tensor.stored_name,
                            shape_text(view.shape), shape_text(tensor.source_shape)));
  return view;
}

Adapter::Adapter(backend::DenseAlgebra& algebra, const model::TensorSource& base,
                 const Selection& selection, std::span<const float> offsets,
                 const AdaptationOptions& options)
    : algebra_(algebra), base_(base), selection_(selection), offsets_(offsets), options_(options) {}

std::span<const float> Adapter::block(size_t place) const {
  const SelectedTensor& tensor = selection_.tensors[place];
  return offsets_.subspan(static_cast<size_t>(tensor.offset_start),
                          static_cast<size_t>(tensor.singular_values()));
}

/// Decomposes the tensor's base matrix, and the next one that will be asked for.
Status Adapter::decompose_from(size_t place) {
  constexpr size_t kTogether = 2;
  const Stopwatch watch;
  std::vector<std::string> names;
  std::vector<TallMatrix> matrices;
  const auto& tensors = selection_.tensors;
  for (size_t i = place; i < tensors.size() && names.size() < kTogether; ++i) {
    const std::string& name = tensors[i].stored_name;
    if (decomposed_.contains(name) || std::find(names.begin(), names.end(), name) != names.end())
      continue;
    TRINITY_TRY(const TensorView view, base_matrix(base_, tensors[i]));
    auto matrix = TallMatrix::of(view);
    if (!matrix) return fail_in(tensors[i].source_name, std::move(matrix.error()));
    matrices.push_back(std::move(*matrix));
    names.push_back(name);
  }
  auto spectra = decompose_many(algebra_, matrices, options_.compute_type);
  if (!spectra && names.size() > 1) {  // the second one's fault must not be the first one's
    names.resize(1);
    matrices.resize(1);
    spectra = decompose_many(algebra_, matrices, options_.compute_type);
  }
  if (!spectra) return fail_in(tensors[place].source_name, std::move(spectra.error()));
  const double share = watch.elapsed_ms() / static_cast<double>(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const auto uses = std::count_if(tensors.begin(), tensors.end(), [&](const auto& tensor) {
      return tensor.stored_name == names[i];
    });
    decomposed_[names[i]] = {std::move((*spectra)[i]), uses, share};
  }
  return {};
}

Result<TensorFactor> Adapter::factor(size_t place) {
  const SelectedTensor& tensor = selection_.tensors.at(place);
  if (static_cast<int64_t>(offsets_.size()) != selection_.scale_count())
    return fail(ErrorKind::invalid_input, "offset_count_mismatch",
                fmt::format("the selection needs {} offsets, got {}", selection_.scale_count(),
                            offsets_.size()));
  if (!decomposed_.contains(tensor.stored_name)) TRINITY_CHECK(decompose_from(place));
  Decomposed& base = decomposed_[tensor.stored_name];
  const Spectrum& spectrum = base.spectrum;
  TensorFactor out;
  out.decompose_ms = std::exchange(base.elapsed_ms, 0);
  const Stopwatch watch;
  const std::vector<size_t> blocks = offset_blocks(selection_, place, options_.tie_mode);
  auto scaling = blocks.size() == 1
                     ? scale_spectrum(spectrum, block(blocks[0]))
                     : scale_spectrum_twice(spectrum, block(blocks[0]), block(blocks[1]));
  if (!scaling) return fail_in(tensor.source_name, std::move(scaling.error()));
  TRINITY_TRY(out.projector, projector(algebra_, spectrum, *scaling));
  out.scaling = std::move(*scaling);
  out.singular_values = spectrum.singular_values;
  out.gaps = spectrum.gaps;
  out.factor_ms = watch.elapsed_ms();
  if (--base.uses_left == 0) decomposed_.erase(tensor.stored_name);
  return out;
}

}  // namespace trinity::adapt
