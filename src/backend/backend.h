// The op contract: what a numeric backend must be able to do, and nothing about how.
//
// model/ writes the Qwen3 forward pass once in these operations. The plain operations are the
// contract proper; the fused ones have default bodies that call the plain ones, and a backend
// overrides those that it can do better. That is the whole difference between a composed and a
// fused lane. Results of plain operations are checked op by op against backend/reference.
//
// Orientation: linear weights are [out, in] as in the checkpoint; y = x · Wᵀ. One row = one token.
// A backend may keep an activation in its own format (bf16, int8 with row scales) between the ops
// of one layer; `download` always gives f32. Ops may be lazy; `synchronize` waits for them.
#pragma once

#include <trinity/error.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/attention_shape.h"
#include "backend/dense_algebra.h"
#include "backend/kv_cache.h"
#include "backend/rope.h"
#include "backend/tensor_handle.h"
#include "backend/whole_pass.h"
#include "tensor/tensor.h"

namespace trinity::backend {

/// What may be promised about a backend's numbers.
enum class Exactness {
  oracle,           // defines the right answer; f64 accumulation
  exact,            // bits are defined (backend/exact_arithmetic.h): the same on every machine
  bit_stable,       // a row's bits depend on that row's tokens alone, on one kind of machine
  decision_stable,  // decisions hold, bits may vary between runs or shapes
};
const char* exactness_name(Exactness exactness);

/// Whether equal tokens give equal bits: in any batch, with any threads and state of a cache.
bool promises_bits(Exactness exactness);

/// What this machine keeps of a lane's claim.
struct LanePromise {
  Exactness kept = Exactness::decision_stable;
  std::string broken;  // one sentence: what was claimed and is not kept; empty when it is
};

struct BackendInfo {
  std::string id;            // registry name, for example "cpu_bf16"
  std::string label;         // stable label written to manifests and traces, "trinity.cpu"
  std::string device;        // for people: what it runs on
  std::string dtype_policy;  // for people: storage / products / accumulation
  Exactness exactness = Exactness::decision_stable;  // what it claims
  bool fused = false;                                // overrides fused operations
};

/// Query, key and value projections of a chunk, [rows, heads·head_dim] and twice [rows,
/// kv·head_dim].
struct Qkv {
  Tensor q, k, v;
};

class Backend {
 public:
  virtual ~Backend() = default;
  /// What it is and claims to be.
  virtual const BackendInfo& info() const = 0;

  /// What this machine keeps of that claim: all of it, unless `set_promise` said otherwise. The
  /// registry does (backend_registry/lane_promise.h), so that no backend has to know.
  LanePromise promise() const { return promise_.value_or(LanePromise{info().exactness, {}}); }
  void set_promise(LanePromise promise) { promise_ = std::move(promise); }

  // ---- weights, prepared once -------------------------------------------------------------------

  /// Packs matrices [out_i, in] that share their input, stacked by rows in the given order.
  virtual Result<Weight> prepare_linear(std::span<const TensorView> stacked) = 0;
  /// A norm weight [size].
  virtual Result<Weight> prepare_norm(const TensorView& weight) = 0;
  /// Bytes held by prepared weights that are still alive. May be asked from any thread.
  virtual size_t weight_bytes() const = 0;

  // ---- data movement ----------------------------------------------------------------------------

  /// Row-major values to the lane, in whatever type it keeps activations: rows of the embedding,
  /// which model/ reads on the host, enter here.
  virtual Result<Tensor> upload(std::span<const float> values, int64_t rows, int64_t cols) = 0;
  /// Row-major f32 copy of the logical [rows, cols].
  virtual Result<std::vector<float>> download(const Tensor& tensor) = 0;
  virtual Status synchronize() = 0;

  // ---- plain operations -------------------------------------------------------------------------

