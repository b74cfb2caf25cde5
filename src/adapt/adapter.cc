#include "adapt/adapter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/stopwatch.h"
#include "base/try.h"

namespace trinity {

Result<TensorView> base_matrix(const TensorSource& base, const SelectedTensor& tensor) {
  TRINITY_TRY(TensorView view, base.tensor(tensor.stored_name));
  if (view.shape != tensor.source_shape)
    return fail(ErrorKind::invalid_input, "tensor_shape_mismatch",
                fmt::format("{} has shape {}, but {} was selected", tensor.stored_name,
                            shape_text(view.shape), shape_text(tensor.source_shape)));
  return view;
}

Adapter::Adapter(DenseAlgebra& algebra, const TensorSource& base, const Selection& selection,
                 std::span<const float> offsets, const AdaptationOptions& options)
    : algebra_(algebra), base_(base), selection_(selection), offsets_(offsets), options_(options) {}

std::span<const float> Adapter::block(size_t place) const {
  const SelectedTensor& tensor = selection_.tensors[place];
  return offsets_.subspan(static_cast<size_t>(tensor.offset_start),
                          static_cast<size_t>(tensor.singular_values()));
}

Result<const Spectrum*> Adapter::spectrum_of(const SelectedTensor& tensor, double& elapsed_ms) {
  if (const auto found = shared_.find(tensor.stored_name); found != shared_.end())
    return &found->second;
  const Stopwatch watch;
  TRINITY_TRY(const TensorView view, base_matrix(base_, tensor));
  TRINITY_TRY(const TallMatrix matrix, TallMatrix::of(view));
  TRINITY_TRY(Spectrum spectrum, decompose(algebra_, matrix, options_.compute_type));
  elapsed_ms = watch.elapsed_ms();
  const auto uses =
      std::count_if(selection_.tensors.begin(), selection_.tensors.end(),
                    [&](const auto& other) { return other.stored_name == tensor.stored_name; });
  if (uses > 1) return &(shared_[tensor.stored_name] = std::move(spectrum));
  latest_ = std::move(spectrum);
  return &latest_;
}

Result<TensorFactor> Adapter::factor(size_t place) {
  const SelectedTensor& tensor = selection_.tensors.at(place);
  if (static_cast<int64_t>(offsets_.size()) != selection_.scale_count())
    return fail(ErrorKind::invalid_input, "offset_count_mismatch",
                fmt::format("the selection needs {} offsets, got {}", selection_.scale_count(),
                            offsets_.size()));
  TensorFactor out;
  auto spectrum = spectrum_of(tensor, out.decompose_ms);
  if (!spectrum) return fail_in(tensor.source_name, std::move(spectrum.error()));
  const Stopwatch watch;
  const std::vector<size_t> blocks = offset_blocks(selection_, place, options_.tie_mode);
  auto scaling = blocks.size() == 1
                     ? scale_spectrum(**spectrum, block(blocks[0]))
                     : scale_spectrum_twice(**spectrum, block(blocks[0]), block(blocks[1]));
  if (!scaling) return fail_in(tensor.source_name, std::move(scaling.error()));
  TRINITY_TRY(out.projector, projector(algebra_, **spectrum, *scaling));
  out.scaling = std::move(*scaling);
  out.singular_values = (*spectrum)->singular_values;
  out.gaps = (*spectrum)->gaps;
  out.factor_ms = watch.elapsed_ms();
  return out;
}

}  // namespace trinity
