#include "backend_cpu/cpu_backend.h"

#include <fmt/format.h>

#include <cstring>
#include <list>
#include <new>

#include "backend/weight_meter.h"
#include "backend_cpu/attention.h"
#include "backend_cpu/buffer_pool.h"
#include "backend_cpu/cpu_features.h"
#include "backend_cpu/cpu_storage.h"
#include "backend_cpu/dense_algebra.h"
#include "backend_cpu/exact_products.h"
#include "backend_cpu/instruction_sets.h"
#include "backend_cpu/kv_pages.h"
#include "backend_cpu/onednn_products.h"
#include "backend_cpu/parallel.h"
#include "backend_cpu/qkv_kernel.h"
#include "backend_cpu/rope_table.h"
#include "base/parallel.h"
#include "base/try.h"
#include "tensor/bf16.h"

namespace trinity::cpu {
namespace {

class CpuBackend final : public backend::Backend {
 public:
  CpuBackend(CpuLane lane, int threads)
      : element_(lane == CpuLane::bf16 ? Element::bf16 : Element::f32),
        threads_(threads > 0 ? threads : available_processors()),
        pool_(BufferPool::create()),
        products_(make_products(lane, threads_)) {
    info_.id = cpu_lane_id(lane);
    info_.label = kCpuLabel;
    info_.device =
        fmt::format("{} ({}), {} thread{}", cpu_features().model_name, instruction_set_in_use(),
                    threads_.threads(), threads_.threads() == 1 ? "" : "s");
    info_.dtype_policy =
        lane == CpuLane::f32    ? "weights as stored, f32 products and attention, all sums defined"
        : lane == CpuLane::int8 ? "int8 products (a scale per channel and per token), f32 "
                                  "attention and residual, all sums defined"
                                : "bf16 products and attention, f32 accumulation and residual";
    info_.exactness = cpu_lane_claim(lane);
    info_.fused = true;
  }

  const backend::BackendInfo& info() const override { return info_; }
  size_t weight_bytes() const override { return meter_.bytes(); }
  Status synchronize() override { return {}; }

  // ---- weights ----

  Result<backend::Weight> prepare_linear(std::span<const TensorView> stacked) override {
    TRINITY_TRY(std::shared_ptr<PackedLinear> packed, products_->pack(stacked));
    const int64_t out = packed->out, in = packed->in;
    const size_t bytes = packed->packed_bytes;
    return meter_.count(backend::Weight(std::move(packed), out, in), bytes);
  }

  Result<backend::Weight> prepare_norm(const TensorView& view) override {
    auto weight = std::make_shared<NormWeight>();
    TRINITY_TRY(weight->values, to_f32(view));
    const auto size = static_cast<int64_t>(weight->values.size());
    return meter_.count(backend::Weight(std::move(weight), 1, size),
                        static_cast<size_t>(size) * sizeof(float));
  }

  // ---- data movement ----

  Result<backend::Tensor> upload(std::span<const float> values, int64_t rows,
                                 int64_t cols) override {
    backend::Tensor out = make(rows, cols, Element::f32);
    std::memcpy(out.as<Activation>().data, values.data(), values.size_bytes());
    return out;
  }

  Result<std::vector<float>> download(const backend::Tensor& tensor) override {
    TRINITY_TRY(const backend::Tensor plain, as_plain_f32(tensor));
    const auto* data = reinterpret_cast<const float*>(plain.as<Activation>().data);
    return std::vector<float>(data, data + plain.rows() * plain.cols());
  }

  // ---- plain operations ----

  Result<backend::Tensor> linear(const backend::Tensor& x, const backend::Weight& weight) override {
    const auto& packed = weight.as<PackedLinear>();
    const backend::Tensor input = converted(x, element_);
    backend::Tensor out = make(x.rows(), packed.out, Element::f32);
    TRINITY_CHECK(products_->multiply(packed, input.as<Activation>().data, x.rows(),
                                      reinterpret_cast<float*>(out.as<Activation>().data)));
    return out;
  }

