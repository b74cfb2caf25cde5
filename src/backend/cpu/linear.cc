#include "backend/cpu/linear.h"

#include <fmt/format.h>

#include <atomic>
#include <list>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>

#include "backend/cpu/buffer_pool.h"
#include "backend/cpu/parallel.h"
#include "backend/stacked_shape.h"
#include "base/try.h"

namespace trinity::cpu {
namespace {

using dnnl::memory;

constexpr size_t kMaxPrimitives = 512;
constexpr int64_t kExactRows = 128;   // up to here every row count has its own primitive
constexpr int64_t kOutputBlock = 64;  // outputs that oneDNN's packed layouts keep together
constexpr int64_t kRowStep = 8;       // above, row counts are rounded up to this multiple

memory::data_type data_type(Element element) {
  switch (element) {
    case Element::f32:
      return memory::data_type::f32;
    case Element::bf16:
      return memory::data_type::bf16;
    case Element::s8:
      return memory::data_type::s8;
  }
  return memory::data_type::undef;
}

bool all_finite(std::span<const float> values) {
  // x − x is 0 for finite x and NaN otherwise; the sum is vectorised.
  float sum = 0;
  for (const float value : values) sum += value - value;
  return sum == 0;
}

/// The same for aligned bf16 in memory: an exponent of all ones is NaN or infinity.
bool all_finite_bf16(const TensorView& view) {
  const auto* bits = reinterpret_cast<const uint16_t*>(view.bytes.data());
  std::atomic<bool> finite = true;
  parallel_rows(static_cast<int64_t>(view.bytes.size() / sizeof(uint16_t)), [&](RowRange range) {
    uint16_t found = 0;
    for (int64_t i = range.begin; i < range.end; ++i)
      found |= static_cast<uint16_t>((bits[i] & 0x7F80u) == 0x7F80u);
    if (found != 0) finite = false;
  });
  return finite;
}

tl::unexpected<Error> non_finite_weight() {
  return fail(ErrorKind::invalid_input, "non_finite_values",
              "a weight holds NaN or infinity; the checkpoint is damaged");
}

}  // namespace

int64_t bucket_rows(int64_t rows) {
  return rows <= kExactRows ? rows : (rows + kRowStep - 1) / kRowStep * kRowStep;
}

struct LinearEngine::Impl {
  WeightArena arena;
  std::shared_ptr<std::byte[]> scratch;  // while weights are being packed
  size_t scratch_bytes = 0;

  std::byte* scratch_of(size_t bytes) {
    if (scratch_bytes < bytes) {
      scratch = allocate_block(bytes);
      scratch_bytes = bytes;
    }
    return scratch.get();
  }

  /// Whether oneDNN can read the checkpoint's own bytes: same type, aligned, whole blocks of
  /// outputs.
  static bool can_pack_in_place(std::span<const TensorView> stacked, Element element) {
    if (element != Element::bf16) return false;
    for (const TensorView& view : stacked)
      if (view.dtype != DType::bf16 || view.shape[0] % kOutputBlock != 0 ||
          reinterpret_cast<uintptr_t>(view.bytes.data()) % alignof(uint16_t) != 0)
        return false;
    return true;
  }

  void reorder(void* plain, int64_t in, int64_t out, memory& target) {
    memory source(memory::desc({in, out}, type, memory::format_tag::ba), engine, plain);
    dnnl::reorder(source, target).execute(stream, source, target);
    stream.wait();
  }

  using Key = std::tuple<int64_t, int64_t, int64_t>;  // in, out, rows

  /// A primitive with its memory objects, whose addresses are set at each use.
  struct Product {
    Key key;
    dnnl::matmul primitive;
    memory src, weights, dst;
  };

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  memory::data_type type;
  std::list<Product> products;  // most recently used first
  std::map<Key, std::list<Product>::iterator> index;

