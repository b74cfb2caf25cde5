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

namespace trinity::mlx_lane {

/// θ^(−2i/head_dim), i = 0 … head_dim/2 − 1, rounded to f32: radians a position; or what the rope's
/// scaling makes of them.
std::vector<float> inverse_frequencies(int64_t head_dim, const Rope& rope);

class MlxBackend : public Backend {
 public:
  /// `Lane` is this class or one derived from it. `threads` of products, 0: as many as there are.
  template <class Lane>
  static Result<std::unique_ptr<Backend>> create(int threads) {
    auto backend = std::make_unique<Lane>();
    if (Status status = backend->describe(threads); !status)
      return tl::unexpected(std::move(status.error()));
    return backend;
  }

  MlxBackend();
  ~MlxBackend() override;

  const BackendInfo& info() const override { return info_; }
  size_t weight_bytes() const override { return meter_.bytes(); }

  Result<Weight> prepare_linear(std::span<const TensorView> stacked) override;
  Result<Weight> prepare_norm(const TensorView& weight) override;

  Result<Tensor> upload(std::span<const float> values, int64_t rows, int64_t cols) override;
  Result<std::vector<float>> download(const Tensor& tensor) override;
  /// Computes every tensor that is still held and waits for all of the stream's work.
  Status synchronize() override;

  Result<Tensor> linear(const Tensor& x, const Weight& weight) override;
  Result<std::vector<Tensor>> linear_split(const Tensor& x, const Weight& weight) override;
  Result<Tensor> rms_norm(const Tensor& x, const Weight& weight, float eps) override;
  Result<Tensor> rope(const Tensor& x, std::span<const int64_t> positions, int64_t head_dim,
                      const Rope& rope) override;
  Result<Tensor> add(const Tensor& a, const Tensor& b) override;
  Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) override;
  Result<Tensor> select_rows(const Tensor& x, std::span<const int64_t> rows) override;

  Result<std::unique_ptr<KvCache>> make_kv_cache(const KvShape& shape) override;
  size_t kv_bytes_per_token(const KvShape& shape) const override;
  Status append_kv(const Tensor& k, const Tensor& v, std::span<const SequenceSlice> slices,
                   int64_t layer) override;
  Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices, int64_t layer,
                           const AttentionShape& shape) override;

  // Several operations in one visit to the worker.
  Result<Tensor> add_rms_norm(Tensor& residual, const Tensor* delta, const Weight& weight,
                              float eps) override;
  Result<Tensor> qk_norm_rope_append(const Qkv& qkv, const Weight& q_norm, const Weight& k_norm,
                                     float eps, const Rope& rope,
                                     std::span<const SequenceSlice> slices, int64_t layer,
                                     const AttentionShape& shape) override;
  Result<Tensor> mlp(const Tensor& x, const Weight& gate_up, const Weight& down) override;

 protected:
  using Array = mlx::core::array;

  /// x [rows, groups, size] normed over its last axis and multiplied by weight [size].
  virtual Array norm_groups(const Array& x, const Array& weight, float eps);
  /// x [rows, heads, head_dim], row r rotated by positions[r].
  virtual Array rotate_heads(const Array& x, std::span<const int64_t> positions, const Rope& rope);
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

  BackendInfo info_;

 private:
  /// Cosines and sines of positions 0 … rows−1, [rows, head_dim/2] each.
  struct RopeTable {
    std::vector<Array> cos_sin;
    int64_t rows = 0;
  };

  Status describe(int threads);
  Tensor keep(Array array, int64_t rows, int64_t cols);
  const RopeTable& rope_table(int64_t head_dim, const Rope& rope, int64_t positions);
  Array attend_slice(const Array& q, const SequenceSlice& slice, int64_t layer,
                     const AttentionShape& shape);

  std::shared_ptr<Worker> worker_;
  WeightMeter meter_;
  // Of the worker thread:
  std::map<std::pair<int64_t, Rope>, RopeTable> rope_tables_;
  std::vector<std::weak_ptr<BackendStorage>> pending_;  // perhaps not computed yet
};

}  // namespace trinity::mlx_lane