  Result<std::vector<backend::Tensor>> linear_split(const backend::Tensor& x,
                                                    const backend::Weight& weight) override {
    TRINITY_TRY(const backend::Tensor all, linear(x, weight));
    const auto& whole = all.as<Activation>();
    std::vector<backend::Tensor> parts;
    int64_t begin = 0;
    for (const int64_t size : weight.as<PackedLinear>().out_sizes) {
      auto part = std::make_shared<Activation>(whole);
      part->data = whole.data + begin * element_size(whole.element);
      parts.emplace_back(std::move(part), x.rows(), size);
      begin += size;
    }
    return parts;
  }

  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    HeadRows heads;
    heads.head_dim = weight.cols();
    heads.heads = x.cols() / weight.cols();
    heads.weight = weight.as<NormWeight>().values.data();
    heads.eps = eps;
    return by_heads(x, heads, Element::f32);
  }

  Result<backend::Tensor> rope(const backend::Tensor& x, std::span<const int64_t> positions,
                               int64_t head_dim, const backend::Rope& rope) override {
    return by_heads(x, rotation(positions, x.cols() / head_dim, head_dim, rope), Element::f32);
  }

  Result<backend::Tensor> add(const backend::Tensor& a, const backend::Tensor& b) override {
    backend::Tensor out = make(a.rows(), a.cols(), Element::f32);
    parallel_rows(threads_, a.rows(), a.cols(), [&](RowRange rows) {
      add_rows(input(a), input(b), a.cols(), out.as<Activation>().as_output(), rows);
    });
    return out;
  }

  Result<backend::Tensor> silu_mul(const backend::Tensor& gate,
                                   const backend::Tensor& up) override {
    backend::Tensor out = make(gate.rows(), gate.cols(), element_);
    parallel_rows(threads_, gate.rows(), gate.cols(), [&](RowRange rows) {
      silu_mul_rows(input(gate), input(up), gate.cols(), out.as<Activation>().as_output(), rows);
    });
    return out;
  }

  Result<backend::Tensor> product_input(const backend::Tensor& x) override {
    return converted(x, element_);
  }

  Result<backend::Tensor> select_rows(const backend::Tensor& x,
                                      std::span<const int64_t> rows) override {
    const auto& from = x.as<Activation>();
    backend::Tensor out = make(static_cast<int64_t>(rows.size()), x.cols(), from.element);
    auto& to = out.as<Activation>();
    const auto width = static_cast<size_t>(x.cols() * element_size(from.element));
    for (size_t i = 0; i < rows.size(); ++i) {
      std::memcpy(to.data + static_cast<int64_t>(i) * to.stride * element_size(to.element),
                  from.data + rows[i] * from.stride * element_size(from.element), width);
    }
    return out;
  }

  // ---- attention ----

  Result<std::unique_ptr<backend::KvCache>> make_kv_cache(const backend::KvShape& shape) override {
    return std::make_unique<PagedKvCache>(page_layout(shape), shape.layers, pool_);
  }

  size_t kv_bytes_per_token(const backend::KvShape& shape) const override {
    return static_cast<size_t>(page_layout(shape).page_bytes() / kPageTokens * shape.layers);
  }

  Status append_kv(const backend::Tensor& k, const backend::Tensor& v,
                   std::span<const backend::SequenceSlice> slices, int64_t layer) override {
    QkvRows rows;
    rows.k = input(k);
    rows.v = input(v);
    return store_slices(rows, slices, layer);
  }

  Result<backend::Tensor> attention(const backend::Tensor& q,
                                    std::span<const backend::SequenceSlice> slices, int64_t layer,
                                    const backend::AttentionShape& shape) override {
    const backend::Tensor queries = converted(q, element_);
    backend::Tensor out = make(q.rows(), q.cols(), element_);  // what the output projection reads
    const auto& in = queries.as<Activation>();
    attend(threads_, {element_, in.data, in.stride, out.as<Activation>().as_output(), shape.heads},
           slices, layer);
    return out;
  }

