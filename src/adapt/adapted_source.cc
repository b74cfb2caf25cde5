#include "adapt/adapted_source.h"

#include <algorithm>
#include <cstring>

#include "adapt/adapter.h"
#include "base/try.h"
#include "tensor/float_cast.h"

namespace trinity::adapt {
namespace {

constexpr int64_t kChunkRows = 4096;

class ProjectedEmbedding final : public model::EmbeddingRows {
 public:
  ProjectedEmbedding(backend::DenseAlgebra& algebra, TensorView table, backend::Weight factor)
      : algebra_(algebra), table_(std::move(table)), factor_(std::move(factor)) {}

  int64_t vocab_size() const override { return table_.shape[0]; }

  Status gather(std::span<const int32_t> ids, std::span<float> out) const override {
    const auto row_bytes =
        static_cast<size_t>(table_.shape[1]) * static_cast<size_t>(dtype_size(table_.dtype));
    std::vector<std::byte> rows(ids.size() * row_bytes);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= vocab_size())
        return model::token_out_of_range(ids[i], vocab_size());
      std::memcpy(rows.data() + i * row_bytes,
                  table_.bytes.data() + static_cast<size_t>(ids[i]) * row_bytes, row_bytes);
    }
    const TensorView view{table_.dtype, {static_cast<int64_t>(ids.size()), table_.shape[1]}, rows};
    std::vector<std::byte> adapted(rows.size());
    TRINITY_CHECK(algebra_.multiply_rows(view, factor_, table_.dtype, adapted));
    return copy_f32({view.dtype, view.shape, adapted}, out);
  }

 private:
  backend::DenseAlgebra& algebra_;
  TensorView table_;
  backend::Weight factor_;
};

}  // namespace

Result<std::vector<std::byte>> project_matrix(backend::DenseAlgebra& algebra,
                                              const TensorView& matrix,
                                              std::span<const double> factor, bool turned) {
  TRINITY_TRY(const TallMatrix tall, TallMatrix::of(matrix));
  TRINITY_TRY(const backend::Weight prepared, algebra.prepare_factor(factor, tall.columns()));
  const auto size = static_cast<size_t>(dtype_size(matrix.dtype));
  const auto row_bytes = static_cast<size_t>(tall.columns()) * size;
  std::vector<std::byte> out(matrix.bytes.size());
  TRINITY_CHECK(project_rows(algebra, tall.view(), prepared, kChunkRows,
                             [&](int64_t row, std::vector<std::byte>& rows) -> Status {
                               std::copy(rows.begin(), rows.end(),
                                         out.begin() + static_cast<std::ptrdiff_t>(row) *
                                                           static_cast<std::ptrdiff_t>(row_bytes));
                               return {};
                             }));
  if (tall.transposed() == turned) return out;
  std::vector<std::byte> other_way(out.size());
  transpose_elements(out.data(), tall.rows(), tall.columns(), size, other_way.data());
  return other_way;
}

void AdaptedSource::replace(const std::string& name, const TensorView& view) {
  replaced_[name] = {view, {}};
}

void AdaptedSource::replace(const std::string& name, DType dtype, MatrixShape shape,
                            std::vector<std::byte> bytes) {
  Owned& owned = replaced_[name];
  owned.bytes = std::move(bytes);
  owned.view = {dtype, std::move(shape), owned.bytes};
}

Status AdaptedSource::project(backend::DenseAlgebra& algebra, const std::string& name,
                              std::span<const double> factor) {
  TRINITY_TRY(const TensorView matrix, base_.tensor(name));
  if (name == kEmbeddingName && matrix.shape[0] >= matrix.shape[1]) {
    TRINITY_TRY(backend::Weight prepared, algebra.prepare_factor(factor, matrix.shape[1]));
    rows_ = std::make_shared<ProjectedEmbedding>(algebra, matrix, std::move(prepared));
    return {};
  }
  TRINITY_TRY(std::vector<std::byte> bytes, project_matrix(algebra, matrix, factor));
  replace(name, matrix.dtype, matrix.shape, std::move(bytes));
  return {};
}

Result<TensorView> AdaptedSource::tensor(const std::string& name) const {
  if (const auto found = replaced_.find(name); found != replaced_.end()) return found->second.view;
  return base_.tensor(name);
}

void AdaptedSource::release(const std::string& name) const {
  if (replaced_.find(name) == replaced_.end()) base_.release(name);
}

}  // namespace trinity::adapt
