#include "bundle/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "adapt/adapted_source.h"
#include "adapt/svf.h"
#include "adapt/tensor_naming.h"
#include "base/try.h"
#include "base/utf8.h"
#include "bundle/bundle.h"
#include "route/head.h"
#include "tensor/checkpoint.h"
#include "tensor/float_cast.h"

namespace trinity::bundle {
namespace {

constexpr int64_t kInspectedRows = 4096;

/// ‖a − b‖ / ‖b‖ of two matrices of one shape, a few rows at a time.
Result<double> relative_difference(const TensorView& a, const TensorView& b) {
  double change = 0, whole = 0;
  for (int64_t row = 0; row < b.shape[0]; row += kInspectedRows) {
    const int64_t count = std::min(kInspectedRows, b.shape[0] - row);
    TRINITY_TRY(const TensorView rows_a, row_slice(a, row, count));
    TRINITY_TRY(const TensorView rows_b, row_slice(b, row, count));
    TRINITY_TRY(const std::vector<float> values_a, to_f32(rows_a));
    TRINITY_TRY(const std::vector<float> values_b, to_f32(rows_b));
    for (size_t i = 0; i < values_b.size(); ++i) {
      const double difference = double{values_a[i]} - double{values_b[i]};
      change += difference * difference;
      whole += double{values_b[i]} * double{values_b[i]};
    }
  }
  return whole > 0 ? std::sqrt(change / whole) : 0.0;
}

class Inspector {
 public:
  Inspector(backend::DenseAlgebra& algebra, std::filesystem::path folder,
            const InspectOptions& options)
      : algebra_(algebra), folder_(std::move(folder)), options_(options) {}

  Result<BundlePicture> run() {
    TRINITY_TRY(picture_.manifest, load_manifest(folder_));
    const Manifest& manifest = picture_.manifest;
    picture_.kind = manifest.adapted.layout == ArtifactLayout::factor_directory
                        ? BundlePicture::Kind::compact
                        : BundlePicture::Kind::full;
    picture_.head_shape = manifest.head.shape;
    for (const ManifestTensor& entry : manifest.tensors)
      picture_.tensors.emplace_back().entry = entry;
    TRINITY_CHECK(read_vector());
    if (!manifest.tensors.empty()) {
      TRINITY_TRY(bundle_, Bundle::open(folder_, {true, false}));
      read_head();
    }
    if (!options_.model.empty()) {
      TRINITY_TRY(model_, Checkpoint::open(options_.model));
    }
    for (TensorPicture& tensor : picture_.tensors) {
      TRINITY_CHECK(look_at(tensor));
      if (!tensor.offsets.empty()) tensor.statistics = adapt::vector_statistics(tensor.offsets);
    }
    return std::move(picture_);
  }

 private:
  void note(std::string text) { picture_.notes.push_back(std::move(text)); }

  /// The vector that the caller names must be the right one; one found by the manifest's path is
  /// used when it is.
  Status read_vector() {
    const Manifest& manifest = picture_.manifest;
    const bool asked = !options_.vector.empty();
    const std::filesystem::path path =
        asked ? options_.vector : std::filesystem::path(manifest.vector.path);
    auto vector = adapt::RouterVector::load(path, manifest.vector.tensor);
    if (!vector && asked) return tl::unexpected(std::move(vector.error()));
    const auto fits = [&] {
      return vector->sha256 == manifest.vector.sha256 &&
             static_cast<int64_t>(vector->values.size()) >= manifest.scale_offset_count;
    };
    if (!vector || !fits()) {
      if (asked)
        return fail(
            ErrorKind::usage, "vector_mismatch",
            fmt::format("{} is not the vector this bundle was made from: its SHA-256 is {}, "
                        "the manifest says {}",
                        path.string(), vector->sha256, excerpt(manifest.vector.sha256)));
      note(fmt::format("the router vector {} is not at hand; name it with --vector to see offsets",
                       excerpt(manifest.vector.path)));
      return {};
    }
    picture_.vector_path = path.string();
    picture_.vector_sha256 = vector->sha256;
    for (TensorPicture& tensor : picture_.tensors) {
      const int64_t begin = tensor.entry.offset_start, end = tensor.entry.offset_end;
      if (begin < 0 || begin > end || end > static_cast<int64_t>(vector->values.size())) continue;
      tensor.offsets.assign(vector->values.begin() + begin, vector->values.begin() + end);
    }
    return {};
  }