  // ---- fused operations ----

  Result<backend::Tensor> add_rms_norm(backend::Tensor& residual, const backend::Tensor* delta,
                                       const backend::Weight& weight, float eps) override {
    backend::Tensor out = make(residual.rows(), residual.cols(), element_);
    const auto& h = residual.as<Activation>();
    const RowsIn added = delta == nullptr ? RowsIn() : input(*delta);
    parallel_rows(threads_, residual.rows(), residual.cols(), [&](RowRange rows) {
      add_norm_rows(reinterpret_cast<float*>(h.data), h.stride, delta == nullptr ? nullptr : &added,
                    weight.as<NormWeight>().values.data(), eps, residual.cols(),
                    out.as<Activation>().as_output(), rows);
    });
    return out;
  }

  Result<backend::Tensor> qk_norm_rope_append(
      const backend::Qkv& qkv, const backend::Weight& q_norm, const backend::Weight& k_norm,
      float eps, const backend::Rope& rope, std::span<const backend::SequenceSlice> slices,
      int64_t layer, const backend::AttentionShape& shape) override {
    RopeTable& table = rope_table(shape.head_dim, rope);
    for (const backend::SequenceSlice& slice : slices)
      table.reserve(slice.position_begin + slice.row_count);
    QkvRows rows;
    rows.k = input(qkv.k);
    rows.v = input(qkv.v);
    rows.q_norm = q_norm.as<NormWeight>().values.data();
    rows.k_norm = k_norm.as<NormWeight>().values.data();
    rows.eps = eps;
    rows.cosines = table.cosines();
    rows.sines = table.sines();
    rows.group = shape.heads / shape.kv_heads;
    backend::Tensor q;
    if (!qkv.q.empty()) {
      q = make(qkv.q.rows(), qkv.q.cols(), element_);
      rows.q = input(qkv.q);
      rows.q_out = q.as<Activation>().as_output();
    }
    TRINITY_CHECK(store_slices(rows, slices, layer));
    return q;
  }

  // ---- adaptation ----

  backend::DenseAlgebra* dense_algebra() override {
    if (!dense_algebra_) dense_algebra_ = make_cpu_dense_algebra(threads_);
    return dense_algebra_.get();
  }

 private:
  static std::unique_ptr<ProductEngine> make_products(CpuLane lane, ThreadPool& threads) {
    if (lane == CpuLane::bf16) return make_onednn_products(threads);
    return std::make_unique<ExactProducts>(
        lane == CpuLane::int8 ? ExactProducts::Weights::int8 : ExactProducts::Weights::as_stored,
        threads);
  }

  static RowsIn input(const backend::Tensor& tensor) { return tensor.as<Activation>().as_input(); }

  /// A fresh dense matrix with room for the rows that the product engine reads.
  backend::Tensor make(int64_t rows, int64_t cols, Element element) {
    auto activation = std::make_shared<Activation>();
    const int64_t room = products_->room(rows);
    activation->element = element;
    activation->stride = cols;
    activation->memory = pool_->take(static_cast<size_t>(room * cols * element_size(element)));
    activation->data = activation->memory.get();
    if (room > rows)  // rows beyond the last are multiplied too: they must be numbers
      std::memset(activation->data + rows * cols * element_size(element), 0,
                  static_cast<size_t>((room - rows) * cols * element_size(element)));
    return backend::Tensor(std::move(activation), rows, cols);
  }

  backend::Tensor converted(const backend::Tensor& x, Element element) {
    const auto& from = x.as<Activation>();
    if (from.element == element && from.stride == x.cols()) return x;
    backend::Tensor out = make(x.rows(), x.cols(), element);
    parallel_rows(threads_, x.rows(), x.cols(), [&](RowRange rows) {
      convert_rows(from.as_input(), x.cols(), out.as<Activation>().as_output(), rows);
    });
    return out;
  }

