// Packing: one task a panel. The rows of the panel's outputs are read block by block of k and
// written k by k, so that a kernel finds the next weights of all its outputs side by side.
//
// Multiplying: inputs are first copied block by block of k, so that a block of rows is dense in the
// cache (and, for int8, rounded). Then tasks of some panels and at most kBlockRows rows are handed
// out; every task reads the weights of its panels once for each block of rows.
#include "backend_cpu/exact_products.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>

#include "backend/stacked_shape.h"
#include "backend_cpu/parallel.h"
#include "base/try.h"
#include "tensor/float_cast.h"

namespace trinity::cpu {
namespace {

constexpr int64_t kBlock = backend::exact::kProductBlock;
constexpr int64_t kBlockRows = 256;   // · kBlock f32 = 256 KiB, half of a small second-level cache
constexpr int64_t kTasksAThread = 4;  // so that a thread that is held up delays others little
constexpr int64_t kMinTaskWeights = 16384;  // weights that make a task worth handing out

std::byte* grown(std::shared_ptr<std::byte[]>& block, size_t& capacity, size_t bytes) {
  if (capacity < bytes) {
    block = allocate_block(bytes);
    capacity = bytes;
  }
  return block.get();
}

/// The stored bytes of one output's weights.
struct WeightRow {
  DType dtype = DType::f32;
  const std::byte* bytes = nullptr;
};

std::vector<WeightRow> rows_of(std::span<const TensorView> stacked) {
  std::vector<WeightRow> rows;
  for (const TensorView& view : stacked) {
    const auto row_bytes = static_cast<size_t>(view.shape[1] * dtype_size(view.dtype));
    for (int64_t r = 0; r < view.shape[0]; ++r)
      rows.push_back({view.dtype, view.bytes.data() + static_cast<size_t>(r) * row_bytes});
  }
  return rows;
}

/// The type that holds every weight exactly (F64 apart, which is rounded to f32 by definition).
WeightType common_type(std::span<const TensorView> stacked) {
  const DType first = stacked.front().dtype;
  for (const TensorView& view : stacked)
    if (view.dtype != first) return WeightType::f32;
  return first == DType::bf16  ? WeightType::bf16
         : first == DType::f16 ? WeightType::f16
                               : WeightType::f32;
}

/// Fills the panels of one weight.
class PanelPacker {
 public:
  PanelPacker(PanelWeight& weight, std::vector<WeightRow> rows)
      : weight_(weight), rows_(std::move(rows)), width_(weight.kernels->width) {}

  void pack_panel(int64_t panel) {
    switch (weight_.type) {
      case WeightType::bf16:
        return pack_16(panel, kBf16Exponent);
      case WeightType::f16:
        return pack_16(panel, kF16Exponent);
      case WeightType::f32:
        return pack_f32(panel);
      case WeightType::s8:
        return pack_s8(panel);
    }
  }

  bool finite() const { return finite_; }

 private:
  int64_t outputs(int64_t panel) const { return std::min(width_, weight_.out - panel * width_); }

  /// Where the panel's part of the block of k that begins at `k` lies.
  std::byte* place(int64_t panel, int64_t k) const {
    const int64_t kc = std::min(kBlock, weight_.padded_in - k);
    return weight_.packed.get() +
           (k * weight_.panels + panel * kc) * width_ * weight_size(weight_.type);
  }

  void pack_16(int64_t panel, uint16_t exponent) {
    const int64_t count = outputs(panel), half = width_ / 2;
    const std::byte* rows[kMaxPanelWidth] = {};
    for (int64_t j = 0; j < count; ++j) {
      rows[j] = rows_[static_cast<size_t>(panel * width_ + j)].bytes;
      if (!all_finite_16(rows[j], weight_.in, exponent)) finite_ = false;
    }
    const bool words = weight_.type == WeightType::bf16;
    for (int64_t k = 0; k < weight_.in; k += kBlock) {
      auto* to = reinterpret_cast<uint16_t*>(place(panel, k));
      const int64_t kc = std::min(kBlock, weight_.in - k);
      for (int64_t j = 0; j < width_; ++j) {
        const int64_t slot = !words ? j : j < half ? 2 * j : 2 * (j - half) + 1;
        if (rows[j] == nullptr) {
          for (int64_t i = 0; i < kc; ++i) to[i * width_ + slot] = 0;
          continue;
        }
        const std::byte* from = rows[j] + 2 * k;
        for (int64_t i = 0; i < kc; ++i) std::memcpy(to + i * width_ + slot, from + 2 * i, 2);
      }
    }
  }

  /// One output's weights as f32.
  std::vector<float> load(int64_t output) {
    const WeightRow& row = rows_[static_cast<size_t>(output)];
    std::vector<float> values(static_cast<size_t>(weight_.in));
    const TensorView view{row.dtype,
                          {weight_.in},
                          {row.bytes, values.size() * static_cast<size_t>(dtype_size(row.dtype))}};
    if (!copy_f32(view, values) || !all_finite(values)) finite_ = false;
    return values;
  }