  dnnl::matmul::primitive_desc describe(const Key& key) const {
    const auto [in, out, rows] = key;
    const memory::desc src({rows, in}, type, memory::format_tag::ab);
    const memory::desc weights({in, out}, type, memory::format_tag::any);
    const memory::desc dst({rows, out}, memory::data_type::f32, memory::format_tag::ab);
    return {dnnl::matmul::desc(src, weights, dst), engine};
  }

  /// The layout of packed weights; it must not depend on the number of rows.
  memory::desc packed_desc(int64_t in, int64_t out) const {
    return describe({in, out, 16}).weights_desc();
  }

  Product& product(const Key& key) {
    if (const auto found = index.find(key); found != index.end()) {
      products.splice(products.begin(), products, found->second);
      return products.front();
    }
    const auto [in, out, rows] = key;
    const memory::desc src({rows, in}, type, memory::format_tag::ab);
    const memory::desc dst({rows, out}, memory::data_type::f32, memory::format_tag::ab);
    const memory::desc weights = packed_desc(in, out);
    const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(src, weights, dst), engine);
    products.push_front({key, dnnl::matmul(desc), memory(src, engine, nullptr),
                         memory(weights, engine, nullptr), memory(dst, engine, nullptr)});
    index[key] = products.begin();
    if (products.size() > kMaxPrimitives) {
      index.erase(products.back().key);
      products.pop_back();
    }
    return products.front();
  }
};

LinearEngine::LinearEngine(Element element) : element_(element), impl_(std::make_unique<Impl>()) {
  impl_->type = data_type(element);
}
LinearEngine::~LinearEngine() = default;

Result<std::shared_ptr<PackedLinear>> LinearEngine::pack(std::span<const TensorView> stacked) {
  auto weight = std::make_shared<PackedLinear>();
  TRINITY_TRY(StackedShape shape, stacked_shape(stacked));
  weight->in = shape.in;
  weight->out = shape.out;
  weight->out_sizes = std::move(shape.out_sizes);
  if (element_ == Element::s8) weight->col_scale.resize(static_cast<size_t>(weight->out));
  try {
    const memory::desc packed = impl_->packed_desc(weight->in, weight->out);
    weight->packed_bytes = packed.get_size();
    weight->packed = impl_->arena.take(weight->packed_bytes);
    if (impl_->can_pack_in_place(stacked, element_)) {
      for (const TensorView& view : stacked)
        if (!all_finite_bf16(view)) return non_finite_weight();
      int64_t row_begin = 0;
      for (const TensorView& view : stacked) {
        const memory::desc part =
            packed.submemory_desc({weight->in, view.shape[0]}, {0, row_begin});
        memory part_target(part, impl_->engine, weight->packed.get());
        impl_->reorder(const_cast<std::byte*>(view.bytes.data()), weight->in, view.shape[0],
                       part_target);
        row_begin += view.shape[0];
      }
    } else {
      TRINITY_TRY(std::byte* const plain, gather_rows(stacked, *weight));
      memory target(packed, impl_->engine, weight->packed.get());
      impl_->reorder(plain, weight->in, weight->out, target);
    }
  } catch (const dnnl::error& error) {
    return fail(ErrorKind::failed, "backend_failure",
                fmt::format("oneDNN could not pack a {}x{} weight: {}", weight->out, weight->in,
                            error.what()));
  }
  return weight;
}

