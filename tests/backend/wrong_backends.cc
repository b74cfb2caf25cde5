#include "backend/wrong_backends.h"

#include <algorithm>
#include <cmath>

#include "backend/forwarding_backend.h"
#include "backend/reference/reference_backend.h"
#include "backend/reference/reference_storage.h"
#include "base/try.h"
#include "tensor/bf16.h"

namespace trinity::testing {
namespace {

using backend::reference::Matrix;
using backend::reference::StackedWeight;
using backend::reference::VectorKvCache;

std::vector<float>& numbers(const backend::Tensor& tensor) { return tensor.as<Matrix>().values; }

class Wrong : public backend::ForwardingBackend {
 public:
  Wrong()
      : backend::ForwardingBackend(backend::make_reference_backend(backend::ReferenceRounding::f32),
                                   Fused::composed) {}

 protected:
  /// A tensor of the reference with these values.
  Result<backend::Tensor> fresh(std::vector<float> values, const backend::Tensor& like) {
    return inner_->upload(values, like.rows(), like.cols());
  }
};

// ---- products, rows ----

/// Reads square weights as [in, out].
class TransposedSquareLinear final : public Wrong {
  Result<backend::Tensor> linear(const backend::Tensor& x, const backend::Weight& weight) override {
    if (weight.rows() != weight.cols()) return inner_->linear(x, weight);
    const auto size = static_cast<size_t>(weight.rows());
    auto turned = std::make_shared<StackedWeight>(weight.as<StackedWeight>());
    for (size_t r = 0; r < size; ++r)
      for (size_t c = 0; c < size; ++c)
        turned->values[r * size + c] = weight.as<StackedWeight>().values[c * size + r];
    return inner_->linear(x, backend::Weight(turned, weight.rows(), weight.cols()));
  }
};

/// Loses the last input of odd widths, as a loop over pairs would.
class OddTailLinear final : public Wrong {
  Result<backend::Tensor> linear(const backend::Tensor& x, const backend::Weight& weight) override {
    TRINITY_TRY(const backend::Tensor shortened, without_odd_tail(x));
    return inner_->linear(shortened, weight);
  }
  Result<std::vector<backend::Tensor>> linear_split(const backend::Tensor& x,
                                                    const backend::Weight& weight) override {
    TRINITY_TRY(const backend::Tensor shortened, without_odd_tail(x));
    return inner_->linear_split(shortened, weight);
  }
  Result<backend::Tensor> without_odd_tail(const backend::Tensor& x) {
    std::vector<float> values = numbers(x);
    const auto cols = static_cast<size_t>(x.cols());
    for (size_t i = cols - 1; cols % 2 == 1 && i < values.size(); i += cols) values[i] = 0;
    return fresh(std::move(values), x);
  }
};

class SwappedParts final : public Wrong {
  Result<std::vector<backend::Tensor>> linear_split(const backend::Tensor& x,
                                                    const backend::Weight& weight) override {
    TRINITY_TRY(std::vector<backend::Tensor> parts, inner_->linear_split(x, weight));
    std::swap(parts.front(), parts.back());
    return parts;
  }
};

class RepeatedRows final : public Wrong {
  Result<backend::Tensor> select_rows(const backend::Tensor& x,
                                      std::span<const int64_t> rows) override {
    std::vector<int64_t> sorted(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end());
    return inner_->select_rows(x, sorted);
  }
};

class Difference final : public Wrong {
  Result<backend::Tensor> add(const backend::Tensor& a, const backend::Tensor& b) override {
    std::vector<float> negated = numbers(b);
    for (float& value : negated) value = -value;
    TRINITY_TRY(const backend::Tensor other, fresh(std::move(negated), b));
    return inner_->add(a, other);
  }
};

// ---- activation ----

class Gelu final : public Wrong {
  Result<backend::Tensor> silu_mul(const backend::Tensor& gate,
                                   const backend::Tensor& up) override {
    std::vector<float> out = numbers(up);
    for (size_t i = 0; i < out.size(); ++i) {
      const float z = numbers(gate)[i];
      out[i] *= 0.5f * z * (1 + std::erf(z / std::sqrt(2.0f)));
    }
    return fresh(std::move(out), up);
  }
};

class SwappedGate final : public Wrong {
  Result<backend::Tensor> silu_mul(const backend::Tensor& gate,
                                   const backend::Tensor& up) override {
    return inner_->silu_mul(up, gate);
  }
};

// ---- norm ----

class IgnoredEps final : public Wrong {
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float) override {
    return inner_->rms_norm(x, weight, 1e-30f);
  }
};

class FixedEps final : public Wrong {
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float) override {
    return inner_->rms_norm(x, weight, 1e-6f);
  }
};

