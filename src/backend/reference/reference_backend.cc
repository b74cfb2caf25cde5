#include "backend/reference/reference_backend.h"

#include <cmath>
#include <limits>
#include <string>

#include "backend/reference/dense_algebra.h"
#include "backend/reference/reference_storage.h"
#include "backend/stacked_shape.h"
#include "base/try.h"
#include "tensor/bf16.h"

namespace trinity {
namespace {

using reference::EmbeddingTable;
using reference::Matrix;
using reference::StackedWeight;
using reference::VectorKvCache;

class ReferenceBackend final : public Backend {
 public:
  explicit ReferenceBackend(ReferenceRounding rounding)
      : bf16_(rounding == ReferenceRounding::bf16_order) {
    info_.id = bf16_ ? "reference_bf16" : "reference";
    info_.label = "trinity.scalar";
    info_.device = "one core, plain loops";
    info_.dtype_policy = bf16_ ? "bf16 storage, f64 accumulation, PyTorch eager rounding order"
                               : "f32 storage, f64 accumulation";
    info_.exactness = Exactness::oracle;
  }

  const BackendInfo& info() const override { return info_; }
  size_t weight_bytes() const override { return weight_bytes_; }
  Status synchronize() override { return {}; }

  Result<Weight> prepare_linear(std::span<const TensorView> stacked) override {
    auto weight = std::make_shared<StackedWeight>();
    TRINITY_TRY(StackedShape shape, stacked_shape(stacked));
    weight->out_sizes = std::move(shape.out_sizes);
    for (const TensorView& view : stacked) {
      TRINITY_CHECK(require_finite(view, "a weight"));
      TRINITY_TRY(std::vector<float> values, load(view));
      weight->values.insert(weight->values.end(), values.begin(), values.end());
    }
    weight_bytes_ += weight->values.size() * sizeof(float);
    return Weight(std::move(weight), shape.out, shape.in);
  }

  Result<Weight> prepare_norm(const TensorView& view) override {
    TRINITY_TRY(std::vector<float> values, load(view));
    const auto size = static_cast<int64_t>(values.size());
    weight_bytes_ += values.size() * sizeof(float);
    return make(1, size, std::move(values));
  }

  Result<Weight> prepare_embedding(const TensorView& table) override {
    auto storage = std::make_shared<EmbeddingTable>();
    storage->view = table;
    return Weight(std::move(storage), table.shape.at(0), table.shape.at(1));
  }

  Result<Tensor> upload(std::span<const float> values, int64_t rows, int64_t cols) override {
    std::vector<float> copy(values.begin(), values.end());
    for (float& value : copy) value = store(value);
    return make(rows, cols, std::move(copy));
  }

  Result<std::vector<float>> download(const Tensor& tensor) override {
    return tensor.as<Matrix>().values;
  }

  Result<Tensor> embed(const Weight& table, std::span<const int32_t> ids) override {
    const int64_t hidden = table.cols();
    std::vector<float> out(ids.size() * static_cast<size_t>(hidden));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < 0 || ids[i] >= table.rows()) return token_out_of_range(ids[i], table.rows());
      TRINITY_CHECK(copy_row_f32(
          table.as<EmbeddingTable>().view, ids[i],
          std::span(out).subspan(i * static_cast<size_t>(hidden), static_cast<size_t>(hidden))));
    }
    for (float& value : out) value = store(value);
    return make(static_cast<int64_t>(ids.size()), hidden, std::move(out));
  }