  Result<backend::Tensor> as_plain_f32(const backend::Tensor& x) {
    const auto& from = x.as<Activation>();
    if (from.element == Element::f32) return converted(x, Element::f32);
    // A lane's own format, widened; only diagnostics read these.
    backend::Tensor out = make(x.rows(), x.cols(), Element::f32);
    auto* to = reinterpret_cast<float*>(out.as<Activation>().data);
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t c = 0; c < x.cols(); ++c, ++to)
        *to = f32_from_bf16(reinterpret_cast<const uint16_t*>(from.data)[r * from.stride + c]);
    return out;
  }

  /// Norm, rotation and storage of all slices, cut into tasks of one head and up to 64 positions.
  Status store_slices(const QkvRows& rows, std::span<const backend::SequenceSlice> slices,
                      int64_t layer) {
    std::vector<QkvTask> tasks;
    for (const backend::SequenceSlice& slice : slices) {
      auto& cache = static_cast<PagedKvCache&>(*slice.kv);
      if (cache.length(layer) != slice.position_begin)
        return fail(ErrorKind::failed, "kv_position_mismatch",
                    "keys and values must be appended in order of position");
      const int64_t end = slice.position_begin + slice.row_count;
      cache.grow(layer, end);
      for (int64_t begin = slice.position_begin; begin < end;) {
        const int64_t next = std::min(end, (begin / kTaskPositions + 1) * kTaskPositions);
        for (int64_t head = 0; head < cache.layout().kv_heads; ++head)
          tasks.push_back({&cache, layer, head, slice.row_begin + begin - slice.position_begin,
                           next - begin, begin});
        begin = next;
      }
    }
    threads_.run(static_cast<int64_t>(tasks.size()),
                 [&](int64_t i) { store_qkv(rows, tasks[static_cast<size_t>(i)]); });
    return {};
  }

  backend::Tensor by_heads(const backend::Tensor& x, const HeadRows& heads, Element element) {
    backend::Tensor out = make(x.rows(), x.cols(), element);
    parallel_rows(threads_, x.rows(), x.cols(), [&](RowRange rows) {
      head_norm_rope_rows(input(x), heads, out.as<Activation>().as_output(), rows);
    });
    return out;
  }

  HeadRows rotation(std::span<const int64_t> positions, int64_t heads, int64_t head_dim,
                    const backend::Rope& rope) {
    int64_t highest = 0;
    for (const int64_t position : positions) highest = std::max(highest, position);
    RopeTable& table = rope_table(head_dim, rope);
    table.reserve(highest + 1);
    HeadRows rows;
    rows.heads = heads;
    rows.head_dim = head_dim;
    rows.cosines = table.cosines();
    rows.sines = table.sines();
    rows.positions = positions.data();
    return rows;
  }

  RopeTable& rope_table(int64_t head_dim, const backend::Rope& rope) {
    for (RopeTable& table : rope_tables_)
      if (table.head_dim() == head_dim && table.rope() == rope) return table;
    return rope_tables_.emplace_back(head_dim, rope);
  }

  PageLayout page_layout(const backend::KvShape& shape) const {
    return {element_, shape.kv_heads, shape.head_dim};
  }

  Element element_;  // of product inputs, queries, keys and values
  ThreadPool threads_;
  backend::BackendInfo info_;
  std::shared_ptr<BufferPool> pool_;
  std::unique_ptr<ProductEngine> products_;
  std::list<RopeTable> rope_tables_;
  backend::WeightMeter meter_;
  std::unique_ptr<backend::DenseAlgebra> dense_algebra_;
};

}  // namespace

const char* cpu_lane_id(CpuLane lane) {
  return lane == CpuLane::f32 ? "cpu_f32" : lane == CpuLane::int8 ? "cpu_int8" : "cpu_bf16";
}

backend::Exactness cpu_lane_claim(CpuLane lane) {
  return lane == CpuLane::bf16 ? backend::Exactness::bit_stable : backend::Exactness::exact;
}

std::unique_ptr<backend::Backend> make_cpu_backend(CpuLane lane, int threads) {
  return std::make_unique<CpuBackend>(lane, threads);
}

}  // namespace trinity::cpu
