#include "backend_cpu/onednn_products.h"

#include <fmt/format.h>
#include <omp.h>

#include <atomic>
#include <list>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>

#include "backend/stacked_shape.h"
#include "backend_cpu/buffer_pool.h"
#include "backend_cpu/parallel.h"
#include "base/try.h"

namespace trinity::cpu {
namespace {

using dnnl::memory;

constexpr size_t kMaxPrimitives = 512;
constexpr int64_t kExactRows = 128;   // up to here every row count has its own primitive
constexpr int64_t kOutputBlock = 64;  // outputs that oneDNN's packed layouts keep together
constexpr int64_t kRowStep = 8;       // above, row counts are rounded up to this multiple
constexpr memory::data_type kBf16 = memory::data_type::bf16;

bool view_is_finite(ThreadPool& threads, const TensorView& view) {
  std::atomic<bool> finite = true;
  parallel_rows(threads, static_cast<int64_t>(view.bytes.size() / sizeof(uint16_t)), 1,
                [&](RowRange range) {
                  if (!all_finite_16(view.bytes.data() + 2 * range.begin, range.end - range.begin,
                                     kBf16Exponent))
                    finite = false;
                });
  return finite;
}

/// Whether oneDNN can read the checkpoint's own bytes: same type, aligned, whole blocks of outputs.
bool can_pack_in_place(std::span<const TensorView> stacked) {
  for (const TensorView& view : stacked)
    if (view.dtype != DType::bf16 || view.shape[0] % kOutputBlock != 0 ||
        reinterpret_cast<uintptr_t>(view.bytes.data()) % alignof(uint16_t) != 0)
      return false;
  return true;
}

class OnednnProducts final : public ProductEngine {
 public:
  explicit OnednnProducts(ThreadPool& threads) : threads_(threads) {}

  int64_t room(int64_t rows) const override {
    return rows <= kExactRows ? rows : (rows + kRowStep - 1) / kRowStep * kRowStep;
  }

  Result<std::shared_ptr<PackedLinear>> pack(std::span<const TensorView> stacked) override {
    auto weight = std::make_shared<PackedLinear>();
    TRINITY_TRY(backend::StackedShape shape, backend::stacked_shape(stacked));
    weight->in = shape.in;
    weight->out = shape.out;
    weight->out_sizes = std::move(shape.out_sizes);
    use_threads();
    try {
      const memory::desc packed = packed_desc(weight->in, weight->out);
      weight->packed_bytes = packed.get_size();
      weight->packed = arena_.take(weight->packed_bytes);
      if (can_pack_in_place(stacked)) {
        for (const TensorView& view : stacked)
          if (!view_is_finite(threads_, view)) return non_finite_weight();
        int64_t row_begin = 0;
        for (const TensorView& view : stacked) {
          const memory::desc part =
              packed.submemory_desc({weight->in, view.shape[0]}, {0, row_begin});
          memory part_target(part, engine_, weight->packed.get());
          reorder(const_cast<std::byte*>(view.bytes.data()), weight->in, view.shape[0],
                  part_target);
          row_begin += view.shape[0];
        }
      } else {
        TRINITY_TRY(std::byte* const plain, gather_rows(stacked, *weight));
        memory target(packed, engine_, weight->packed.get());
        reorder(plain, weight->in, weight->out, target);
      }
    } catch (const dnnl::error& error) {
      return fail(ErrorKind::failed, "backend_failure",
                  fmt::format("oneDNN could not pack a {}x{} weight: {}", weight->out, weight->in,
                              error.what()));
    }
    return weight;
  }

  Status multiply(const PackedLinear& weight, const void* x, int64_t rows, float* y) override {
    scratch_.reset();  // packing is over
    scratch_bytes_ = 0;
    use_threads();
    try {
      Product& found = product({weight.in, weight.out, room(rows)});
      found.src.set_data_handle(const_cast<void*>(x));
      found.weights.set_data_handle(weight.packed.get());
      found.dst.set_data_handle(y);
      found.primitive.execute(stream_, {{DNNL_ARG_SRC, found.src},
                                        {DNNL_ARG_WEIGHTS, found.weights},
                                        {DNNL_ARG_DST, found.dst}});
      stream_.wait();
    } catch (const dnnl::error& error) {
      return fail(ErrorKind::failed, "backend_failure",
                  fmt::format("oneDNN could not multiply {} rows by a {}x{} weight: {}", rows,
                              weight.out, weight.in, error.what()));
    }
    return {};
  }

