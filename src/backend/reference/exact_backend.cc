#include "backend/reference/exact_backend.h"

#include <string>
#include <utility>

#include "backend/exact_rows.h"
#include "backend/reference/dense_algebra.h"
#include "backend/reference/vector_backend.h"
#include "backend/rope_angles.h"
#include "backend/stacked_shape.h"
#include "base/try.h"

namespace trinity::backend {
namespace {

using reference::Matrix;
using reference::StackedWeight;
using reference::VectorBackend;

/// `values` is empty.
struct Int8Weight : StackedWeight {
  std::vector<int8_t> rounded;  // [sum of outs, in], row-major
  std::vector<float> scales;    // one an output
};

class ExactBackend final : public VectorBackend {
 public:
  explicit ExactBackend(bool int8)
      : VectorBackend(int8 ? "reference_exact_int8" : "reference_exact",
                      int8 ? "int8 products with int32 sums, else f32, every operation in a "
                             "defined order"
                           : "f32, every operation in a defined order",
                      make_exact_dense_algebra()),
        int8_(int8) {}

  Result<Weight> prepare_linear(std::span<const TensorView> stacked) override {
    if (!int8_) return VectorBackend::prepare_linear(stacked);
    TRINITY_TRY(const StackedShape shape, stacked_shape(stacked));
    if (shape.in > exact::kInt8MaxTerms)
      return fail(ErrorKind::unsupported, "int8_sum_overflow",
                  "a weight of " + std::to_string(shape.in) + " columns is too wide for int8: " +
                      "sums of more than " + std::to_string(exact::kInt8MaxTerms) +
                      " products may exceed 32 bits; use a profile with f32 products");
    TRINITY_TRY(const Weight plain, VectorBackend::prepare_linear(stacked));
    const auto& values = plain.as<StackedWeight>().values;
    auto weight = std::make_shared<Int8Weight>();
    weight->out_sizes = shape.out_sizes;
    weight->rounded.resize(values.size());
    for (int64_t c = 0; c < shape.out; ++c) {
      const size_t row = at(c, 0, shape.in);
      weight->scales.push_back(
          exact::int8_row(values.data() + row, shape.in, weight->rounded.data() + row));
    }
    const size_t bytes = weight->rounded.size() + weight->scales.size() * sizeof(float);
    return meter_.count(Weight(std::move(weight), shape.out, shape.in), bytes);
  }

  Result<Tensor> linear(const Tensor& x, const Weight& weight) override {
    const float* in = x.as<Matrix>().values.data();
    const int64_t rows = x.rows(), cols = weight.rows(), depth = weight.cols();
    std::vector<float> out(static_cast<size_t>(rows * cols));
    std::vector<int8_t> rounded(static_cast<size_t>(depth));
    for (int64_t r = 0; r < rows; ++r) {
      const float* row = in + r * depth;
      float* y = out.data() + r * cols;
      if (!int8_) {
        const float* w = weight.as<StackedWeight>().values.data();
        for (int64_t c = 0; c < cols; ++c) y[c] = exact::product(row, w + c * depth, depth);
      } else {
        const auto& w = weight.as<Int8Weight>();
        const float scale = exact::int8_row(row, depth, rounded.data());
        for (int64_t c = 0; c < cols; ++c)
          y[c] = exact::int8_product(rounded.data(), scale, w.rounded.data() + c * depth,
                                     w.scales[static_cast<size_t>(c)], depth);
      }
    }
    return make(rows, cols, std::move(out));
  }

  Result<Tensor> rms_norm(const Tensor& x, const Weight& weight, float eps) override {
    const auto& w = weight.as<Matrix>().values;
    const auto& in = x.as<Matrix>().values;
    std::vector<float> out(in.size());
    for (size_t begin = 0; begin < in.size(); begin += w.size())
      exact::rms_norm_row(in.data() + begin, w.data(), weight.cols(), eps, out.data() + begin);
    return make(x.rows(), x.cols(), std::move(out));
  }

  Result<Tensor> rope(const Tensor& x, std::span<const int64_t> positions, int64_t head_dim,
                      const Rope& rope) override {
    const auto& in = x.as<Matrix>().values;
    const auto half = static_cast<size_t>(head_dim / 2);
    prepare_frequencies(head_dim, rope);
    const float scaling = rope.attention_scaling();
    std::vector<float> out(in.size()), cosines(half), sines(half);
    for (int64_t r = 0; r < x.rows(); ++r) {
      for (size_t i = 0; i < half; ++i) {
        const CosSin turn =
            rope_cos_sin(rope_angle(positions[static_cast<size_t>(r)], frequencies_[i]));
        cosines[i] = turn.cosine * scaling;
        sines[i] = turn.sine * scaling;
      }
      for (int64_t begin = 0; begin < x.cols(); begin += head_dim) {
        const size_t head = at(r, begin, x.cols());
        exact::rotate_head(in.data() + head, cosines.data(), sines.data(), head_dim / 2,
                           out.data() + head);
      }
    }
    return make(x.rows(), x.cols(), std::move(out));
  }

  Result<Tensor> add(const Tensor& a, const Tensor& b) override {
    return elementwise(a, b, [](float x, float y) { return x + y; });
  }

  Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) override {
    return elementwise(gate, up, exact::silu_mul);
  }

  Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices, int64_t layer,
                           const AttentionShape& shape) override {
    return for_every_head(q, slices, layer, shape, [&](const HeadQuery& head) {
      exact::attend(head.query, head.keys, head.values, head.stride, head.visible, shape.head_dim,
                    head.out);
    });
  }

 private:
  /// They are the same in every layer.
  void prepare_frequencies(int64_t head_dim, const Rope& rope) {
    if (head_dim == head_dim_ && rope == rope_) return;
    frequencies_ = rope_frequencies(head_dim, rope);
    head_dim_ = head_dim;
    rope_ = rope;
  }

  bool int8_;
  int64_t head_dim_ = 0;
  Rope rope_;
  std::vector<float> frequencies_;
};

}  // namespace

std::unique_ptr<Backend> make_exact_backend(ExactProducts products) {
  return std::make_unique<ExactBackend>(products == ExactProducts::int8);
}

LaneTolerances exact_tolerances(ExactProducts products) {
  LaneTolerances t;
  t.linear = t.exact_linear = {1e-6, 1e-6};
  t.rms_norm = {1e-6, 1e-6};
  t.rope = {3e-7, 3e-7};
  t.silu_mul = {1e-6, 1e-6};
  t.attention = {2e-6, 3e-6};
  if (products == ExactProducts::int8) {
    t.int8 = true;
    t.linear = {1, 6e-2};
  }
  return t;
}

}  // namespace trinity::backend