  Result<Tensor> linear(const Tensor& x, const Weight& weight) override {
    const auto& w = weight.as<StackedWeight>().values;
    const auto& in = x.as<Matrix>().values;
    const int64_t rows = x.rows(), cols = weight.rows(), depth = weight.cols();
    std::vector<float> out(static_cast<size_t>(rows * cols));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < cols; ++c) {
        double sum = 0;
        for (int64_t k = 0; k < depth; ++k)
          sum += double{in[at(r, k, depth)]} * double{w[at(c, k, depth)]};
        out[at(r, c, cols)] = store(sum);
      }
    return make(rows, cols, std::move(out));
  }

  Result<std::vector<Tensor>> linear_split(const Tensor& x, const Weight& weight) override {
    TRINITY_TRY(const Tensor all, linear(x, weight));
    const auto& values = all.as<Matrix>().values;
    std::vector<Tensor> parts;
    int64_t begin = 0;
    for (const int64_t size : weight.as<StackedWeight>().out_sizes) {
      std::vector<float> part(static_cast<size_t>(x.rows() * size));
      for (int64_t r = 0; r < x.rows(); ++r)
        for (int64_t c = 0; c < size; ++c)
          part[at(r, c, size)] = values[at(r, begin + c, all.cols())];
      parts.push_back(make(x.rows(), size, std::move(part)));
      begin += size;
    }
    return parts;
  }

  Result<Tensor> rms_norm(const Tensor& x, const Weight& weight, float eps) override {
    const auto& w = weight.as<Matrix>().values;
    const auto& in = x.as<Matrix>().values;
    const auto size = static_cast<size_t>(weight.cols());
    std::vector<float> out(in.size());
    for (size_t begin = 0; begin < in.size(); begin += size) {
      double sum = 0;
      for (size_t i = 0; i < size; ++i) sum += double{in[begin + i]} * double{in[begin + i]};
      const double scale = 1.0 / std::sqrt(sum / static_cast<double>(size) + double{eps});
      // The normalised value is rounded before the weight multiplies it: two roundings in bf16.
      for (size_t i = 0; i < size; ++i)
        out[begin + i] = store(double{store(double{in[begin + i]} * scale)} * double{w[i]});
    }
    return make(x.rows(), x.cols(), std::move(out));
  }

  Result<Tensor> rope(const Tensor& x, std::span<const int64_t> positions, int64_t head_dim,
                      double theta) override {
    const auto& in = x.as<Matrix>().values;
    std::vector<float> out(in.size());
    const int64_t half = head_dim / 2, heads = x.cols() / head_dim;
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t i = 0; i < half; ++i) {
        const auto inverse_frequency = static_cast<float>(
            1.0 / std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(head_dim)));
        const float angle =
            static_cast<float>(positions[static_cast<size_t>(r)]) * inverse_frequency;
        const double cosine = store(std::cos(double{angle}));
        const double sine = store(std::sin(double{angle}));
        for (int64_t h = 0; h < heads; ++h) {
          const size_t first = at(r, h * head_dim + i, x.cols());
          const size_t second = first + static_cast<size_t>(half);
          const double a = in[first], b = in[second];
          out[first] = store(double{store(a * cosine)} + double{store(-b * sine)});
          out[second] = store(double{store(b * cosine)} + double{store(a * sine)});
        }
      }
    return make(x.rows(), x.cols(), std::move(out));
  }

  Result<Tensor> add(const Tensor& a, const Tensor& b) override {
    std::vector<float> out = a.as<Matrix>().values;
    const auto& other = b.as<Matrix>().values;
    for (size_t i = 0; i < out.size(); ++i) out[i] = store(double{out[i]} + double{other[i]});
    return make(a.rows(), a.cols(), std::move(out));
  }

  Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) override {
    std::vector<float> out = gate.as<Matrix>().values;
    const auto& other = up.as<Matrix>().values;
    for (size_t i = 0; i < out.size(); ++i) {
      const double z = out[i];
      out[i] = store(double{store(z / (1.0 + std::exp(-z)))} * double{other[i]});
    }
    return make(gate.rows(), gate.cols(), std::move(out));
  }

  Result<Tensor> select_rows(const Tensor& x, std::span<const int64_t> rows) override {
    const auto& in = x.as<Matrix>().values;
    std::vector<float> out;
    for (const int64_t r : rows)
      out.insert(out.end(), in.begin() + static_cast<int64_t>(at(r, 0, x.cols())),
                 in.begin() + static_cast<int64_t>(at(r + 1, 0, x.cols())));
    return make(static_cast<int64_t>(rows.size()), x.cols(), std::move(out));
  }

  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvShape& shape) override {
    return std::make_unique<VectorKvCache>(shape);
  }

  size_t kv_bytes_per_token(const KvShape& shape) const override {
    return static_cast<size_t>(2 * shape.layers * shape.kv_heads * shape.head_dim) * sizeof(float);
  }

  Status append_kv(const Tensor& k, const Tensor& v, std::span<const SequenceSlice> slices,
                   int64_t layer) override {
    for (const SequenceSlice& slice : slices) {
      auto& cache = static_cast<VectorKvCache&>(*slice.kv);
      if (cache.length(layer) != slice.position_begin)
        return fail(ErrorKind::failed, "kv_position_mismatch",
                    "keys and values must be appended in order of position");
      const auto append = [&](std::vector<float>& target, const Tensor& source) {
        const auto& values = source.as<Matrix>().values;
        const auto begin = values.begin() + slice.row_begin * source.cols();
        target.insert(target.end(), begin, begin + slice.row_count * source.cols());
      };
      append(cache.keys(layer), k);
      append(cache.values(layer), v);
    }
    return {};
  }

  Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices, int64_t layer,
                           const AttentionShape& shape) override {
    const int64_t dim = shape.head_dim, group = shape.heads / shape.kv_heads;
    const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
    const auto& queries = q.as<Matrix>().values;
    std::vector<float> out(static_cast<size_t>(q.rows() * q.cols()));
    for (const SequenceSlice& slice : slices) {
      auto& cache = static_cast<VectorKvCache&>(*slice.kv);
      const std::vector<float>&keys = cache.keys(layer), &values = cache.values(layer);
      for (int64_t r = 0; r < slice.row_count; ++r)
        for (int64_t head = 0; head < shape.heads; ++head) {
          const int64_t visible = slice.position_begin + r + 1;
          const int64_t kv_begin = head / group * dim;
          const size_t q_begin = at(slice.row_begin + r, head * dim, q.cols());
          std::vector<float> probabilities(static_cast<size_t>(visible));
          for (int64_t t = 0; t < visible; ++t) {
            double sum = 0;
            for (int64_t d = 0; d < dim; ++d)
              sum += double{queries[q_begin + static_cast<size_t>(d)]} *
                     double{keys[at(t, kv_begin + d, cache.width())]};
            probabilities[static_cast<size_t>(t)] = store(double{store(sum)} * scale);
          }
          softmax(probabilities);
          for (int64_t d = 0; d < dim; ++d) {
            double sum = 0;
            for (int64_t t = 0; t < visible; ++t)
              sum += double{probabilities[static_cast<size_t>(t)]} *
                     double{values[at(t, kv_begin + d, cache.width())]};
            out[q_begin + static_cast<size_t>(d)] = store(sum);
          }
        }
    }
    return make(q.rows(), q.cols(), std::move(out));
  }

  DenseAlgebra* dense_algebra() override { return dense_algebra_.get(); }

 private:
  static size_t at(int64_t row, int64_t col, int64_t cols) {
    return static_cast<size_t>(row * cols + col);
  }

  static Tensor make(int64_t rows, int64_t cols, std::vector<float> values) {
    auto matrix = std::make_shared<Matrix>();
    matrix->values = std::move(values);
    return Tensor(std::move(matrix), rows, cols);
  }

  /// The one place where a value is rounded to the storage type.
  float store(double value) const {
    const auto single = static_cast<float>(value);
    return bf16_ ? f32_from_bf16(bf16_from_f32(single)) : single;
  }

  Result<std::vector<float>> load(const TensorView& view) const {
    TRINITY_TRY(std::vector<float> values, to_f32(view));
    for (float& value : values) value = store(value);
    return values;
  }

  /// Softmax with f32 results (f64 inside), then rounded to the storage type.
  void softmax(std::vector<float>& row) const {
    double highest = -std::numeric_limits<double>::infinity();
    for (const float value : row) highest = std::max(highest, double{value});
    double sum = 0;
    for (const float value : row) sum += std::exp(double{value} - highest);
    for (float& value : row) value = store(std::exp(double{value} - highest) / sum);
  }

  bool bf16_;
  BackendInfo info_;
  size_t weight_bytes_ = 0;
  std::unique_ptr<DenseAlgebra> dense_algebra_ = make_reference_dense_algebra();
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(ReferenceRounding rounding) {
  return std::make_unique<ReferenceBackend>(rounding);
}

}  // namespace trinity