 private:
  using Key = std::tuple<int64_t, int64_t, int64_t>;  // in, out, rows

  /// A primitive with its memory objects, whose addresses are set at each use.
  struct Product {
    Key key;
    dnnl::matmul primitive;
    memory src, weights, dst;
  };

  /// The library keeps its team's size for each calling thread.
  void use_threads() const { omp_set_num_threads(threads_.threads()); }

  /// Rows [out, in] of all matrices in bf16.
  Result<std::byte*> gather_rows(std::span<const TensorView> stacked, const PackedLinear& weight) {
    std::byte* const plain =
        scratch_of(static_cast<size_t>(weight.in * weight.out) * sizeof(uint16_t));
    const auto in = static_cast<size_t>(weight.in);
    std::atomic<bool> finite = true;
    int64_t row_begin = 0;
    for (const TensorView& view : stacked) {
      const RowsOut target{plain + static_cast<size_t>(row_begin) * in * sizeof(uint16_t),
                           weight.in, Element::bf16};
      const auto row_bytes = in * static_cast<size_t>(dtype_size(view.dtype));
      parallel_rows(threads_, view.shape[0], view.shape[1], [&](RowRange rows) {
        std::vector<float> row(in);
        for (int64_t r = rows.begin; r < rows.end; ++r) {
          const TensorView source{
              view.dtype,
              {view.shape[1]},
              view.bytes.subspan(static_cast<size_t>(r) * row_bytes, row_bytes)};
          if (!copy_f32(source, row) || !all_finite(row)) finite = false;
          convert_rows({row.data() - r * weight.in, weight.in}, weight.in, target, {r, r + 1});
        }
      });
      row_begin += view.shape[0];
    }
    if (!finite) return non_finite_weight();
    return plain;
  }

  std::byte* scratch_of(size_t bytes) {
    if (scratch_bytes_ < bytes) {
      scratch_ = allocate_block(bytes);
      scratch_bytes_ = bytes;
    }
    return scratch_.get();
  }

  void reorder(void* plain, int64_t in, int64_t out, memory& target) {
    memory source(memory::desc({in, out}, kBf16, memory::format_tag::ba), engine_, plain);
    dnnl::reorder(source, target).execute(stream_, source, target);
    stream_.wait();
  }

  /// The layout of packed weights; it must not depend on the number of rows.
  memory::desc packed_desc(int64_t in, int64_t out) const {
    return describe({in, out, 16}, memory::desc({in, out}, kBf16, memory::format_tag::any))
        .weights_desc();
  }

  dnnl::matmul::primitive_desc describe(const Key& key, const memory::desc& weights) const {
    const auto [in, out, rows] = key;
    const memory::desc src({rows, in}, kBf16, memory::format_tag::ab);
    const memory::desc dst({rows, out}, memory::data_type::f32, memory::format_tag::ab);
    return {dnnl::matmul::desc(src, weights, dst), engine_};
  }

  Product& product(const Key& key) {
    if (const auto found = index_.find(key); found != index_.end()) {
      kept_.splice(kept_.begin(), kept_, found->second);
      return kept_.front();
    }
    const auto [in, out, rows] = key;
    const dnnl::matmul::primitive_desc desc = describe(key, packed_desc(in, out));
    kept_.push_front({key, dnnl::matmul(desc), memory(desc.src_desc(), engine_, nullptr),
                      memory(desc.weights_desc(), engine_, nullptr),
                      memory(desc.dst_desc(), engine_, nullptr)});
    index_[key] = kept_.begin();
    if (kept_.size() > kMaxPrimitives) {
      index_.erase(kept_.back().key);
      kept_.pop_back();
    }
    return kept_.front();
  }

  ThreadPool& threads_;
  WeightArena arena_;
  std::shared_ptr<std::byte[]> scratch_;  // while weights are being packed
  size_t scratch_bytes_ = 0;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::list<Product> kept_;  // most recently used first
  std::map<Key, std::list<Product>::iterator> index_;
};

}  // namespace

bool onednn_built_in() { return true; }

std::unique_ptr<ProductEngine> make_onednn_products(ThreadPool& threads) {
  return std::make_unique<OnednnProducts>(threads);
}

}  // namespace trinity::cpu