/// Normalises the whole row where every head has a norm of its own.
class WholeRowNorm final : public Wrong {
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    Matrix repeated;
    while (static_cast<int64_t>(repeated.values.size()) < x.cols()) {
      const auto& w = numbers(weight);
      repeated.values.insert(repeated.values.end(), w.begin(), w.end());
    }
    return inner_->rms_norm(x, backend::Weight(std::make_shared<Matrix>(repeated), 1, x.cols()),
                            eps);
  }
};

/// Subtracts the mean, as LayerNorm does.
class CentredNorm final : public Wrong {
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    std::vector<float> values = numbers(x);
    const auto size = static_cast<size_t>(weight.cols());
    for (size_t begin = 0; begin < values.size(); begin += size) {
      double mean = 0;
      for (size_t i = begin; i < begin + size; ++i) mean += values[i];
      for (size_t i = begin; i < begin + size; ++i)
        values[i] -= static_cast<float>(mean / static_cast<double>(size));
    }
    TRINITY_TRY(const backend::Tensor centred, fresh(std::move(values), x));
    return inner_->rms_norm(centred, weight, eps);
  }
};

class EarlyNormWeight final : public backend::ForwardingBackend {
 public:
  EarlyNormWeight()
      : backend::ForwardingBackend(
            backend::make_reference_backend(backend::ReferenceRounding::bf16_order),
            Fused::composed) {}
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    std::vector<float> out = numbers(x);
    const auto size = static_cast<size_t>(weight.cols());
    for (size_t begin = 0; begin < out.size(); begin += size) {
      double sum = 0;
      for (size_t i = begin; i < begin + size; ++i) sum += double{out[i]} * double{out[i]};
      const double scale = 1 / std::sqrt(sum / static_cast<double>(size) + double{eps});
      for (size_t i = begin; i < begin + size; ++i)
        out[i] = static_cast<float>(double{out[i]} * scale * double{numbers(weight)[i - begin]});
    }
    return inner_->upload(out, x.rows(), x.cols());  // one rounding, at the end
  }
};

// ---- rotation ----

/// Rotates with positions and angles that a derived class chooses.
template <class Change>
class ChangedRope final : public Wrong {
  Result<backend::Tensor> rope(const backend::Tensor& x, std::span<const int64_t> positions,
                               int64_t head_dim, const backend::Rope& rope) override {
    std::vector<float> out = numbers(x);
    const int64_t half = head_dim / 2;
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t h = 0; h < x.cols() / head_dim; ++h)
        for (int64_t i = 0; i < half; ++i) {
          const Change change{static_cast<double>(positions[static_cast<size_t>(r)]),
                              static_cast<double>(h), i, half};
          const auto inverse_frequency = static_cast<float>(
              std::pow(rope.theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim)));
          const double angle = static_cast<float>(change.angle(inverse_frequency));
          const auto base = static_cast<size_t>(r * x.cols() + h * head_dim);
          const size_t first = base + static_cast<size_t>(change.first());
          const size_t second = base + static_cast<size_t>(change.second());
          const double a = numbers(x)[first], b = numbers(x)[second];
          out[first] = static_cast<float>(a * std::cos(angle) - b * std::sin(angle));
          out[second] = static_cast<float>(b * std::cos(angle) + a * std::sin(angle));
        }
    return fresh(std::move(out), x);
  }
};