  /// x [rows, in] · Wᵀ → [rows, out].
  virtual Result<Tensor> linear(const Tensor& x, const Weight& weight) = 0;
  /// One linear over stacked weights, its columns returned as one tensor for each stacked matrix.
  virtual Result<std::vector<Tensor>> linear_split(const Tensor& x, const Weight& weight) = 0;
  /// x · rsqrt(mean(x²) + eps) · w over every consecutive group of w.cols() columns: the whole row
  /// for hidden states, one head for q_norm and k_norm.
  virtual Result<Tensor> rms_norm(const Tensor& x, const Weight& weight, float eps) = 0;
  /// Split-half rotation of every head; row r has position positions[r]. A backend that cannot
  /// scale frequencies answers `unsupported_rope_scaling`.
  virtual Result<Tensor> rope(const Tensor& x, std::span<const int64_t> positions, int64_t head_dim,
                              const Rope& rope) = 0;
  virtual Result<Tensor> add(const Tensor& a, const Tensor& b) = 0;
  /// silu(gate) ⊙ up, silu(z) = z / (1 + e^−z).
  virtual Result<Tensor> silu_mul(const Tensor& gate, const Tensor& up) = 0;
  /// x as `linear` reads it best (bf16, int8 …), so that it is converted once for several products.
  virtual Result<Tensor> product_input(const Tensor& x) { return x; }
  virtual Result<Tensor> select_rows(const Tensor& x, std::span<const int64_t> rows) = 0;

  // ---- attention --------------------------------------------------------------------------------

  virtual Result<std::unique_ptr<KvCache>> make_kv_cache(const KvShape& shape) = 0;
  /// Bytes a cache of this shape needs for one token in all its layers.
  virtual size_t kv_bytes_per_token(const KvShape& shape) const = 0;
  /// Stores rotated keys and values of every slice at its positions.
  virtual Status append_kv(const Tensor& k, const Tensor& v, std::span<const SequenceSlice> slices,
                           int64_t layer) = 0;
  /// Causal grouped attention of q over the slices' stored keys and values:
  /// row at position p sees positions 0..p; scores are scaled by head_dim^−½; query head j reads
  /// key/value head ⌊j / (heads/kv_heads)⌋. Result [rows, heads·head_dim].
  virtual Result<Tensor> attention(const Tensor& q, std::span<const SequenceSlice> slices,
                                   int64_t layer, const AttentionShape& shape) = 0;

  // ---- fused operations (defaults compose the plain ones)
  // -----------------------------------------

  /// residual += *delta (when given), then rms_norm(residual): the input of a projection.
  virtual Result<Tensor> add_rms_norm(Tensor& residual, const Tensor* delta, const Weight& weight,
                                      float eps);
  /// Per-head norm of q and k, rotation of both, k and v appended to the caches; returns q,
  /// rotated.
  virtual Result<Tensor> qk_norm_rope_append(const Qkv& qkv, const Weight& q_norm,
                                             const Weight& k_norm, float eps, const Rope& rope,
                                             std::span<const SequenceSlice> slices, int64_t layer,
                                             const AttentionShape& shape);
  /// down(silu(gate(x)) ⊙ up(x)) with gate and up stacked.
  virtual Result<Tensor> mlp(const Tensor& x, const Weight& gate_up, const Weight& down);

  // ---- adaptation -------------------------------------------------------------------------------

  /// Decomposition and products by a square factor; null in a lane that lacks them. Lives as long
  /// as the backend.
  virtual DenseAlgebra* dense_algebra() { return nullptr; }

  // ---- the pass as a whole ----------------------------------------------------------------------

  /// All layers in one call, for lanes that gain by seeing them together (a graph of a device);
  /// null in a lane that computes operation by operation. Lives as long as the backend.
  virtual WholePass* whole_pass() { return nullptr; }

 private:
  std::optional<LanePromise> promise_;
};

/// Absolute position of every row of a chunk, from its slices.
std::vector<int64_t> slice_positions(std::span<const SequenceSlice> slices, int64_t rows);

}  // namespace trinity::backend