/// Rows [out, in] of all matrices in the product's element type; every row is one output channel.
Result<std::byte*> LinearEngine::gather_rows(std::span<const TensorView> stacked,
                                             PackedLinear& weight) {
  std::byte* const plain =
      impl_->scratch_of(static_cast<size_t>(weight.in * weight.out * element_size(element_)));
  const auto in = static_cast<size_t>(weight.in);
  std::atomic<bool> finite = true;
  int64_t row_begin = 0;
  for (const TensorView& view : stacked) {
    const RowsOut target{plain + row_begin * weight.in * element_size(element_), weight.in,
                         element_,
                         element_ == Element::s8 ? weight.col_scale.data() + row_begin : nullptr};
    const auto row_bytes = in * static_cast<size_t>(dtype_size(view.dtype));
    parallel_rows(view.shape[0], [&](RowRange rows) {
      std::vector<float> row(in);
      for (int64_t r = rows.begin; r < rows.end; ++r) {
        const TensorView source{view.dtype,
                                {view.shape[1]},
                                view.bytes.subspan(static_cast<size_t>(r) * row_bytes, row_bytes)};
        if (!copy_f32(source, row) || !all_finite(row)) finite = false;
        convert_rows({row.data() - r * weight.in, weight.in, nullptr, nullptr}, weight.in, target,
                     {r, r + 1});
      }
    });
    row_begin += view.shape[0];
  }
  if (!finite) return non_finite_weight();
  return plain;
}

Status LinearEngine::multiply(const PackedLinear& weight, const void* src, int64_t rows,
                              float* dst) {
  impl_->scratch.reset();  // packing is over
  impl_->scratch_bytes = 0;
  try {
    Impl::Product& product = impl_->product({weight.in, weight.out, bucket_rows(rows)});
    product.src.set_data_handle(const_cast<void*>(src));
    product.weights.set_data_handle(weight.packed.get());
    product.dst.set_data_handle(dst);
    product.primitive.execute(impl_->stream, {{DNNL_ARG_SRC, product.src},
                                              {DNNL_ARG_WEIGHTS, product.weights},
                                              {DNNL_ARG_DST, product.dst}});
    impl_->stream.wait();
  } catch (const dnnl::error& error) {
    return fail(ErrorKind::failed, "backend_failure",
                fmt::format("oneDNN could not multiply {} rows by a {}x{} weight: {}", rows,
                            weight.out, weight.in, error.what()));
  }
  return {};
}

struct ConcurrentProduct::Impl {
  dnnl::engine engine;
  dnnl::matmul primitive;
  memory::desc src, weights, dst, scratchpad;
  std::byte* packed = nullptr;
};

Result<ConcurrentProduct> LinearEngine::concurrent(const PackedLinear& weight, int64_t rows) {
  try {
    const memory::desc src({rows, weight.in}, impl_->type, memory::format_tag::ab);
    const memory::desc dst({rows, weight.out}, memory::data_type::f32, memory::format_tag::ab);
    const memory::desc weights = impl_->packed_desc(weight.in, weight.out);
    dnnl::primitive_attr attributes;  // a primitive's own scratchpad must not be shared by threads
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(src, weights, dst), attributes,
                                            impl_->engine);
    return ConcurrentProduct(std::make_shared<const ConcurrentProduct::Impl>(
        ConcurrentProduct::Impl{impl_->engine, dnnl::matmul(desc), src, weights, dst,
                                desc.scratchpad_desc(), weight.packed.get()}));
  } catch (const dnnl::error& error) {
    return fail(ErrorKind::failed, "backend_failure",
                fmt::format("oneDNN cannot multiply {} rows by a {}x{} weight: {}", rows,
                            weight.out, weight.in, error.what()));
  }
}

bool ConcurrentProduct::multiply(const void* src, float* dst) const {
  try {
    dnnl::stream stream(impl_->engine);
    memory scratchpad(impl_->scratchpad, impl_->engine);
    const memory source(impl_->src, impl_->engine, const_cast<void*>(src));
    const memory packed(impl_->weights, impl_->engine, impl_->packed);
    const memory target(impl_->dst, impl_->engine, dst);
    impl_->primitive.execute(stream, {{DNNL_ARG_SRC, source},
                                      {DNNL_ARG_WEIGHTS, packed},
                                      {DNNL_ARG_DST, target},
                                      {DNNL_ARG_SCRATCHPAD, scratchpad}});
    stream.wait();
  } catch (const dnnl::error&) {
    return false;
  }
  return true;
}

}  // namespace trinity::cpu
