#include "backend/reference/reference_backend.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/reference/dense_algebra.h"
#include "backend/reference/vector_backend.h"
#include "backend/rope_angles.h"
#include "tensor/bf16.h"

namespace trinity::backend {
namespace {

using reference::Matrix;
using reference::StackedWeight;
using reference::VectorBackend;

class ReferenceBackend final : public VectorBackend {
 public:
  explicit ReferenceBackend(bool bf16)
      : VectorBackend(bf16 ? "reference_bf16" : "reference",
                      bf16 ? "bf16 storage, f64 accumulation, PyTorch eager rounding order"
                           : "f32 storage, f64 accumulation",
                      make_reference_dense_algebra()),
        bf16_(bf16) {}

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
                      const Rope& rope) override {
    const auto& in = x.as<Matrix>().values;
    std::vector<float> out(in.size());
    const int64_t half = head_dim / 2, heads = x.cols() / head_dim;
    std::vector<float> scaled;
    if (rope.scaling != RopeScaling::none) scaled = rope_frequencies(head_dim, rope);
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t i = 0; i < half; ++i) {
        const auto inverse_frequency =
            scaled.empty()
                ? static_cast<float>(1.0 / std::pow(rope.theta, 2.0 * static_cast<double>(i) /
                                                                    static_cast<double>(head_dim)))
                : scaled[static_cast<size_t>(i)];
        const float angle =
            static_cast<float>(positions[static_cast<size_t>(r)]) * inverse_frequency;
        const double cosine = store(std::cos(double{angle}) * rope.attention_factor);
        const double sine = store(std::sin(double{angle}) * rope.attention_factor);
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
    return elementwise(a, b, [this](float x, float y) { return store(double{x} + double{y}); });
  }

  Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) override {
    return elementwise(gate, up, [this](double z, float u) {
      return store(double{store(z / (1.0 + std::exp(-z)))} * double{u});
    });
  }

  Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices, int64_t layer,
                           const AttentionShape& shape) override {
    const int64_t dim = shape.head_dim;
    const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
    return for_every_head(q, slices, layer, shape, [&](const HeadQuery& head) {
      std::vector<float> probabilities(static_cast<size_t>(head.visible));
      for (int64_t t = 0; t < head.visible; ++t) {
        double sum = 0;
        for (int64_t d = 0; d < dim; ++d)
          sum += double{head.query[d]} * double{head.keys[t * head.stride + d]};
        probabilities[static_cast<size_t>(t)] = store(double{store(sum)} * scale);
      }
      softmax(probabilities);
      for (int64_t d = 0; d < dim; ++d) {
        double sum = 0;
        for (int64_t t = 0; t < head.visible; ++t)
          sum += double{probabilities[static_cast<size_t>(t)]} *
                 double{head.values[t * head.stride + d]};
        head.out[d] = store(sum);
      }
    });
  }

 private:
  float store(double value) const override {
    const auto single = static_cast<float>(value);
    return bf16_ ? f32_from_bf16(bf16_from_f32(single)) : single;
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
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(ReferenceRounding rounding) {
  return std::make_unique<ReferenceBackend>(rounding == ReferenceRounding::bf16_order);
}

}  // namespace trinity::backend