  void pack_f32(int64_t panel) {
    for (int64_t j = 0; j < width_; ++j) {
      const bool real = j < outputs(panel);
      const std::vector<float> row = real ? load(panel * width_ + j) : std::vector<float>();
      for (int64_t k = 0; k < weight_.in; k += kBlock) {
        auto* to = reinterpret_cast<float*>(place(panel, k));
        const int64_t kc = std::min(kBlock, weight_.in - k);
        for (int64_t i = 0; i < kc; ++i)
          to[i * width_ + j] = real ? row[static_cast<size_t>(k + i)] : 0.0f;
      }
    }
  }

  void pack_s8(int64_t panel) {
    const int64_t group = weight_.kernels->group;
    for (int64_t j = 0; j < width_; ++j) {
      const bool real = j < outputs(panel);
      const auto column = static_cast<size_t>(panel * width_ + j);
      const std::vector<float> row = real ? load(panel * width_ + j) : std::vector<float>();
      const backend::exact::Int8Scale scale =
          real ? backend::exact::int8_scale(row.data(), weight_.in) : backend::exact::Int8Scale{};
      weight_.col_scale[column] = scale.scale;
      int32_t sum = 0;
      for (int64_t k = 0; k < weight_.padded_in; k += kBlock) {
        auto* to = reinterpret_cast<int8_t*>(place(panel, k));
        const int64_t kc = std::min(kBlock, weight_.padded_in - k);
        for (int64_t i = 0; i < kc; ++i) {
          const bool inside = real && k + i < weight_.in;
          const int8_t q =
              inside ? backend::exact::to_int8(row[static_cast<size_t>(k + i)], scale.inverse)
                     : int8_t{0};
          to[i / group * group * width_ + j * group + i % group] = q;
          sum += q;
        }
      }
      if (group == 4) weight_.col_start[column] = -128 * sum;
    }
  }

  PanelWeight& weight_;
  std::vector<WeightRow> rows_;
  int64_t width_;
  std::atomic<bool> finite_{true};
};

/// Copies rows of one block of k to where the kernels read them.
class InputPacker {
 public:
  InputPacker(const PanelWeight& weight, const float* x, int64_t rows, std::byte* to,
              float* row_scale)
      : weight_(weight), x_(x), rows_(rows), to_(to), row_scale_(row_scale) {}

  static size_t bytes(const PanelWeight& weight, int64_t rows) {
    const int64_t blocks = (weight.padded_in + kBlock - 1) / kBlock;
    const int64_t size = weight.type != WeightType::s8 ? 4 : weight.kernels->group == 2 ? 2 : 1;
    return static_cast<size_t>(blocks * kBlock * rows * size);
  }

  void pack(RowRange range) const {
    for (int64_t r = range.begin; r < range.end; ++r) {
      const float* from = x_ + r * weight_.in;
      if (weight_.type != WeightType::s8) {
        for (int64_t k = 0; k < weight_.in; k += kBlock) {
          const int64_t kc = std::min(kBlock, weight_.in - k);
          std::memcpy(reinterpret_cast<float*>(to_) + k * rows_ + r * kBlock, from + k,
                      static_cast<size_t>(kc) * sizeof(float));
        }
        continue;
      }
      const backend::exact::Int8Scale scale = backend::exact::int8_scale(from, weight_.in);
      row_scale_[r] = scale.scale;
      if (weight_.kernels->group == 2)
        round_row(from, scale.inverse, reinterpret_cast<int16_t*>(to_), r, 0);
      else
        round_row(from, scale.inverse, reinterpret_cast<uint8_t*>(to_), r, 128);
    }
  }

 private:
  template <class Integer>
  void round_row(const float* from, float inverse, Integer* to, int64_t r, int offset) const {
    for (int64_t k = 0; k < weight_.padded_in; k += kBlock) {
      Integer* out = to + k * rows_ + r * kBlock;
      const int64_t kc = std::min(kBlock, weight_.padded_in - k);
      const int64_t real = std::min(kc, weight_.in - k);
      if (inverse == 0.0f) {
        std::fill_n(out, kc, static_cast<Integer>(offset));
        continue;
      }
      // Adding and taking away 1.5 · 2^23 rounds half to even, as backend::exact::to_int8 does.
      constexpr float kRounder = 12582912.0f;
      for (int64_t i = 0; i < real; ++i) {
        const float rounded = from[k + i] * inverse + kRounder;
        out[i] = static_cast<Integer>(std::bit_cast<int32_t>(rounded) -
                                      std::bit_cast<int32_t>(kRounder) + offset);
      }
      std::fill(out + real, out + kc, static_cast<Integer>(offset));
    }
  }

