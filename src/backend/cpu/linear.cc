#include "backend/cpu/linear.h"

#include <fmt/format.h>

#include <list>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>

#include "backend/cpu/buffer_pool.h"
#include "backend/cpu/parallel.h"
#include "base/try.h"

namespace trinity::cpu {
namespace {

using dnnl::memory;

constexpr size_t kMaxPrimitives = 512;
constexpr int64_t kExactRows = 128;  // up to here every row count has its own primitive
constexpr int64_t kRowStep = 8;      // above, row counts are rounded up to this multiple

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

}  // namespace

int64_t bucket_rows(int64_t rows) {
  return rows <= kExactRows ? rows : (rows + kRowStep - 1) / kRowStep * kRowStep;
}

struct LinearEngine::Impl {
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
  weight->in = stacked.front().shape.at(1);
  for (const TensorView& view : stacked) {
    if (view.shape.size() != 2 || view.shape[1] != weight->in)
      return fail(ErrorKind::invalid_input, "tensor_shape_mismatch",
                  "stacked linear weights must share their input width");
    weight->out_sizes.push_back(view.shape[0]);
    weight->out += view.shape[0];
  }
  const auto in = static_cast<size_t>(weight->in), out = static_cast<size_t>(weight->out);
  const auto plain_bytes = in * out * static_cast<size_t>(element_size(element_));
  if (element_ == Element::s8) weight->col_scale.resize(out);
  const std::shared_ptr<std::byte[]> plain = allocate_block(plain_bytes);

  // Rows [out, in] in the product's element type; every weight row is one output channel.
  int64_t row_begin = 0;
  for (const TensorView& view : stacked) {
    const RowsOut target{
        plain.get() + row_begin * weight->in * element_size(element_), weight->in, element_,
        element_ == Element::s8 ? weight->col_scale.data() + row_begin : nullptr};
    const bool same_type = element_ == Element::bf16 && view.dtype == DType::bf16;
    const auto row_bytes = in * static_cast<size_t>(dtype_size(view.dtype));
    parallel_rows(view.shape[0], [&](RowRange rows) {
      std::vector<float> row(in);
      for (int64_t r = rows.begin; r < rows.end; ++r) {
        const TensorView source{view.dtype,
                                {view.shape[1]},
                                view.bytes.subspan(static_cast<size_t>(r) * row_bytes, row_bytes)};
        if (same_type) {
          std::copy(source.bytes.begin(), source.bytes.end(),
                    static_cast<std::byte*>(target.data) + static_cast<size_t>(r) * row_bytes);
          continue;
        }
        (void)copy_f32(source, row);
        convert_rows({row.data() - r * weight->in, weight->in, nullptr, nullptr}, weight->in,
                     target, {r, r + 1});
      }
    });
    row_begin += view.shape[0];
  }

  try {
    const memory::desc plain_desc({weight->in, weight->out}, data_type(element_),
                                  memory::format_tag::ba);
    const memory::desc packed_desc = impl_->packed_desc(weight->in, weight->out);
    weight->packed_bytes = packed_desc.get_size();
    weight->packed = allocate_block(weight->packed_bytes);
    memory source(plain_desc, impl_->engine, plain.get());
    memory target(packed_desc, impl_->engine, weight->packed.get());
    dnnl::reorder(source, target).execute(impl_->stream, source, target);
    impl_->stream.wait();
  } catch (const dnnl::error& error) {
    return fail(ErrorKind::failed, "backend_failure",
                fmt::format("oneDNN could not pack a {}x{} weight: {}", weight->out, weight->in,
                            error.what()));
  }
  return weight;
}

Status LinearEngine::multiply(const PackedLinear& weight, const void* src, int64_t rows,
                              float* dst) {
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

}  // namespace trinity::cpu