/// The right rotation; the mistakes change one member each.
struct RightRotation {
  double position, head;
  int64_t index, half;
  double angle(float inverse_frequency) const {
    return static_cast<float>(position) * inverse_frequency;
  }
  int64_t first() const { return index; }
  int64_t second() const { return index + half; }
};
struct InterleavedPairs : RightRotation {
  int64_t first() const { return 2 * index; }
  int64_t second() const { return 2 * index + 1; }
};
struct HeadsAsPositions : RightRotation {
  double angle(float inverse_frequency) const { return head * double{inverse_frequency}; }
};
struct InverseFrequencies : RightRotation {
  double angle(float inverse_frequency) const { return position / double{inverse_frequency}; }
};
struct OtherDirection : RightRotation {
  double angle(float inverse_frequency) const { return -position * double{inverse_frequency}; }
};
struct NoRotation : RightRotation {
  double angle(float) const { return 0; }
};
struct PositionsFromOne : RightRotation {
  double angle(float inverse_frequency) const { return (position + 1) * double{inverse_frequency}; }
};

// ---- attention ----

/// One decision of attention, as a derived struct may get it wrong.
struct RightAttention {
  /// Whether the query at `position` (row `row` of its call) sees key `key` of `length`.
  static bool visible(int64_t key, int64_t position, int64_t /*row*/, int64_t /*length*/) {
    return key <= position;
  }
  static int64_t kv_head(int64_t head, const backend::AttentionShape& shape) {
    return head / (shape.heads / shape.kv_heads);
  }
  static double scale(const backend::AttentionShape& shape) {
    return 1 / std::sqrt(static_cast<double>(shape.head_dim));
  }
  /// What a weight counts; the largest one is 1.
  static double counted(double weight) { return weight; }
};
struct AntiCausalMask : RightAttention {
  static bool visible(int64_t key, int64_t position, int64_t, int64_t) { return key >= position; }
};
struct NoMask : RightAttention {
  static bool visible(int64_t, int64_t, int64_t, int64_t) { return true; }
};
struct TopLeftMask : RightAttention {
  static bool visible(int64_t key, int64_t, int64_t row, int64_t) { return key <= row; }
};
struct StrictMask : RightAttention {
  static bool visible(int64_t key, int64_t position, int64_t, int64_t) {
    return key < position || position == 0;
  }
};
struct InterleavedGroups : RightAttention {
  static int64_t kv_head(int64_t head, const backend::AttentionShape& shape) {
    return head % shape.kv_heads;
  }
};
struct DroppedGroup : RightAttention {
  static int64_t kv_head(int64_t, const backend::AttentionShape&) { return 0; }
};
struct NoScale : RightAttention {
  static double scale(const backend::AttentionShape&) { return 1; }
};
struct RoundedScale : RightAttention {  // formed in bf16
  static double scale(const backend::AttentionShape& shape) {
    return f32_from_bf16(bf16_from_f32(static_cast<float>(RightAttention::scale(shape)))) * 1.002;
  }
};

struct FarKeysDropped : RightAttention {
  static double counted(double weight) { return weight < std::exp(-12.0) ? 0 : weight; }
};