  const PanelWeight& weight_;
  const float* x_;
  int64_t rows_;
  std::byte* to_;
  float* row_scale_;
};

ProductTask whole_task(const PanelWeight& weight, const std::byte* inputs, int64_t rows,
                       const float* row_scale, float* y) {
  ProductTask task;
  task.inputs = inputs;
  task.rows = rows;
  task.row_end = rows;
  task.type = weight.type;
  task.weights = weight.packed.get();
  task.in = weight.padded_in;
  task.panels = weight.panels;
  task.panel_end = weight.panels;
  task.y = y;
  task.out = weight.out;
  task.row_scale = row_scale;
  task.col_scale = weight.col_scale.data();
  task.col_start = weight.col_start.data();
  return task;
}

std::byte* thread_scratch() {
  thread_local const std::shared_ptr<std::byte[]> block =
      allocate_block(static_cast<size_t>(kProductScratch));
  return block.get();
}

}  // namespace

Result<std::shared_ptr<PackedLinear>> ExactProducts::pack(std::span<const TensorView> stacked) {
  auto weight = std::make_shared<PanelWeight>();
  TRINITY_TRY(backend::StackedShape shape, backend::stacked_shape(stacked));
  weight->in = shape.in;
  weight->out = shape.out;
  weight->out_sizes = std::move(shape.out_sizes);
  weight->type = weights_ == Weights::int8 ? WeightType::s8 : common_type(stacked);
  weight->kernels = kernels_ != nullptr              ? kernels_
                    : weight->type == WeightType::s8 ? &int8_kernels()
                                                     : &float_kernels();
  if (weight->type == WeightType::s8 && weight->in > backend::exact::kInt8MaxTerms)
    return fail(ErrorKind::unsupported, "int8_sum_overflow",
                fmt::format("a product of {} terms could overflow the int8 profile's sums (at most "
                            "{}); use --profile cpu_f32",
                            weight->in, backend::exact::kInt8MaxTerms));
  const int64_t width = weight->kernels->width, group = weight->kernels->group;
  weight->panels = (weight->out + width - 1) / width;
  weight->padded_in = (weight->in + group - 1) / group * group;
  weight->packed_bytes =
      static_cast<size_t>(weight->panels * width * weight->padded_in * weight_size(weight->type));
  weight->packed = arena_.take(weight->packed_bytes);
  if (weight->type == WeightType::s8) {
    weight->col_scale.resize(static_cast<size_t>(weight->panels * width));
    if (group == 4) weight->col_start.resize(weight->col_scale.size());
    weight->packed_bytes +=
        weight->col_scale.size() * sizeof(float) + weight->col_start.size() * sizeof(int32_t);
  }
  PanelPacker packer(*weight, rows_of(stacked));
  threads_.run(weight->panels, [&](int64_t panel) { packer.pack_panel(panel); });
  if (!packer.finite()) return non_finite_weight();
  return std::shared_ptr<PackedLinear>(std::move(weight));
}

Status ExactProducts::multiply(const PackedLinear& packed, const void* x, int64_t rows, float* y) {
  if (rows == 0) return {};
  const auto& weight = static_cast<const PanelWeight&>(packed);
  std::byte* inputs =
      grown(workspace_.inputs, workspace_.input_bytes, InputPacker::bytes(weight, rows));
  workspace_.row_scale.resize(static_cast<size_t>(rows));
  const InputPacker packer(weight, static_cast<const float*>(x), rows, inputs,
                           workspace_.row_scale.data());
  parallel_rows(threads_, rows, weight.in, [&](RowRange range) { packer.pack(range); });

  // Blocks of rows of nearly equal size; within each, runs of panels.
  const int64_t row_blocks = (rows + kBlockRows - 1) / kBlockRows;
  const int64_t weights = weight.panels * weight.kernels->width * weight.in;
  const int64_t runs =
      std::clamp<int64_t>(std::min({weights * std::min<int64_t>(rows, 8) / kMinTaskWeights,
                                    weight.panels, kTasksAThread * threads_.threads()}),
                          1, weight.panels);
  const ProductTask whole = whole_task(weight, inputs, rows, workspace_.row_scale.data(), y);
  threads_.run(row_blocks * runs, [&](int64_t i) {
    ProductTask task = whole;
    const int64_t block = i / runs, run = i % runs;
    task.row_begin = rows * block / row_blocks;
    task.row_end = rows * (block + 1) / row_blocks;
    task.panel_begin = weight.panels * run / runs;
    task.panel_end = weight.panels * (run + 1) / runs;
    task.scratch = thread_scratch();
    weight.kernels->multiply(task);
  });
  return {};
}

void ExactProducts::multiply_here(const PackedLinear& packed, const float* x, int64_t rows,
                                  float* y, Workspace& workspace) {
  if (rows == 0) return;
  const auto& weight = static_cast<const PanelWeight&>(packed);
  std::byte* inputs =
      grown(workspace.inputs, workspace.input_bytes, InputPacker::bytes(weight, rows));
  workspace.row_scale.resize(static_cast<size_t>(rows));
  InputPacker(weight, x, rows, inputs, workspace.row_scale.data()).pack({0, rows});
  const ProductTask whole = whole_task(weight, inputs, rows, workspace.row_scale.data(), y);
  const int64_t row_blocks = (rows + kBlockRows - 1) / kBlockRows;
  for (int64_t block = 0; block < row_blocks; ++block) {
    ProductTask task = whole;
    task.row_begin = rows * block / row_blocks;
    task.row_end = rows * (block + 1) / row_blocks;
    task.scratch = thread_scratch();
    weight.kernels->multiply(task);
  }
}

}  // namespace trinity::cpu