  void read_head() {
    const auto head = bundle_->head();
    if (!head) return note("the router head cannot be read: " + head.error().message);
    picture_.head = adapt::vector_statistics(head->weights());
  }

  Status look_at(TensorPicture& tensor) {
    if (tensor.entry.status != TensorStatus::complete) return {};
    const bool compact = picture_.kind == BundlePicture::Kind::compact;
    if (!model_ && !(compact && tensor.offsets.empty())) return {};
    const auto file = bundle_->file_of(tensor.entry);
    if (!file) {
      note(file.error().message);
      return {};
    }
    TRINITY_TRY(const TensorView stored, (*file)->tensor(tensor.entry.artifact_key));
    std::vector<double> factor;
    if (compact) {
      TRINITY_TRY(const std::vector<float> values, to_f32(stored));
      factor.assign(values.begin(), values.end());
    }
    if (model_) return compare_with_model(tensor, stored, factor);
    return offsets_by_size(tensor, factor);
  }

  double normalization(const TensorPicture& tensor) const {
    return tensor.entry.measured.normalization.value_or(1);
  }

  /// The eigenvalues of a factor are norm·(1+δ); which belongs to which singular value only the
  /// base matrix tells.
  Status offsets_by_size(TensorPicture& tensor, const std::vector<double>& factor) {
    TRINITY_TRY(const backend::SymmetricEigen eigen,
                algebra_.symmetric_eigen(factor, tensor.entry.singular_values));
    for (const double value : eigen.values)
      tensor.offsets.push_back(static_cast<float>(value / normalization(tensor) - 1));
    tensor.offsets_sorted = true;
    return {};
  }

  /// The offsets along the singular vectors of the base: vᵀ·P·v = norm·(1+δ).
  void offsets_along(TensorPicture& tensor, const std::vector<double>& factor,
                     const adapt::Spectrum& spectrum) const {
    const size_t k = spectrum.singular_values.size();
    for (size_t i = 0; i < k; ++i) {
      const double* v = spectrum.eigen.vectors.data() + i * k;
      double sum = 0;
      for (size_t a = 0; a < k; ++a) {
        double row = 0;
        for (size_t b = 0; b < k; ++b) row += factor[a * k + b] * v[b];
        sum += v[a] * row;
      }
      tensor.offsets.push_back(static_cast<float>(sum / normalization(tensor) - 1));
    }
  }

