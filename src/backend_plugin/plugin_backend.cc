#include "backend_plugin/plugin_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "backend/stacked_shape.h"
#include "backend/weight_meter.h"
#include "backend_plugin/host_kv_cache.h"
#include "backend_plugin/plugin_instance.h"
#include "base/try.h"
#include "tensor/tensor.h"

namespace trinity::plugin {
namespace {

using plugin::HostKvCache;
using plugin::PluginInstance;
using plugin::PluginStorage;

/// Linear weights that share their input: one stacked matrix where the plugin splits products, else
/// one matrix each.
struct StackedWeight final : backend::BackendStorage {
  std::vector<backend::Tensor> matrices;
  std::vector<int64_t> out_sizes;
};

const trinity_plugin_tensor* raw(const backend::Tensor& tensor) {
  return &tensor.as<PluginStorage>().tensor;
}

class PluginBackend final : public backend::Backend {
 public:
  explicit PluginBackend(std::shared_ptr<PluginInstance> instance)
      : instance_(std::move(instance)), callbacks_(instance_->callbacks()) {
    const plugin::PluginFacts& facts = instance_->facts();
    info_.id = std::string(kPluginBackendPrefix) + facts.name;
    info_.label = "trinity.plugin." + facts.name;
    info_.device = facts.device.empty() ? "as the plugin decides" : facts.device;
    info_.dtype_policy = facts.dtype_policy.empty() ? "not stated" : facts.dtype_policy;
    info_.exactness = facts.exactness;
    info_.fused = facts.fused();
  }

  const backend::BackendInfo& info() const override { return info_; }
  size_t weight_bytes() const override {
    return callbacks_.weight_bytes != nullptr ? told_bytes_.load() : meter_.bytes();
  }

  Result<backend::Weight> prepare_linear(std::span<const TensorView> stacked) override {
    std::vector<std::vector<float>> values;
    std::vector<trinity_plugin_matrix> matrices;
    auto weight = std::make_shared<StackedWeight>();
    TRINITY_TRY(backend::StackedShape shape, backend::stacked_shape(stacked));
    const int64_t rows = shape.out, in = shape.in;
    weight->out_sizes = std::move(shape.out_sizes);
    for (const TensorView& view : stacked) {
      TRINITY_CHECK(require_finite(view, "a weight"));
      TRINITY_TRY(values.emplace_back(), to_f32(view));
      matrices.push_back({values.back().data(), view.shape[0], view.shape[1]});
    }
    const auto prepare = [&](std::span<const trinity_plugin_matrix> part,
                             int64_t part_rows) -> Status {
      TRINITY_TRY(backend::Tensor made,
                  make("prepare_linear", part_rows, in, [&](trinity_plugin_tensor* out) {
                    return callbacks_.prepare_linear(backend(), part.data(),
                                                     static_cast<int64_t>(part.size()), out);
                  }));
      weight->matrices.push_back(std::move(made));
      return {};
    };
    if (callbacks_.linear_split != nullptr) {
      TRINITY_CHECK(prepare(matrices, rows));
    } else {
      for (const trinity_plugin_matrix& matrix : matrices)
        TRINITY_CHECK(prepare({&matrix, 1}, matrix.rows));
    }
    return counted(backend::Weight(std::move(weight), rows, in));
  }

  Result<backend::Weight> prepare_norm(const TensorView& view) override {
    TRINITY_TRY(const std::vector<float> values, to_f32(view));
    const auto size = static_cast<int64_t>(values.size());
    TRINITY_TRY(backend::Tensor made,
                make("prepare_norm", 1, size, [&](trinity_plugin_tensor* out) {
                  return callbacks_.prepare_norm(backend(), values.data(), size, out);
                }));
    return counted(made);
  }

  Result<backend::Tensor> upload(std::span<const float> values, int64_t rows,
                                 int64_t cols) override {
    if (rows < 1 || cols < 1 || static_cast<int64_t>(values.size()) / cols != rows ||
        static_cast<int64_t>(values.size()) % cols != 0)
      return mismatch("upload");
    return make("upload", rows, cols, [&](trinity_plugin_tensor* out) {
      return callbacks_.upload(backend(), values.data(), rows, cols, out);
    });
  }

  Result<std::vector<float>> download(const backend::Tensor& tensor) override {
    std::vector<float> values(static_cast<size_t>(tensor.rows() * tensor.cols()));
    TRINITY_CHECK(instance_->run(
        "download", [&] { return callbacks_.download(backend(), raw(tensor), values.data()); }));
    return values;
  }

