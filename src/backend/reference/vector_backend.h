// What the lanes of this folder share: f32 vectors behind every handle, and the operations that
// only move numbers. A lane adds the operations that compute, and may round what it stores.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/reference/reference_storage.h"
#include "backend/weight_meter.h"

namespace trinity::backend::reference {

inline constexpr const char* kLabel = "trinity.scalar";
inline constexpr backend::Exactness kClaim = backend::Exactness::oracle;

class VectorBackend : public backend::Backend {
 public:
  const backend::BackendInfo& info() const override { return info_; }
  size_t weight_bytes() const override { return meter_.bytes(); }
  Status synchronize() override { return {}; }
  backend::DenseAlgebra* dense_algebra() override { return dense_algebra_.get(); }

  Result<backend::Weight> prepare_linear(std::span<const TensorView> stacked) override;
  Result<backend::Weight> prepare_norm(const TensorView& view) override;

  Result<backend::Tensor> upload(std::span<const float> values, int64_t rows,
                                 int64_t cols) override;
  Result<std::vector<float>> download(const backend::Tensor& tensor) override;

  Result<std::vector<backend::Tensor>> linear_split(const backend::Tensor& x,
                                                    const backend::Weight& weight) override;
  Result<backend::Tensor> select_rows(const backend::Tensor& x,
                                      std::span<const int64_t> rows) override;

  Result<std::unique_ptr<backend::KvCache>> make_kv_cache(const backend::KvShape& shape) override;
  size_t kv_bytes_per_token(const backend::KvShape& shape) const override;
  Status append_kv(const backend::Tensor& k, const backend::Tensor& v,
                   std::span<const backend::SequenceSlice> slices, int64_t layer) override;

 protected:
  /// `id` and `dtype_policy` as in BackendInfo.
  VectorBackend(std::string id, std::string dtype_policy,
                std::unique_ptr<backend::DenseAlgebra> dense_algebra);

  /// The one place where a value is rounded to the storage type.
  virtual float store(double value) const { return static_cast<float>(value); }

  static size_t at(int64_t row, int64_t col, int64_t cols) {
    return static_cast<size_t>(row * cols + col);
  }
  static backend::Tensor make(int64_t rows, int64_t cols, std::vector<float> values);

  /// function(a[i], b[i]) for every element.
  template <typename Function>
  static backend::Tensor elementwise(const backend::Tensor& a, const backend::Tensor& b,
                                     const Function& function) {
    std::vector<float> out = a.as<Matrix>().values;
    const auto& other = b.as<Matrix>().values;
    for (size_t i = 0; i < out.size(); ++i) out[i] = function(out[i], other[i]);
    return make(a.rows(), a.cols(), std::move(out));
  }

  /// One query row of one head, and the keys and values that it sees: those of token t begin at
  /// t · stride.
  struct HeadQuery {
    const float* query;
    const float* keys;
    const float* values;
    int64_t stride;
    int64_t visible;
    float* out;  // [head_dim], zero
  };

  /// Attention as `function(HeadQuery)` for every row and head.
  template <typename Function>
  static backend::Tensor for_every_head(const backend::Tensor& q,
                                        std::span<const backend::SequenceSlice> slices,
                                        int64_t layer, const backend::AttentionShape& shape,
                                        const Function& function) {
    const int64_t group = shape.heads / shape.kv_heads;
    std::vector<float> out(static_cast<size_t>(q.rows() * q.cols()));
    for (const backend::SequenceSlice& slice : slices) {
      auto& cache = static_cast<VectorKvCache&>(*slice.kv);
      for (int64_t r = 0; r < slice.row_count; ++r)
        for (int64_t head = 0; head < shape.heads; ++head) {
          const size_t begin = at(slice.row_begin + r, head * shape.head_dim, q.cols());
          const int64_t kv_begin = head / group * shape.head_dim;
          function(HeadQuery{q.as<Matrix>().values.data() + begin,
                             cache.keys(layer).data() + kv_begin,
                             cache.values(layer).data() + kv_begin, cache.width(),
                             slice.position_begin + r + 1, out.data() + begin});
        }
    }
    return make(q.rows(), q.cols(), std::move(out));
  }

  backend::WeightMeter meter_;

 private:
  Result<std::vector<float>> load(const TensorView& view) const;

  backend::BackendInfo info_;
  std::unique_ptr<backend::DenseAlgebra> dense_algebra_;
};

}  // namespace trinity::backend::reference