  Status compare_with_model(TensorPicture& tensor, const TensorView& stored,
                            const std::vector<double>& factor) {
    const std::string name =
        adapt::source_name(tensor.entry.path).value_or(tensor.entry.source_name);
    const std::string held = name == adapt::kLmHeadName && !model_->has(adapt::kLmHeadName)
                                 ? adapt::kEmbeddingName
                                 : name;
    TRINITY_TRY(const TensorView base, model_->tensor(held));
    TRINITY_CHECK(backend::require_float_matrix(base));
    TRINITY_TRY(const adapt::Spectrum* const before, spectrum_of(held, base));
    std::vector<std::byte> memory;
    TensorView adapted = stored;
    if (factor.empty()) {
      TRINITY_TRY(const bool turned,
                  adapt::transposed_in_checkpoint(name, stored.shape, base.shape));
      if (turned) {
        memory.resize(stored.bytes.size());
        transpose_elements(stored.bytes.data(), stored.shape[0], stored.shape[1],
                           static_cast<size_t>(dtype_size(stored.dtype)), memory.data());
        adapted = {stored.dtype, base.shape, memory};
      }
    } else {
      const size_t k = before->singular_values.size();
      if (factor.size() != k * k)
        return fail(ErrorKind::invalid_input, "shape_mismatch",
                    fmt::format("shape mismatch: the factor of {} does not fit the model's {}; "
                                "inspect with the bundle's own base model",
                                name, shape_text(base.shape)));
      if (tensor.offsets.empty()) offsets_along(tensor, factor, *before);
      TRINITY_TRY(memory, adapt::project_matrix(algebra_, base, factor));
      adapted = {base.dtype, base.shape, memory};
    }
    TRINITY_TRY(tensor.relative_change, relative_difference(adapted, base));
    TRINITY_TRY(const adapt::TallMatrix tall, adapt::TallMatrix::of(adapted));
    TRINITY_TRY(const adapt::Spectrum after,
                adapt::decompose(algebra_, tall, adapt::SvdComputeType::f32));
    tensor.spectrum_before = before->singular_values;
    tensor.spectrum_after = after.singular_values;
    model_->release(held);
    return {};
  }

  Result<const adapt::Spectrum*> spectrum_of(const std::string& name, const TensorView& base) {
    const auto found = spectra_.find(name);
    if (found != spectra_.end()) return &found->second;
    TRINITY_TRY(const adapt::TallMatrix tall, adapt::TallMatrix::of(base));
    TRINITY_TRY(adapt::Spectrum spectrum,
                adapt::decompose(algebra_, tall, adapt::SvdComputeType::f32));
    return &(spectra_[name] = std::move(spectrum));
  }

  backend::DenseAlgebra& algebra_;
  std::filesystem::path folder_;
  const InspectOptions& options_;
  BundlePicture picture_;
  std::unique_ptr<Bundle> bundle_;
  std::optional<Checkpoint> model_;
  std::map<std::string, adapt::Spectrum> spectra_;  // of base matrices, by stored name
};

}  // namespace

int64_t BundlePicture::completed() const {
  return std::count_if(tensors.begin(), tensors.end(), [](const TensorPicture& tensor) {
    return tensor.entry.status == TensorStatus::complete;
  });
}

Result<BundlePicture> inspect_bundle(backend::DenseAlgebra& algebra,
                                     const std::filesystem::path& folder,
                                     const InspectOptions& options) {
  return Inspector(algebra, folder, options).run();
}

Result<BundlePicture> inspect_vector(const std::filesystem::path& file,
                                     const std::string& tensor_name,
                                     const adapt::VectorLayout& layout, int64_t head_rows) {
  TRINITY_TRY(const adapt::RouterVector vector, adapt::RouterVector::load(file, tensor_name));
  TRINITY_TRY(const int64_t outputs, adapt::head_outputs_of(vector.values, layout.scale_count(),
                                                            layout.hidden, head_rows));
  BundlePicture picture;
  picture.kind = BundlePicture::Kind::vector;
  picture.vector_path = file.string();
  picture.vector_sha256 = vector.sha256;
  picture.head_shape = {outputs, layout.hidden};
  const auto span = std::span(vector.values);
  picture.head = adapt::vector_statistics(span.subspan(static_cast<size_t>(layout.scale_count())));
  for (const adapt::VectorBlock& block : layout.blocks) {
    TensorPicture& tensor = picture.tensors.emplace_back();
    tensor.entry.index = static_cast<int64_t>(picture.tensors.size());
    tensor.entry.path = block.path;
    tensor.entry.source_name = block.source_name;
    tensor.entry.offset_start = block.start;
    tensor.entry.offset_end = block.end;
    tensor.entry.singular_values = block.end - block.start;
    tensor.offsets.assign(span.begin() + block.start, span.begin() + block.end);
    tensor.statistics = adapt::vector_statistics(tensor.offsets);
  }
  return picture;
}

}  // namespace trinity::bundle