  Status synchronize() override {
    if (callbacks_.synchronize == nullptr) return {};
    return instance_->run("synchronize", [&] { return callbacks_.synchronize(backend()); });
  }

  Result<backend::Tensor> linear(const backend::Tensor& x, const backend::Weight& weight) override {
    if (x.cols() != weight.cols()) return mismatch("linear");
    const auto& matrices = weight.as<StackedWeight>().matrices;
    if (matrices.size() == 1) return product(x, matrices.front());
    TRINITY_TRY(const std::vector<backend::Tensor> parts, linear_split(x, weight));
    return beside_each_other(parts, weight.rows());
  }

  Result<std::vector<backend::Tensor>> linear_split(const backend::Tensor& x,
                                                    const backend::Weight& weight) override {
    if (x.cols() != weight.cols()) return mismatch("linear_split");
    const auto& stacked = weight.as<StackedWeight>();
    std::vector<backend::Tensor> parts;
    if (callbacks_.linear_split == nullptr) {
      for (const backend::Tensor& matrix : stacked.matrices) {
        TRINITY_TRY(parts.emplace_back(), product(x, matrix));
      }
      return parts;
    }
    std::vector<PluginInstance::Shape> shapes;
    for (const int64_t size : stacked.out_sizes) shapes.push_back({x.rows(), size});
    return instance_->make("linear_split", shapes, [&](trinity_plugin_tensor* outs) {
      return callbacks_.linear_split(backend(), raw(x), raw(stacked.matrices.front()),
                                     stacked.out_sizes.data(),
                                     static_cast<int64_t>(stacked.out_sizes.size()), outs);
    });
  }

  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override {
    if (x.cols() % weight.cols() != 0) return mismatch("rms_norm");
    return make("rms_norm", x.rows(), x.cols(), [&](trinity_plugin_tensor* out) {
      return callbacks_.rms_norm(backend(), raw(x), raw(weight), eps, out);
    });
  }

  Result<backend::Tensor> rope(const backend::Tensor& x, std::span<const int64_t> positions,
                               int64_t head_dim, const backend::Rope& rope) override {
    if (!heads_fit(x, positions, head_dim)) return mismatch("rope");
    TRINITY_CHECK(require_plain(rope));
    return make("rope", x.rows(), x.cols(), [&](trinity_plugin_tensor* out) {
      return callbacks_.rope(backend(), raw(x), positions.data(), head_dim, rope.theta, out);
    });
  }

  Result<backend::Tensor> add(const backend::Tensor& a, const backend::Tensor& b) override {
    if (!same_shape(a, b)) return mismatch("add");
    return make("add", a.rows(), a.cols(), [&](trinity_plugin_tensor* out) {
      return callbacks_.add(backend(), raw(a), raw(b), out);
    });
  }

  Result<backend::Tensor> silu_mul(const backend::Tensor& gate,
                                   const backend::Tensor& up) override {
    if (!same_shape(gate, up)) return mismatch("silu_mul");
    return make("silu_mul", gate.rows(), gate.cols(), [&](trinity_plugin_tensor* out) {
      return callbacks_.silu_mul(backend(), raw(gate), raw(up), out);
    });
  }

  Result<backend::Tensor> select_rows(const backend::Tensor& x,
                                      std::span<const int64_t> rows) override {
    if (rows.empty() || std::any_of(rows.begin(), rows.end(),
                                    [&](int64_t row) { return row < 0 || row >= x.rows(); }))
      return mismatch("select_rows");
    const auto count = static_cast<int64_t>(rows.size());
    return make("select_rows", count, x.cols(), [&](trinity_plugin_tensor* out) {
      return callbacks_.select_rows(backend(), raw(x), rows.data(), count, out);
    });
  }

  Result<std::unique_ptr<backend::KvCache>> make_kv_cache(const backend::KvShape& shape) override {
    return std::make_unique<HostKvCache>(shape);
  }

  size_t kv_bytes_per_token(const backend::KvShape& shape) const override {
    return static_cast<size_t>(2 * shape.layers * shape.kv_heads * shape.head_dim) * sizeof(float);
  }

  Status append_kv(const backend::Tensor& k, const backend::Tensor& v,
                   std::span<const backend::SequenceSlice> slices, int64_t layer) override {
    if (!same_shape(k, v)) return mismatch("append_kv");
    TRINITY_TRY(const std::vector<float> keys, download(k));
    TRINITY_TRY(const std::vector<float> values, download(v));
    for (const backend::SequenceSlice& slice : slices) {
      auto& cache = static_cast<HostKvCache&>(*slice.kv);
      if (cache.length(layer) != slice.position_begin)
        return fail(ErrorKind::failed, "kv_position_mismatch",
                    "keys and values must be appended in order of position");
      if (cache.width() != k.cols() || !rows_fit(k, slice)) return mismatch("append_kv");
      cache.append(layer, keys, values, slice.row_begin, slice.row_count);
    }
    return {};
  }