template <class Choice>
class ChangedAttention final : public Wrong {
  Result<backend::Tensor> attention(const backend::Tensor& q,
                                    std::span<const backend::SequenceSlice> slices, int64_t layer,
                                    const backend::AttentionShape& shape) override {
    const int64_t dim = shape.head_dim;
    std::vector<float> out(numbers(q).size());
    for (const backend::SequenceSlice& slice : slices) {
      auto& cache = static_cast<VectorKvCache&>(*slice.kv);
      const auto at = [&](const std::vector<float>& values, int64_t token, int64_t head,
                          int64_t d) {
        return double{values[static_cast<size_t>(token * cache.width() + head * dim + d)]};
      };
      for (int64_t r = 0; r < slice.row_count; ++r)
        for (int64_t head = 0; head < shape.heads; ++head) {
          const int64_t kv_head = Choice::kv_head(head, shape);
          const auto begin = static_cast<size_t>((slice.row_begin + r) * q.cols() + head * dim);
          std::vector<double> weights(static_cast<size_t>(cache.length(layer)), 0.0);
          double highest = -1e300, total = 0;
          for (size_t t = 0; t < weights.size(); ++t) {
            for (int64_t d = 0; d < dim; ++d)
              weights[t] += double{numbers(q)[begin + static_cast<size_t>(d)]} *
                            at(cache.keys(layer), static_cast<int64_t>(t), kv_head, d);
            weights[t] *= Choice::scale(shape);
            if (!Choice::visible(static_cast<int64_t>(t), slice.position_begin + r, r,
                                 cache.length(layer)))
              weights[t] = -1e300;
            highest = std::max(highest, weights[t]);
          }
          for (double& weight : weights)
            total += weight = Choice::counted(std::exp(weight - highest));
          for (int64_t d = 0; d < dim; ++d) {
            double sum = 0;
            for (size_t t = 0; t < weights.size(); ++t)
              sum +=
                  weights[t] / total * at(cache.values(layer), static_cast<int64_t>(t), kv_head, d);
            out[begin + static_cast<size_t>(d)] = static_cast<float>(sum);
          }
        }
    }
    return fresh(std::move(out), q);
  }
};

template <class WrongBackend>
Mistake mistake(std::string name, std::string op) {
  return {std::move(name), std::move(op), [] { return std::make_unique<WrongBackend>(); }};
}

}  // namespace

const std::vector<Mistake>& gross_mistakes() {
  static const std::vector<Mistake> all = {
      mistake<TransposedSquareLinear>("transposed_square_weight", "linear"),
      mistake<OddTailLinear>("odd_tail_lost", "linear"),
      mistake<SwappedParts>("parts_swapped", "linear_split"),
      mistake<RepeatedRows>("rows_sorted", "select_rows"),
      mistake<Difference>("difference", "add"),
      mistake<Gelu>("gelu", "silu_mul"),
      mistake<SwappedGate>("gate_and_up_swapped", "silu_mul"),
      mistake<IgnoredEps>("eps_ignored", "rms_norm"),
      mistake<FixedEps>("eps_fixed", "rms_norm"),
      mistake<WholeRowNorm>("norm_over_all_heads", "rms_norm"),
      mistake<CentredNorm>("mean_subtracted", "rms_norm"),
      mistake<ChangedRope<InterleavedPairs>>("interleaved_pairs", "rope"),
      mistake<ChangedRope<HeadsAsPositions>>("rotated_by_head", "rope"),
      mistake<ChangedRope<InverseFrequencies>>("inverse_frequencies", "rope"),
      mistake<ChangedRope<OtherDirection>>("other_direction", "rope"),
      mistake<ChangedRope<NoRotation>>("no_rotation", "rope"),
      mistake<ChangedRope<PositionsFromOne>>("positions_from_one", "rope"),
      mistake<ChangedAttention<AntiCausalMask>>("anti_causal_mask", "attention"),
      mistake<ChangedAttention<NoMask>>("no_mask", "attention"),
      mistake<ChangedAttention<TopLeftMask>>("mask_aligned_top_left", "attention"),
      mistake<ChangedAttention<StrictMask>>("own_key_hidden", "attention"),
      mistake<ChangedAttention<InterleavedGroups>>("interleaved_groups", "attention"),
      mistake<ChangedAttention<DroppedGroup>>("dropped_kv_group", "attention"),
      mistake<ChangedAttention<NoScale>>("no_scale", "attention"),
      mistake<ChangedAttention<RoundedScale>>("imprecise_scale", "attention"),
  };
  return all;
}

std::unique_ptr<backend::Backend> make_early_norm_weight_backend() {
  return std::make_unique<EarlyNormWeight>();
}

std::unique_ptr<backend::Backend> make_far_keys_dropped_backend() {
  return std::make_unique<ChangedAttention<FarKeysDropped>>();
}

std::unique_ptr<backend::Backend> make_retyped_backend(const std::string& op) {
  if (op == "rope") return std::make_unique<ChangedRope<RightRotation>>();
  return std::make_unique<ChangedAttention<RightAttention>>();
}

}  // namespace trinity::testing
