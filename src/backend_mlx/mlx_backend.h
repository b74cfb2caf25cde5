// The MLX lane: every operation composed of basic ones of Apple's MLX, in f32.
//
// The library is lazy: an operation adds to a graph, and numbers are computed when they are asked
// for. Here that is `download`, `synchronize`, and the end of each layer, which starts its
// computation without waiting so that graphs and intermediate results stay small. Work goes to the
// library's default device: a GPU where it finds one, else the processor.
//
// Everything of the library happens on one worker thread (mlx_worker.h); any thread may call.
// The three functions at the end are what the fused lane replaces.
#pragma once

#include <mlx/array.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "backend/weight_meter.h"
#include "backend_mlx/mlx_storage.h"
#include "backend_mlx/mlx_worker.h"

namespace trinity::mlx_backend {

/// θ^(−2i/head_dim), i = 0 … head_dim/2 − 1, rounded to f32: radians a position; or what the rope's
/// scaling makes of them.
std::vector<float> inverse_frequencies(int64_t head_dim, const backend::Rope& rope);

class MlxBackend : public backend::Backend {
 public:
  /// `Lane` is this class or one derived from it. `threads` of products, 0: as many as there are.
  template <class Lane>
  static Result<std::unique_ptr<backend::Backend>> create(int threads) {
    auto backend = std::make_unique<Lane>();
    if (Status status = backend->describe(threads); !status)
      return tl::unexpected(std::move(status.error()));
    return backend;
  }

  MlxBackend();
  ~MlxBackend() override;

  const backend::BackendInfo& info() const override { return info_; }
  size_t weight_bytes() const override { return meter_.bytes(); }

  Result<backend::Weight> prepare_linear(std::span<const TensorView> stacked) override;
  Result<backend::Weight> prepare_norm(const TensorView& weight) override;

  Result<backend::Tensor> upload(std::span<const float> values, int64_t rows,
                                 int64_t cols) override;
  Result<std::vector<float>> download(const backend::Tensor& tensor) override;
  /// Computes every tensor that is still held and waits for all of the stream's work.
  Status synchronize() override;

  Result<backend::Tensor> linear(const backend::Tensor& x, const backend::Weight& weight) override;
  Result<std::vector<backend::Tensor>> linear_split(const backend::Tensor& x,
                                                    const backend::Weight& weight) override;
  Result<backend::Tensor> rms_norm(const backend::Tensor& x, const backend::Weight& weight,
                                   float eps) override;
  Result<backend::Tensor> rope(const backend::Tensor& x, std::span<const int64_t> positions,
                               int64_t head_dim, const backend::Rope& rope) override;
  Result<backend::Tensor> add(const backend::Tensor& a, const backend::Tensor& b) override;
  Result<backend::Tensor> silu_mul(const backend::Tensor& gate, const backend::Tensor& up) override;
  Result<backend::Tensor> select_rows(const backend::Tensor& x,
                                      std::span<const int64_t> rows) override;

  Result<std::unique_ptr<backend::KvCache>> make_kv_cache(const backend::KvShape& shape) override;
  size_t kv_bytes_per_token(const backend::KvShape& shape) const override;
  Status append_kv(const backend::Tensor& k, const backend::Tensor& v,
                   std::span<const backend::SequenceSlice> slices, int64_t layer) override;
  Result<backend::Tensor> attention(const backend::Tensor& q,
                                    std::span<const backend::SequenceSlice> slices, int64_t layer,
                                    const backend::AttentionShape& shape) override;

  // Several operations in one visit to the worker.
  Result<backend::Tensor> add_rms_norm(backend::Tensor& residual, const backend::Tensor* delta,
                                       const backend::Weight& weight, float eps) override;
  Result<backend::Tensor> qk_norm_rope_append(
      const backend::Qkv& qkv, const backend::Weight& q_norm, const backend::Weight& k_norm,
      float eps, const backend::Rope& rope, std::span<const backend::SequenceSlice> slices,
      int64_t layer, const backend::AttentionShape& shape) override;
  Result<backend::Tensor> mlp(const backend::Tensor& x, const backend::Weight& gate_up,
                              const backend::Weight& down) override;

 protected:
  using Array = mlx::core::array;

  /// x [rows, groups, size] normed over its last axis and multiplied by weight [size].
  virtual Array norm_groups(const Array& x, const Array& weight, float eps);
  /// x [rows, heads, head_dim], row r rotated by positions[r].
  virtual Array rotate_heads(const Array& x, std::span<const int64_t> positions,
                             const backend::Rope& rope);
  /// Causal attention of q [heads, n, head_dim], the last n of the T positions of k and v
  /// [kv_heads, T, head_dim]. Result [heads, n, head_dim].
  virtual Array attend(const Array& q, const Array& k, const Array& v);

  /// Runs something that cannot fail on the worker, such as dropping arrays.
  template <class Body>
  void on_worker(const Body& body) {
    (void)worker_->run([&] {
      body();
      return Status();
    });
  }

  backend::BackendInfo info_;

 private:
  /// Cosines and sines of positions 0 … rows−1, [rows, head_dim/2] each.
  struct RopeTable {
    std::vector<Array> cos_sin;
    int64_t rows = 0;
  };

  Status describe(int threads);
  backend::Tensor keep(Array array, int64_t rows, int64_t cols);
  const RopeTable& rope_table(int64_t head_dim, const backend::Rope& rope, int64_t positions);
  Array attend_slice(const Array& q, const backend::SequenceSlice& slice, int64_t layer,
                     const backend::AttentionShape& shape);

  std::shared_ptr<Worker> worker_;
  backend::WeightMeter meter_;
  // Of the worker thread:
  std::map<std::pair<int64_t, backend::Rope>, RopeTable> rope_tables_;
  std::vector<std::weak_ptr<backend::BackendStorage>> pending_;  // perhaps not computed yet
};

}  // namespace trinity::mlx_backend