  Result<backend::Tensor> attention(const backend::Tensor& q,
                                    std::span<const backend::SequenceSlice> slices, int64_t layer,
                                    const backend::AttentionShape& shape) override {
    if (q.cols() != shape.heads * shape.head_dim || shape.heads % shape.kv_heads != 0)
      return mismatch("attention");
    std::vector<trinity_plugin_slice> given;
    for (const backend::SequenceSlice& slice : slices) {
      const auto& cache = static_cast<const HostKvCache&>(*slice.kv);
      if (cache.width() != shape.kv_heads * shape.head_dim || !rows_fit(q, slice) ||
          slice.position_begin + slice.row_count > cache.length(layer))
        return mismatch("attention");
      given.push_back({slice.row_begin, slice.row_count, slice.position_begin, cache.keys(layer),
                       cache.values(layer)});
    }
    const trinity_plugin_attention_shape heads{shape.heads, shape.kv_heads, shape.head_dim};
    return make("attention", q.rows(), q.cols(), [&](trinity_plugin_tensor* out) {
      return callbacks_.attention(backend(), raw(q), given.data(),
                                  static_cast<int64_t>(given.size()), &heads, out);
    });
  }

  Result<backend::Tensor> add_rms_norm(backend::Tensor& residual, const backend::Tensor* delta,
                                       const backend::Weight& weight, float eps) override {
    if (callbacks_.add_rms_norm == nullptr)
      return backend::Backend::add_rms_norm(residual, delta, weight, eps);
    if (residual.cols() % weight.cols() != 0 || (delta != nullptr && !same_shape(residual, *delta)))
      return mismatch("add_rms_norm");
    const PluginInstance::Shape shape{residual.rows(), residual.cols()};
    TRINITY_TRY(std::vector<backend::Tensor> made,
                instance_->make("add_rms_norm", {shape, shape}, [&](trinity_plugin_tensor* outs) {
                  return callbacks_.add_rms_norm(backend(), raw(residual),
                                                 delta ? raw(*delta) : nullptr, raw(weight), eps,
                                                 &outs[0], &outs[1]);
                }));
    residual = std::move(made[0]);
    return std::move(made[1]);
  }

  Result<backend::Tensor> qk_norm_rope_append(
      const backend::Qkv& qkv, const backend::Weight& q_norm, const backend::Weight& k_norm,
      float eps, const backend::Rope& rope, std::span<const backend::SequenceSlice> slices,
      int64_t layer, const backend::AttentionShape& shape) override {
    if (callbacks_.norm_rope == nullptr)
      return backend::Backend::qk_norm_rope_append(qkv, q_norm, k_norm, eps, rope, slices, layer,
                                                   shape);
    TRINITY_CHECK(require_plain(rope));
    const std::vector<int64_t> positions = backend::slice_positions(slices, qkv.k.rows());
    const auto rotated = [&](const backend::Tensor& x,
                             const backend::Weight& weight) -> Result<backend::Tensor> {
      if (!heads_fit(x, positions, shape.head_dim) || weight.cols() != shape.head_dim)
        return mismatch("norm_rope");
      return make("norm_rope", x.rows(), x.cols(), [&](trinity_plugin_tensor* out) {
        return callbacks_.norm_rope(backend(), raw(x), raw(weight), eps, positions.data(),
                                    shape.head_dim, rope.theta, out);
      });
    };
    TRINITY_TRY(const backend::Tensor k, rotated(qkv.k, k_norm));
    TRINITY_CHECK(append_kv(k, qkv.v, slices, layer));
    if (qkv.q.empty()) return backend::Tensor();
    return rotated(qkv.q, q_norm);
  }

  Result<backend::Tensor> mlp(const backend::Tensor& x, const backend::Weight& gate_up,
                              const backend::Weight& down) override {
    if (callbacks_.mlp == nullptr) return backend::Backend::mlp(x, gate_up, down);
    if (x.cols() != gate_up.cols() || gate_up.rows() != 2 * down.cols()) return mismatch("mlp");
    return make("mlp", x.rows(), down.rows(), [&](trinity_plugin_tensor* out) {
      return callbacks_.mlp(backend(), raw(x), raw(gate_up.as<StackedWeight>().matrices.front()),
                            raw(down.as<StackedWeight>().matrices.front()), out);
    });
  }

 private:
  trinity_plugin_backend* backend() const { return instance_->backend(); }

  static bool same_shape(const backend::Tensor& a, const backend::Tensor& b) {
    return a.rows() == b.rows() && a.cols() == b.cols();
  }
  static bool rows_fit(const backend::Tensor& x, const backend::SequenceSlice& slice) {
    return slice.row_begin >= 0 && slice.row_count >= 1 && slice.position_begin >= 0 &&
           slice.row_begin + slice.row_count <= x.rows();
  }
  static bool heads_fit(const backend::Tensor& x, std::span<const int64_t> positions,
                        int64_t head_dim) {
    return head_dim >= 2 && head_dim % 2 == 0 && x.cols() % head_dim == 0 &&
           static_cast<int64_t>(positions.size()) == x.rows();
  }

  /// A caller's mistake, found before the plugin could read outside its tensors.
  /// The interface hands a plugin the base of the frequencies alone.
  static Status require_plain(const backend::Rope& rope) {
    if (rope.scaling == backend::RopeScaling::none) return {};
    return fail(ErrorKind::unsupported, "unsupported_rope_scaling",
                "a plugin computes the plain rotary embedding, but config.json scales it for long "
                "contexts; use a built-in profile such as cpu_f32");
  }

  static tl::unexpected<Error> mismatch(const char* operation) {
    return fail(ErrorKind::failed, "tensor_shape_mismatch",
                fmt::format("the arguments of {} do not fit each other", operation));
  }

  template <typename Call>
  Result<backend::Tensor> make(const char* callback, int64_t rows, int64_t cols, Call&& call) {
    TRINITY_TRY(std::vector<backend::Tensor> made, instance_->make(callback, {{rows, cols}}, call));
    return std::move(made.front());
  }

  Result<backend::Tensor> product(const backend::Tensor& x, const backend::Tensor& matrix) {
    return make("linear", x.rows(), matrix.rows(), [&](trinity_plugin_tensor* out) {
      return callbacks_.linear(backend(), raw(x), raw(matrix), out);
    });
  }

  /// One tensor of all columns, for the product by weights that were kept apart.
  Result<backend::Tensor> beside_each_other(const std::vector<backend::Tensor>& parts,
                                            int64_t cols) {
    const int64_t rows = parts.front().rows();
    std::vector<float> all(static_cast<size_t>(rows * cols));
    int64_t begin = 0;
    for (const backend::Tensor& part : parts) {
      TRINITY_TRY(const std::vector<float> values, download(part));
      for (int64_t r = 0; r < rows; ++r)
        std::copy_n(values.begin() + r * part.cols(), part.cols(), all.begin() + r * cols + begin);
      begin += part.cols();
    }
    return upload(all, rows, cols);
  }

  /// A plugin that counts itself is asked after each weight, on the thread that computes, so that
  /// reading it later needs no call.
  Result<backend::Weight> counted(const backend::Weight& weight) {
    if (callbacks_.weight_bytes == nullptr)
      return meter_.count(weight,
                          static_cast<size_t>(weight.rows() * weight.cols()) * sizeof(float));
    TRINITY_CHECK(instance_->run("weight_bytes", [&]() -> const char* {
      told_bytes_ = callbacks_.weight_bytes(backend());
      return nullptr;
    }));
    return weight;
  }

  std::shared_ptr<PluginInstance> instance_;
  const trinity_plugin_callbacks_v1& callbacks_;
  backend::BackendInfo info_;
  backend::WeightMeter meter_;
  std::atomic<size_t> told_bytes_ = 0;
};

}  // namespace

backend::LaneTolerances plugin_tolerances() {
  backend::LaneTolerances t;
  t.linear = t.exact_linear = {1e-6, 1e-6};
  t.rms_norm = {1e-6, 1e-6};
  t.rope = {3e-7, 3e-7};
  t.silu_mul = {1e-6, 1e-6};
  t.attention = {2e-6, 3e-6};
  return t;
}

Result<std::unique_ptr<backend::Backend>> make_plugin_backend(
    std::shared_ptr<const LoadedPlugin> plugin, const backend::BackendOptions& options) {
  TRINITY_TRY(std::shared_ptr<PluginInstance> instance,
              PluginInstance::create(std::move(plugin), options.threads));
  return std::make_unique<PluginBackend>(std::move(instance));
}

Result<std::unique_ptr<backend::Backend>> create_plugin_backend(
    std::string_view reference, const backend::BackendOptions& options) {
  TRINITY_TRY(std::shared_ptr<const LoadedPlugin> plugin, open_plugin(reference));
  return make_plugin_backend(std::move(plugin), options);
}

}  // namespace trinity::plugin
